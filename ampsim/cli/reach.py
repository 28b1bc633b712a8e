"""``ampsim reach``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ampsim.cli.base import Command, Flags
from ampsim.cli.options import check_file, json_option, parse_placement, parse_settings, set_option
from ampsim.errors import UsageError

if TYPE_CHECKING:
    from ampsim.studies.reach import Reach


@click.command("reach", cls=Command)
@click.argument("job")
@click.option("-s", "--system", required=True, metavar="SYSTEM", help="Catalogue name (ampsim hw list) or a YAML file.")
@click.option("-w", "--workers", type=click.IntRange(1, 65536), help="As in simulate: use the first so many chips.")
@click.option("--place", type=click.Choice(["balanced", "round_robin", "auto"]), help="As in simulate.")
@click.option("--placement", metavar="UNIT=WORKER,...", help="As in simulate.")
@set_option
@click.option("--seed", type=int, metavar="N", help="Seed of everything random; the first of --seeds.")
@click.option(
    "--small", multiple=True, metavar="A.B=C",
    help="Measure epochs with a smaller job: as --set, for its trainings only, e.g. options.width=64.",
)  # fmt: skip
@click.option(
    "--maks", metavar="N,...",
    help="Instances in flight to train with.  [default: 1, 2, 4 ... to twice what the job has, 8 at least]",
)  # fmt: skip
@click.option("--seeds", type=click.IntRange(2, 1000), help="Trainings of each setting.  [default: 3]")
@click.option(
    "--curve", "curve_file", type=Path, metavar="FILE", help="Take epochs from this file of -o; nothing is trained."
)
@click.option("-o", "--output", type=Path, metavar="FILE", help="Keep the epochs that were measured, as JSON.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@json_option
@click.pass_obj
def command(
    flags: Flags,
    job: str,
    system: str,
    workers: int | None,
    place: str | None,
    placement: str | None,
    settings: tuple[str, ...],
    seed: int | None,
    small: tuple[str, ...],
    maks: str | None,
    seeds: int | None,
    curve_file: Path | None,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Say when JOB would reach its target on SYSTEM, where it cannot be trained.

    It is trained here without a clock, for how many epochs it takes at which staleness, and counted there for an epoch.
    """
    from ampsim.cli.output import print_json
    from ampsim.cli.systems import load
    from ampsim.studies.jobs import load_job
    from ampsim.studies.reach import check_alike, one_epoch, put_together
    from ampsim.studies.staleness_curve import StalenessCurve
    from ampsim.studies.trials import SEEDS, staleness_curve

    where, tried = parse_placement(placement), parse_maks(maks)
    if place and where is not None:
        raise UsageError("units are placed by hand or by name, not both", "--place", "leave out --place or --placement")
    if curve_file and (small or tried or output or seeds):
        do = "leave out --small, --maks, --seeds and -o"
        raise UsageError("a curve of a file is not measured again", "--curve", do)
    if output:
        check_file(output, force)
    chosen = parse_settings(settings)
    wanted, hardware = load_job(job, chosen, seed), load(flags, system)
    trained = load_job(job, {**chosen, **parse_settings(small)}, seed) if small else wanted
    curve = StalenessCurve.load(curve_file) if curve_file else None
    check_alike(wanted, curve or (trained if small else None))
    run = one_epoch(wanted, hardware, placement=place or where, workers=workers, say=flags.say)
    curve = curve or staleness_curve(trained, tried, seeds=seeds or SEEDS, say=flags.say)
    if output:
        curve.save(output)
    found = put_together(wanted, curve, run)
    if as_json:
        print_json(as_plain(found))
    else:
        _print(found)
        if output:
            click.echo(f"curve: {output}")


def parse_maks(text: str | None) -> list[int] | None:
    """``"1,4,16"`` as ``[1, 4, 16]``."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[1-9]\d{0,8}", part) for part in parts):
        raise UsageError(f"{text!r} is no list of instances in flight", "--maks", "write N,N,..., e.g. 1,4,16")
    return [int(part) for part in parts]


def as_plain(found: Reach) -> dict[str, object]:
    """The answer as plain values; times in seconds."""
    return {
        "job": found.run.job,
        "system": found.run.config["run"]["system"]["name"],
        "workers": found.run.workers,
        "time_to_target": found.time._asdict(),
        "epochs_to_target": found.epochs._asdict(),
        "staleness": found.staleness,
        "epoch_time": found.epoch_time,
        "throughput": found.run.throughput,
        "same_job": found.same_job,
        "curve": found.curve,
    }


def _print(found: Reach) -> None:
    from ampsim.cli.output import goal, place, print_table, show

    run, curve = found.run, found.curve
    least, most = curve.seen or (0.0, 0.0)
    click.echo(f"{run.job} on {place(run)}: not trained there, put together")
    (value, low, high), (epochs, fewest, most_epochs) = found.time, found.epochs
    rows = [
        [f"time to {goal(curve.settings.training)}", show(value, " s"), f"{show(low)} to {show(high)}"],
        ["epochs", show(epochs), f"{show(fewest)} to {show(most_epochs)}"],
        ["time of an epoch", show(found.epoch_time, " s"), ""],
        ["throughput", show(run.throughput, " rows/s"), ""],
        ["staleness", show(found.staleness), f"seen {show(least)} to {show(most)}"],
    ]
    print_table(["", "", "80 % of runs"], rows)
    click.echo(f"epochs: from {len(curve.trials)} trainings of {curve.job}, by the mean staleness of their gradients")
    if not found.same_job:
        click.echo("warning: they were of another graph or other data; that both learn alike is assumed, not known")
