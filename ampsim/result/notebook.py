"""How a run shows itself in a notebook: what the reports make of it, or without them a small table."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Protocol

from ampsim.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ampsim.result.run import Run


class Display(Protocol):
    """What knows how to show a run: as HTML, as text, and as figures of plotly by name."""

    def html(self, run: Run) -> str: ...

    def plain(self, run: Run) -> str: ...

    def figure(self, run: Run, name: str, theme: str | None) -> Any: ...

    def figures(self, run: Run, theme: str | None) -> dict[str, Any]: ...


_displays: list[Callable[[], Display]] = []


def register_display(find: Callable[[], Display]) -> None:
    """Let runs show themselves by what ``find`` gives when one is shown; the last one registered is used."""
    _displays[:] = [find]


def display() -> Display:
    """The one that is registered. Raises UsageError if there is none."""
    if not _displays:
        raise UsageError("nothing is registered that draws figures", "Run.figures", "import ampsim.reports first")
    return _displays[-1]()


def bundle(run: Run, include: Collection[str] | None, exclude: Collection[str] | None) -> dict[str, str]:
    """Text and HTML by MIME type, as notebooks ask for them."""
    made = {"text/plain": plain, "text/html": html}
    wanted = [kind for kind in made if (not include or kind in include) and kind not in (exclude or ())]
    return {kind: made[kind](run) for kind in wanted}


def html(run: Run) -> str:
    """HTML without scripts; every text is escaped."""
    return _displays[-1]().html(run) if _displays else table(run)


def plain(run: Run) -> str:
    """A few lines of text."""
    return _displays[-1]().plain(run) if _displays else repr(run)


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
