"""Memory of each worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ampsim.reports import base, text
from ampsim.reports.figures.links import prefix_of
from ampsim.reports.model import Key, Plot, Section, Sheet, Shown, View, distinct
from ampsim.result.analysis.memory import DYNAMIC, PARTS, STATIC, Memory, Store, memory, stores
from ampsim.result.schema import Array

MOST_LINES = 6
MOST_ROWS = 40
CAPTION = (
    "Parameters, gradients and optimizer state are there all the time. Caches hold what forward passes keep for their "
    "backward passes, deferred rows wait for their weight gradient, queues and outboxes hold messages: these grow with "
    "the instances in flight. Levels are taken at the ends of tasks. Near the capacity a chip spills, drops or holds "
    "instances back, as its system says."
)
_COLOURS = {part: base.hue(number) for number, part in enumerate(PARTS)}


def section(runs: Sequence[Shown]) -> Section:
    """Levels over time, and what the highest consisted of."""
    blocks: list[Plot | Sheet] = []
    sheets: list[Sheet] = []
    for shown in runs:
        if not len(shown.run.tables["memory"]["time"]):
            continue
        found = memory(shown.run.tables, shown.run.workers, shown.run.summary["static_memory"])
        if shown.clocked:
            blocks.append(over_time(shown, found))
        blocks.append(peaks(shown, found))
        sheets.append(table(shown, found))
        shared = [store for store in stores(found, shown.run.summary) if len(store.workers) > 1]
        sheets += [chips(shown, shared)] if shared else []
    return Section("memory", "Memory", CAPTION, [*blocks, *sheets], "No memory was recorded.")


def over_time(shown: Shown, found: Memory) -> Plot:
    """The highest level in each bin, of every memory: lines for few, shades for many."""
    memories = stores(found, shown.run.summary)
    names = distinct([text.label(store.name) for store in memories])
    edges = base.edges_of(shown.horizon)
    scale, title = base.time_axis(shown.horizon)
    levels = np.stack([store.level.peak(edges) for store in memories]).astype(np.float64)
    highest = float(levels.max(initial=0.0))
    sizes = [store.capacity for store in memories]
    note = f"The highest level in each bin of {text.seconds(shown.horizon / base.BINS)}."
    if any(len(store.workers) > 1 for store in memories):
        note += " The units of a chip share its memory: their levels are added up."
    of = "chip" if shown.run.summary.get("chips") else "worker"
    if len(levels) > MOST_LINES:
        return _shades(shown, levels, names, sizes, note, of)
    factor, prefix = prefix_of(highest)
    figure = base.frame(260, title, f"memory ({prefix}B)")
    for row, name in enumerate(names):
        figure.add_scatter(
            x=base.middles(edges) * scale, y=(levels[row] / factor).astype(np.float32), name=name, mode="lines",
            line={"color": base.hue(row), "width": 1.8, "shape": "hvh"},
            hovertemplate="%{fullData.name}: %{y:.4g} " + f"{prefix}B<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(range=[0, shown.horizon * scale])
    figure.update_layout(hovermode="x")
    top = max(highest, 1.0) / factor
    views, said = _against(figure, sizes, top, factor)
    figure.update_yaxes(range=[0, (views[0].layout["yaxis.range"][1] if views else 1.08 * top)], fixedrange=True)
    legend = [Key(name, base.hue(row), (row,)) for row, name in enumerate(names)]
    described = f"Lines: memory of each {of} over the run, with its capacity where that is known."
    return Plot(figure, described, shown.title("memory over time"), legend, views, f"{note} {said}".strip())


def _against(figure: Any, sizes: Sequence[int | None], top: float, factor: float) -> tuple[list[View], str]:
    """A line for each capacity, and views of the levels alone and below it; the first is the one that says more."""
    known = sorted({size for size in sizes if size})
    if not known:
        return [], "No capacity is known."
    several = len(known) > 1
    for size in known:
        owners = [row for row, found in enumerate(sizes) if found == size]
        colour = base.hue(owners[0]) if several and len(owners) == 1 else "var(--bad)"
        figure.add_hline(y=size / factor, line={"color": colour, "width": 1.3, "dash": "dash"})
        figure.add_annotation(
            x=1, xref="paper", y=size / factor, yshift=9, xanchor="right", showarrow=False,
            text=f"capacity {text.si(float(size), 'B')}", font={"size": 11, "color": colour},
        )  # fmt: skip
    views = [View("Up to the highest level", {"yaxis.range": [0, 1.08 * top]}),
             View("Up to the capacity", {"yaxis.range": [0, 1.12 * max(top, known[-1] / factor)]})]  # fmt: skip
    near = top > 0.2 * known[0] / factor
    least = text.si(float(known[0]), "B") + (" or more" if several else "")
    said = "" if near else f"The capacity, {least}, lies far above: see the second view."
    return (views[::-1] if near else views), said


def _shades(shown: Shown, levels: Array, names: Sequence[str], sizes: Sequence[int | None], note: str, of: str) -> Plot:
    """A row a memory: shares of the capacity where all are known, else bytes."""
    scale, title = base.time_axis(shown.horizon)
    known = [size for size in sizes if size]
    shares = len(known) == len(sizes)
    factor, prefix = prefix_of(float(levels.max(initial=0.0)))
    shades = 100 * levels / np.asarray(known)[:, None] if shares else levels / factor
    unit = "% of its capacity" if shares else f"{prefix}B"
    figure = base.frame(base.rows_height(len(levels)), title)
    hover = "%{y}<br>%{z:.4g} " + f"{unit}<extra></extra>"
    edges = base.edges_of(shown.horizon)
    base.heat(figure, edges * scale, names, shades, "var(--hue-3)", hover, float(shades.max(initial=0.0)))
    described = f"Heat map: memory of each {of} over the run."
    return Plot(figure, described, shown.title(f"memory of each {of} ({unit})"), note=note)


def peaks(shown: Shown, found: Memory) -> Plot:
    """What each worker held when it held most."""
    sums = found.peak.sum(axis=1)
    rows = list(range(len(sums))) if len(sums) <= MOST_ROWS else np.argsort(-sums, kind="stable")[:MOST_ROWS].tolist()
    names = [shown.workers[row] for row in rows]
    factor, prefix = prefix_of(float(sums.max(initial=0)))
    figure = base.frame(base.rows_height(len(rows)), f"memory at its highest ({prefix}B)")
    for number, part in enumerate(PARTS):
        figure.add_bar(
            orientation="h", y=names, x=found.peak[rows, number] / factor, name=part,
            marker={"color": _COLOURS[part], "line": {"width": 0}},
            hovertemplate="%{y}<br>%{fullData.name}: %{x:.4g} " + f"{prefix}B<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack")
    base.row_axis(figure, names)
    if len(rows) <= 16:
        figure.add_bar(
            orientation="h", y=names, x=np.zeros(len(rows)), base=sums[rows] / factor, hoverinfo="skip",
            text=[text.si(float(sums[row]), "B") for row in rows], textposition="outside", cliponaxis=False,
            textfont={"size": 11, "color": base.SOFT},
        )  # fmt: skip
        figure.update_xaxes(range=[0, 1.14 * float(sums.max(initial=1)) / factor])
    legend = [Key(part, _COLOURS[part], (n,)) for n, part in enumerate(PARTS) if found.peak[:, n].any()]
    note = f"The {len(rows)} of {len(sums):,} workers that held most." if len(rows) < len(sums) else ""
    described = "Stacked bars: parameters, caches and other parts of each worker's memory at its highest."
    return Plot(figure, described, shown.title("what the highest level consisted of"), legend, note=note)


def chips(shown: Shown, shared: Sequence[Store]) -> Sheet:
    """Of chips whose units share a memory, what all of them held at once."""
    rows = [
        [store.name, ", ".join(shown.run.summary["worker_names"][worker] for worker in store.workers),
         text.si(float(store.level.highest), "B"), text.si(store.capacity, "B"),
         text.percent(store.level.highest / store.capacity) if store.capacity else text.NONE]
        for store in shared
    ]  # fmt: skip
    header = ("chip", "units", "highest level", "capacity", "of capacity")
    return Sheet(header, rows, shown.title("chips whose units share a memory"), "llrrr")


def table(shown: Shown, found: Memory) -> Sheet:
    """Parts at the peak, and the capacity where it is known."""
    rows = []
    for worker, (name, capacity) in enumerate(
        zip(shown.run.summary["worker_names"], shown.run.summary["capacity"], strict=True)
    ):
        total = found.levels[worker].highest
        share = text.percent(total / capacity) if capacity else text.NONE
        parts = (text.si(float(size), "B") for size in found.peak[worker])
        rows.append([name, *parts, text.si(float(total), "B"), text.si(capacity, "B"), share])
    header = ("worker", *STATIC, *DYNAMIC, "highest in all", "capacity", "of capacity")
    return Sheet(header, rows, shown.title("memory at its highest"))
