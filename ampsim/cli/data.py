"""``ampsim data``."""

from __future__ import annotations

from pathlib import Path

import click

from ampsim.cli.base import Flags, Group
from ampsim.cli.options import json_option

to_option = click.option(
    "--to", "target", type=Path, metavar="FOLDER", help="Data folder.  [default: $AMPSIM_DATA, or ./data]"
)


@click.group("data", cls=Group)
def command() -> None:
    """Get data sets."""


@command.command("get", short_help="Put a data set into the data folder.")
@click.argument("name")
@click.option(
    "--from", "source", type=Path, metavar="FOLDER", help="Take the files from this folder instead of downloading them."
)
@to_option
@click.pass_obj
def get(flags: Flags, name: str, source: Path | None, target: Path | None) -> None:
    """Put the data set NAME into the data folder, checked; do nothing if it is there."""
    from ampsim.workloads.store import get as fetched
    from ampsim.workloads.store import present

    if not present(name, target) and (source is None or source.is_dir()):
        flags.say(f"getting {name} ...")
    click.echo(f"data folder: {fetched(name, source, target)}")


@command.command("list", short_help="Name every data set and say whether it is there.")
@to_option
@json_option
def list_(target: Path | None, as_json: bool) -> None:
    """Name every data set and say whether it is there."""
    from ampsim.cli.output import print_json, print_table
    from ampsim.workloads.published import PUBLISHED
    from ampsim.workloads.store import present

    sets = PUBLISHED.values()
    there = {entry.name: present(entry.name, target) for entry in sets}
    if as_json:
        described = {
            e.name: {"here": there[e.name], "bytes": e.size, "from": f"{e.client} {e.package}", "title": e.title}
            for e in sets
        }
        print_json(described)
        return
    rows = [(e.name, "yes" if there[e.name] else "no", f"{e.size / 1e6:,.0f} MB", e.client, e.title) for e in sets]
    print_table(("data set", "here", "size", "from", "what it is"), rows, align="llrll")
