"""``ampsim simulate``."""

from __future__ import annotations

from pathlib import Path

import click

from ampsim.cli.base import Command, Flags
from ampsim.cli.options import check_report, job_options, live_option, output_folder, parse_placement, parse_settings
from ampsim.errors import UsageError


@click.command("simulate", cls=Command)
@click.argument("job")
@click.option("-s", "--system", required=True, metavar="SYSTEM", help="Catalogue name (ampsim hw list) or a YAML file.")
@click.option(
    "-w", "--workers", type=click.IntRange(1, 65536),
    help="Use the first so many chips.  [default: one for each unit of the job, as far as there are]",
)  # fmt: skip
@click.option(
    "--place", type=click.Choice(["balanced", "round_robin", "auto"]),
    help="How units are placed on chips where --placement does not say: by work in the order of messages, in turn, "
    "or searched for.  [default: balanced]",
)  # fmt: skip
@click.option(
    "--shapes", is_flag=True,
    help="Count only: no arrays, no loss, so no target either; for jobs too large to compute here.",
)  # fmt: skip
@click.option(
    "--tie-break", type=click.IntRange(0, 2**63 - 1), metavar="SEED",
    help="Draw the order of events of equal time.  [default: a fixed order]",
)  # fmt: skip
@job_options
@live_option
@click.pass_obj
def command(
    flags: Flags,
    job: str,
    system: str,
    workers: int | None,
    place: str | None,
    shapes: bool,
    tie_break: int | None,
    placement: str | None,
    settings: tuple[str, ...],
    seed: int | None,
    init_folder: Path | None,
    output: Path | None,
    force: bool,
    report_path: Path | None,
    as_json: bool,
    live: bool,
) -> None:
    """Run JOB on a simulated SYSTEM: the same work, the same tables, another clock."""
    from ampsim.cli.live import Watched
    from ampsim.cli.output import finish
    from ampsim.cli.systems import load
    from ampsim.studies.execute import load_run, simulate
    from ampsim.studies.jobs import load_job

    chosen, where = parse_settings(settings), parse_placement(placement)
    if place and where is not None:
        raise UsageError("units are placed by hand or by name, not both", "--place", "leave out --place or --placement")
    loaded = load_job(job, chosen, seed)
    hardware = load(flags, system)
    for name, what in (("target", "accuracy"), ("target_loss", "loss")):
        goal = getattr(loaded.training, name)
        if shapes and goal is not None and f"training.{name}" not in chosen:
            # Nobody asked for the target: it came with the job. One that was asked for is an error further down.
            loaded = loaded.with_training(**{name: None})
            flags.say(f"--shapes computes no {what}: the job's {name} of {goal} is left out, and all epochs are run")
    folder = output_folder(output, loaded.name, hardware.name, loaded.hash, force)
    check_report(report_path, folder)
    init = load_run(init_folder) if init_folder else None
    mode = "shapes" if shapes else "numeric"
    if place == "auto":
        flags.say("searching for a placement by simulating some")
    about = f"simulated on {hardware.name}"
    with Watched(f"simulate {loaded.name}", loaded.name, about, flags, live=live, simulated=True) as watched:
        result = simulate(
            loaded, hardware, placement=place or where, workers=workers, mode=mode, init=init, progress=watched,
            tie_break=tie_break,
        )  # fmt: skip
        watched.saving()
        finish(result, folder, force, report_path, as_json)
        watched.written(folder, report_path)
