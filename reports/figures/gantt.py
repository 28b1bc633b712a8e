"""Every task as a bar: who did what, when."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ampsim.reports import base, text
from ampsim.reports.model import Key, Plot, Section, Sheet, Shown, View
from ampsim.result.analysis.traffic import arrows
from ampsim.result.schema import KINDS, Array, Table

MOST_TASKS = 20_000
OPENING = (160, 15)
"""Tasks on show when the page opens, in all and at least for each worker; more would be too thin to see."""

MOST_ARROWS = 6_000
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
    tasks, horizon = shown.run.tables["tasks"], shown.horizon
    windows = drawn_windows(tasks["start"], horizon)
    chosen = np.flatnonzero(_within(tasks["start"], windows))
    scale, title = base.time_axis(horizon)
    rows = shown.run.workers
    each = 30 if rows <= 12 else 18 if rows <= 40 else 10
    figure = base.frame(80 + rows * each, title)
    width = max(4, round(each * 0.62))
    groups: dict[int, list[int]] = {}
    kinds: dict[int, list[int]] = {}
    category = tasks["node"][chosen].astype(np.int64) * len(KINDS) + tasks["kind"][chosen]
    for number, found in enumerate(np.unique(category).tolist()):
        node, kind = divmod(found, len(KINDS))
        groups.setdefault(node, []).append(number)
        kinds.setdefault(kind, []).append(number)
        add_bars(figure, tasks, chosen[category == found], scale, f"{shown.nodes[node]}, {KINDS[kind]}",
                 _colour(shown, node, kind), width)  # fmt: skip
    figure.update_yaxes(
        tickmode="array", tickvals=list(range(0, rows, max(1, rows // 40))),
        ticktext=shown.workers[:: max(1, rows // 40)], showgrid=False, range=[rows - 0.5, -0.5], fixedrange=True,
    )  # fmt: skip
    figure.update_layout(hoverdistance=-1)
    note = shade_gaps(figure, windows, tasks["start"], scale, horizon)
    if len(groups) > base.HUES:
        note = f"{note} Colours come round again after {base.HUES} nodes.".strip()
    views = opening_views(tasks["start"], max(OPENING[0], OPENING[1] * rows), scale, horizon)
    figure.update_xaxes(range=views[1].layout["xaxis.range"])
    legend = [Key(shown.nodes[node], _colour(shown, node, 0), tuple(numbers)) for node, numbers in groups.items()]
    legend += [Key(KINDS[kind], f"var(--hue-0{_SHADE[kind]})", tuple(numbers)) for kind, numbers in kinds.items()]
    keys, said = add_arrows(figure, shown, scale)
    legend += keys
    note = f"{note} {said}".strip()
    described = f"Gantt chart of {len(chosen):,} tasks of {rows} workers."
    return Plot(figure, described, shown.title("tasks over time"), legend, views, note)


def _colour(shown: Shown, node: int, kind: int) -> str:
    """Nodes that head tasks get hues in their order, so that neighbours differ."""
    heads = np.unique(shown.run.tables["tasks"]["node"])
    return f"var(--hue-{int(np.searchsorted(heads, node)) % base.HUES + 1}{_SHADE[kind]})"


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
    found = arrows(shown.run.tables, shown.run.workers)
    total = len(found.sent)
    if not total:
        return [], ""
    windows = drawn_windows(found.sent, shown.horizon, MOST_ARROWS)
    chosen = _within(found.sent, windows)
    unit = text.time_unit(1.0 / scale)[1]
    legend = []
    for direction, (name, colour) in enumerate(_ARROWS):
        mine = np.flatnonzero(chosen & (found.direction == direction))
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
    if chosen.sum() < total:
        note += f" {int(chosen.sum()):,} of {total:,} arrows are drawn: those of the beginning, the middle and the end."
    return legend, note


def drawn_windows(start: Array, horizon: float, most: int | None = None) -> list[tuple[float, float]]:
    """All of the run, or its beginning, middle and end with a third each of the ``most`` things that can be drawn."""
    most = MOST_TASKS if most is None else most
    if len(start) <= most:
        return [(0.0, horizon)]
    ordered = np.sort(start)
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


def shade_gaps(figure: Any, windows: Sequence[tuple[float, float]], start: Array, scale: float, horizon: float) -> str:
    """Grey where tasks are left out, and the note that says so."""
    if len(windows) == 1:
        return ""
    for (_, low), (high, _) in pairwise(windows):
        missing = int(((start >= low) & (start < high)).sum())
        figure.add_vrect(x0=low * scale, x1=high * scale, fillcolor="var(--grid)", line_width=0, layer="below")
        figure.add_annotation(x=(low + high) / 2 * scale, y=0.5, yref="paper", showarrow=False,
                              text=f"{missing:,} tasks not drawn", font={"color": base.SOFT, "size": 12})  # fmt: skip
    return (
        f"{len(start):,} tasks are too many to draw: shown are all tasks of the beginning, the middle and the end, "
        f"{MOST_TASKS:,} in sum. The grey stretches are left out here; the run's table holds every task."
    )


def opening_views(start: Array, few: int, scale: float, horizon: float) -> list[View]:
    """Stretches of time with ``few`` tasks at the beginning, in the middle and at the end."""
    ordered = np.sort(start)
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
    tasks = shown.run.tables["tasks"]
    category = tasks["node"].astype(np.int64) * len(KINDS) + tasks["kind"]
    length = tasks["end"] - tasks["start"]
    total = float(length.sum()) or 1.0
    rows = []
    for found in np.unique(category).tolist():
        mine = category == found
        node, kind = divmod(found, len(KINDS))
        spent, flop = float(length[mine].sum()), float((tasks["matmul"][mine] + tasks["vector"][mine]).sum())
        count = int(mine.sum())
        rows.append([
            shown.run.summary["nodes"][node], KINDS[kind], text.number(count), text.seconds(spent),
            text.percent(spent / total), text.seconds(spent / count), text.seconds(float(length[mine].max())),
            text.number(float(tasks["rows"][mine].mean())), text.si(flop / spent if spent else None, "FLOP/s"),
        ])  # fmt: skip
    header = ("node", "kind", "tasks", "time", "share of busy", "mean", "longest", "rows a task", "rate")
    return Sheet(header, rows, shown.title("tasks by node and kind"), "llrrrrrrr")
