"""How fast the arithmetic of each operation went, beside the roofs of the chips."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, isfinite, log10
from typing import Any

import numpy as np

from ampsim.reports import base, text
from ampsim.reports.model import Key, Plot, Section, Sheet, Shown
from ampsim.result.analysis.hardware import Roof
from ampsim.result.analysis.roofline import Roofline, roofline
from ampsim.result.schema import KINDS, Array

MOST_POINTS = 200
MOST_KEYS = 24
LEAST_WIDTH = 560
"""Pixels below which the words at the roofs would be cut."""
CAPTION = (
    "Each mark is an operation in one direction: to the right, how much it computes for each byte that it reads and "
    "writes; upwards, how fast it computed in the time of its tasks; the larger, the more of all busy time. Under the "
    "slope memory is the limit, under the flat roof arithmetic is. What lies far below the roof loses time to overhead "
    "of tasks, to products that fill the matrix array in part, or to memory off the chip."
)
_SHADE = ("", "-pale", "-dark", "-dark")
_PREFIXES = ("", "k", "M", "G", "T", "P", "E")
_SYMBOL = ("circle", "diamond", "square", "cross")
_ROOFS = ("var(--ink)", "var(--hue-0)", "var(--hue-7)", "var(--hue-4)")


def section(runs: Sequence[Shown]) -> Section:
    """A drawing and a table a run with a clock."""
    found = [(shown, roofline(shown.run)) for shown in runs if shown.clocked]
    blocks: list[Plot | Sheet] = [drawing(shown, points) for shown, points in found if points.shown.any()]
    blocks += [table(shown, points) for shown, points in found if len(points.tasks)]
    return Section("roofline", "Roofline", CAPTION, blocks, "Nothing was computed in a time that is known.")


def drawing(shown: Shown, found: Roofline) -> Plot:
    """Marks over roofs, both axes logarithmic."""
    rows = np.flatnonzero(found.shown)
    left = len(rows) - MOST_POINTS
    rows = rows[:MOST_POINTS]
    figure = base.frame(430, "arithmetic intensity (FLOP/B)", "rate (FLOP/s)")
    low, high = _span(found, rows)
    bottom, top = _heights(found, rows)
    first = _roof_lines(figure, found, rows, low, high)
    legend = _marks(figure, found, rows, shown, first)
    _logarithmic(figure.update_xaxes, low, high)
    _logarithmic(figure.update_yaxes, bottom, top)
    described = f"Roofline: rate against arithmetic intensity of {len(rows)} operations, on logarithmic axes."
    return Plot(
        figure, described, shown.title("roofline"), legend, note=_note(found, len(rows), left), wide=LEAST_WIDTH
    )


def _logarithmic(update: Any, low: float, high: float) -> None:
    """Tens on an axis, with prefixes."""
    first, last = ceil(log10(low)), floor(log10(high))
    tens = range(first, last + 1, max(1, (last - first) // 8))
    update(
        type="log", range=[log10(low), log10(high)], showgrid=True, tickmode="array",
        tickvals=[10.0**power for power in tens], ticktext=[_ten(power) for power in tens],
    )  # fmt: skip


def _ten(power: int) -> str:
    """A power of ten as 100 G; small ones as 0.01."""
    if power < 0:
        return f"{10.0**power:g}"
    third = min(power // 3, len(_PREFIXES) - 1)
    return f"{10 ** (power - 3 * third)}{text.SPACE if third else ''}{_PREFIXES[third]}"


def _span(found: Roofline, rows: Array) -> tuple[float, float]:
    """Intensities on show: those of the marks and of the ends of the slopes, with room on both sides."""
    ridges = [roof.matmul / roof.bandwidth for roof in found.roofs if isfinite(roof.bandwidth) and roof.bandwidth]
    low = min(float(found.intensity[rows].min()), *ridges, 1e30)
    high = max(float(found.intensity[rows].max()), *ridges, 0.0)
    return low / 4, high * 8


def _heights(found: Roofline, rows: Array) -> tuple[float, float]:
    peak = max([float(found.rate[rows].max()), *(roof.matmul for roof in found.roofs)])
    return 10 ** floor(log10(float(found.rate[rows].min()) / 2)), peak * 4


def _roof_lines(figure: Any, found: Roofline, rows: Array, low: float, high: float) -> int:
    """Roofs of the kinds of chips, or the highest rates reached where none is known; the number of traces."""
    for number, roof in enumerate(found.roofs):
        _roof(figure, roof, _ROOFS[number % len(_ROOFS)], low, high)
    if not found.roofs:
        rate = float(found.rate[rows].max())
        _line(figure, [low, high], [rate, rate], base.SOFT, "dot", 1.2)
        _words(figure, high, rate, f"highest rate reached: {text.si(rate, 'FLOP/s')}", "top left", base.SOFT)
    return len(figure.data)


def _roof(figure: Any, roof: Roof, colour: str, low: float, high: float) -> None:
    name = text.label(roof.name)
    ridge = roof.matmul / roof.bandwidth if isfinite(roof.bandwidth) else low
    _line(figure, [low, ridge, high], [min(low * roof.bandwidth, roof.matmul), roof.matmul, roof.matmul], colour,
          "solid", 1.8)  # fmt: skip
    _words(figure, high, roof.matmul, f"{name}: {text.si(roof.matmul, 'FLOP/s')} in products", "top left", colour)
    if roof.vector < roof.matmul:
        start = roof.vector / roof.bandwidth if isfinite(roof.bandwidth) else low
        _line(figure, [max(start, low), high], [roof.vector, roof.vector], colour, "dash", 1.0)
        words = f"{name}: {text.si(roof.vector, 'FLOP/s')} elsewhere"
        _words(figure, high, roof.vector, words, "top left", colour)
    if isfinite(roof.bandwidth):
        at = (low * ridge) ** 0.5
        words = f"{name}: {text.si(roof.bandwidth, 'B/s')} of memory"
        _words(figure, at, at * roof.bandwidth, words, "top left", colour)


def _line(figure: Any, x: list[float], y: list[float], colour: str, dash: str, width: float) -> None:
    figure.add_scatter(x=x, y=y, mode="lines", line={"color": colour, "width": width, "dash": dash}, hoverinfo="skip")


def _words(figure: Any, x: float, y: float, words: str, place: str, colour: str) -> None:
    figure.add_scatter(x=[x], y=[y * 1.06], text=[words], mode="text", textposition=place, hoverinfo="skip",
                       textfont={"size": 11, "color": colour})  # fmt: skip


def _marks(figure: Any, found: Roofline, rows: Array, shown: Shown, first: int) -> list[Key]:
    """One trace an operation and direction; the legend switches operations and directions."""
    total = float(found.seconds.sum()) or 1.0
    # In the order of the graph, so that runs of one job have the same colours.
    hues = {operation: n for n, operation in enumerate(sorted(set(found.operation[found.shown].tolist())))}
    keys: dict[int, list[int]] = {}
    kinds: dict[int, list[int]] = {}
    pairs = list(dict.fromkeys(zip(found.operation[rows].tolist(), found.kind[rows].tolist(), strict=True)))
    for trace, (operation, kind) in enumerate(pairs, start=first):
        mine = rows[(found.operation[rows] == operation) & (found.kind[rows] == kind)]
        keys.setdefault(operation, []).append(trace)
        kinds.setdefault(kind, []).append(trace)
        figure.add_scatter(
            x=found.intensity[mine], y=found.rate[mine], mode="markers", name=text.label(found.operations[operation]),
            hoverinfo="text", hovertext=[_mark_words(found, row, shown, total) for row in mine.tolist()],
            marker={
                "symbol": _SYMBOL[kind], "size": 9 + 22 * np.sqrt(found.seconds[mine] / total),
                "color": f"var(--hue-{hues[operation] % base.HUES + 1}{_SHADE[kind]})", "opacity": 0.92,
                "line": {"color": "var(--card)", "width": 1},
            },
        )  # fmt: skip
    legend = [
        Key(text.label(found.operations[operation], 32), base.hue(hues[operation]), tuple(traces))
        for operation, traces in list(keys.items())[:MOST_KEYS]
    ]
    return legend + [
        Key(f"{KINDS[kind]} {_SIGN[kind]}", f"var(--hue-0{_SHADE[kind]})", tuple(traces))
        for kind, traces in sorted(kinds.items())
    ]


_SIGN = ("●", "◆", "■", "✚")


def _mark_words(found: Roofline, row: int, shown: Shown, total: float) -> str:
    nodes = found.nodes[found.operation[row]]
    names = ", ".join(shown.nodes[node] for node in nodes[:4]) + (f" and {len(nodes) - 4} more" * (len(nodes) > 4))
    on = f" on {text.label(found.roofs[found.roof[row]].name)}" if found.roof[row] >= 0 else ""
    parts = [
        f"{text.label(found.operations[found.operation[row]], 40)} {KINDS[found.kind[row]]}{on}", names,
        f"{text.si(float(found.rate[row]), 'FLOP/s')} at {text.number(float(found.intensity[row]))} FLOP/B",
        f"{text.number(int(found.tasks[row]))} tasks, {text.percent(float(found.seconds[row]) / total)} of busy time",
    ]  # fmt: skip
    ceiling = float(found.ceiling[row])
    if isfinite(ceiling):
        parts.append(f"{text.percent(float(found.rate[row]) / ceiling)} of the roof, {text.si(ceiling, 'FLOP/s')}")
    return "<br>".join(parts)


def _note(found: Roofline, drawn: int, left: int) -> str:
    notes = ["A task counts with its first node."]
    if not found.roofs:
        notes.append("Nothing is known of the peak rate and memory of this machine.")
    elif any(roof.element != 4 for roof in found.roofs):
        notes.append("Bytes are those of the number format of the chip.")
    if left > 0:
        notes.append(f"The {drawn} marks with most busy time; the other {left:,} are in the table.")
    absent = int((~found.shown).sum())
    if absent:
        notes.append(f"{absent:,} more, without FLOP, bytes or time, stand{'s' * (absent == 1)} in the table only.")
    if len(set(found.operation[found.shown].tolist())) > base.HUES:
        notes.append(f"Colours come round again after {base.HUES} operations.")
    return " ".join(notes)


def table(shown: Shown, found: Roofline) -> Sheet:
    """Each operation, direction and kind of chip, the longest first."""
    total = float(found.seconds.sum()) or 1.0
    ceiling = found.ceiling
    reached = found.rate / np.where(ceiling > 0, ceiling, np.nan)
    rows = [
        [
            found.operations[found.operation[row]], KINDS[found.kind[row]],
            found.roofs[found.roof[row]].name if found.roof[row] >= 0 else text.NONE,
            text.number(int(found.tasks[row])), text.percent(float(found.seconds[row]) / total),
            text.si(float(found.flop[row]), "FLOP"), text.si(float(found.bytes[row]), "B"),
            text.number(float(found.intensity[row])), text.si(float(found.rate[row]), "FLOP/s"),
            text.si(float(ceiling[row]), "FLOP/s"), text.percent(float(reached[row])),
        ]
        for row in range(len(found.tasks))
    ]  # fmt: skip
    header = ("operation", "kind", "chip", "tasks", "of busy time", "FLOP", "bytes", "FLOP/B", "rate reached", "roof",
              "of roof")  # fmt: skip
    return Sheet(header, rows, shown.title("operations and their roofs"), "lllrrrrrrrr")
