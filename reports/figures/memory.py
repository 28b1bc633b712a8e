"""Memory of each worker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ampsim.reports import base, text
from ampsim.reports.figures.links import prefix_of
from ampsim.reports.model import Key, Plot, Section, Sheet, Shown
from ampsim.result.analysis.memory import DYNAMIC, PARTS, STATIC, Memory, memory

MOST_LINES = 6
MOST_ROWS = 40
CAPTION = (
    "Parameters, gradients and optimizer state are there all the time. Caches hold what forward passes keep for their "
    "backward passes, deferred rows wait for their weight gradient, queues and outboxes hold messages: these grow with "
    "the instances in flight. Levels are taken at the ends of tasks."
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
    return Section("memory", "Memory", CAPTION, [*blocks, *sheets], "No memory was recorded.")


def over_time(shown: Shown, found: Memory) -> Plot:
    """The highest level in each bin: lines for few workers, shades for many."""
    edges = base.edges_of(shown.horizon)
    scale, title = base.time_axis(shown.horizon)
    levels = np.stack([steps.peak(edges) for steps in found.levels]).astype(np.float64)
    factor, prefix = prefix_of(float(levels.max(initial=0.0)))
    levels /= factor
    note = f"The highest level in each bin of {text.seconds(shown.horizon / base.BINS)}."
    if len(levels) > MOST_LINES:
        figure = base.frame(base.rows_height(len(levels)), title)
        hover = "%{y}<br>%{z:.4g} " + f"{prefix}B<extra></extra>"
        base.heat(figure, edges * scale, shown.workers, levels, "var(--hue-3)", hover, float(levels.max()))
        return Plot(figure, "Heat map: memory of each worker over the run.",
                    shown.title(f"memory of each worker ({prefix}B)"), note=note)  # fmt: skip
    figure = base.frame(240, title, f"memory ({prefix}B)")
    for worker, name in enumerate(shown.workers):
        figure.add_scatter(
            x=base.middles(edges) * scale, y=levels[worker].astype(np.float32), name=name, mode="lines",
            line={"color": base.hue(worker), "width": 1.6, "shape": "hvh"},
            hovertemplate="%{fullData.name}: %{y:.4g} " + f"{prefix}B<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(rangemode="tozero", fixedrange=True)
    figure.update_xaxes(range=[0, shown.horizon * scale])
    figure.update_layout(hovermode="x")
    legend = [Key(name, base.hue(worker), (worker,)) for worker, name in enumerate(shown.workers)]
    return Plot(
        figure, "Lines: memory of each worker over the run.", shown.title("memory over time"), legend, note=note
    )


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
    legend = [Key(part, _COLOURS[part], (n,)) for n, part in enumerate(PARTS) if found.peak[:, n].any()]
    note = f"The {len(rows)} of {len(sums):,} workers that held most." if len(rows) < len(sums) else ""
    described = "Stacked bars: parameters, caches and other parts of each worker's memory at its highest."
    return Plot(figure, described, shown.title("what the highest level consisted of"), legend, note=note)


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
