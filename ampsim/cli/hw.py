"""``ampsim hw``: list, show, check and draw systems, and print the schema of their files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ampsim.cli.base import Group
from ampsim.cli.options import check_file, json_option, parse_placement, parse_settings, set_option
from ampsim.errors import UsageError

if TYPE_CHECKING:
    from ampsim.hw import System
    from ampsim.hw.memory.pre_flight import Row

_PAGES = (".html", ".htm")


@click.group("hw", cls=Group)
def command() -> None:
    """List, show, check and draw systems."""


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


@command.command("check", short_help="Check a system; with --job, whether a job fits.")
@click.argument("system")
@click.option("--job", metavar="JOB", help="Also say, chip by chip, what memory this job needs; 2 if it does not fit.")
@click.option(
    "-w", "--workers", type=click.IntRange(1, 65536),
    help="Of the job: use the first so many chips.  [default: as ampsim simulate]",
)  # fmt: skip
@click.option("--placement", metavar="UNIT=WORKER,...", help="Of the job: which unit goes where, e.g. 0=0,1=0,2=1.")
@set_option
@json_option
def check(
    system: str, job: str | None, workers: int | None, placement: str | None, settings: tuple[str, ...], as_json: bool
) -> None:
    """Check SYSTEM, a catalogue name or a YAML file, and say what was understood of it."""
    from ampsim.cli.output import print_json, print_table
    from ampsim.hw import load, preflight_table
    from ampsim.hw.drawing.overview import overview
    from ampsim.studies.calibrate.machine import stale

    if job is None and (workers is not None or placement is not None or settings):
        raise UsageError("there is no job to place or to change", "--job", "add --job JOB")
    chosen, where = parse_settings(settings), parse_placement(placement)
    loaded = load(system)
    found = overview(loaded)
    old = stale(loaded)
    rows = None if job is None else _needs(job, loaded, workers, where, chosen)
    if as_json:
        memory = None if rows is None else [{**row._asdict(), "missing": row.missing} for row in rows]
        print_json({**found.to_dict(), "memory": memory, "stale": old})
    else:
        print_table((loaded.name, ""), [*found.rows(), *_measured(loaded, old)], align="ll")
        if rows is not None:
            click.echo(f"\nmemory for {job}, with one instance in flight:")
            click.echo("\n".join(preflight_table(rows)))
    short = [row for row in rows or () if row.missing]
    if short:
        _refuse(short, loaded)


def _measured(system: System, stale: list[str]) -> list[tuple[str, str]]:
    """Of a system that was measured: on what, and what has changed since."""
    if system.machine is None:
        return []
    known = system.machine
    rows = [("measured", f"{known.date[:10]} on {known.cpu}, {known.cores} cores")]
    return [*rows, ("stale", "; ".join(stale))] if stale else rows


def _needs(
    job: str, system: System, workers: int | None, placement: dict[int, int] | None, settings: dict[str, Any]
) -> list[Row]:
    """What the job needs of each chip, placed as ``ampsim simulate`` would place it."""
    from ampsim.engine.plan import Plan
    from ampsim.hw import preflight
    from ampsim.hw.backend import SimBackend
    from ampsim.studies.jobs import load_job

    loaded = load_job(job, settings, None)
    loaded = loaded.with_training(target=None, target_loss=None)  # nothing is computed
    count = workers if workers is not None else max(SimBackend.default_workers(loaded, system), 1)
    return preflight(Plan(loaded, count, placement, "shapes"), system)


def _refuse(short: list[Row], system: System) -> None:
    """Raise what tells a script that the job cannot run; what may spill or recompute may yet fit."""
    from ampsim.errors import CapacityError

    if system.overflow in ("spill", "recompute") and not any(
        row.available is not None and row.static > row.available for row in short
    ):
        return
    names = ", ".join(row.chip for row in short[:10]) + (", ..." if len(short) > 10 else "")
    what = f"the job does not fit the memory of {names}"
    raise CapacityError(what, f"system {system.name}", "see the table: more memory, more chips, or a smaller job")


@command.command("draw", short_help="Draw the chips and links of a system.")
@click.argument("system")
@click.option(
    "-o", "--output", type=Path, metavar="FILE",
    help="Where to: a picture (.svg), or a page with its numbers (.html).  [default: ./NAME.svg]",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace an existing file.")
def draw(system: str, output: Path | None, force: bool) -> None:
    """Draw SYSTEM, a catalogue name or a YAML file: its chips, and its links by what they carry."""
    from ampsim.hw import load
    from ampsim.hw.drawing.page import html
    from ampsim.hw.drawing.picture import svg
    from ampsim.result.aside import replace_file

    loaded = load(system)
    path = output or Path(f"{loaded.name}.svg")
    suffix = path.suffix.lower()
    if suffix not in (".svg", *_PAGES):
        raise UsageError(f"{path} is called neither a picture nor a page", str(path), "end it in .svg or .html")
    check_file(path, force)
    replace_file(path, (html(loaded) if suffix in _PAGES else svg(loaded)).encode())
    click.echo(f"drawing: {path}")


@command.command("schema", short_help="Print the JSON Schema of system files.")
def schema() -> None:
    """Print the JSON Schema of system files (draft 7), for editors."""
    from ampsim.hw.files import json_schema

    click.echo(json_schema.text(), nl=False)
