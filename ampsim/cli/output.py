"""What commands print: a table for people, one JSON object for programs."""

from __future__ import annotations

import re
import secrets
import shutil
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ampsim.errors import RunError, UsageError

if TYPE_CHECKING:
    from ampsim.result.run import Run


def line_width() -> int:
    """Columns to write to: those of the terminal, within reason; 100 where there is none."""
    return max(60, min(shutil.get_terminal_size((100, 24)).columns, 120))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> None:
    """Columns aligned by the letters of ``align`` (l or r); left out: the first to the left, the others to the right.

    A last column of words is wrapped to the width of the line.
    """
    sides = align or "l" + "r" * (len(header) - 1)
    table = [list(header), *[list(row) for row in rows]]
    widths = [max(wide(row[column]) for row in table) for column in range(len(header))]
    if sides[-1] == "l":
        widths[-1] = min(widths[-1], max(line_width() - sum(widths[:-1]) - 2 * (len(widths) - 1), 20))
    for number, row in enumerate(table):
        for line in _lines(row, widths, sides):
            click.echo(line)
        if number == 0:
            click.echo("  ".join("-" * width for width in widths))


def _lines(row: list[str], widths: list[int], sides: str) -> list[str]:
    row = [printable(cell) for cell in row]
    last = textwrap.wrap(row[-1], widths[-1], break_on_hyphens=False) if sides[-1] == "l" else [row[-1]]
    lines = []
    for number, words in enumerate(last or [""]):
        cells = [*(row[:-1] if number == 0 else [""] * (len(row) - 1)), words]
        gaps = [" " * (width - wide(cell)) for cell, width in zip(cells, widths, strict=True)]
        placed = [c + gap if s == "l" else gap + c for c, gap, s in zip(cells, gaps, sides, strict=True)]
        lines.append("  ".join(placed).rstrip())
    return lines


def print_prose(text: str) -> None:
    """A docstring for people: paragraphs wrapped to the line, without its marks of code."""
    plain = re.sub(r":\w+:`~?([^`]*)`", r"\1", text).replace("``", "")
    for number, paragraph in enumerate(plain.split("\n\n")):
        if number:
            click.echo()
        click.echo(textwrap.fill(" ".join(paragraph.split()), line_width(), break_on_hyphens=False))


def printable(text: str) -> str:
    """The text without what would steer a terminal; names of jobs and systems may come from strangers."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def wide(text: str) -> int:
    """Columns that a text takes on a terminal: two for a character of full width, none for a mark on another."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


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


def goal(summary: Mapping[str, Any]) -> str:
    """What the run was to reach: an accuracy, a loss, or one of the two."""
    target, loss = summary["target"], summary.get("target_loss")
    goals = [] if target is None else [percent(target)]
    return " or ".join(goals if loss is None else [*goals, f"loss {show(loss)}"]) or "-"


def difference(a: float | None, b: float | None) -> str:
    """By how much ``a`` differs from ``b``, as a percentage of ``b``."""
    if a is None or b is None or (b == 0 and a != 0):
        return "-"
    change = 0.0 if a == b else 100 * (a - b) / abs(b)
    text = f"{change:+,.1f}" if abs(change) < 1000 else f"{change:+,.0f}"
    return f"{'0.0' if text in ('+0.0', '-0.0') else text} %"


def place(run: Run) -> str:
    """Where a run took place: ``worker processes``, the name of the simulated system, or in no time at all."""
    if run.backend == "null":
        return "workers without a clock"
    system = run.config.get("run", {}).get("system")
    return f"{system['name']}, simulated" if system else "worker processes"


def _save(run: Run, folder: Path, force: bool) -> None:
    """Save the run; should its place have been taken meanwhile, beside it: work that is done is not thrown away."""
    try:
        run.save(folder, force=force)
    except UsageError as error:
        other = run.save(folder.with_name(f"{folder.name}-{secrets.token_hex(4)}"))
        what = f"the place of the run was taken while it went on: {error.what}"
        raise RunError(what, str(folder), f"find it in {other}") from error


def summary_json(run: Run, folder: Path, report: Path | None) -> dict[str, Any]:
    """What ``--json`` prints of a run: its summary, its folder, and its page if there is one."""
    return {**run.summary, "folder": str(folder), "report": None if report is None else str(report)}


def finish(run: Run, folder: Path, force: bool, report: Path | None, as_json: bool) -> None:
    """Save a run, write its report if asked for, and print what came out."""
    _save(run, folder, force)
    if report:
        run.report(report)
    if as_json:
        print_json(summary_json(run, folder, report))
        return
    from ampsim.cli.run_text import print_run
    from ampsim.cli.screen import Screen

    print_run(run, folder, Screen.of_stdout())
    if report:
        click.echo(f"report: {report}")
