"""Which node sits where, and what each node, edge, chip and link carried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ampsim.result.analysis.hardware import hardware
from ampsim.result.analysis.links import LinkTotals
from ampsim.result.analysis.memory import DYNAMIC
from ampsim.result.run import Run
from ampsim.result.schema import DIRECTIONS, KINDS, Array, Table
from ampsim.result.table import chunks

UNKNOWN = -1
WORKERS = "workers"
"""The kind of a ground without a system: a box a worker."""


@dataclass(frozen=True)
class NodeLoad:
    """Of each node and kind of task (nodes, kinds): tasks (int64) and seconds in them, counted with the first node."""

    tasks: Array
    seconds: Array


@dataclass(frozen=True)
class Box:
    """A chip, a switch or a worker process. ``number`` is the place of a chip in its system, -1 for anything else."""

    name: str
    workers: tuple[int, ...]
    number: int = UNKNOWN


@dataclass(frozen=True)
class Wire:
    """A link between two boxes, by number. ``both`` ways share it, or it leads from ``source`` to ``target``."""

    link: int
    source: int
    target: int
    both: bool = False


@dataclass(frozen=True)
class Ground:
    """What a graph is placed on: boxes, the wires between them, and the shape of it all."""

    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    kind: str
    dims: tuple[int, ...] = ()


def node_load(tables: Mapping[str, Table], nodes: int) -> NodeLoad:
    """Sums over the tasks of each node and kind."""
    kinds = len(KINDS)
    count, seconds = np.zeros(nodes * kinds, np.int64), np.zeros(nodes * kinds)
    for node, kind, start, end in chunks(tables["tasks"], "node", "kind", "start", "end"):
        category = node.astype(np.int64) * kinds + kind
        count += np.bincount(category, minlength=nodes * kinds)
        seconds += np.bincount(category, end - start, nodes * kinds)
    return NodeLoad(count.reshape(nodes, kinds), seconds.reshape(nodes, kinds))


def edge_load(tables: Mapping[str, Table], edges: int) -> tuple[Array, Array]:
    """Messages and bytes of each edge and direction: int64 (edges, directions)."""
    table, ways = tables["edges"], len(DIRECTIONS)
    category = table["edge"].astype(np.int64) * ways + table["direction"]
    found = np.zeros((2, edges * ways), np.int64)
    np.add.at(found[0], category, table["messages"])
    np.add.at(found[1], category, table["bytes"])
    messages, nbytes = found.reshape(2, edges, ways)
    return messages, nbytes


def owners(run: Run) -> Array:
    """The worker of each node, int64; -1 where the run does not say.

    Told by the configuration, or else by the tasks that the node headed.
    """
    nodes = len(run.summary["nodes"])
    told = _mapping(run.config, "run").get("owner")
    if isinstance(told, Sequence) and len(told) == nodes and all(_index(found, run.workers) for found in told):
        return np.asarray(told, np.int64)
    count = np.zeros(nodes * run.workers, np.int64)
    for node, worker in chunks(run.tables["tasks"], "node", "worker"):
        count += np.bincount(node.astype(np.int64) * run.workers + worker, minlength=nodes * run.workers)
    each = count.reshape(nodes, run.workers)
    return np.where(each.any(axis=1), each.argmax(axis=1), UNKNOWN)


def edge_ends(run: Run) -> Array:
    """Source and target node of each edge: int64 (edges, 2); -1 where the run does not say."""
    nodes, edges = len(run.summary["nodes"]), len(run.summary["edges"])
    told = _mapping(_mapping(run.config, "job"), "graph").get("edges")
    if isinstance(told, Sequence) and len(told) == edges and all(_row(row, nodes) for row in told):
        known: Array = np.asarray([(row[0], row[2]) for row in told], np.int64).reshape(-1, 2)
        return known
    return np.full((edges, 2), UNKNOWN, np.int64)


def operations(run: Run) -> list[str]:
    """Type and sizes of each node, such as ``Linear(784, 10)``; its name where the run does not say."""
    names = list(run.summary["nodes"])
    types = run.summary.get("node_types")
    types = types if isinstance(types, Sequence) and len(types) == len(names) else names
    nodes = _mapping(_mapping(run.config, "job"), "graph").get("nodes")
    nodes = nodes if isinstance(nodes, Sequence) and len(nodes) == len(names) else [None] * len(names)
    return [f"{kind}{_sizes(node)}" for kind, node in zip(types, nodes, strict=True)]


def ground(run: Run) -> Ground:
    """Chips and switches of the system, or else the workers, and the links between them."""
    system = hardware(run.config)
    chips = run.summary.get("chips")
    if system is None or not chips:
        return _workers(run)
    groups = system.groups()
    here = {chip["name"]: tuple(chip["workers"]) for chip in chips}
    boxes = [Box(name, here.get(name, ()), number) for number, name in enumerate(groups)]
    number = {box.name: index for index, box in enumerate(boxes)}
    hidden = system.host.at == "all"
    wires = []
    for link, name in enumerate(run.summary["links"]):
        both = "<->" in name
        source, _, target = name.partition("<->" if both else "->")
        if not target or source == target or (hidden and "host" in (source, target)):
            continue  # a port of a chip; or the host, whose lines would hide the rest
        for end in (source, target):
            if end not in number:
                number[end] = len(boxes)
                boxes.append(Box(end, ()))
        wires.append(Wire(link, number[source], number[target], both))
    return Ground(tuple(boxes), tuple(wires), system.topology.kind, system.topology.dims)


def _workers(run: Run) -> Ground:
    """A box a worker; a link leads from where its parcels came from to where they went."""
    boxes = tuple(Box(name, (worker,)) for worker, name in enumerate(run.summary["worker_names"]))
    table, links = run.tables["links"], len(run.summary["links"])
    ends = np.full((links, 2), UNKNOWN, np.int64)
    for link, source, destination in chunks(table, "link", "source", "destination"):
        ends[link, 0], ends[link, 1] = source, destination
    pairs = enumerate(zip(*ends.T.tolist(), strict=True))
    wires = [Wire(link, a, b) for link, (a, b) in pairs if min(a, b) >= 0 and a != b]
    return Ground(boxes, tuple(wires), WORKERS)


def memory_peaks(run: Run, found: Ground) -> list[tuple[float | None, float | None]]:
    """Highest level and capacity (bytes) of the memory of each box with workers, as far as they are known."""
    chips = {chip["name"]: (float(chip["peak"]), chip["capacity"]) for chip in run.summary.get("chips") or ()}
    peaks = np.zeros(run.workers, np.int64)
    if found.kind == WORKERS:
        for worker, *parts in chunks(run.tables["memory"], "worker", *DYNAMIC):
            np.maximum.at(peaks, worker, np.sum(parts, axis=0))
    static = [sum(int(size) for size in dict(sizes).values()) for sizes in run.summary["static_memory"]]
    known: list[tuple[float | None, float | None]] = []
    for box in found.boxes:
        if found.kind == WORKERS:
            here = box.workers[0]
            known.append((float(peaks[here] + static[here]), run.summary["capacity"][here]))
        else:
            known.append(chips.get(box.name, (None, None)))
    return known


def drawn(found: Ground, carried: LinkTotals, busy: Array, most: int) -> list[int]:
    """Boxes worth drawing, in order: those with workers or traffic, the busiest if there are more than ``most``.

    Boxes with neither are there too if they are not more than the others.
    """
    used = {number for number, box in enumerate(found.boxes) if box.workers}
    used |= {end for wire in found.wires if carried.parcels[wire.link] for end in (wire.source, wire.target)}
    if len(found.boxes) <= min(2 * len(used), most):
        return list(range(len(found.boxes)))
    order = sorted(used, key=lambda box: (-busy[box], box))
    return sorted(order[:most])


def _mapping(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = values.get(name)
    return found if isinstance(found, Mapping) else {}


def _index(value: object, size: int) -> bool:
    return type(value) is int and 0 <= value < size


def _row(row: object, nodes: int) -> bool:
    return isinstance(row, Sequence) and len(row) == 4 and _index(row[0], nodes) and _index(row[2], nodes)


def _sizes(node: object) -> str:
    settings = node.get("settings") if isinstance(node, Mapping) else None
    sizes = [str(value) for value in settings.values() if type(value) is int] if isinstance(settings, Mapping) else []
    return f"({', '.join(sizes)})" if sizes else ""
