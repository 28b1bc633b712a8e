"""``ampsim sweep``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from ampsim.cli.base import Command, Flags
from ampsim.cli.options import json_option
from ampsim.errors import RunError

if TYPE_CHECKING:
    from ampsim.studies.sweep import Progress, Sweep

MOST_ROWS = 40
"""A longer table is cut to its Pareto optimal rows, and table.csv has the rest."""


@click.command("sweep", cls=Command)
@click.argument("study", type=Path)
@click.option("-j", "--jobs", type=click.IntRange(1, 1024), help="So many processes.  [default: one a core]")
@click.option(
    "--executor", type=click.Choice(["local"]), default="local", show_default=True,
    help="What computes the points: processes of this machine. From Python it may be any executor.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=Path, metavar="FOLDER",
    help="Where the rows go; a sweep that is there already goes on.  [default: ./STUDY-sweep]",
)  # fmt: skip
@click.option("--retry", is_flag=True, help="Do points again that failed.")
@json_option
@click.pass_obj
def command(
    flags: Flags, study: Path, jobs: int | None, executor: str, output: Path | None, retry: bool, as_json: bool
) -> None:
    """Simulate every point of the grid in the file STUDY, and write a row as each is done.

    May be killed at any time: the same command goes on where it was, and does nothing twice.
    """
    from ampsim.cli.output import print_json
    from ampsim.cli.systems import load
    from ampsim.studies.study import load_study
    from ampsim.studies.sweep import sweep

    found = load_study(study)
    folder = output or Path(f"{found.name if found.name != 'study' else study.stem}-sweep")
    for name in dict.fromkeys([*found.grid.get("system", [found.system])]):
        load(flags, name)  # only to say so if one is stale
    flags.say(f"{found.size:,} points, rows in {folder}")
    with SweepLine(found.name, flags.quiet) as progress:
        try:
            result = sweep(found, folder, jobs=jobs, retry=retry, progress=progress, say=flags.say)
        except KeyboardInterrupt:
            progress.close()
            flags.say("interrupted; the same command goes on from here")
            raise
    if as_json:
        print_json(as_plain(result))
    else:
        _print(result)
    if result.rows and len(result.failed) == len(result.rows):
        first = result.failed[0]
        raise RunError(f"no point could be simulated; the first says: {first.error}", first.where, first.do)


class SweepLine:
    """One line on stderr: points done, failed, time left; silent as a run's line is."""

    def __init__(self, title: str, quiet: bool) -> None:
        self._title = title
        self._off = quiet or not sys.stderr.isatty()
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the line off the screen."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __call__(self, progress: Progress) -> None:
        """So far."""
        if self._off:
            return
        if self._bar is None:
            from tqdm import tqdm

            # What was done before counts, but not for the speed.
            self._bar = tqdm(total=progress.total, initial=progress.done - 1, desc=self._title, unit="run",
                             leave=False, file=sys.stderr, dynamic_ncols=True)  # fmt: skip
        if progress.failed:
            self._bar.set_postfix_str(f"{progress.failed} failed", refresh=False)
        self._bar.update(progress.done - self._bar.n)


def as_plain(result: Sweep) -> dict[str, Any]:
    """The sweep as plain values."""
    best = set(result.best)
    rows = [
        {"varied": row.varied, "best": number in best, "scalars": row.scalars, "error": row.error}
        for number, row in enumerate(result.rows)
    ]
    return {"study": result.study.name, "folder": str(result.folder), "computed": result.computed, "rows": rows}


def _print(result: Sweep) -> None:
    from ampsim.cli.output import percent, print_table, show
    from ampsim.result.metrics import SCALARS
    from ampsim.studies.sweep_page import PAGE, TABLE, shown

    study, best = result.study, set(result.best)
    wanted = ["throughput", "utilization", "time_to_target"]
    asked = dict.fromkeys([*(name for name in study.objectives if name in SCALARS), *wanted])
    names = [name for name in asked if any(row.scalars.get(name) is not None for row in result.rows)]
    cut = len(result.rows) > MOST_ROWS
    rows = []
    for number, row in enumerate(result.rows):
        if cut and number not in best:
            continue
        cells = [percent(v) if SCALARS[n].unit == "share" else show(v) for n in names for v in [row.scalars.get(n)]]
        said = "best" if number in best else "" if row.error is None else f"failed: {row.error.splitlines()[0]}"
        rows.append([*(shown(row.varied[name]) for name in study.grid), *cells, said])
    heads = [f"{name} ({SCALARS[name].unit})" if SCALARS[name].unit not in ("", "share") else name for name in names]
    if rows:
        print_table([*study.grid, *heads, ""], rows, align="l" * len(study.grid) + "r" * len(heads) + "l")
    goals = " and ".join(f"{goal} {name}" for name, goal in study.objectives.items())
    click.echo(f"best: Pareto optimal in {goals}; {len(best)} of {len(result.rows):,} points"
               + (", the others are in the table" if cut else ""))  # fmt: skip
    if result.failed:
        click.echo(f"failed: {len(result.failed):,} points, each a row with its error")
    click.echo(f"table: {result.folder / TABLE}\nfigure: {result.folder / PAGE}")
