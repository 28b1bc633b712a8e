"""A system as a picture: chips, switches and links in SVG, with what they are in words beside them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from math import hypot, inf

from ampsim.hw import schema
from ampsim.hw.drawing.layout import Point, places
from ampsim.hw.drawing.overview import quantity, speed, topology_words
from ampsim.hw.files import units
from ampsim.hw.memory.sizes import show
from ampsim.hw.system import System

MOST_NAMES = 64
"""Chips that are called by their names in the drawing."""
MOST_DRAWN = 1024
"""Vertices that are drawn; of more, the first chip and what is nearest to it."""

_STEP, _RADIUS, _MARGIN = 74.0, 21.0, 44.0
_LEAST_WIDTH, _LINE = 620.0, 20.0
_STYLE = """
svg { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
.paper { fill: #ffffff; } text { fill: #1b2330; } .soft { fill: #5b6675; } .title { font-size: 17px; font-weight: 650; }
.link { fill: none; stroke: #7c8896; } .wrap { stroke: #b0b9c4; }
.chip { stroke: #ffffff; stroke-width: 1.5; } .inside { fill: #ffffff; text-anchor: middle; font-size: 11px; }
.switch { fill: #39414d; } .host { fill: #a48cc4; }
.k0 { fill: #2f6db3; } .k1 { fill: #c06a14; } .k2 { fill: #3f8f6b; } .k3 { fill: #8b62b0; } .k4 { fill: #b84f5c; }
.k5 { fill: #6a7483; }
@media (prefers-color-scheme: dark) {
  .paper { fill: #1a2029; } text { fill: #e4e9f0; } .soft { fill: #9aa6b5; } .inside { fill: #ffffff; }
  .link { stroke: #8793a3; } .wrap { stroke: #55616f; } .chip { stroke: #1a2029; } .switch { fill: #c3ccd8; }
  .inside.dark { fill: #1a2029; }
}
"""
_KINDS = 6


@dataclass(frozen=True)
class _Drawn:
    """One line of a drawing: the two vertices, and the links it stands for."""

    source: int
    target: int
    bandwidth: float
    latency: float
    one_way: bool


def svg(system: System) -> str:
    """The drawing as the text of an SVG file: it needs nothing else, and follows the reader's light or dark.

    Links are the wider the more they carry. Names of chips are written into them up to :data:`MOST_NAMES` chips, and a
    tooltip says what each vertex and link is. A system of more than :data:`MOST_DRAWN` vertices is drawn in part, and
    the drawing says so.
    """
    drawn, words = _choice(system)
    at = places(system, drawn)
    right, down = min(x for x, _ in at.values()), min(y for _, y in at.values())
    names = sum(vertex < len(system.fabric.chips) for vertex in drawn) <= MOST_NAMES
    step = _STEP if names else max(_STEP / 2, 16.0)
    at = {v: ((x - right) * step + _MARGIN, (y - down) * step + _MARGIN) for v, (x, y) in at.items()}
    width = max(max(x for x, _ in at.values()) + _MARGIN, _LEAST_WIDTH)
    shift = (width - max(x for x, _ in at.values()) - _MARGIN) / 2
    legend = _legend(system, words)
    top = 46.0 + _MARGIN / 4
    at = {v: (x + shift, y + top) for v, (x, y) in at.items()}
    bottom = max(y for _, y in at.values()) + _MARGIN
    height = bottom + _LINE * len(legend) + 16
    radius = _RADIUS if names else step * 0.3
    lines = _lines(system, set(drawn))
    body = [
        *_paths(system, lines, at, radius),
        *(_vertex(system, vertex, at[vertex], radius, names) for vertex in drawn),
        *(_legend_line(number, kind, text, bottom) for number, (kind, text) in enumerate(legend)),
    ]
    chips = f"{len(system.fabric.chips):,} chips, {_text(topology_words(system))}"
    size = f'width="{width:.0f}" height="{height:.0f}"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" {size} role="img">',
        f"<title>{_text(system.name)}: {chips}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" {size}/>',
        f'<text class="title" x="24" y="32">{_text(system.name)}</text>',
        f'<text class="soft" x="24" y="51">{chips}</text>',
        *body,
        "</svg>\n",
    ])  # fmt: skip


def plain(words: str) -> str:
    """Words from a file without what steers a reader's eye, such as marks of direction."""
    return "".join(c if c.isprintable() else " " for c in words)


def _text(words: str) -> str:
    return escape(plain(words), quote=True)


def _choice(system: System) -> tuple[list[int], str]:
    """The vertices that are drawn, and what to say if these are not all."""
    fabric = system.fabric
    shown = fabric.host if system.host.at == "all" else fabric.host + 1  # a host linked to all would hide the rest
    if shown <= MOST_DRAWN:
        few = len(fabric.chips) <= MOST_NAMES
        return list(range(shown)), "" if few else "Names of chips are left out: more than there is room for."
    found, waiting = [0], deque([0])
    seen = {0, fabric.host}
    while waiting and len(found) < MOST_NAMES:
        for arc in fabric.out[waiting.popleft()]:
            if arc.target not in seen and len(found) < MOST_NAMES:
                seen.add(arc.target)
                found.append(arc.target)
                waiting.append(arc.target)
    return sorted(
        found
    ), f"Of {fabric.host:,} vertices those {len(found)} are drawn that are nearest to {fabric.chips[0]}."


def _lines(system: System, drawn: set[int]) -> list[_Drawn]:
    """One for each pair of vertices that are linked."""
    fabric, found = system.fabric, []
    for arc in fabric.arcs:
        back = fabric.arc(arc.target, arc.source)
        if drawn >= {arc.source, arc.target} and (back is None or arc.source < arc.target):
            link = fabric.links[arc.link]
            bandwidth = inf if link.bandwidth is None else link.bandwidth
            found.append(_Drawn(arc.source, arc.target, bandwidth, link.latency, back is None))
    return found


def _paths(system: System, lines: list[_Drawn], at: dict[int, Point], radius: float) -> Iterable[str]:
    """The links, the widest first, so that the narrow ones lie above them."""
    finite = [line.bandwidth for line in lines if line.bandwidth < inf]
    most, least = max(finite, default=1.0), min(finite, default=1.0)
    fabric = system.fabric
    whole = len(at) >= fabric.host  # a part is not laid out in rows
    for line in sorted(lines, key=lambda line: -line.bandwidth):
        share = 1.0 if line.bandwidth == inf or most == least else (line.bandwidth / least) / (most / least)
        width = 1.6 if most == least else 1.2 + 3.2 * share ** (1 / 3)
        wrap = (
            whole
            and isinstance(system.topology, schema.Torus)
            and _closes(system.topology.dims, line.source, line.target)
        )
        ends = fabric.vertices[line.source], fabric.vertices[line.target]
        way = "to" if line.one_way else "and"
        title = f"{ends[0]} {way} {ends[1]}: {speed(line.bandwidth)}, {quantity(line.latency, units.TIME)}"
        kind = "link wrap" if wrap else "link"
        path = _bow(at[line.source], at[line.target], radius) if wrap else _straight(at[line.source], at[line.target])
        yield f'<path class="{kind}" d="{path}" stroke-width="{width:.1f}"><title>{_text(title)}</title></path>'


def _closes(dims: tuple[int, ...], source: int, target: int) -> bool:
    """Whether a link of a torus goes from the end of a row back to its beginning. A ring is drawn as one."""
    if len(dims) == 1:
        return False
    stride = abs(target - source)
    for size in reversed(dims):
        if stride < size:
            return stride > 1
        stride //= size
    return False


def _straight(a: Point, b: Point) -> str:
    return f"M{a[0]:.1f},{a[1]:.1f}L{b[0]:.1f},{b[1]:.1f}"


def _bow(a: Point, b: Point, radius: float) -> str:
    """A line that bends around what stands between its ends."""
    x, y = b[0] - a[0], b[1] - a[1]
    length = hypot(x, y) or 1.0
    side = (-y / length, x / length)
    out = radius * 1.9
    c1 = a[0] + x * 0.08 + side[0] * out, a[1] + y * 0.08 + side[1] * out
    c2 = b[0] - x * 0.08 + side[0] * out, b[1] - y * 0.08 + side[1] * out
    return f"M{a[0]:.1f},{a[1]:.1f}C{c1[0]:.1f},{c1[1]:.1f} {c2[0]:.1f},{c2[1]:.1f} {b[0]:.1f},{b[1]:.1f}"


def _vertex(system: System, vertex: int, at: Point, radius: float, names: bool) -> str:
    fabric = system.fabric
    name = fabric.vertices[vertex]
    x, y = at
    if vertex < len(fabric.chips):
        kind = system.chips.index(system.chip_kinds[vertex])
        shape = f'<circle class="chip k{kind % _KINDS}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>'
        tip, dark = f"{name}: {_rates(system.chip_kinds[vertex])}", ""
    else:
        host = vertex == fabric.host
        wide, high = max(radius * 1.25, 3.5 * len(name) if names else 0.0), radius * 0.66
        shape = (
            f'<rect class="chip {"host" if host else "switch"}" x="{x - wide:.1f}" y="{y - high:.1f}" '
            f'width="{2 * wide:.1f}" height="{2 * high:.1f}" rx="5"/>'
        )
        tip, dark = f"{name}: {'the host' if host else 'no chip: it passes messages on'}", "" if host else " dark"
    label = ""
    if names:
        size = 11.0 if vertex >= len(fabric.chips) else min(11.0, 3.0 * radius / len(name))
        place = f'x="{x:.1f}" y="{y + size * 0.35:.1f}" style="font-size:{size:.1f}px"'
        label = f'<text class="inside{dark}" {place}>{_text(name)}</text>'
    return f"<g><title>{_text(tip)}</title>{shape}{label}</g>"


def _rates(kind: schema.Chips) -> str:
    rates = kind.formats.get(kind.format, kind)
    memory = kind.memory_capacity
    size = memory if isinstance(memory, str) else show(int(memory))
    rate = quantity(rates.matmul, units.RATE)
    made = f"{kind.units} units of {rate}" if kind.units > 1 else rate
    return f"{made} in {kind.format}, {size} of memory"


def _legend(system: System, words: str) -> list[tuple[int | None, str]]:
    """What stands below: each kind of chip (by number) and each kind of link."""
    fabric = system.fabric
    found: list[tuple[int | None, str]] = []
    for number, kind in enumerate(system.chips):
        found.append((number % _KINDS, f"{kind.count:,} {kind.prefix}: {_rates(kind)}"))
    pairs: dict[tuple[float, float], int] = {}
    for arc in fabric.arcs:
        if fabric.host not in (arc.source, arc.target) or system.host.at != "all":
            link = fabric.links[arc.link]
            pair = inf if link.bandwidth is None else link.bandwidth, link.latency
            pairs[pair] = pairs.get(pair, 0) + 1
    for (bandwidth, latency), _ in sorted(pairs.items(), reverse=True)[:4]:
        each = "each way" if system.links.duplex == "full" else "both ways together"
        found.append((None, f"links of {speed(bandwidth)} {each}, {quantity(latency, units.TIME)}"))
    if len(pairs) > 4:
        found.append((None, f"and {len(pairs) - 4} more kinds of links"))
    if system.host.at == "all":
        found.append((None, "the host, linked to every chip, is not drawn"))
    return [*found, *([(None, words)] if words else [])]


def _legend_line(number: int, kind: int | None, text: str, top: float) -> str:
    y = top + _LINE * (number + 0.6)
    if kind is None:
        return f'<text class="soft" x="24" y="{y:.1f}">{_text(text)}</text>'
    return f'<circle class="k{kind}" cx="30" cy="{y - 4:.1f}" r="6"/><text x="44" y="{y:.1f}">{_text(text)}</text>'
