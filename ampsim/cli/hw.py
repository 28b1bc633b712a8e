"""``ampsim hw list`` and ``ampsim hw show``."""

from __future__ import annotations

import click

from ampsim.cli.base import Group
from ampsim.cli.options import json_option


@click.group("hw", cls=Group)
def command() -> None:
    """List and show systems."""


@command.command("list", short_help="Name every system of the catalogue.")
@json_option
def list_(as_json: bool) -> None:
    """Name every system of the catalogue and say what it is."""
    from ampsim.cli.output import print_json, print_table
    from ampsim.hw import catalogue, load

    systems = {name: load(name) for name in catalogue()}
    if as_json:
        print_json({name: {"chips": len(s.chip_names), "description": s.description} for name, s in systems.items()})
        return
    rows = [(name, str(len(s.chip_names)), s.description.partition(". ")[0]) for name, s in systems.items()]
    print_table(("system", "chips", "what it is"), rows, align="lrl")


@command.command("show", short_help="Show one system, with all defaults filled in.")
@click.argument("system")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead, in base units.")
def show(system: str, as_json: bool) -> None:
    """Show SYSTEM, a catalogue name or a YAML file, with all defaults filled in."""
    from ampsim.cli.output import print_json
    from ampsim.hw import load

    loaded = load(system)
    if as_json:
        print_json(loaded.to_dict())
    else:
        click.echo(loaded.to_yaml(), nl=False)
