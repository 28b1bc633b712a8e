"""The graph of the job, drawn on the chips and links, or the worker processes, that it is placed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ampsim.reports import base, geometry, layout, text
from ampsim.reports.figures import placed
from ampsim.reports.model import Key, Plot, Section, Sheet, Shown
from ampsim.result.analysis.idle import BUSY
from ampsim.result.analysis.links import LinkTotals
from ampsim.result.analysis.placement import (
    WORKERS,
    Ground,
    NodeLoad,
    drawn,
    edge_ends,
    edge_load,
    ground,
    memory_peaks,
    node_load,
    operations,
    owners,
)
from ampsim.result.schema import Array

MOST_BOXES = 256
MOST_NODES = 600
MOST_EDGES = 900
LEAST_WIDTH = 720
"""Pixels below which names would stand on one another."""
CAPTION = (
    "The graph of the job on what it runs on. Each box is a chip or a worker process; its bar is the share of the "
    "makespan in which it was busy, and the nodes placed on it stand inside: the stronger and larger, the more of that "
    "time is theirs. A task counts with its first node, so nodes that run in the tasks of others are pale. Thick lines "
    "are links, the stronger the more of the time they were occupied; thin lines with an arrow are edges of the graph."
)


@dataclass(frozen=True)
class Placed:
    """A run's graph and ground, and what is drawn of both."""

    shown: Shown
    ground: Ground
    carried: LinkTotals
    owner: Array
    ends: Array
    load: NodeLoad

    @cached_property
    def share(self) -> Array:
        """Of each node: time in its tasks over the makespan."""
        share: Array = self.load.seconds.sum(axis=1) / (self.shown.horizon or 1.0)
        return share

    @cached_property
    def busy(self) -> Array:
        """Of each box: mean utilization of its workers."""
        each = self.shown.idle.utilization
        return np.asarray([each[list(box.workers)].mean() if box.workers else 0.0 for box in self.ground.boxes])

    @cached_property
    def memory(self) -> list[tuple[float | None, float | None]]:
        """Of each box: highest level and capacity of its memory, in bytes."""
        return memory_peaks(self.shown.run, self.ground)

    @cached_property
    def held(self) -> Array:
        """Of each worker: nodes placed on it."""
        return np.bincount(self.owner[self.owner >= 0], minlength=self.shown.run.workers)

    @cached_property
    def boxes(self) -> list[int]:
        """Boxes that are drawn."""
        return drawn(self.ground, self.carried, self.busy, MOST_BOXES)

    @cached_property
    def nodes(self) -> list[list[int]]:
        """Of each box that is drawn: nodes on it that are drawn, with what comes first first."""
        home = {worker: place for place, box in enumerate(self.boxes) for worker in self.ground.boxes[box].workers}
        seated = [node for node, worker in enumerate(self.owner.tolist()) if worker in home]
        if len(seated) > MOST_NODES:
            seated = sorted(sorted(seated, key=lambda node: -self.share[node])[:MOST_NODES])
        number = {node: index for index, node in enumerate(seated)}
        pairs = [(number[a], number[b]) for a, b in self.ends.tolist() if a in number and b in number]
        found: list[list[int]] = [[] for _ in self.boxes]
        for index in layout.in_order(len(seated), pairs):
            found[home[int(self.owner[seated[index]])]].append(seated[index])
        return found


def section(runs: Sequence[Shown]) -> Section:
    """A drawing and three tables a run."""
    found = [placed_of(shown) for shown in runs]
    blocks: list[Plot | Sheet] = [drawing(one) for one in found if one.boxes]
    for one in found:
        blocks += [nodes_table(one), boxes_table(one), edges_table(one)]
    return Section("placement", "Placement", CAPTION, blocks, "There are no workers.")


def placed_of(shown: Shown) -> Placed:
    """What there is to draw of a run."""
    run = shown.run
    return Placed(
        shown, ground(run), shown.link_totals, owners(run), edge_ends(run),
        node_load(run.tables, len(run.summary["nodes"])),
    )  # fmt: skip


def drawing(one: Placed) -> Plot:
    """Links behind, then boxes, then edges of the graph, then its nodes."""
    place = {box: index for index, box in enumerate(one.boxes)}
    wires = [wire for wire in one.ground.wires if wire.source in place and wire.target in place]
    pairs = [(place[wire.source], place[wire.target]) for wire in wires]
    numbers = [one.ground.boxes[box].number for box in one.boxes]
    # Workers have no place in a system, but are no switches either.
    numbers = list(range(len(numbers))) if one.ground.kind == WORKERS else numbers
    cells = layout.cells(one.ground.kind, one.ground.dims, numbers, pairs)
    gap = 30.0 if len(one.boxes) > layout.MOST_IN_LOOP or one.ground.kind in layout.GRIDS else 56.0
    boxes = geometry.boxes(cells, [len(nodes) for nodes in one.nodes], gap)
    figure = base.frame(int(boxes.height) + 66, margin={"l": 4, "r": 4, "t": 2, "b": 64, "pad": 0})
    figure.update_xaxes(visible=False, range=[0, geometry.WIDTH])
    figure.update_yaxes(visible=False, range=[-boxes.height, 0])
    legend = [
        Key("links", "var(--link)", placed.add_links(figure, one, boxes, cells, wires, pairs)),
        Key("chips and workers", "var(--waiting)", placed.add_boxes(figure, one, boxes)),
        Key("edges of the graph", base.SOFT, placed.add_edges(figure, one, boxes, MOST_EDGES)),
        Key("nodes", "var(--busy)", placed.add_nodes(figure, one, boxes)),
    ]
    drawn_nodes = sum(len(nodes) for nodes in one.nodes)
    described = (
        f"The graph on {_count(len(one.boxes), 'box', 'boxes')}, with {_count(drawn_nodes, 'node', 'nodes')} and "
        f"{_count(len(wires), 'link', 'links')}; the busiest box was busy {text.percent(float(one.busy.max()))} of "
        "the time."
    )
    title = one.shown.title("the graph on its " + ("workers" if one.ground.kind == WORKERS else "chips"))
    return Plot(figure, described, title, [key for key in legend if key.traces], note=_note(one, drawn_nodes),
                wide=LEAST_WIDTH)  # fmt: skip


def _note(one: Placed, nodes: int) -> str:
    """What is left out, and what cannot be known."""
    found = []
    boxes, seated = len(one.ground.boxes), int((one.owner >= 0).sum())
    if len(one.boxes) < boxes:
        found.append(
            f"Of {boxes:,} chips or workers the {len(one.boxes):,} busiest are drawn."
            if len(one.boxes) == MOST_BOXES
            else f"{len(one.boxes):,} of {boxes:,} chips and switches are drawn: those with workers or messages."
        )
    if nodes < seated:
        found.append(f"Of {seated:,} nodes {nodes:,} are drawn, the busiest of those that have a place here.")
    if seated < len(one.owner):
        found.append(f"The run does not say where {_count(len(one.owner) - seated, 'node is', 'nodes are')}.")
    edges = int((one.ends.min(axis=1, initial=0) >= 0).sum())
    if edges > MOST_EDGES:
        found.append(f"Of {edges:,} edges those {MOST_EDGES:,} that carry most bytes are drawn.")
    if not one.shown.clocked:
        found.append("The run has no clock, so nothing was busy.")
    return " ".join(found)


def _count(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"


def nodes_table(one: Placed) -> Sheet:
    """Each node: what it is, where it is, and its tasks; the busiest first."""
    names, workers = one.shown.run.summary["nodes"], one.shown.run.summary["worker_names"]
    kinds = operations(one.shown.run)
    order = np.argsort(-one.share, kind="stable")
    rows = [
        [
            names[node], kinds[node], workers[one.owner[node]] if one.owner[node] >= 0 else text.NONE,
            *(text.number(int(count)) for count in one.load.tasks[node, :3]),
            text.seconds(float(one.load.seconds[node].sum())), text.percent(float(one.share[node])),
        ]
        for node in order.tolist()
    ]  # fmt: skip
    header = ("node", "operation", "placed on", "forward tasks", "backward tasks", "updates", "busy time",
              "of makespan")  # fmt: skip
    return Sheet(header, rows, one.shown.title("nodes and where they are"), "lllrrrrr")


def boxes_table(one: Placed) -> Sheet:
    """Each chip or worker with work: nodes, how busy, and memory."""
    rows = []
    for number, box in enumerate(one.ground.boxes):
        if box.workers:
            count = int(one.held[list(box.workers)].sum())
            peak, capacity = one.memory[number]
            busy = float(one.shown.idle.seconds[list(box.workers), BUSY].sum())
            rows.append([
                box.name, text.number(len(box.workers)), text.number(count), text.percent(float(one.busy[number])),
                text.seconds(busy), text.si(peak, "B"), text.si(capacity, "B"),
            ])  # fmt: skip
    name = "worker" if one.ground.kind == WORKERS else "chip"
    header = (name, "workers", "nodes", "utilization", "busy time", "peak memory", "capacity")
    return Sheet(header, rows, one.shown.title(f"{name}s"))


def edges_table(one: Placed) -> Sheet:
    """Each edge: messages and bytes both ways; the fullest first."""
    names, horizon = one.shown.run.summary["edges"], one.shown.horizon
    messages, nbytes = edge_load(one.shown.run.tables, len(names))
    total = nbytes.sum(axis=1)
    rows = [
        [
            names[edge], *(text.number(int(count)) for count in messages[edge]),
            *(text.si(float(size), "B") for size in nbytes[edge]),
            text.si(float(total[edge]) / horizon, "B/s") if horizon else text.NONE,
        ]
        for edge in np.argsort(-total, kind="stable").tolist()
    ]  # fmt: skip
    header = ("edge", "messages forward", "messages backward", "bytes forward", "bytes backward", "mean load")
    return Sheet(header, rows, one.shown.title("edges of the graph"))
