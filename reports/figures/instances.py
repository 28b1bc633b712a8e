"""Instances in flight, all runs in one frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ampsim.reports import base, text
from ampsim.reports.model import Plot, Section, Sheet, Shown
from ampsim.result.analysis.instances import in_flight, max_active_keys

FAR = 4
"""A limit that is so many times the most that was in flight is told, not drawn."""
CAPTION = (
    "Instances admitted and not yet completed. The controller keeps at most max_active_keys in flight; where the line "
    "stays below that, it had nothing to admit, as at the end of an epoch, waited for an update, or memory was full."
)


def section(runs: Sequence[Shown]) -> Section:
    """Training and validation instances over the share of the run, so that runs of any length compare."""
    timed = [shown for shown in runs if shown.clocked and len(shown.run.tables["instances"]["instance"])]
    blocks: list[Plot | Sheet] = [plot(shown) for shown in timed]
    if timed:
        blocks.append(table(timed))
    return Section("instances", "Instances in flight", CAPTION, blocks, "No instance took a measurable time.")


def plot(shown: Shown) -> Plot:
    """Means over bins."""
    edges = base.edges_of(shown.horizon)
    several = [in_flight(shown.run.tables, training=training) for training in (True, False)]
    mean, peak = (np.stack([getattr(steps, of)(edges) for steps in several]) for of in ("mean", "peak"))
    names, top, said = ("training", "validation"), max(steps.highest for steps in several), ""
    figure, legend = base.levels(shown.horizon, "instances in flight", names, mean, peak, 220, "hvh")
    limit = max_active_keys(shown.run.config)
    if limit is not None and limit <= FAR * top:
        figure.add_hline(y=limit, line={"color": base.SOFT, "width": 1, "dash": "dash"})
        figure.add_annotation(x=1, xref="paper", y=limit, yshift=9, xanchor="right", showarrow=False,
                              text=f"max_active_keys {limit:,}", font={"size": 11, "color": base.SOFT})  # fmt: skip
        figure.update_yaxes(range=[0, 1.15 * limit], rangemode="normal")
    elif limit is not None:
        said = f" Up to {limit:,} were allowed."
    note = f"Means over bins of {text.seconds(shown.horizon / base.BINS)}; the pointer shows the most in each.{said}"
    described = "Lines: instances of training and validation in flight over the run."
    return Plot(figure, described, shown.title("instances in flight"), legend, note=note)


def table(runs: Sequence[Shown]) -> Sheet:
    """Counts and how long an instance took."""
    rows = []
    for shown in runs:
        table = shown.run.tables["instances"]
        for name, training in (("training", True), ("validation", False)):
            mine = table["training"] == training
            if not mine.any():
                continue
            took = table["completed"][mine] - table["admitted"][mine]
            steps = in_flight(shown.run.tables, training=training)
            rows.append([
                shown.label, name, text.number(int(mine.sum())), text.number(int(table["rows"][mine].sum())),
                text.number(steps.highest), text.seconds(float(took.mean())), text.seconds(float(took.max())),
            ])  # fmt: skip
    header = ("run", "kind", "instances", "rows", "most in flight", "mean time in flight", "longest")
    return Sheet(header, rows, "Instances", "llrrrrr")
