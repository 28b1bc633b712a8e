"""The compact tables about one run: at the end of ``run`` and ``simulate``, and by ``show`` from its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ampsim.cli.output import goal, line_width, percent, place, print_table, show, wide

if TYPE_CHECKING:
    from ampsim.cli.screen import Screen
    from ampsim.result.run import Run
    from ampsim.result.schema import Array

MOST_WORKERS = 8  # so many have a line of their own
MOST_TASKS = 1_000_000  # whose idle time is explained here; of more the report tells
BAR = 20  # characters
NAME = 30


def print_run(run: Run, folder: Path, screen: Screen) -> None:
    """What applies to the run, how busy its workers were and why not busier, and where the rest lies."""
    summary = run.summary
    last = summary["epochs"][-1] if summary["epochs"] else {}
    sought = goal(summary)
    reached = "not reached" if summary["time_to_target"] is None else show(summary["time_to_target"], " s")
    rows = [
        ("workers", show(summary["workers"])),
        ("epochs", show(len(summary["epochs"]))),
        ("updates", show(summary["updates"])),
        ("makespan", show(summary["makespan"] or None, " s")),
        ("throughput", show(summary["throughput"], " rows/s")),
        *_interval(summary),
        ("training loss", show(last.get("train_loss"))),
        *([("validation loss", show(last.get("validation_loss")))] if summary.get("target_loss") is not None else []),
        ("validation accuracy", percent(last.get("validation_accuracy"))),
        (f"time to {sought}", "-" if sought == "-" else reached),
    ]
    title = screen.fitted(f"{summary['job']} on {place(run)}", screen.columns - BAR)
    print_table((title, ""), [row for row in rows if row[1] != "-"])
    if None not in summary["utilization"] and summary["workers"]:
        click.echo()
        _workers(run, screen)
        click.echo()
    click.echo(f"run folder: {screen.text(str(folder))}")


def _interval(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Between what throughputs a share of real runs would lie, where the system knows."""
    known = summary.get("interval")
    if known is None or "throughput" not in known:
        return []
    low, high = (show(value, "") for value in known["throughput"])
    return [(f"  {100 * known['level']:.0f} % of runs between", f"{low} and {high} rows/s")]


def _workers(run: Run, screen: Screen) -> None:
    """A line a worker, or of many the mean, the least and the most busy: utilization, and why it is not higher."""
    busy = [float(share) for share in run.summary["utilization"]]
    names = [screen.fitted(str(name), NAME) for name in run.summary["worker_names"]]
    causes = _causes(run)
    mean = sum(busy) / len(busy)
    if len(busy) <= MOST_WORKERS:
        order = list(range(len(busy)))
    else:
        order = [min(range(len(busy)), key=busy.__getitem__), max(range(len(busy)), key=busy.__getitem__)]
    rows = [[names[w], percent(busy[w]), _bar(busy[w], screen), _mainly(causes, [w])] for w in order]
    if len(busy) > 1:
        rows.append(["mean", percent(mean), _bar(mean, screen), _mainly(causes, range(len(busy)))])
    if len(busy) > MOST_WORKERS:
        rows[0][0], rows[1][0] = f"least: {rows[0][0]}", f"most: {rows[1][0]}"
    header = ["worker", "busy", "", "idle mainly"]
    kept = [0, 1, 2, 3] if any(row[3] for row in rows) else [0, 1, 2]
    if sum(max(wide(row[column]) for row in rows) + 2 for column in kept) - 2 > line_width():
        kept.remove(2)  # better no bars than lines that are broken
    sides = "".join("lrll"[column] for column in kept)
    print_table([header[c] for c in kept], [[row[c] for c in kept] for row in rows], sides)


def _causes(run: Run) -> Array | None:
    """Shares of each worker's time by cause; None where it would take too long to find out."""
    from ampsim.result.analysis.idle import breakdown

    if len(run.tables["tasks"]["kind"]) > MOST_TASKS:
        return None
    return breakdown(run.tables, run.workers, run.makespan).shares


def _mainly(causes: Array | None, workers: Sequence[int]) -> str:
    """The largest cause of idle time, of all these workers together."""
    from ampsim.result.analysis.causes import BUSY, CAUSES

    if causes is None:
        return ""
    mean = causes[list(workers)].mean(axis=0)
    mean[BUSY] = 0.0
    cause = int(mean.argmax())
    return f"{CAUSES[cause]} {percent(float(mean[cause]))}" if mean[cause] >= 0.0005 else "-"


def _bar(share: float, screen: Screen) -> str:
    full, empty = ("▇", "·") if screen.fancy else ("#", ".")
    length = min(BAR, max(round(BAR * share), 1 if share > 0 else 0))
    return full * length + empty * (BAR - length)
