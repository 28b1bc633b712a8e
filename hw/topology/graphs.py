"""Graphs from elsewhere, of networkx or in a file, as the explicit edges of a system."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ampsim.hw.schema import MAX_CHIPS
from ampsim.hw.topology.chip_names import chip_names
from ampsim.strict_yaml import PathError, short

if TYPE_CHECKING:
    import networkx

MOST = 1 << 24
"""Bytes of the largest file that is read."""
MOST_PARTS = 50_000
"""Nodes and edges of the largest graph that is read from a file: half a second."""
_MOST_TAGS = 6 * MOST_PARTS
_FIELDS = ("bandwidth", "backward", "latency", "duplex")
_WHERE = ("topology", "path")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


def expand(values: Any, folder: Path) -> Any:
    """The plain values of a system with the edges of the graph file in its topology, if that is what it has.

    Values of a wrong form are left for the schema to refuse. Raises PathError.
    """
    topology = values.get("topology") if isinstance(values, dict) else None
    if not isinstance(topology, dict) or topology.get("kind") != "file" or set(topology) != {"kind", "path"}:
        return values
    chips = names(values)
    if not isinstance(topology["path"], str) or not chips:
        return values
    return values | {"topology": to_edges(_read(_within(folder, topology["path"])), chips)}


def names(values: dict[str, Any]) -> tuple[str, ...]:
    """The chips of a system given by plain values; none if they have a wrong form."""
    try:
        groups = [(group.get("prefix", "chip"), int(group["count"])) for group in values["chips"]]
    except (AttributeError, KeyError, TypeError, ValueError):
        return ()
    return chip_names(groups) if sum(count for _, count in groups) <= MAX_CHIPS else ()


def to_edges(graph: networkx.Graph[Any], chips: tuple[str, ...]) -> dict[str, Any]:
    """A topology of explicit edges, as plain values. Raises PathError if chips and nodes do not match."""
    nodes = {node: data for node, data in graph.nodes(data=True) if data.get("kind") != "host"}
    called = _called(nodes, chips)
    edges = []
    for a, b, data in graph.edges(data=True):
        if a not in called or b not in called:
            continue
        edge: dict[str, Any] = {"between": [called[a], called[b]]}
        for field in _FIELDS:
            if field in data:
                edge[field] = "unlimited" if data[field] is None else data[field]
        if graph.is_directed():
            edge["one_way"] = True
        edges.append(edge)
    known = set(chips)
    return {"kind": "edges", "edges": edges, "vertices": [name for name in called.values() if name not in known]}


def _called(nodes: dict[Any, dict[str, Any]], chips: tuple[str, ...]) -> dict[Any, str]:
    """The vertex of each node."""
    if set(chips) <= {str(node) for node in nodes}:
        called = {node: str(node) for node in nodes}
    else:
        kinds = any("kind" in data for data in nodes.values())
        these = [node for node, data in nodes.items() if not kinds or data.get("kind") == "chip"]
        if len(these) != len(chips):
            what = f"the graph has {len(these)} nodes for chips, and there are {len(chips)} chips"
            raise PathError(what, ("topology",), "call the nodes like the chips, or give those of chips the kind chip")
        called = dict(zip(these, chips, strict=True))
        called = {node: called.get(node, str(node)) for node in nodes}
    for name in called.values():
        if not _NAME.fullmatch(name):
            what = f"{short(name)} is no name of a vertex"
            raise PathError(what, ("topology",), "begin with a letter, then letters, digits, _ . -")
    return called


def _within(folder: Path, name: str) -> Path:
    """The file of this name. Raises PathError if it lies elsewhere: a system file from a stranger opens no others."""
    try:
        path = folder / name
        if path.resolve().is_relative_to(folder.resolve()):
            return path
    except (OSError, RuntimeError, ValueError):  # names that no file can have, links that go round
        pass
    what = f"{short(name)} is no file beside or below the system file"
    raise PathError(what, _WHERE, "put the graph beside the system file")


def _read(path: Path) -> networkx.Graph[Any]:
    import networkx  # a tenth of a second: only for those who need it

    try:
        if not path.is_file() or path.stat().st_size > MOST:
            what = f"{short(path)} is no file, or one above {MOST} bytes"
            raise PathError(what, _WHERE, "give the path of a graph, relative to the system file")
        text = path.read_bytes()
        lines = text.count(b"<node") + text.count(b"<edge") if path.suffix == ".graphml" else text.count(b"\n")
        if lines > MOST_PARTS or text.count(b"<") > _MOST_TAGS:
            raise PathError(
                f"{short(path)} has more than {MOST_PARTS:,} nodes and edges", _WHERE, "use a smaller graph"
            )
        if path.suffix == ".graphml":
            if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
                raise PathError(f"{short(path)} has a document type", _WHERE, "write it without entities")
            graph: networkx.Graph[Any] = networkx.parse_graphml(text.decode())
        else:
            graph = networkx.parse_edgelist(text.decode().splitlines())
    except PathError:
        raise
    except Exception as error:  # parsers raise anything at all
        what = f"{short(path)} cannot be read as a graph: {short(error, quote=False)}"
        raise PathError(what, _WHERE, "give GraphML (.graphml), or lines such as: a b {'bandwidth': 1e9}") from None
    if graph.is_multigraph():
        raise PathError(f"{short(path)} links two nodes twice", _WHERE, "add up their bandwidths")
    return graph
