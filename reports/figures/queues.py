"""Messages that wait in front of workers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ampsim.reports import base, text
from ampsim.reports.model import Plot, Section, Sheet, Shown
from ampsim.result.analysis.queues import queue_lengths
from ampsim.result.analysis.steps import Binned

MOST_LINES = 6
CAPTION = (
    "Messages that have arrived at a worker and wait for the task that takes them. A queue that keeps growing, or one "
    "worker with a long queue beside workers without any, points at the bottleneck: this worker limits the pipeline."
)


def section(runs: Sequence[Shown]) -> Section:
    """Queue lengths of each run over time."""
    timed = [shown for shown in runs if shown.clocked and shown.run.tables["messages"].rows]
    blocks: list[Plot | Sheet] = []
    sheets: list[Sheet] = []
    for shown in timed:
        edges = base.edges_of(shown.horizon)
        queues = [queue.binned(edges) for queue in queue_lengths(shown.run.tables, shown.run.workers)]
        blocks.append(plot(shown, queues))
        sheets.append(table(shown, queues))
    return Section("queues", "Queues", CAPTION, [*blocks, *sheets], "No message waited for a measurable time.")


def plot(shown: Shown, queues: Sequence[Binned]) -> Plot:
    """Lines for few workers, shades for many."""
    edges = base.edges_of(shown.horizon)
    scale, title = base.time_axis(shown.horizon)
    mean = np.stack([queue.mean for queue in queues])
    peak = np.stack([queue.peak for queue in queues])
    note = f"Means over bins of {text.seconds(shown.horizon / base.BINS)}"
    if len(queues) > MOST_LINES:
        figure = base.frame(base.rows_height(len(queues)), title)
        hover = "%{y}<br>up to %{z} messages<extra></extra>"
        base.heat(figure, edges * scale, shown.workers, peak, "var(--busy)", hover, float(peak.max()))
        described = "Heat map: the longest queue of each worker in each stretch of time."
        return Plot(
            figure, described, shown.title("longest queue of each worker"), note="Each cell is the most in its bin."
        )
    figure, legend = base.levels(shown.horizon, "messages waiting", shown.workers, mean, peak)
    described = "Lines: the number of waiting messages at each worker over the run."
    return Plot(
        figure, described, shown.title("messages waiting"), legend, note=f"{note}; the pointer shows the most in each."
    )


def table(shown: Shown, queues: Sequence[Binned]) -> Sheet:
    """Mean and longest queue by worker."""
    names = shown.run.summary["worker_names"]
    rows = [
        [name, text.number(queue.overall), text.number(queue.highest)]
        for name, queue in zip(names, queues, strict=True)
    ]
    return Sheet(("worker", "mean queue", "longest queue"), rows, shown.title("queues (messages)"))
