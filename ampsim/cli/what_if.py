"""``ampsim what-if``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ampsim.cli.base import Command, Flags
from ampsim.cli.options import json_option
from ampsim.errors import UsageError

if TYPE_CHECKING:
    from ampsim.studies.what_if import WhatIf


@click.command("what-if", cls=Command)
@click.argument("run", type=Path)
@click.option(
    "--speedup", metavar="RESOURCE=FACTOR,...",
    help="What is made faster, one at a time, e.g. link=2,chip.matmul=2.  [default: every resource, twice as fast]",
)  # fmt: skip
@click.option(
    "-s", "--system", metavar="SYSTEM",
    help="Simulate on this one: a catalogue name or a YAML file.  [default: the one RUN was simulated on]",
)  # fmt: skip
@click.option("--shapes", is_flag=True, help="Count only: quick, and without time to accuracy.")
@json_option
@click.pass_obj
def command(flags: Flags, run: Path, speedup: str | None, system: str | None, shapes: bool, as_json: bool) -> None:
    """Say what a faster chip, link or host would gain the run folder RUN, and which of them holds it up."""
    from ampsim.cli.output import print_json
    from ampsim.cli.systems import load
    from ampsim.studies.execute import load_run
    from ampsim.studies.what_if import what_if

    factors = parse_factors(speedup)
    before = load_run(run)
    hardware = load(flags, system) if system else None
    found = what_if(before, factors, system=hardware, mode="shapes" if shapes else None, say=flags.say)
    if as_json:
        print_json(as_plain(found))
    else:
        _print(found)


def parse_factors(text: str | None) -> dict[str, float] | None:
    """``"link=2,chip.matmul=2"`` as ``{"link": 2.0, "chip.matmul": 2.0}``."""
    if text is None:
        return None
    found: dict[str, float] = {}
    for part in text.split(","):
        pair = re.fullmatch(r"\s*([\w.]+)\s*=\s*(\d{1,12}(?:\.\d{1,12})?(?:[eE][-+]?\d{1,2})?)\s*", part)
        if pair is None:
            do = "write RESOURCE=FACTOR,..., e.g. link=2,chip.matmul=2"
            raise UsageError(f"{part!r} speeds nothing up", "--speedup", do)
        if pair[1] in found:
            raise UsageError(f"{pair[1]} is given twice", "--speedup", "give it once")
        found[pair[1]] = float(pair[2])
    return found


def as_plain(found: WhatIf) -> dict[str, object]:
    """The answer as plain values."""
    return {
        "job": found.base.job,
        "throughput": found.base.throughput,
        "time_to_target": found.base.time_to_target,
        "gains": [dict(vars(gain)) for gain in found.gains],
        "bottleneck": found.bottleneck,
        "busiest_worker": found.busiest_worker,
        "busiest_link": found.busiest_link,
    }


def _print(found: WhatIf) -> None:
    from ampsim.cli.output import difference, goal, place, print_table, show

    base = found.base
    timed = base.time_to_target is not None
    heads = ["resource", "times", "rows/s", "gain", "elasticity"]
    rows = [["as it is", "", show(base.throughput), "", ""]]
    for gain in found.gains:
        row = [gain.resource, show(gain.factor), show(gain.throughput), difference(gain.throughput, base.throughput)]
        rows.append([*row, _signed(gain.elasticity)])
    if timed:
        heads += [f"time to {goal(base.summary)}", "gain", "elasticity"]
        rows[0] += [show(base.time_to_target, " s"), "", ""]
        for row, gain in zip(rows[1:], found.gains, strict=True):
            time = gain.time_to_target
            row += [show(time, " s"), difference(time, base.time_to_target), _signed(gain.time_elasticity)]
    click.echo(f"{base.job} on {place(base)}")
    print_table(heads, rows)
    if found.bottleneck is None:
        click.echo("bottleneck: none of these resources; what holds the run up is not among them")
    else:
        best = next(gain for gain in found.gains if gain.resource == found.bottleneck)
        click.echo(f"bottleneck: {best.resource}, with an elasticity of throughput of {_signed(best.elasticity)}")
    busy = [found.busiest_worker, *([found.busiest_link] if found.busiest_link else [])]
    click.echo(f"busiest: {', '.join(f'{name} {100 * share:.1f} %' for name, share in busy)} of the time")


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value + 0.0:.3f}"
