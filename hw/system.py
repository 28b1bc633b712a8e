"""A System: the chips, links, topology and host a job is simulated on, read from YAML and checked as a whole."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import msgspec
import yaml
from msgspec import Meta

from ampsim import strict_yaml
from ampsim.hw import schema
from ampsim.hw.files import quantity
from ampsim.hw.schema.chip_rules import check_groups
from ampsim.hw.topology import graphs
from ampsim.hw.topology.fabric import Fabric
from ampsim.hw.topology.routes import Routes
from ampsim.strict_yaml import Document, PathError

if TYPE_CHECKING:
    import networkx


class System(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """Hardware: ``chips`` in groups, ``links`` between them in a ``topology``, and a ``host``.

    A System that exists is valid: making one raises ConfigError for chips that do not match the topology, a
    measured table out of order, a self link, a repeated link, an unknown vertex, or chips that cannot reach
    each other.
    """

    name: Annotated[schema.Name, Meta(description="what it is called")]
    description: Annotated[schema.Text, Meta(description="what it is, for readers")] = ""
    chips: Annotated[tuple[schema.Chips, ...], Meta(min_length=1, max_length=64, description="groups of equal chips")]
    links: Annotated[schema.Links, Meta(description="what links are like")]
    topology: Annotated[schema.Topology, Meta(description="what is linked with what")]
    host: Annotated[schema.Host, Meta(description="the controller, and what it is linked to")] = schema.Host()
    routes: Annotated[
        tuple[schema.Route, ...], Meta(max_length=10_000, description="ways that replace those of routing")
    ] = ()
    switching: Annotated[
        Literal["cut_through", "store_and_forward"],
        Meta(description="whether a vertex sends on what it has, or waits until it has all"),
    ] = "cut_through"
    sharing: Annotated[
        Literal["fifo", "max_min"], Meta(description="how messages share a link: in turn, or all at once in fair parts")
    ] = "fifo"
    routing: Annotated[
        Literal["shortest", "dimension_ordered", "given"], Meta(description="which way a message takes")
    ] = "shortest"
    packet_bytes: Annotated[schema.Bytes | None, Meta(description="store and forward by packets of this size")] = None
    overflow: Annotated[
        Literal["refuse", "stall", "spill", "recompute"], Meta(description="what happens when memory is full")
    ] = "refuse"
    all_reduce: Annotated[
        Literal["ring", "tree", "halving_doubling", "star"], Meta(description="what makes copies of a node equal")
    ] = "ring"
    machine: Annotated[schema.Machine | None, Meta(description="what it was measured on")] = None
    uncertainty: Annotated[
        schema.Uncertainty | None, Meta(description="how far predicted times are off; left out: not known")
    ] = None
    sources: Annotated[
        dict[str, schema.Source], Meta(max_length=10_000, description="by path of a field: where its number comes from")
    ] = {}

    def __post_init__(self) -> None:
        if self.packet_bytes is not None and self.switching == "cut_through":
            raise PathError("cut-through switching has no packets", ("packet_bytes",), "leave packet_bytes out")
        total = sum(group.count for group in self.chips)
        if total > schema.MAX_CHIPS:
            raise PathError(f"{total} chips are more than {schema.MAX_CHIPS}", ("chips",))
        check_groups(self.chips, self.overflow)
        sharing = [group.prefix for group in self.chips if group.cores]
        if self.host.within is not None and self.host.within not in sharing:
            do = f"one of: {', '.join(sharing)}" if sharing else "give chips cores, or leave within out"
            raise PathError(f"no chips {self.host.within!r} share cores", ("host", "within"), do)
        _ = self.paths  # building them checks the topology

    @classmethod
    def from_yaml(cls, path: str | Path) -> System:
        """The system in a YAML file. Raises ConfigError with file, line and path."""
        return cls.from_document(strict_yaml.load(path))

    @classmethod
    def from_text(cls, text: str | bytes, name: str = "<text>") -> System:
        """The system in YAML text; ``name`` stands for the file in errors. Raises ConfigError."""
        return cls.from_document(strict_yaml.loads(text, name))

    @classmethod
    def from_document(cls, document: Document) -> System:
        """The system in a parsed file. Raises ConfigError."""
        try:
            folder = Path(document.name).parent
            value = quantity.to_numbers(graphs.expand(document.value, folder), cls)
        except PathError as error:
            raise document.error(error.what, error.steps, error.do) from None
        return document.convert(cls, value)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> System:
        """The system that :meth:`to_dict` described; a graph file is relative to here. Raises ConfigError."""
        return strict_yaml.convert(cls, quantity.to_numbers(graphs.expand(values, Path()), cls))

    @classmethod
    def from_networkx(
        cls, graph: networkx.Graph[Any], *, chips: Any, links: Any, name: str = "graph", **fields: Any
    ) -> System:
        """The system whose topology is ``graph``; ``chips``, ``links`` and further ``fields`` as in a system file.

        Nodes called like chips are chips; if not all chips are found so, the nodes of ``kind`` chip are (all nodes if
        none has a ``kind``), in the order of the graph. Edges may have ``bandwidth``, ``backward``, ``latency`` and
        ``duplex``; those of a directed graph are one-way links. Nodes of ``kind`` host are left out. Raises
        ConfigError.
        """
        values = fields | {"name": name, "chips": chips, "links": links}
        values = cast(dict[str, Any], msgspec.to_builtins(values))
        return cls.from_dict(values | {"topology": graphs.to_edges(graph, graphs.names(values))})

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values in base units, defaults included."""
        return cast(dict[str, Any], msgspec.json.decode(msgspec.json.encode(self)))

    def to_yaml(self) -> str:
        """YAML text with units, defaults included; ``from_text`` gives an equal system back."""
        values = quantity.to_strings(self.to_dict(), System)
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110)

    @cached_property
    def fabric(self) -> Fabric:
        """Vertices, links and arcs."""
        return Fabric(self)

    @cached_property
    def paths(self) -> Routes:
        """Routes between vertices."""
        return Routes(self)

    @property
    def chip_names(self) -> tuple[str, ...]:
        """The name of every chip, in order."""
        return self.fabric.chips

    @cached_property
    def chip_kinds(self) -> tuple[schema.Chips, ...]:
        """The group of every chip, in the order of ``chip_names``."""
        return tuple(group for group in self.chips for _ in range(group.count))

    @cached_property
    def unit_chips(self) -> tuple[int, ...]:
        """The chip of every execution unit: units are numbered chip by chip. Worker w of a run is unit w."""
        return tuple(chip for chip, kind in enumerate(self.chip_kinds) for _ in range(kind.units))

    @cached_property
    def unit_names(self) -> tuple[str, ...]:
        """The name of every execution unit: that of its chip, and behind a dot its number if the chip has several."""
        pairs = zip(self.chip_names, self.chip_kinds, strict=True)
        return tuple(f"{name}.{unit}" if kind.units > 1 else name for name, kind in pairs for unit in range(kind.units))

    def graph(self) -> networkx.DiGraph[str]:
        """Vertices by name, of ``kind`` chip, switch or host; edges with link, bandwidth (None: no limit), latency."""
        import networkx  # a tenth of a second: only for those who ask for it

        graph: networkx.DiGraph[str] = networkx.DiGraph(name=self.name)
        fabric = self.fabric
        for number, name in enumerate(fabric.vertices):
            kind = "chip" if number < len(fabric.chips) else "host" if number == fabric.host else "switch"
            graph.add_node(name, kind=kind)
        for arc in fabric.arcs:
            link = fabric.links[arc.link]
            ends = fabric.vertices[arc.source], fabric.vertices[arc.target]
            graph.add_edge(*ends, link=link.name, bandwidth=link.bandwidth, latency=link.latency)
        return graph
