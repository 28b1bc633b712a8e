"""The critical path: where it runs, and which resources it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ampsim.reports import base, text
from ampsim.reports.figures.gantt import OPENING, drawn_windows, opening_views
from ampsim.reports.model import Key, Plot, Section, Sheet, Shown, distinct
from ampsim.result.analysis.resources import (
    COMPUTING,
    FASTER,
    KINDS,
    LINKS,
    NO_TASK,
    NOWHERE,
    PER_WORKER,
    Part,
    bound,
)
from ampsim.result.schema import KINDS as TASKS
from ampsim.result.schema import Array

ALL = ("computing", "messaging", "links", "admission", "waiting for memory", "synchronisation", "waiting for input")
"""The kinds of resources in words, of all that are of one kind."""

MOST_PIECES = 9_000
MOST_ROWS = 24
MOST_BARS = 14
LEAST = 0.001
MUCH = 0.05
"""If the resources without a bar have more than this share, they get bars in sum."""
FEW_PIECES = 2 * base.BINS
"""Up to so many the drawing of all pieces says more than means over bins."""
CAPTION = (
    "The chain of tasks and waits that the run was as long as: each began when the one before it was over. To make "
    "the run shorter, something on this chain has to become faster; the rest of the time of a worker is slack. The "
    "bars say whose time it was. What has a share s of the path and becomes twice as fast shortens the run by about "
    "s / 2 at most, as long as everything happens in the same order: by less, if another chain becomes the longest."
)
COLOURS = dict(zip(KINDS, (
    "var(--busy)", "var(--messaging)", "var(--link)", "var(--admission)", "var(--memory)", "var(--synchronisation)",
    "var(--waiting)"), strict=True))  # fmt: skip
_OFF_LINKS = "way to or from the controller"
_OTHERS = {"admission": "admission", "memory": "waiting for memory", "synchronisation": "synchronisation",
           "input": "waiting for input"}  # fmt: skip


def section(runs: Sequence[Shown]) -> Section:
    """The path of each run over time, in sum, and as a table."""
    timed = [shown for shown in runs if shown.clocked and shown.parts]
    blocks: list[Plot | Sheet] = []
    for shown in timed:
        blocks += [totals(shown), lane(shown)]
        if len(shown.pieces.begin) > FEW_PIECES:
            blocks.append(over_time(shown))
    for shown in timed:
        blocks += [table(shown), by_node(shown)]
    left_out = [_too_long(shown) for shown in runs if shown.too_long]
    if blocks and left_out:
        blocks.append(Sheet(("note",), [[said] for said in left_out], "Left out", "l", open=True))
    return Section("path", "Critical path", CAPTION, blocks, " ".join(left_out) or "There are no tasks with a time.")


def _too_long(shown: Shown) -> str:
    return (
        f"The run {shown.label} has {shown.tasks_a_worker:,} tasks a worker, and its path may have more: it is not "
        "looked for here. ampsim.result.analysis.path.critical_path finds it, in some gigabytes of memory."
    )


def name(shown: Shown, part: Part, *, start: bool = False) -> str:
    """A resource in words, not yet escaped; as the ``start`` of a sentence."""
    kind = KINDS[part.kind]
    if part.kind in PER_WORKER:
        found = f"{kind} on {_worker(shown, part.which)}"
    elif part.kind == LINKS:
        found = f"link {shown.run.summary['links'][part.which]}" if part.which != NOWHERE else _OFF_LINKS
    else:
        found = _OTHERS[kind]
    if not start:
        return found
    return f"The {found}" if part.kind == LINKS else f"{found[:1].upper()}{found[1:]}"


def _worker(shown: Shown, worker: int) -> str:
    return str(shown.run.summary["worker_names"][worker]) if worker != NOWHERE else "the controller"


def totals(shown: Shown) -> Plot:
    """A bar a resource, the largest first; then, where much is left, a pale bar for the others of each kind."""
    first = [part for part in shown.parts[:MOST_BARS] if part.share >= LEAST] or shown.parts[:1]
    others = shown.parts[len(first) :]
    left = sum(part.share for part in others)
    rest = _rest(others) if left > MUCH else []
    drawn = [*first, *(part for part, _ in rest)]
    names = distinct([*(text.label(name(shown, part), 40) for part in first), *(said for _, said in rest)])
    figure = base.frame(base.rows_height(len(drawn)), "share of the path (%)")
    kinds = sorted({part.kind for part in drawn})
    strong = dict.fromkeys(names[: len(first)], 1.0)
    for kind in kinds:
        mine = [(row, part) for row, part in zip(names, drawn, strict=True) if part.kind == kind]
        figure.add_bar(
            orientation="h", y=[row for row, _ in mine], x=[100 * part.share for _, part in mine], name=KINDS[kind],
            marker={"color": COLOURS[KINDS[kind]], "line": {"width": 0},
                    "opacity": [strong.get(row, 0.5) for row, _ in mine]}, cliponaxis=False,
            text=[text.percent(part.share) for _, part in mine], textposition="outside",
            textfont={"size": 11, "color": base.SOFT}, customdata=[text.seconds(part.seconds) for _, part in mine],
            hovertemplate="%{y}<br>%{customdata}, %{x:.2f} %<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack")
    figure.update_xaxes(range=[0, max(100 * part.share for part in drawn) * 1.15])
    base.row_axis(figure, names)
    amount = text.percent(left) if left >= 0.0005 else "next to nothing"
    note = (
        f"{len(others):,} more, with {amount} in sum, stand{'s' * (len(others) == 1)} in the table." if others else ""
    )
    note = f"Pale bars are sums over the others of a kind. {note}" if rest else note
    legend = [Key(KINDS[kind], COLOURS[KINDS[kind]], (number,)) for number, kind in enumerate(kinds)]
    described = f"Bars: shares of the critical path by resource; {name(shown, first[0])} has the largest."
    return Plot(figure, described, shown.title("critical path by resource"), legend, note=note)


def _rest(others: Sequence[Part]) -> list[tuple[Part, str]]:
    """One part for all of a kind that have no bar of their own, the largest first, and what it is called."""
    found = []
    for kind in sorted({part.kind for part in others}):
        mine = [part for part in others if part.kind == kind]
        shares, seconds = sum(part.share for part in mine), sum(part.seconds for part in mine)
        if shares >= LEAST:
            whole = Part(kind, NOWHERE, seconds, shares, sum(part.pieces for part in mine), 0.0)
            found.append((whole, f"{KINDS[kind]}, {len(mine):,} more"))
    return sorted(found, key=lambda entry: -entry[0].share)


class _Rows(NamedTuple):
    """Rows of the drawing: their names, and the row of each piece."""

    names: list[str]
    of: Array


def _rows(shown: Shown) -> _Rows:
    """Workers, links and the controller, those with the largest part of the path; what is left shares the last row."""
    found, workers, links = shown.pieces, shown.run.workers, len(shown.run.summary["links"])
    # Work and waits lie on the worker, messages under way on the link; the controller is what is neither.
    controller, way = workers + links, workers + links + 1
    place = np.where(found.worker >= 0, found.worker, controller)
    place = np.where(found.kind == LINKS, np.where(found.index == NOWHERE, way, workers + found.index), place)
    spent = np.bincount(place, found.length, way + 1)
    kept = np.argsort(-spent, kind="stable")[:MOST_ROWS]
    kept = np.sort(kept[spent[kept] > 0])
    names = [
        shown.workers[row] if row < workers else shown.links[row - workers] if row < controller
        else "controller" if row == controller else _OFF_LINKS
        for row in kept.tolist()
    ]  # fmt: skip
    rows = np.full(way + 1, len(kept))
    rows[kept] = np.arange(len(kept))
    if len(kept) < int((spent > 0).sum()):
        names.append(f"{int((spent > 0).sum()) - len(kept):,} others")
    return _Rows(distinct(names), rows[place])


def lane(shown: Shown) -> Plot:
    """The path as a staircase: from row to row over time."""
    found, rows = shown.pieces, _rows(shown)
    scale, title = base.time_axis(shown.horizon)
    windows = drawn_windows(found.begin, shown.horizon, MOST_PIECES)
    chosen = np.zeros(len(found.begin), np.bool_)
    for low, high in windows:
        chosen |= (found.begin >= low) & ((found.begin < high) | (high == windows[-1][1]))
    kept = np.flatnonzero(chosen)
    each = 26 if len(rows.names) <= 12 else 20
    figure = base.frame(80 + max(2, len(rows.names)) * each, title)
    _stairs(figure, kept, found.begin * scale, found.end * scale, rows.of)
    legend = []
    for kind in np.unique(found.kind[kept]).tolist():
        mine = kept[found.kind[kept] == kind]
        legend.append(Key(KINDS[kind], COLOURS[KINDS[kind]], (len(figure.data),)))
        _bars(figure, shown, mine, (found.begin[mine] * scale, found.end[mine] * scale), rows.of[mine], kind)
    figure.update_yaxes(tickmode="array", tickvals=list(range(len(rows.names))), ticktext=rows.names,
                        range=[len(rows.names) - 0.5, -0.5], fixedrange=True)  # fmt: skip
    figure.update_layout(hoverdistance=-1)
    views = opening_views(found.begin, OPENING[0], scale, shown.horizon)
    figure.update_xaxes(range=views[1].layout["xaxis.range"])
    note = ""
    if len(windows) > 1:
        note = (
            f"{len(found.begin):,} pieces are too many to draw: shown are those of the beginning, the middle and the "
            f"end, {MOST_PIECES:,} in sum. The bars above and the areas below are of the whole path."
        )
    described = f"The critical path from row to row over time, {len(kept):,} pieces on {len(rows.names)} rows."
    return Plot(figure, described, shown.title("where the critical path runs"), legend, views, note)


def _stairs(figure: Any, kept: Array, begin: Array, end: Array, row: Array) -> None:
    """One thin line through all pieces; broken where pieces are left out."""
    x = np.column_stack((begin[kept], end[kept])).ravel()
    y = np.repeat(row[kept], 2).astype(np.float32)
    gaps = 2 * (np.flatnonzero(np.diff(kept) > 1) + 1)
    figure.add_scatter(
        x=np.insert(x, gaps, np.nan), y=np.insert(y, gaps, np.nan), mode="lines", hoverinfo="skip", name="path",
        line={"width": 1.2, "color": base.SOFT, "simplify": False},
    )  # fmt: skip


def _bars(figure: Any, shown: Shown, mine: Array, times: tuple[Array, Array], row: Array, kind: int) -> None:
    begin, end = times
    x = np.column_stack((begin, (begin + end) / 2, end, np.full(len(mine), np.nan))).ravel()
    unit = text.time_unit(shown.horizon)[1]
    if kind == COMPUTING:
        tasks, task = shown.run.tables["tasks"], shown.pieces.task[mine]
        names = [f"{shown.nodes[n]} {TASKS[k]}"
                 for n, k in zip(tasks["node"][task].tolist(), tasks["kind"][task].tolist(), strict=True)]  # fmt: skip
    else:
        names = [KINDS[kind]] * len(mine)
    facts = [[said, f"{length:.4g} {unit}"] for said, length in zip(names, (end - begin).tolist(), strict=True)]
    figure.add_scatter(
        x=x, y=np.repeat(row, 4).astype(np.float32), mode="lines", name=KINDS[kind],
        line={"width": 13 if kind == COMPUTING else 7, "color": COLOURS[KINDS[kind]], "simplify": False},
        customdata=[fact for fact in facts for _ in range(4)],
        hovertemplate="%{customdata[0]}<br>%{customdata[1]} at %{x:.6g} " + unit + "<extra></extra>",
    )  # fmt: skip


def over_time(shown: Shown) -> Plot:
    """What the path was made of, bin by bin."""
    edges = base.edges_of(shown.horizon)
    scale, title = base.time_axis(shown.horizon)
    seconds = shown.pieces.over_time(edges)
    share = 100 * seconds / np.diff(edges)
    figure = base.frame(220, title, "share of the path (%)")
    legend = []
    for kind in np.flatnonzero(seconds.any(axis=1)).tolist():
        colour = COLOURS[KINDS[kind]]
        legend.append(Key(KINDS[kind], colour, (len(figure.data),)))
        figure.add_scatter(
            x=base.middles(edges) * scale, y=share[kind].astype(np.float32), name=KINDS[kind], mode="lines",
            stackgroup="all", line={"width": 0, "shape": "hvh"}, fillcolor=colour,
            hovertemplate="%{fullData.name}: %{y:.1f} %<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(range=[0, 100], fixedrange=True)
    figure.update_xaxes(range=[0, shown.horizon * scale])
    figure.update_layout(hovermode="x")
    note = f"Means over bins of {text.seconds(shown.horizon / base.BINS)}."
    described = "Stacked areas: what the critical path consisted of over the run."
    return Plot(figure, described, shown.title("what the path is made of over time"), legend, note=note)


def table(shown: Shown) -> Sheet:
    """Time and share of each resource, and what it could gain."""
    rows = [
        [name(shown, part), KINDS[part.kind], text.number(part.pieces), text.seconds(part.seconds),
         text.percent(part.share), text.percent(bound([part], shown.parts)) if part.kind in FASTER else text.NONE]
        for part in shown.parts
    ]  # fmt: skip
    header = ("resource", "kind", "pieces", "time", "of the path", "twice as fast: shorter by at most")
    return Sheet(header, rows, shown.title("critical path by resource"), "llrrrr")


def by_node(shown: Shown) -> Sheet:
    """The path's tasks by node and kind."""
    tasks, found = shown.run.tables["tasks"], shown.pieces
    mine = found.task[found.task != NO_TASK]
    length = found.length[found.task != NO_TASK]
    category = tasks["node"].astype(np.int64) * len(TASKS) + tasks["kind"]
    keys, place = np.unique(category[mine], return_inverse=True)
    spent, count = np.bincount(place, length, len(keys)), np.bincount(place, minlength=len(keys))
    everywhere = np.bincount(category, minlength=int(keys.max(initial=0)) + 1)[keys]
    rows = []
    for row in np.argsort(-spent, kind="stable").tolist():
        node, kind = divmod(int(keys[row]), len(TASKS))
        share = float(spent[row]) / shown.horizon
        rows.append([
            shown.run.summary["nodes"][node], TASKS[kind], text.number(int(count[row])),
            text.percent(count[row] / everywhere[row]), text.seconds(float(spent[row])), text.percent(share),
        ])  # fmt: skip
    header = ("node", "kind", "tasks on the path", "of all its tasks", "time", "of the path")
    return Sheet(header, rows, shown.title("critical path by node"), "llrrrr")
