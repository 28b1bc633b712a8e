"""What crosses the links."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ampsim.reports import base, text
from ampsim.reports.model import Key, Plot, Section, Sheet, Shown
from ampsim.result.analysis.links import LinkTotals, link_load
from ampsim.result.analysis.traffic import Way, matrix, under_way
from ampsim.result.schema import Array

MOST_LINES = 5
MOST_ROWS = 40
MOST_PAIRS = 64
"""Workers in the heat map of who sends to whom; beyond, neighbours share a cell."""

CAPTION = (
    "Bytes on each link, counted once a hop. A link is occupied while at least one parcel is on it; one that is "
    "occupied nearly all the time holds everything else up, and more bandwidth there would help. Messages that "
    "pile up on their way from one worker to another wait for a link between the two. Between worker processes a link "
    "is a channel in shared memory, and a parcel is on it from sending to arrival."
)


def section(runs: Sequence[Shown]) -> Section:
    """Load over time and in total."""
    timed = [shown for shown in runs if shown.clocked and len(shown.run.tables["links"]["link"])]
    blocks: list[Plot | Sheet] = []
    sheets: list[Sheet] = []
    for shown in timed:
        sums = shown.link_totals
        order = np.argsort(-sums.bytes, kind="stable")
        order = order[sums.parcels[order] > 0]
        blocks += [over_time(shown, order[:MOST_ROWS].tolist()), totals(shown, sums, order[:MOST_ROWS].tolist())]
        blocks += queues(shown)
        sent = matrix(shown.run.tables, shown.run.workers)
        if sent.any():
            blocks.append(pairs(shown, sent))
        sheets.append(table(shown, sums, order.tolist()))
        sheets += [pair_table(shown, sent)] if sent.any() else []
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
    note = f"The {len(order)} links with most bytes; the other {left:,} are in the table." if left else ""
    described = "Bars: the share of time in which each link was occupied, with its bytes."
    return Plot(figure, described, shown.title("each link in total"), note=note)


def queues(shown: Shown) -> list[Plot]:
    """Messages on their way over time, pair by pair of workers."""
    ways = under_way(shown.run.tables, shown.run.workers, MOST_ROWS)
    if not ways:
        return []
    edges = base.edges_of(shown.horizon)
    scale, title = base.time_axis(shown.horizon)
    names = [_way(shown, way) for way in ways]
    mean = np.stack([way.messages.mean(edges) for way in ways])
    peak = np.stack([way.messages.peak(edges) for way in ways])
    heading = shown.title("messages on their way, sent and not yet arrived")
    pairs = shown.run.workers * (shown.run.workers - 1)
    left = f" The {len(ways)} pairs of workers with most are drawn." if len(ways) == MOST_ROWS < pairs else ""
    if len(ways) > MOST_LINES:
        figure = base.frame(base.rows_height(len(ways)), title)
        hover = "%{y}<br>up to %{z} messages<extra></extra>"
        base.heat(figure, edges * scale, names, peak, "var(--link)", hover, float(peak.max()))
        described = "Heat map: most messages on their way between two workers in each stretch of time."
        return [Plot(figure, described, heading, note=f"Each cell is the most in its bin.{left}")]
    figure, legend = base.levels(shown.horizon, "messages on their way", names, mean, peak, 220)
    note = f"Means over bins of {text.seconds(shown.horizon / base.BINS)}; the pointer shows the most in each.{left}"
    return [Plot(figure, "Lines: messages on their way from worker to worker.", heading, legend, note=note)]


def _way(shown: Shown, way: Way) -> str:
    return f"{shown.workers[way.source]} → {shown.workers[way.destination]}"


def pairs(shown: Shown, sent: Array) -> Plot:
    """Who sends how many bytes to whom, as shades."""
    names, note = shown.workers, ""
    each = -(-len(sent) // MOST_PAIRS)
    if each > 1:
        cuts = np.arange(0, len(sent), each)
        sent = np.add.reduceat(np.add.reduceat(sent, cuts, axis=0), cuts, axis=1)
        names = [f"{shown.workers[cut]} …" for cut in cuts.tolist()]
        note = f"{each} neighbouring workers share a row and a column; the name is that of the first."
    factor, prefix = prefix_of(float(sent.max()))
    figure = base.frame(base.rows_height(len(sent), 30) + 10, "to", "from")
    shades = np.where(sent > 0, sent / factor, np.nan)
    unit = f"{prefix}B"
    hover = "from %{y} to %{customdata}<br>%{z:.4g} " + unit + "<extra></extra>"
    base.heat(
        figure, np.arange(len(sent) + 1) - 0.5, names, shades, "var(--link)", hover, float(sent.max()) / factor
    )  # fmt: skip
    figure.data[0].update(customdata=[names] * len(names), xgap=1)
    step = max(1, len(names) // 16)
    figure.update_xaxes(tickmode="array", tickvals=list(range(0, len(names), step)), ticktext=names[::step],
                        range=[-0.5, len(names) - 0.5], fixedrange=True)  # fmt: skip
    if len(names) <= 8:
        for row, column in zip(*np.nonzero(sent), strict=True):
            strong = sent[row, column] > 0.56 * sent.max()
            figure.add_annotation(
                x=int(column), y=names[row], text=text.number(sent[row, column] / factor), showarrow=False,
                font={"size": 11, "color": "var(--on-link)" if strong else "var(--on-faint)"},
            )  # fmt: skip
    described = f"Heat map: bytes of messages from each of {shown.run.workers} workers to each other."
    return Plot(figure, described, shown.title(f"who sends to whom: payload from row to column ({unit})"), note=note)


def pair_table(shown: Shown, sent: Array) -> Sheet:
    """The pairs of workers with their bytes, the largest first."""
    names, total = shown.run.summary["worker_names"], float(sent.sum())
    order = np.argsort(-sent, axis=None, kind="stable")[: int((sent > 0).sum())]
    rows = [
        [names[pair // len(sent)], names[pair % len(sent)], text.si(float(sent.flat[pair]), "B"),
         text.percent(float(sent.flat[pair]) / total)]
        for pair in order.tolist()
    ]  # fmt: skip
    return Sheet(("from", "to", "payload", "of all"), rows, shown.title("who sends to whom"), "llrr")


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
