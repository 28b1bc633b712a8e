"""How busy every worker was, and why not busier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ampsim.reports import base, text
from ampsim.reports.model import Key, Plot, Section, Sheet, Shown, distinct
from ampsim.result.analysis.idle import BUSY, CAUSES
from ampsim.result.schema import Array

MOST_ROWS = 40
EXPLAINED = (
    "A worker runs a task (busy), waits, or receives, chooses and sends (messaging). A wait is split by the message "
    "that ended it: until it was sent the worker waited for input, or was starved by admission if it was for the "
    "controller to send; while it was on its way, a link blocked the worker. Told apart are waits for memory, waits "
    "for one another with nothing in flight (synchronisation), and those with nothing left to do (drained). The parts "
    "add up to 100\u00a0%."
)


def section(runs: Sequence[Shown]) -> Section:
    """Shares of each worker's time, in total and over time."""
    timed = [shown for shown in runs if shown.clocked]
    blocks: list[Plot | Sheet] = []
    for shown in timed:
        blocks.append(totals(shown))
        blocks += [found for found in (chip_totals(shown),) if found]
        blocks.append(over_time(shown))
        if shown.run.workers > 1:
            blocks.append(each_over_time(shown))
    for shown in timed:
        blocks += [table(shown), *chip_table(shown)]
    return Section("utilization", "Utilization", EXPLAINED, blocks, "These runs have no clock, so nothing took time.")


def totals(shown: Shown) -> Plot:
    """A bar a worker, stacked by cause."""
    return _stacked(shown, shown.idle.shares, shown.workers, "worker")


def chip_totals(shown: Shown) -> Plot | None:
    """The same chip by chip, where chips have several units, and so several workers."""
    found = _chips(shown)
    if not any(len(workers) > 1 for _, workers in found):
        return None
    shares = np.stack([shown.idle.shares[workers].mean(axis=0) for _, workers in found])
    return _stacked(shown, shares, distinct([text.label(name) for name, _ in found]), "chip")


def chip_table(shown: Shown) -> list[Sheet]:
    """Shares of each chip that has several units, means of its workers."""
    found = [(name, workers) for name, workers in _chips(shown) if len(workers) > 1]
    rows = [
        [name, text.number(len(workers)), *(text.percent(float(s)) for s in shown.idle.shares[workers].mean(axis=0))]
        for name, workers in found
    ]
    title = shown.title("time by cause, chips of several units")
    return [Sheet(("chip", "units in use", *CAUSES), rows, title)] if rows else []


def _chips(shown: Shown) -> list[tuple[str, list[int]]]:
    """Chips in use, by name, with their workers."""
    chips = shown.run.summary.get("chips") or []
    return [(str(chip["name"]), list(chip["workers"])) for chip in chips if chip["workers"]]


def _stacked(shown: Shown, shares: Array, names: Sequence[str], of: str) -> Plot:
    rows, note = chosen_rows(shares[:, BUSY], f"{of}s")
    if of == "chip":
        note = f"A chip with several units is the mean of them. {note}".strip()
    figure = base.frame(base.rows_height(len(rows)), "share of the makespan (%)")
    for cause, found in enumerate(CAUSES):
        figure.add_bar(
            orientation="h", name=found, y=[names[row] for row in rows], x=100 * shares[rows, cause],
            marker={"color": base.CAUSE_COLOURS[found], "line": {"width": 0}},
            hovertemplate="%{y}<br>%{fullData.name}: %{x:.1f} %<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack")
    figure.update_xaxes(range=[0, 100])
    base.row_axis(figure, [names[row] for row in rows])
    if len(rows) <= 16:
        for row in rows:
            figure.add_annotation(
                x=100 * shares[row, BUSY], y=names[row], text=f"{100 * shares[row, BUSY]:.1f} %", showarrow=False,
                xanchor="right" if shares[row, BUSY] > 0.12 else "left", xshift=-4 if shares[row, BUSY] > 0.12 else 4,
                font={"size": 11, "color": "var(--on-busy)" if shares[row, BUSY] > 0.12 else base.INK},
            )  # fmt: skip
    mean = text.percent(float(shares[:, BUSY].mean()))
    described = f"Stacked bars of {_count(len(rows), of)} by cause; the mean {of} was busy {mean} of the time."
    return Plot(figure, described, shown.title(f"each {of} in total"), legend(shares), note=note)


def _count(number: int, of: str) -> str:
    return f"{number:,} {of}" + "s" * (number != 1)


def chosen_rows(busy: Array, of: str = "workers") -> tuple[list[int], str]:
    """All of them, or the most and the least busy of too many, and a note that says so."""
    if len(busy) <= MOST_ROWS:
        return list(range(len(busy))), ""
    order = np.argsort(-busy, kind="stable")
    half = MOST_ROWS // 2
    note = f"{len(busy):,} {of}: the {half} busiest and the {half} least busy are drawn, in this order."
    return [*order[:half].tolist(), *order[-half:].tolist()], note


def legend(shares: Array) -> list[Key]:
    """Causes that occur at all, each with its trace."""
    return [
        Key(found, base.CAUSE_COLOURS[found], (cause,))
        for cause, found in enumerate(CAUSES)
        if cause == BUSY or shares[:, cause].any()
    ]


def over_time(shown: Shown) -> Plot:
    """The mean worker's time by cause, bin by bin."""
    edges, shares = shown.idle.over_time(base.BINS)
    scale, title = base.time_axis(shown.horizon)
    mean = 100 * shares.mean(axis=0)
    figure = base.frame(250, title, "share of workers' time (%)")
    for cause, found in enumerate(CAUSES):
        figure.add_scatter(
            x=base.middles(edges) * scale, y=mean[cause].astype(np.float32), name=found, mode="lines",
            stackgroup="all", line={"width": 0, "shape": "hvh"}, fillcolor=base.CAUSE_COLOURS[found],
            hovertemplate="%{fullData.name}: %{y:.1f} %<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(range=[0, 100], fixedrange=True)
    figure.update_xaxes(range=[0, shown.horizon * scale])
    figure.update_layout(hovermode="x")
    bin_width = text.seconds(shown.horizon / base.BINS)
    return Plot(
        figure, "Stacked areas: the share of all workers' time by cause, over the run.",
        shown.title("all workers over time"), legend(shown.idle.shares), note=f"Means over bins of {bin_width}.",
    )  # fmt: skip


def each_over_time(shown: Shown) -> Plot:
    """Busy share of each worker as a shade."""
    edges, shares = shown.idle.over_time(base.BINS)
    scale, title = base.time_axis(shown.horizon)
    figure: Any = base.frame(base.rows_height(shown.run.workers), title)
    hover = "%{y}<br>busy %{z:.0f} %<extra></extra>"
    base.heat(figure, edges * scale, shown.workers, 100 * shares[:, BUSY], "var(--busy)", hover, 100.0)
    return Plot(
        figure, "Heat map: how busy each worker was over the run.", shown.title("busy share of each worker (%)"),
        note="The darker, the busier." if shown.run.workers < 2 else "",
    )  # fmt: skip


def table(shown: Shown) -> Sheet:
    """Seconds and shares by worker."""
    idle = shown.idle
    rows = [
        [name, *(text.percent(share) for share in shares), text.seconds(float(seconds[BUSY]))]
        for name, shares, seconds in zip(shown.run.summary["worker_names"], idle.shares, idle.seconds, strict=True)
    ]
    rows.append(["mean", *(text.percent(float(share)) for share in idle.shares.mean(axis=0)),
                 text.seconds(float(idle.seconds[:, BUSY].mean()))])  # fmt: skip
    return Sheet(("worker", *CAUSES, "busy time"), rows, shown.title("time by cause"))
