"""The traces of the drawing of a placed graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ampsim.reports import base, geometry, text
from ampsim.result.analysis.placement import Box, Wire, edge_load, operations
from ampsim.result.schema import KINDS, Array

if TYPE_CHECKING:
    from ampsim.reports.figures.placement import Placed

LEAST_TOP = 0.1
"""Occupied share of a link that is drawn in full colour, at least."""
LEVELS = 5
"""Steps of strength in which lines are drawn."""

_QUIET = {"hoverinfo": "skip", "showlegend": False}
Traces = tuple[int, ...]


def add_links(
    figure: Any,
    one: Placed,
    boxes: geometry.Boxes,
    cells: Array,
    wires: Sequence[Wire],
    pairs: Sequence[tuple[int, int]],
) -> Traces:
    """Links as thick lines from box to box; the two directions of a pair lie beside one another."""
    if not wires:
        return ()
    first = len(figure.data)
    ends = np.asarray(pairs, np.int64)
    numbers = np.asarray([wire.link for wire in wires])
    share = one.carried.occupied[numbers] / (one.shown.horizon or 1.0)
    parcels = one.carried.parcels[numbers]
    start, end = boxes.middle[ends[:, 0]], boxes.middle[ends[:, 1]]
    way = end - start
    side = np.column_stack((-way[:, 1], way[:, 0])) / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
    apart = np.where([wire.both for wire in wires], 0.0, 5.0)[:, None] * side
    bend = geometry.crossing(boxes, ends[:, 0], ends[:, 1], cells)
    lines = geometry.curves(start + apart, end + apart, bend)
    # Links that are hardly used look so, even where none is used more.
    top = max(float(share.max()), LEAST_TOP)
    thin = 1.0 if len(boxes.half) <= 40 else 0.6
    idle = parcels == 0
    _lines(figure, lines[idle], base.LINE, 1.4 * thin, 0.8 * thin)
    for level, chosen in _levels(share / top, ~idle):
        _lines(figure, lines[chosen], "var(--link)", thin * (2.5 + level), 0.3 + 0.7 * level / (LEVELS - 1))
    hover = [_link_words(one, wire.link, float(busy)) for wire, busy in zip(wires, share, strict=True)]
    spots = lines[:, [3, 5, 8, 10, 12]]
    figure.add_scatter(
        x=spots[:, :, 0].ravel(), y=spots[:, :, 1].ravel(), mode="markers", hoverinfo="text", opacity=0.0,
        hovertext=np.repeat(np.asarray(hover, object), spots.shape[1]),
        marker={
            "size": 12, "color": np.repeat(100 * share, spots.shape[1]).astype(np.float32), "cmin": 0,
            "cmax": 100 * top, "colorscale": [[0.0, "var(--faint)"], [1.0, "var(--link)"]],
            **_bar("occupied share of a link", 0.33, bool(parcels.any())),
        },
    )  # fmt: skip
    return tuple(range(first, len(figure.data)))


def add_boxes(figure: Any, one: Placed, boxes: geometry.Boxes) -> Traces:
    """Boxes with their names, and bars as long as they were busy."""
    first = len(figure.data)
    found = [one.ground.boxes[box] for box in one.boxes]
    busy = one.busy[one.boxes]
    working = np.asarray([bool(box.workers) for box in found])
    for lit in (True, False):
        chosen = working == lit
        if chosen.any():
            x, y = geometry.outlines(boxes.middle[chosen], boxes.half[chosen])
            figure.add_scatter(
                x=x, y=y, mode="lines", fill="toself", fillcolor="var(--card)" if lit else "var(--faint)",
                line={"color": "var(--waiting)" if lit else base.LINE, "width": 1.4, "simplify": False}, **_QUIET,
            )  # fmt: skip
    top = max(float(busy.max(initial=0.0)), 1e-9)
    for index, box in enumerate(found):
        x, y = geometry.outlines(boxes.middle[index : index + 1], boxes.half[index : index + 1])
        figure.add_scatter(
            x=x, y=y, mode="lines", fill="toself", fillcolor="var(--busy)", line={"width": 0}, hoveron="fills",
            opacity=0.03 + 0.22 * float(busy[index]) / top if box.workers else 0.001,
            text=_box_words(one, one.boxes[index], float(busy[index])), hoverinfo="text",
        )  # fmt: skip
    left = boxes.middle[:, 0] - boxes.half[:, 0] + 10
    right = boxes.middle[:, 0] + boxes.half[:, 0] - 10
    under = boxes.middle[:, 1] + boxes.half[:, 1] - geometry.HEAD + 6
    for colour, until in ((base.GRID, right), ("var(--busy)", left + (right - left) * np.minimum(busy, 1.0))):
        ends = np.column_stack((left, until))[working]
        figure.add_scatter(
            x=geometry.broken(ends), y=geometry.broken(np.column_stack((under, under))[working]), mode="lines",
            line={"color": colour, "width": 3, "simplify": False}, **_QUIET,
        )  # fmt: skip
    _box_names(figure, one, boxes, found, busy)
    return tuple(range(first, len(figure.data)))


def _box_names(figure: Any, one: Placed, boxes: geometry.Boxes, found: Sequence[Box], busy: Array) -> None:
    """Name at the left and load at the right of the head; narrow boxes have a name only, and small ones nothing."""
    letters = ((2 * boxes.half[:, 0] - 4) / (5.0 if boxes.narrow else 7.0)).astype(np.int64)
    if letters.min() < 4:
        return
    head = 0 if boxes.narrow else 8
    names = [text.label(box.name, max(room - head, 3)) for box, room in zip(found, letters.tolist(), strict=True)]
    y = boxes.middle[:, 1] + boxes.half[:, 1] - 12
    lone = np.asarray([not box.workers for box in found]) | boxes.narrow
    y = np.where([not box.workers for box in found], boxes.middle[:, 1], y)
    left = np.where(lone, boxes.middle[:, 0], boxes.middle[:, 0] - boxes.half[:, 0] + 7)
    place = ["middle center" if alone else "middle right" for alone in lone]
    figure.add_scatter(x=left, y=y, text=names, mode="text", textposition=place,
                       textfont={"size": 9 if boxes.narrow else 11, "color": base.INK}, **_QUIET)  # fmt: skip
    if not boxes.narrow and one.shown.clocked:
        figure.add_scatter(
            x=(boxes.middle[:, 0] + boxes.half[:, 0] - 7)[~lone], y=y[~lone], mode="text", textposition="middle left",
            text=[text.percent(float(share)) for share in busy[~lone]], textfont={"size": 11, "color": base.INK},
            **_QUIET,
        )  # fmt: skip


def add_edges(figure: Any, one: Placed, boxes: geometry.Boxes, most: int) -> Traces:
    """Edges as thin lines with an arrow."""
    at = _places(one, boxes)
    messages, nbytes = edge_load(one.shown.run.tables, len(one.ends))
    size = nbytes.sum(axis=1)
    chosen = np.asarray([e for e, (a, b) in enumerate(one.ends.tolist()) if a in at and b in at and a != b], np.int64)
    if not len(chosen):
        return ()
    first = len(figure.data)
    chosen = chosen[np.argsort(-size[chosen], kind="stable")[:most]]
    start, end = (np.asarray([at[node] for node in one.ends[chosen, side].tolist()]) for side in (0, 1))
    length = np.linalg.norm(end - start, axis=1)
    lines = geometry.curves(start, end, np.minimum(0.06 * length, 16.0))
    for level, mine in _levels(size[chosen] / max(float(size[chosen].max()), 1.0), np.ones(len(chosen), np.bool_)):
        strength = level / (LEVELS - 1)
        _lines(figure, lines[mine], base.SOFT, 0.9 + 1.3 * strength, 0.45 + 0.45 * strength)
    spots, angles = geometry.headings(lines)
    figure.add_scatter(
        x=spots[:, 0], y=spots[:, 1], mode="markers", hoverinfo="text",
        hovertext=[_edge_words(one, edge, messages[edge], nbytes[edge]) for edge in chosen.tolist()],
        marker={"symbol": "triangle-up", "size": 7 if boxes.named else 5, "angle": angles, "color": base.SOFT},
    )  # fmt: skip
    return tuple(range(first, len(figure.data)))


def add_nodes(figure: Any, one: Placed, boxes: geometry.Boxes) -> Traces:
    """Nodes as dots, coloured and sized by their share of the makespan."""
    at = _places(one, boxes)
    if not at:
        return ()
    first = len(figure.data)
    nodes = list(at)
    spots = np.asarray(list(at.values()))
    share = one.share[nodes]
    top = float(share.max()) or 1.0
    kinds = operations(one.shown.run)
    large = np.sqrt(share / top)
    figure.add_scatter(
        x=spots[:, 0], y=spots[:, 1], mode="markers", hoverinfo="text",
        hovertext=[_node_words(one, node, kinds[node]) for node in nodes],
        marker={
            "size": 10 + 8 * large if boxes.named else 7 + 4 * large, "opacity": 1.0,
            "color": (100 * share).astype(np.float32), "cmin": 0, "cmax": 100 * top,
            "colorscale": [[0.0, "var(--faint)"], [1.0, "var(--busy)"]],
            "line": {"color": "var(--busy)", "width": 1.2},
            **_bar("share of time in tasks of a node", 0.03, one.shown.clocked),
        },
    )  # fmt: skip
    if boxes.named:
        beside = boxes.place == geometry.BESIDE
        figure.add_scatter(
            x=spots[:, 0] + 11 * beside, y=spots[:, 1] - 17 * (not beside), mode="text",
            text=[text.label(_name(one, node), 12) for node in nodes],
            textposition="middle right" if beside else "middle center", textfont={"size": 10, "color": base.INK},
            **_QUIET,
        )  # fmt: skip
    return tuple(range(first, len(figure.data)))


def _lines(figure: Any, lines: Array, colour: str, width: float, opacity: float) -> None:
    if len(lines):
        figure.add_scatter(
            x=geometry.broken(lines[:, :, 0]), y=geometry.broken(lines[:, :, 1]), mode="lines", opacity=opacity,
            line={"color": colour, "width": width, "simplify": False}, **_QUIET,
        )  # fmt: skip


def _levels(share: Array, among: Array) -> list[tuple[int, Array]]:
    """Steps of ``share`` (of one) that occur, the faintest first, with the rows in each."""
    step = np.minimum((share * LEVELS).astype(np.int64), LEVELS - 1)
    return [(level, among & (step == level)) for level in range(LEVELS) if (among & (step == level)).any()]


def _places(one: Placed, boxes: geometry.Boxes) -> dict[int, Array]:
    """Where each node that is drawn stands."""
    return {
        node: spot
        for box, nodes in enumerate(one.nodes)
        for node, spot in zip(nodes, geometry.inside(boxes, box, len(nodes)), strict=True)
    }


def _bar(title: str, left: float, wanted: bool) -> dict[str, Any]:
    """A scale of colours below the drawing, from the share ``left`` of its width on."""
    if not wanted:
        return {}
    return {
        "showscale": True,
        "colorbar": {
            "orientation": "h", "thickness": 7, "outlinewidth": 0, "lenmode": "fraction", "len": 0.25, "xpad": 0,
            "x": left, "xanchor": "left", "y": 0, "yanchor": "top", "ypad": 10, "nticks": 5, "ticksuffix": " %",
            "tickfont": {"size": 10, "color": base.SOFT},
            "title": {"text": title, "side": "top", "font": {"size": 11, "color": base.SOFT}},
        },
    }  # fmt: skip


def _name(one: Placed, node: int) -> str:
    return str(one.shown.run.summary["nodes"][node])


def _node_words(one: Placed, node: int, operation: str) -> str:
    counts = one.load.tasks[node]
    worker = one.shown.run.summary["worker_names"][one.owner[node]]
    parts = [f"{text.label(_name(one, node), 40)}  {text.label(operation, 40)}", f"on {text.label(worker)}"]
    if counts.any():
        parts += [f"{text.number(int(count))} {kind}" for count, kind in zip(counts, KINDS, strict=True) if count]
        spent = float(one.load.seconds[node].sum())
        parts.append(f"busy {text.seconds(spent)}, {text.percent(float(one.share[node]))} of the makespan")
    else:
        parts.append("no tasks of its own: it runs in those of others")
    return "<br>".join(parts)


def _box_words(one: Placed, number: int, busy: float) -> str:
    box = one.ground.boxes[number]
    parts = [f"{text.label(box.name, 40)}"]
    if not box.workers:
        return f"{parts[0]}<br>{'no workers here' if box.number >= 0 else 'passes messages on'}"
    units = f", mean of {len(box.workers)} units" if len(box.workers) > 1 else ""
    parts.append(f"busy {text.percent(busy)}{units}")
    peak, capacity = one.memory[number]
    if peak is not None:
        parts.append(f"memory {text.si(peak, 'B')}" + (f" of {text.si(capacity, 'B')}" if capacity else ""))
    count = int(one.held[list(box.workers)].sum())
    return "<br>".join([*parts, f"{count:,} node" + "s" * (count != 1)])


def _link_words(one: Placed, link: int, share: float) -> str:
    carried, horizon = one.carried, one.shown.horizon
    name = f"{text.label(one.shown.run.summary['links'][link], 40)}"
    if not carried.parcels[link]:
        return f"{name}<br>nothing crossed it"
    return "<br>".join([
        name, f"{text.number(int(carried.parcels[link]))} parcels, {text.si(float(carried.bytes[link]), 'B')}",
        f"occupied {text.percent(share)}, {text.si(float(carried.bytes[link]) / (horizon or 1.0), 'B/s')}",
    ])  # fmt: skip


def _edge_words(one: Placed, edge: int, messages: Array, nbytes: Array) -> str:
    horizon = one.shown.horizon
    parts = [f"{text.label(one.shown.run.summary['edges'][edge], 60)}"]
    for way, count, size in zip(("forward", "backward"), messages, nbytes, strict=True):
        parts.append(f"{way}: {text.number(int(count))} messages, {text.si(float(size), 'B')}")
    return "<br>".join([*parts, *([f"{text.si(float(nbytes.sum()) / horizon, 'B/s')}"] if horizon else [])])
