"""Every task as a bar: who did what, when."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ampsim.reports import base, text
from ampsim.reports.model import Key, Plot, Section, Sheet, Shown, View
from ampsim.result.analysis.traffic import arrows, departures
from ampsim.result.schema import KINDS, Array, Table
from ampsim.result.table import chunks
from ampsim.result.table import rows as rows_of

MOST_TASKS = 20_000
OPENING = (160, 15)
"""Tasks on show when the page opens, in all and at least for each worker; more would be too thin to see."""

MOST_LONGEST = 500
"""Tasks that are drawn for their length where most are left out, so that no extreme is lost."""

MOST_ARROWS = 6_000
_SHOWN = ("worker", "kind", "node", "start", "end", "messages", "rows")
_ARROWS = (("forward", "var(--ink)"), ("backward", "var(--bad)"))

CAPTION = (
    "One row a worker, one bar a task, coloured by the first node of the task. Forward tasks are solid, backward tasks "
    "pale, updates dark. Drag to zoom into a stretch of time; a double click shows everything that is drawn."
)
_SHADE = ("", "-pale", "-dark", "-dark")


def section(runs: Sequence[Shown]) -> Section:
    """One chart and one table a run."""
    timed = [shown for shown in runs if shown.clocked and len(shown.run.tables["tasks"]["kind"])]
    blocks: list[Plot | Sheet] = [gantt(shown) for shown in timed]
    blocks += [table(shown) for shown in timed]
    return Section("tasks", "Tasks", CAPTION, blocks, "There are no tasks with a time.")


def gantt(shown: Shown) -> Plot:
    """Bars as thick lines: one path a node and kind, however many tasks it has."""
    horizon = shown.horizon
    ordered = np.sort(shown.run.tables["tasks"]["start"])
    windows = drawn_windows(ordered, horizon)
    chosen = drawn_tasks(shown.run.tables["tasks"], windows)
    tasks: Table = {name: shown.run.tables["tasks"][name][chosen] for name in _SHOWN}
    scale, title = base.time_axis(horizon)
    rows = shown.run.workers
    each = 30 if rows <= 12 else 18 if rows <= 40 else 10
    figure = base.frame(80 + rows * each, title)
    width = max(4, round(each * 0.62))
    groups: dict[int, list[int]] = {}
    kinds: dict[int, list[int]] = {}
    heads = _heads(shown.run.tables["tasks"], len(shown.nodes))
    category = tasks["node"].astype(np.int64) * len(KINDS) + tasks["kind"]
    for number, found in enumerate(np.unique(category).tolist()):
        node, kind = divmod(found, len(KINDS))
        groups.setdefault(node, []).append(number)
        kinds.setdefault(kind, []).append(number)
        add_bars(figure, tasks, np.flatnonzero(category == found), scale, f"{shown.nodes[node]}, {KINDS[kind]}",
                 _colour(heads[node], kind), width)  # fmt: skip
    figure.update_yaxes(
        tickmode="array", tickvals=list(range(0, rows, max(1, rows // 40))),
        ticktext=shown.workers[:: max(1, rows // 40)], showgrid=False, range=[rows - 0.5, -0.5], fixedrange=True,
    )  # fmt: skip
    figure.update_layout(hoverdistance=-1)
    note = shade_gaps(figure, windows, ordered, tasks["start"], scale)
    if len(groups) > base.HUES:
        note = f"{note} Colours come round again after {base.HUES} nodes.".strip()
    views = opening_views(ordered, max(OPENING[0], OPENING[1] * rows), scale, horizon)
    del ordered
    figure.update_xaxes(range=views[1].layout["xaxis.range"])
    legend = [Key(shown.nodes[node], _colour(heads[node], 0), tuple(numbers)) for node, numbers in groups.items()]
    legend += [Key(KINDS[kind], f"var(--hue-0{_SHADE[kind]})", tuple(numbers)) for kind, numbers in kinds.items()]
    keys, said = add_arrows(figure, shown, scale)
    legend += keys
    note = f"{note} {said}".strip()
    described = f"Gantt chart of {len(chosen):,} tasks of {rows} workers."
    return Plot(figure, described, shown.title("tasks over time"), legend, views, note)


def _heads(tasks: Table, nodes: int) -> Array:
    """Of each node its place among those that head tasks."""
    heads = np.zeros(nodes, np.bool_)
    for (node,) in chunks(tasks, "node"):
        heads[np.unique(node)] = True
    return np.cumsum(heads) - heads


def _colour(place: int, kind: int) -> str:
    """Nodes that head tasks get hues in their order, so that neighbours differ."""
    return f"var(--hue-{int(place) % base.HUES + 1}{_SHADE[kind]})"


def drawn_tasks(tasks: Table, windows: Sequence[tuple[float, float]]) -> Array:
    """Rows of all tasks that begin within ``windows``, and of the longest of the others, ascending."""
    if len(windows) == 1:
        return np.arange(rows_of(tasks))
    inside, others, lengths, first = [], [np.zeros(0, np.int64)], [np.zeros(0)], 0
    for start, end in chunks(tasks, "start", "end"):
        within = _within(start, windows)
        inside.append(first + np.flatnonzero(within))
        longest = np.flatnonzero(~within)
        longest = longest[np.argsort((start - end)[longest], kind="stable")[:MOST_LONGEST]]
        others.append(first + longest)
        lengths.append((end - start)[longest])
        first += len(start)
    left = np.concatenate(others)[np.argsort(-np.concatenate(lengths), kind="stable")[:MOST_LONGEST]]
    return np.sort(np.concatenate((*inside, left)))


def add_bars(figure: Any, tasks: Table, chosen: Array, scale: float, name: str, colour: str, width: int) -> None:
    """One trace: begin, middle and end of each bar and a break; the middle is there for the pointer to find."""
    start, end = tasks["start"][chosen] * scale, tasks["end"][chosen] * scale
    gap = np.full(len(chosen), np.nan)
    x = np.column_stack((start, (start + end) / 2, end, gap)).ravel()
    y = np.repeat(tasks["worker"][chosen], 4).astype(np.float32)
    facts = np.column_stack((end - start, tasks["rows"][chosen], tasks["messages"][chosen])).astype(np.float32)
    unit = text.time_unit(1.0 / scale)[1]
    figure.add_scatter(
        x=x, y=y, name=name, mode="lines", line={"width": width, "color": colour, "simplify": False},
        customdata=np.repeat(facts, 4, axis=0),
        hovertemplate="%{fullData.name}<br>%{customdata[0]:.4g} " + unit + " at %{x:.6g} " + unit
        + "<br>%{customdata[1]} rows in %{customdata[2]} messages<extra></extra>",
    )  # fmt: skip


def add_arrows(figure: Any, shown: Shown, scale: float) -> tuple[list[Key], str]:
    """Messages between workers as arrows, a trace a direction, hidden until asked for; and the note about them."""
    sent = departures(shown.run.tables, shown.run.workers)
    total = len(sent)
    if not total:
        return [], ""
    windows = drawn_windows(sent, shown.horizon, MOST_ARROWS)
    del sent
    found = arrows(shown.run.tables, shown.run.workers, windows)
    unit = text.time_unit(1.0 / scale)[1]
    legend = []
    for direction, (name, colour) in enumerate(_ARROWS):
        mine = np.flatnonzero(found.direction == direction)
        if not len(mine):
            continue
        x = np.column_stack((found.sent[mine] * scale, found.arrived[mine] * scale, np.full(len(mine), np.nan))).ravel()
        ends = (found.source[mine], found.destination[mine], np.full(len(mine), np.nan))
        facts = np.column_stack(((found.arrived - found.sent)[mine] * scale, found.messages[mine], found.bytes[mine]))
        legend.append(Key(f"messages {name}", colour, (len(figure.data),), off=True))
        figure.add_scatter(
            x=x, y=np.column_stack(ends).ravel().astype(np.float32), name=f"messages {name}", mode="lines+markers",
            visible=False, line={"width": 1.1, "color": colour, "simplify": False}, opacity=0.85,
            marker={"symbol": "arrow", "angleref": "previous", "color": colour, "size": [0, 8, 0] * len(mine)},
            customdata=np.repeat(facts.astype(np.float32), 3, axis=0),
            hovertemplate="%{fullData.name}<br>%{customdata[1]} in %{customdata[0]:.4g} " + unit
            + "<br>%{customdata[2]:,.0f} B at %{x:.6g} " + unit + "<extra></extra>",
        )  # fmt: skip
    note = "The last entries of the legend draw messages between workers, from sending to arrival."
    drawn = int(found.messages.sum())
    if drawn < total:
        note += f" {drawn:,} of {total:,} messages are drawn: those of the beginning, the middle and the end."
    return legend, note


def drawn_windows(ordered: Array, horizon: float, most: int | None = None) -> list[tuple[float, float]]:
    """All of the run, or its beginning, middle and end with a third each of the ``most`` things that can be drawn.

    ``ordered`` are the times at which the things begin, in order.
    """
    most = MOST_TASKS if most is None else most
    if len(ordered) <= most:
        return [(0.0, horizon)]
    third = most // 3
    middle = (len(ordered) - third) // 2
    cuts = [(0, third), (middle, middle + third), (len(ordered) - third, len(ordered))]
    return [
        (0.0 if low == 0 else float(ordered[low]), horizon if high == len(ordered) else float(ordered[high]))
        for low, high in cuts
    ]


def _within(start: Array, windows: Sequence[tuple[float, float]]) -> Array:
    chosen = np.zeros(len(start), np.bool_)
    for low, high in windows:
        chosen |= (start >= low) & ((start < high) if high < windows[-1][1] else True)
    return chosen


def shade_gaps(figure: Any, windows: Sequence[tuple[float, float]], ordered: Array, drawn: Array, scale: float) -> str:
    """Grey where tasks are left out, and the note that says so; ``drawn`` are the beginnings of those that are not."""
    if len(windows) == 1:
        return ""
    for (_, low), (high, _) in pairwise(windows):
        few = int(((drawn >= low) & (drawn < high)).sum())
        missing = int(np.diff(np.searchsorted(ordered, [low, high]))[0]) - few
        figure.add_vrect(x0=low * scale, x1=high * scale, fillcolor="var(--grid)", line_width=0, layer="below")
        figure.add_annotation(x=(low + high) / 2 * scale, y=0.5, yref="paper", showarrow=False,
                              text=f"{missing:,} tasks not drawn", font={"color": base.SOFT, "size": 12})  # fmt: skip
    return (
        f"{len(ordered):,} tasks are too many to draw: shown are all tasks of the beginning, the middle and the end, "
        f"{MOST_TASKS:,} in sum, and in the grey stretches the {MOST_LONGEST:,} longest of the others; the run's table "
        "holds every task."
    )


def opening_views(ordered: Array, few: int, scale: float, horizon: float) -> list[View]:
    """Stretches of time with ``few`` tasks at the beginning, in the middle and at the end; ``ordered`` as above."""
    count = len(ordered)
    few = min(few, count)
    middle = max(0, (count - few) // 2)

    def view(name: str, low: float, high: float) -> View:
        return View(name, {"xaxis.range": [low * scale, max(high, low + 1e-15) * scale]})

    last = float(ordered[count - few])
    return [
        view("Beginning", 0.0, float(ordered[few - 1]) if few < count else horizon),
        view("Middle", float(ordered[middle]), float(ordered[middle + few - 1]) if few < count else horizon),
        view("End", last if few < count else 0.0, horizon),
        view("All", 0.0, horizon),
    ]


def table(shown: Shown) -> Sheet:
    """Counts, time and rate of each node and kind."""
    sums, longest = sums_by_kind(shown.run.tables["tasks"], len(shown.nodes))
    total = float(sums["time"].sum()) or 1.0
    rows = []
    for found in np.flatnonzero(sums["tasks"]).tolist():
        node, kind = divmod(found, len(KINDS))
        count, spent, flop, taken = (float(column[found]) for column in sums.values())
        rows.append([
            shown.run.summary["nodes"][node], KINDS[kind], text.number(count), text.seconds(spent),
            text.percent(spent / total), text.seconds(spent / count), text.seconds(float(longest[found])),
            text.number(taken / count), text.si(flop / spent if spent else None, "FLOP/s"),
        ])  # fmt: skip
    header = ("node", "kind", "tasks", "time", "share of busy", "mean", "longest", "rows a task", "rate")
    return Sheet(header, rows, shown.title("tasks by node and kind"), "llrrrrrrr")


def sums_by_kind(tasks: Table, nodes: int) -> tuple[dict[str, Array], Array]:
    """Tasks, time (s), FLOP and rows by node and kind, and the longest (s); each float64 (nodes x kinds)."""
    size = nodes * len(KINDS)
    sums = {name: np.zeros(size) for name in ("tasks", "time", "flop", "rows")}
    longest = np.zeros(size)
    for node, kind, start, end, matmul, vector, taken in chunks(
        tasks, "node", "kind", "start", "end", "matmul", "vector", "rows"
    ):
        category = node.astype(np.int64) * len(KINDS) + kind
        for name, values in (("tasks", None), ("time", end - start), ("flop", matmul + vector), ("rows", taken)):
            sums[name] += np.bincount(category, values, size)
        np.maximum.at(longest, category, end - start)
    return sums, longest
