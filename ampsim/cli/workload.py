"""``ampsim workload list`` and ``ampsim workload show``."""

from __future__ import annotations

import inspect
from typing import Any

import click

from ampsim.cli.base import Group
from ampsim.cli.options import json_option


@click.group("workload", cls=Group)
def command() -> None:
    """List and show workloads."""


@command.command("list", short_help="Name every workload.")
@json_option
def list_(as_json: bool) -> None:
    """Name every workload and say what it is."""
    from ampsim.cli.output import print_json, print_table
    from ampsim.workloads import WORKLOADS, builder

    described = {name: first_line(builder(name)) for name in WORKLOADS}
    if as_json:
        print_json(described)
    else:
        print_table(("workload", "what it is"), list(described.items()), align="ll")


@command.command("show", short_help="Show one workload: options, settings, graph.")
@click.argument("job")
@click.option("--json", "as_json", is_flag=True, help="Print the whole job as one JSON object instead.")
@click.option("--mermaid", is_flag=True, help="Print the graph as Mermaid text instead.")
def show(job: str, as_json: bool, mermaid: bool) -> None:
    """Show JOB: its options, its training settings and its graph, with their defaults.

    JOB is a workload, a job.yaml, or file.py:function. What --json prints is a job.yaml itself.
    """
    from ampsim.cli.output import print_json, print_prose, print_table
    from ampsim.engine.placement import units_of
    from ampsim.studies.jobs import load_job
    from ampsim.workloads import WORKLOADS, builder

    loaded = load_job(job)
    if as_json:
        print_json(loaded.to_dict())
        return
    if mermaid:
        click.echo(loaded.graph.to_mermaid())
        return
    if job in WORKLOADS:
        print_prose(inspect.getdoc(builder(job)) or "")
        click.echo()
        options = inspect.signature(builder(job)).parameters.values()
        print_table(("--set", "default"), [(f"options.{o.name}", literal(o.default)) for o in options], align="ll")
        click.echo()
    settings = flat("training", loaded.training.to_dict())
    print_table(("--set", "default"), [(key, literal(value)) for key, value in settings.items()], align="ll")
    click.echo()
    units = units_of(loaded.graph)
    rows = [
        (str(unit), node.name, str(getattr(node, "operation", type(node).__name__)))
        for unit, node in sorted(zip(units, loaded.graph.nodes, strict=True), key=lambda pair: pair[0])
    ]
    print_table(("unit", "node", "operation"), rows, align="rll")


def first_line(function: object) -> str:
    """The first line of the module's docstring of a function."""
    return (inspect.getdoc(inspect.getmodule(function)) or "").partition("\n")[0]


def flat(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    """Nested settings by the names that ``--set`` takes."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        nested = isinstance(value, dict) and value
        inner = flat(f"{prefix}.{key}", value) if nested else {f"{prefix}.{key}": value}
        found.update(inner)
    return found


def literal(value: Any) -> str:
    """A value as ``--set`` takes it."""
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)
