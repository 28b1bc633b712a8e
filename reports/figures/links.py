"""What crosses the links."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ampsim.reports import base, text
from ampsim.reports.model import Key, Plot, Section, Sheet, Shown
from ampsim.result.analysis.links import LinkTotals, link_load, link_totals

MOST_LINES = 5
MOST_ROWS = 40
CAPTION = (
    "Bytes on each link, counted once a hop. A link is occupied while at least one parcel is on it; one that is "
    "occupied nearly all the time holds everything else up, and more bandwidth there would help. Between worker "
    "processes a link is a channel in shared memory, and a parcel is on it from sending to arrival."
)


def section(runs: Sequence[Shown]) -> Section:
    """Load over time and in total."""
    timed = [shown for shown in runs if shown.clocked and len(shown.run.tables["links"]["link"])]
    blocks: list[Plot | Sheet] = []
    sheets: list[Sheet] = []
    for shown in timed:
        sums = link_totals(shown.run.tables, len(shown.run.summary["links"]))
        order = np.argsort(-sums.bytes, kind="stable")
        order = order[sums.parcels[order] > 0]
        blocks += [over_time(shown, order[:MOST_ROWS].tolist()), totals(shown, sums, order[:MOST_ROWS].tolist())]
        sheets.append(table(shown, sums, order.tolist()))
    return Section("links", "Links", CAPTION, [*blocks, *sheets], "Nothing crossed a link in these runs.")


def over_time(shown: Shown, order: Sequence[int]) -> Plot:
    """Bytes per second: lines for few links, shades for many."""
    edges = base.edges_of(shown.horizon)
    scale, title = base.time_axis(shown.horizon)
    load = link_load(shown.run.tables, len(shown.run.summary["links"]), edges)[list(order)]
    factor, prefix = prefix_of(float(load.max(initial=0.0)))
    load = load / factor
    names = [shown.links[link] for link in order]
    note = f"Means over bins of {text.seconds(shown.horizon / base.BINS)}."
    if len(order) > MOST_LINES:
        figure = base.frame(base.rows_height(len(order)), title)
        hover = "%{y}<br>%{z:.3g} " + f"{prefix}B/s<extra></extra>"
        base.heat(figure, edges * scale, names, load, "var(--link)", hover, float(load.max()))
        described = "Heat map: bytes per second on each link over the run."
        return Plot(figure, described, shown.title(f"load of each link ({prefix}B/s)"), note=note)
    figure = base.frame(240, title, f"load ({prefix}B/s)")
    for row, name in enumerate(names):
        figure.add_scatter(
            x=base.middles(edges) * scale, y=load[row].astype(np.float32), name=name, mode="lines",
            line={"color": base.hue(row), "width": 1.6},
            hovertemplate=f"%{{fullData.name}}: %{{y:.3g}} {prefix}B/s<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(rangemode="tozero", fixedrange=True)
    figure.update_xaxes(range=[0, shown.horizon * scale])
    figure.update_layout(hovermode="x")
    legend = [Key(name, base.hue(row), (row,)) for row, name in enumerate(names)]
    return Plot(figure, "Lines: bytes per second on each link.", shown.title("load over time"), legend, note=note)


def prefix_of(largest: float) -> tuple[float, str]:
    """A decimal prefix in which ``largest`` is a handy number."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if largest >= factor:
            return factor, prefix
    return 1.0, ""


def totals(shown: Shown, sums: LinkTotals, order: Sequence[int]) -> Plot:
    """A bar a link: how much of the time it was occupied."""
    names = [shown.links[link] for link in order]
    figure = base.frame(base.rows_height(len(order)), "occupied (% of the makespan)")
    occupied = 100 * sums.occupied[list(order)] / shown.horizon
    amounts = [text.si(float(sums.bytes[link]), "B") for link in order]
    figure.add_bar(
        orientation="h", y=names, x=occupied, text=amounts, textposition="outside", cliponaxis=False,
        textfont={"size": 11, "color": base.SOFT}, marker={"color": "var(--link)", "line": {"width": 0}},
        hovertemplate="%{y}<br>%{text}, occupied %{x:.2f} %<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(range=[0, max(1e-6, float(occupied.max(initial=0.0)) * 1.25)])
    base.row_axis(figure, names)
    left = int((sums.parcels > 0).sum()) - len(order)
    note = f"The {len(order)} links with most bytes; {left:,} more are in the table." if left else ""
    described = "Bars: the share of time in which each link was occupied, with its bytes."
    return Plot(figure, described, shown.title("each link in total"), note=note)


def table(shown: Shown, sums: LinkTotals, order: Sequence[int]) -> Sheet:
    """Bytes, parcels and time by link, the fullest first."""
    rows = [
        [
            shown.run.summary["links"][link], text.si(float(sums.bytes[link]), "B"),
            text.number(int(sums.parcels[link])), text.si(sums.bytes[link] / sums.parcels[link], "B"),
            text.seconds(float(sums.occupied[link])), text.percent(float(sums.occupied[link]) / shown.horizon),
            text.si(float(sums.bytes[link]) / shown.horizon, "B/s"),
        ]
        for link in order
    ]  # fmt: skip
    header = ("link", "bytes", "parcels", "a parcel", "occupied", "of makespan", "mean load")
    return Sheet(header, rows, shown.title("links"))
