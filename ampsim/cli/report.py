"""``ampsim report``."""

from __future__ import annotations

from pathlib import Path

import click

from ampsim.cli.base import Command
from ampsim.cli.options import check_report


@click.command("report", cls=Command)
@click.argument("runs", nargs=-1, required=True, type=Path)
@click.option("-o", "--output", type=Path, required=True, metavar="FILE", help="The HTML file to write.")
@click.option(
    "--plotlyjs", type=click.Choice(["inline", "cdn"]), default="inline", show_default=True,
    help="inline: works offline; cdn: a small file that loads plotly.js from the web.",
)  # fmt: skip
def command(runs: tuple[Path, ...], output: Path, plotlyjs: str) -> None:
    """Write one HTML page about one run folder, or about several side by side."""
    from ampsim.reports import render
    from ampsim.studies.execute import load_run

    check_report(output)
    render([load_run(folder) for folder in runs], output, plotlyjs=plotlyjs)
    click.echo(f"report: {output}")
