"""``ampsim validate``."""

from __future__ import annotations

from pathlib import Path

import click

from ampsim.cli.base import Command, Flags
from ampsim.cli.options import check_report, json_option
from ampsim.errors import ToleranceError


@click.command("validate", cls=Command)
@click.argument("suite", type=Path, required=False)
@click.option(
    "-o", "--output", type=Path, metavar="FOLDER",
    help="Where records and sheet go; an unfinished validation there goes on.  [default: ./SUITE-validation]",
)  # fmt: skip
@click.option("--report", type=Path, metavar="FILE", help="Write the sheet as an HTML page, too.")
@click.option("--repeats", type=click.IntRange(1, 100), help="So many rounds.  [default: as the suite has it]")
@click.option(
    "--only", multiple=True, metavar="TEXT",
    help="Only cases whose job and setting contain this, e.g. 'mak 4'; may be given again.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Measure anew what the folder holds.")
@click.option("--judge", is_flag=True, help="Measure nothing: judge what the folder holds so far.")
@json_option
@click.pass_obj
def command(
    flags: Flags,
    suite: Path | None,
    output: Path | None,
    report: Path | None,
    repeats: int | None,
    only: tuple[str, ...],
    force: bool,
    judge: bool,
    as_json: bool,
) -> None:
    """Hold the simulator to this machine: run and simulate the cases of SUITE, print the accuracy sheet.

    SUITE is a YAML file; left out, it is the one that ships, which takes a quarter of an hour on a machine with
    nothing else to do. Ends with exit code 3 if the errors lie outside the suite's tolerances. May be killed at any
    time: the same command goes on where it was.
    """
    from ampsim.cli.output import print_json, printable
    from ampsim.studies.validate.load import SHIPPED, load_suite, part
    from ampsim.studies.validate.rounds import judged, validate
    from ampsim.studies.validate.sheet import plain, text

    check_report(report)
    chosen = part(load_suite(suite or SHIPPED), only, repeats)
    some = "-part" if only and not judge else ""
    folder = output or Path(f"{chosen.name}{some}-validation")
    if judge:
        result = judged(chosen, folder)
    else:
        try:
            result = validate(chosen, folder, force=force, say=lambda words: flags.say(printable(words)))
        except KeyboardInterrupt:
            flags.say("interrupted; the same command goes on from here")
            raise
    found = result.sheet
    if report is not None:
        result.report(report)
    if as_json:
        print_json({**plain(found), "folder": str(folder), "report": report and str(report)})
    else:
        click.echo(printable(text(found)), nl=False)
        click.echo(f"folder: {folder}")
        if report is not None:
            click.echo(f"report: {report}")
    if found.missed:
        listed = "".join(f"\n  - {v.rule}: {_found(v.value)}, asked: {v.bound}" for v in found.missed)
        raise ToleranceError(f"the simulator is not held to this machine by suite {chosen.name}{listed}")


def _found(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f} %"
