"""How a run shows itself in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ampsim.result.run import Run


def table(run: Run) -> str:
    """A small HTML table of the usual scalars; every text is escaped."""
    last = run.epochs[-1] if run.epochs else {}
    busy = [value for value in run.utilization if value is not None]
    rows = [
        ("workers", f"{run.workers:,}"),
        ("makespan", f"{run.makespan:.4g} s"),
        ("throughput", _number(run.throughput, " rows/s")),
        ("utilization, mean over workers", f"{100 * sum(busy) / len(busy):.1f} %" if busy else "–"),
        ("epochs", f"{len(run.epochs):,}"),
        ("training loss", _number(last.get("train_loss"))),
        ("validation accuracy", _number(last.get("validation_accuracy"))),
        ("time to target", _number(run.time_to_target, " s")),
    ]
    title = escape(f"{run.job[:200]} on {run.backend} ({run.mode})")
    body = "".join(
        f'<tr><th style="text-align:left;font-weight:normal">{escape(name)}</th>'
        f'<td style="text-align:right">{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f'<table><caption style="text-align:left;font-weight:bold">{title}</caption><tbody>{body}</tbody></table>'


def _number(value: float | None, unit: str = "") -> str:
    return "–" if value is None else f"{value:.4g}{unit}"
