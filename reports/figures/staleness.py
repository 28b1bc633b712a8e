"""How old the parameters behind the gradients were."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ampsim.reports import base, text
from ampsim.reports.model import Key, Plot, Section, Sheet, Shown
from ampsim.result.analysis.staleness import Histogram, histograms
from ampsim.result.schema import Array

MOST_BARS = 6
CAPTION = (
    "Staleness of a gradient is the number of updates its node made between the forward pass and the use of the "
    "gradient. Zero throughout is synchronous training; long tails slow learning down. Fewer instances in flight, or "
    "more gradients to an update, shorten them."
)


def section(runs: Sequence[Shown]) -> Section:
    """A histogram a run, and a table."""
    blocks: list[Plot | Sheet] = []
    sheets: list[Sheet] = []
    for shown in runs:
        found = histograms(shown.run.tables)
        if found:
            blocks.append(plot(shown, found))
            sheets.append(table(shown, found))
    return Section("staleness", "Staleness", CAPTION, [*blocks, *sheets], "These runs have no gradients.")


def plot(shown: Shown, found: Sequence[Histogram]) -> Plot:
    """Bars side by side for few nodes, shades for many."""
    top = max(histogram.highest for histogram in found) + 1
    shares = np.stack([100 * _fitted(histogram, top) / histogram.gradients for histogram in found])
    names = [shown.nodes[histogram.node] for histogram in found]
    title = shown.title("share of each node's gradients (%)")
    if len(found) > MOST_BARS:
        figure = base.frame(base.rows_height(len(found)), "staleness (versions)")
        hover = "%{y}<br>staleness %{x:.0f}: %{z:.1f} %<extra></extra>"
        base.heat(figure, np.arange(top + 1) - 0.5, names, shares, "var(--busy)", hover, float(shares.max()))
        figure.add_scatter(
            x=[histogram.mean for histogram in found], y=names, mode="markers",
            marker={"symbol": "line-ns", "size": 10, "line": {"width": 2.5, "color": "var(--link)"}},
            hovertemplate="%{y}<br>mean staleness %{x:.2f}<extra></extra>", name="mean",
        )  # fmt: skip
        figure.update_xaxes(range=[-0.5, top - 0.5])  # else dots make room beside the shades
        described = "Heat map: share of gradients by staleness, for each node, with the mean of each."
        return Plot(figure, described, title, [Key("mean", "var(--link)", (1,))])
    figure = base.frame(240, "staleness (versions)", "share of gradients (%)")
    for row, name in enumerate(names):
        figure.add_bar(
            x=np.arange(top), y=shares[row].astype(np.float32), name=name,
            marker={"color": base.hue(row), "line": {"width": 0}},
            hovertemplate="%{fullData.name}<br>staleness %{x}: %{y:.1f} %<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="group")
    figure.update_xaxes(dtick=max(1, top // 20), range=[-0.6, max(top, 4) - 0.4])
    figure.update_yaxes(rangemode="tozero", fixedrange=True)
    legend = [Key(name, base.hue(row), (row,)) for row, name in enumerate(names)]
    return Plot(figure, "Bars: share of gradients by staleness, for each node.", title, legend)


def _fitted(histogram: Histogram, length: int) -> Array:
    return np.pad(histogram.counts[:length], (0, max(0, length - len(histogram.counts))))


def table(shown: Shown, found: Sequence[Histogram]) -> Sheet:
    """Mean and largest by node."""
    rows = [
        [shown.run.summary["nodes"][h.node], text.number(h.gradients), f"{h.mean:.2f}", text.number(h.highest)]
        for h in found
    ]
    return Sheet(("node", "gradients", "mean staleness", "largest"), rows, shown.title("staleness (versions)"))
