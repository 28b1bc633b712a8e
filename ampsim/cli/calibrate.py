"""``ampsim calibrate``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ampsim.cli.base import Command, Flags
from ampsim.cli.options import check_file, json_option, parse_settings, set_option
from ampsim.errors import UsageError

if TYPE_CHECKING:
    from ampsim.hw import System

Row = tuple[str, str, str]


@click.command("calibrate", cls=Command)
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option(
    "-o", "--output", type=Path, default=Path("host.yaml"), show_default=True, metavar="FILE", help="The file to write."
)
@click.option(
    "-w", "--workers", type=click.IntRange(1, 64), help="Run on up to so many workers.  [default: two for each core]"
)
@click.option(
    "--seconds", type=click.FloatRange(0.1, 3600), metavar="N",
    help="How long it takes, about.  [default: 10 for each JOB, 35 at most]",
)  # fmt: skip
@set_option
@click.option("--force", is_flag=True, help="Replace an existing file.")
@json_option
@click.pass_obj
def command(
    flags: Flags,
    jobs: tuple[str, ...],
    output: Path,
    workers: int | None,
    seconds: float | None,
    settings: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Measure this machine with short runs of each JOB and describe it as a system.

    JOB is a workload, a job.yaml, or file.py:function; left out, every workload is run for a moment. --set changes all
    of them.
    """
    from ampsim.cli.output import print_json, print_table
    from ampsim.studies.calibrate import calibrate, write
    from ampsim.studies.jobs import load_job

    chosen = parse_settings(settings)
    if chosen and not jobs:
        raise UsageError("there is no job to change", "--set", "name the jobs to measure with: ampsim calibrate JOB")
    check_file(output, force)
    loaded = [load_job(job, chosen) for job in jobs] or None
    system = calibrate(loaded, workers=workers, seconds=seconds, say=flags.say)
    write(system, output)
    if as_json:
        print_json(system.to_dict())
    else:
        print_table(("measured", "value", "spread"), list(rows(system)))
        click.echo(f"system: {output}")


def rows(system: System) -> Iterator[Row]:
    """What was measured, how much it was, and how far single measurements of it lay apart; for a measured system."""
    from ampsim.cli.output import percent, show
    from ampsim.hw.cost import ANY

    def row(what: str, value: float, unit: str, source: str) -> Row:
        known = system.sources.get(source)
        spread = None if known is None else known.spread
        return what, show(value) + unit, percent(spread or None)

    chips, host = system.chips[0], system.host
    software, cores = chips.software, chips.cores
    operations = [name for name in chips.measured if not name.endswith(" structure")]
    between, micro = "chips[0].software", 1e6
    yield row("operations, each by its rows", len(operations), "", "chips[0].measured")
    yield row("kinds of operations, for others", len({*chips.kernels} - {ANY}), "", "chips[0].kernels")
    yield row("choosing a task", micro * software.choosing, " us", between)
    yield row("gathering, a message", micro * software.gathering, " us", between)
    yield row("a parcel, at either end", micro * chips.parcel_overhead, " us", "chips[0].parcel_overhead")
    yield row("a message of it", micro * software.message, " us", between)
    if not isinstance(chips.copy_bandwidth, str) and chips.copy_bandwidth < 1e15:
        yield row("copying it", chips.copy_bandwidth / 1e9, " GB/s", "chips[0].copy_bandwidth")
    yield row("its way to another worker", micro * system.links.latency, " us", "links")
    yield row("a report", micro * (software.report or 0.0), " us", between)
    yield row("its way to the controller", micro * host.latency, " us", "host")
    yield row("there", micro * host.handling, " us", "host")
    yield row("the first task after a wait, times", software.waking, "", between)
    if cores is not None:
        yield row("cores", cores.count, "", "chips[0].cores")
        yield row("all of them at work, times", cores.slowdown[-1], "", "chips[0].cores")
        yield row("more workers than cores, times", cores.crowded, "", "chips[0].cores")
        yield row("a turn on a core that others wait for", 1e3 * cores.turn, " ms", "chips[0].cores.turn")
    yield row("a square product", chips.matmul / 1e9, " GFLOP/s", "chips[0].matmul")
    yield row("an elementwise pass", chips.vector / 1e9, " GFLOP/s", "chips[0].vector")
    if not isinstance(chips.memory_bandwidth, str):
        yield row("a pass over memory", chips.memory_bandwidth / 1e9, " GB/s", "chips[0].memory_bandwidth")
    if system.uncertainty:
        known = system.uncertainty
        yield f"{100 * known.level:.0f} % of makespans over predicted", f"{known.low:.3f} to {known.high:.3f}", ""
