"""``ampsim show``."""

from __future__ import annotations

from pathlib import Path

import click

from ampsim.cli.base import Command
from ampsim.cli.options import json_option, parse_seconds
from ampsim.errors import UsageError


@click.command("show", cls=Command)
@click.argument("run", type=Path)
@click.option("--gantt", is_flag=True, help="Draw who did what when, as text: one line a worker.")
@click.option("--from", "begin", metavar="TIME", help="With --gantt: begin here, e.g. 1.5 or 20ms.")
@click.option("--to", "end", metavar="TIME", help="With --gantt: end here.")
@click.option("--ascii", "plain", is_flag=True, help="Nothing but ASCII characters.")
@json_option
def command(run: Path, gantt: bool, begin: str | None, end: str | None, plain: bool, as_json: bool) -> None:
    """Print what came out of the run in the folder RUN, as it was printed when it ended."""
    from ampsim.cli.gantt_text import print_gantt
    from ampsim.cli.output import print_json, summary_json
    from ampsim.cli.run_text import print_run
    from ampsim.cli.screen import Screen
    from ampsim.studies.execute import load_run

    if gantt and as_json:
        raise UsageError("a chart is no JSON object", "--gantt, --json", "leave out one of them")
    if not gantt and (begin is not None or end is not None):
        raise UsageError("--from and --to say which part of a chart to draw", "--from, --to", "add --gantt")
    window = parse_seconds(begin, "--from"), parse_seconds(end, "--to")
    loaded = load_run(run)
    page = run / "report.html"
    if as_json:
        print_json(summary_json(loaded, run, page if page.exists() else None))
    elif gantt:
        print_gantt(loaded, *window, Screen.of_stdout(plain=plain))
    else:
        print_run(loaded, run, Screen.of_stdout(plain=plain))
