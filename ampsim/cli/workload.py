"""``ampsim workload list`` and ``ampsim workload show``."""

from __future__ import annotations

import inspect

import click


@click.group("workload")
def command() -> None:
    """List and show workloads."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def list_(as_json: bool) -> None:
    """Name every workload and say what it is."""
    from ampsim.cli.output import print_json, print_table
    from ampsim.workloads import WORKLOADS, builder

    described = {name: first_line(builder(name)) for name in WORKLOADS}
    if as_json:
        print_json(described)
    else:
        print_table(("workload", "what it is"), list(described.items()), align="ll")


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the whole job as JSON.")
@click.option("--mermaid", is_flag=True, help="Print the graph as Mermaid text.")
def show(name: str, as_json: bool, mermaid: bool) -> None:
    """Show a workload: its options, settings and graph."""
    from ampsim.cli.output import print_json, print_table
    from ampsim.workloads import builder, workload

    job = workload(name)
    if as_json:
        print_json(job.to_dict())
        return
    if mermaid:
        click.echo(job.graph.to_mermaid())
        return
    click.echo(inspect.getdoc(builder(name)))
    click.echo()
    options = inspect.signature(builder(name)).parameters.values()
    print_table(("option", "default"), [(option.name, str(option.default)) for option in options])
    click.echo()
    print_table(("training", "default"), [(key, str(value)) for key, value in job.training.to_dict().items()])
    click.echo()
    rows = [(n.name, type(n).__name__, "-" if n.unit is None else str(n.unit)) for n in job.graph.nodes]
    print_table(("node", "type", "unit"), rows)


def first_line(function: object) -> str:
    """The first line of the module's docstring of a function."""
    return (inspect.getdoc(inspect.getmodule(function)) or "").partition("\n")[0]
