"""What was understood of a system: its chips, links, distances, rates and memory, as numbers and as lines of text."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

from ampsim.hw import schema
from ampsim.hw.files import units
from ampsim.hw.memory.sizes import show
from ampsim.hw.schema.chips import REFERENCE
from ampsim.hw.system import System
from ampsim.hw.topology.bisection import bisection_bandwidth, diameter


@dataclass(frozen=True)
class Kind:
    """A group of chips; FLOP/s of all its chips together in the format they compute in, bytes of one chip.

    None is no limit of memory, and no second level of it.
    """

    name: str
    count: int
    units: int
    format: str
    formats: tuple[str, ...]
    matmul: float
    vector: float
    memory: int | None
    memory_bandwidth: float | None
    off_chip: schema.Level | None


@dataclass(frozen=True)
class Overview:
    """A system in numbers. ``links`` counts directions as links (half duplex: once), without those of the host.

    Bandwidths are in bytes/s (inf: no limit), latencies in seconds, each as least and most. ``diameter`` and
    ``bisection`` are of :mod:`ampsim.hw.topology.bisection`.
    """

    name: str
    topology: str
    kinds: tuple[Kind, ...]
    links: int
    bandwidths: tuple[float, float] | None
    latencies: tuple[float, float] | None
    diameter: int | None
    bisection: float | None

    @property
    def chips(self) -> int:
        """How many there are."""
        return sum(kind.count for kind in self.kinds)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; ``unlimited`` where there is no limit."""
        kinds = [
            {
                "name": kind.name, "count": kind.count, "units": kind.units, "format": kind.format,
                "formats": list(kind.formats), "matmul": kind.matmul, "vector": kind.vector,
                "memory": _plain(kind.memory), "memory_bandwidth": _plain(kind.memory_bandwidth),
                "off_chip": None if kind.off_chip is None else kind.off_chip.capacity,
            }
            for kind in self.kinds
        ]  # fmt: skip
        return {
            "system": self.name, "chips": self.chips, "kinds": kinds, "topology": self.topology, "links": self.links,
            "bandwidths": None if self.bandwidths is None else [_plain(value) for value in self.bandwidths],
            "latencies": None if self.latencies is None else list(self.latencies),
            "diameter": self.diameter, "bisection": None if self.bisection is None else _plain(self.bisection),
            "matmul": sum(kind.matmul for kind in self.kinds), "vector": sum(kind.vector for kind in self.kinds),
        }  # fmt: skip

    def rows(self) -> list[tuple[str, str]]:
        """The same for a reader: what, and how much."""
        found = [("chips", f"{self.chips:,}")]
        for kind in self.kinds:
            found += [(f"{kind.name}: {words}", text) for words, text in _of_kind(kind)]
        total = sum(kind.matmul for kind in self.kinds)
        bisection = "not looked for" if self.bisection is None else speed(self.bisection)
        return [
            *found,
            ("peak rate of products, all chips", quantity(total, units.RATE)),
            ("topology", self.topology),
            ("links", f"{self.links:,}"),
            ("bandwidth of a link", _range(self.bandwidths, units.BANDWIDTH)),
            ("latency of a link", _range(self.latencies, units.TIME)),
            ("diameter", "not looked for" if self.diameter is None else f"{self.diameter} links"),
            ("bisection bandwidth", "-" if self.chips < 2 else bisection),
        ]


def overview(system: System) -> Overview:
    """The numbers of a system. Those that would take seconds to find are None."""
    fabric = system.fabric
    between = [arc.link for arc in fabric.arcs if fabric.host not in (arc.source, arc.target)]
    links = [fabric.links[number] for number in sorted(set(between))]
    speeds = [inf if link.bandwidth is None else link.bandwidth for link in links]
    return Overview(
        system.name,
        topology_words(system),
        tuple(_kind(group) for group in system.chips),
        len(links),
        (min(speeds), max(speeds)) if links else None,
        (min(link.latency for link in links), max(link.latency for link in links)) if links else None,
        diameter(system),
        bisection_bandwidth(system),
    )


def topology_words(system: System) -> str:
    """The topology in a few words: ``torus 4 x 4 x 4``, ``dragonfly of 9 groups``."""
    kind = str(system.topology.__struct_config__.tag).replace("_", " ")
    match system.topology:
        case schema.Mesh(dims=dims) | schema.Torus(dims=dims):
            return f"{kind} {' x '.join(map(str, dims))}"
        case schema.Dragonfly(groups=groups, routers=routers):
            return f"{kind} of {groups} groups of {routers} routers"
        case schema.FatTree() | schema.Edges():
            others = len(system.fabric.vertices) - len(system.fabric.chips) - 1
            return f"{'explicit edges' if kind == 'edges' else kind}, {others} switch{'' if others == 1 else 'es'}"
    return kind


def quantity(value: float, dimension: str) -> str:
    """A number for a reader: four digits, and the decimal unit that leaves one to three before the point."""
    names = {name: scale for name, scale in units.UNITS[dimension].items() if "i" not in name and name != "µs"}
    fit = [(name, scale) for name, scale in names.items() if 1 <= value / scale < 1000]
    if not fit:
        return units.format(float(f"{value:.4g}"), dimension)
    name, scale = fit[0]
    return f"{float(value / scale):.4g} {name}"


def speed(bandwidth: float) -> str:
    """Bytes/s for a reader."""
    return "unlimited" if bandwidth == inf else quantity(bandwidth, units.BANDWIDTH)


def _kind(group: schema.Chips) -> Kind:
    rates = group.formats.get(group.format, group)
    together = group.count * group.units
    return Kind(
        name=group.prefix,
        count=group.count,
        units=group.units,
        format=group.format,
        formats=(REFERENCE, *group.formats),
        matmul=together * rates.matmul,
        vector=together * rates.vector,
        memory=None if isinstance(group.memory_capacity, str) else group.memory_capacity,
        memory_bandwidth=None if isinstance(group.memory_bandwidth, str) else group.memory_bandwidth,
        off_chip=group.off_chip,
    )


def _of_kind(kind: Kind) -> list[tuple[str, str]]:
    """What there is to say of a group, its rates chip by chip."""
    made = f"{kind.count:,}" + (f" of {kind.units} units" if kind.units > 1 else "")
    others = [name for name in kind.formats if name != kind.format]
    fast = speed(inf if kind.memory_bandwidth is None else kind.memory_bandwidth)
    found = [
        ("chips", made),
        ("format", kind.format + (f" (it has {', '.join(others)}, too)" if others else "")),
        ("products, a chip", quantity(kind.matmul / kind.count, units.RATE)),
        ("elementwise, a chip", quantity(kind.vector / kind.count, units.RATE)),
        ("memory, a chip", f"{'unlimited' if kind.memory is None else show(kind.memory)} at {fast}"),
    ]
    if kind.off_chip is not None:
        capacity, rate = kind.off_chip.capacity, kind.off_chip.bandwidth
        size = capacity if isinstance(capacity, str) else show(int(capacity))
        found.append(("off-chip memory", f"{size} at {speed(inf if isinstance(rate, str) else rate)}"))
    return found


def _range(values: tuple[float, float] | None, dimension: str) -> str:
    if values is None:
        return "-"
    texts = [speed(value) if dimension == units.BANDWIDTH else quantity(value, dimension) for value in values]
    return texts[0] if texts[0] == texts[1] else f"{texts[0]} to {texts[1]}"


def _plain(value: float | None) -> float | str:
    return "unlimited" if value is None or value == inf else value
