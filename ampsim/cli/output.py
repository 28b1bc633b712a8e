"""What commands print: a table for people, one JSON object for programs, one progress line for the impatient."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click

from ampsim.engine.controller import Controller
from ampsim.result.run import Run


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> None:
    """Columns aligned by the letters of ``align`` (l or r); left out: the first to the left, the others to the right."""
    table = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    sides = align or "l" + "r" * (len(header) - 1)
    for number, row in enumerate(table):
        columns = zip(row, widths, sides, strict=True)
        cells = [cell.ljust(width) if side == "l" else cell.rjust(width) for cell, width, side in columns]
        click.echo("  ".join(cells).rstrip())
        if number == 0:
            click.echo("  ".join("-" * width for width in widths))


def print_json(value: Any) -> None:
    """One JSON object on stdout."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def show(value: Any, unit: str = "") -> str:
    """A number for a person: three or four digits, thousands apart, or a dash."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}{unit}"
    return f"{value:.4g}{unit}"


def percent(value: float | None) -> str:
    """A share as a percentage."""
    return "-" if value is None else f"{100 * value:.1f} %"


def print_run(run: Run, folder: Path) -> None:
    """The compact table at the end of a run."""
    summary = run.summary
    last = summary["epochs"][-1] if summary["epochs"] else {}
    rows = [
        ("workers", show(summary["workers"])),
        ("epochs", show(len(summary["epochs"]))),
        ("makespan", show(summary["makespan"], " s")),
        ("throughput", show(summary["throughput"], " rows/s")),
        *(
            (f"utilization {name}", percent(value))
            for name, value in list(zip(summary["worker_names"], summary["utilization"], strict=True))[:8]
        ),
        ("updates", show(summary["updates"])),
        ("training loss", show(last.get("train_loss"))),
        ("validation accuracy", percent(last.get("validation_accuracy"))),
        ("time to target", show(summary["time_to_target"], " s" if summary["time_to_target"] is not None else "")),
    ]
    print_table((f"{summary['job']} on {summary['backend']}", "value"), rows)
    click.echo(f"run folder: {folder}")


def finish(run: Run, folder: Path, force: bool, report: Path | None, as_json: bool) -> None:
    """Save a run, write its report if asked for, and print what came out."""
    run.save(folder, force=force)
    if report:
        run.report(report)
    if as_json:
        print_json({**run.summary, "folder": str(folder)})
    else:
        print_run(run, folder)


class ProgressLine:
    """One line on stderr while a run goes on; silent when stderr is no terminal or ``--quiet`` was given."""

    def __init__(self, title: str, quiet: bool) -> None:
        self._title = title
        self._off = quiet or not sys.stderr.isatty()
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the line off the screen."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __call__(self, controller: Controller, now: float) -> None:
        """The backend reports: so many instances are done at this time of its clock."""
        if self._off:
            return
        if self._bar is None:
            from tqdm import tqdm

            total = controller.schedule.total
            self._bar = tqdm(total=total, desc=self._title, unit="inst", leave=False, file=sys.stderr)
        done = len(controller.instances) - len(controller.in_flight)
        self._bar.update(done - self._bar.n)
        last = controller.validations[-1]["accuracy"] if controller.validations else None
        self._bar.set_postfix_str(f"t={now:.3g} s" + (f", accuracy {last:.3f}" if last is not None else ""))
