"""``ampsim data``."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("data")
def command() -> None:
    """Get data sets."""


@command.command("get")
@click.argument("name")
@click.option("--from", "source", type=Path, help="Take the files from this folder instead of downloading them.")
@click.option("--to", "target", type=Path, help="Data folder; left out: AMPSIM_DATA, or ./data.")
@click.pass_obj
def get(flags: dict[str, bool], name: str, source: Path | None, target: Path | None) -> None:
    """Put the data set NAME into the data folder, checked; do nothing if it is there."""
    from ampsim.workloads.store import get, present

    if not flags["quiet"] and not present(name, target):
        click.echo(f"getting {name} ...", err=True)
    click.echo(get(name, source, target))


@command.command("list")
@click.option("--to", "target", type=Path, help="Data folder; left out: AMPSIM_DATA, or ./data.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def list_(target: Path | None, as_json: bool) -> None:
    """Name every data set and say whether it is there."""
    from ampsim.cli.output import print_json, print_table
    from ampsim.workloads.published import PUBLISHED
    from ampsim.workloads.store import present

    there = {name: present(name, target) for name in PUBLISHED}
    if as_json:
        print_json(there)
    else:
        print_table(("data set", "here"), [(name, "yes" if here else "no") for name, here in there.items()], align="ll")
