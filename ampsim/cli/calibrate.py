"""``ampsim calibrate``."""

from __future__ import annotations

from pathlib import Path

import click

from ampsim.cli.base import Command, Flags
from ampsim.cli.options import check_file, json_option, parse_settings, set_option


@click.command("calibrate", cls=Command)
@click.argument("job", required=False)
@click.option(
    "-o", "--output", type=Path, default=Path("host.yaml"), show_default=True, metavar="FILE", help="The file to write."
)
@click.option("-w", "--workers", type=click.IntRange(1, 256), default=2, show_default=True, help="Worker processes.")
@click.option(
    "--seconds", type=click.FloatRange(0.1, 60), default=2.0, show_default=True, metavar="N",
    help="How long tasks are measured; parcels take a few seconds more.",
)  # fmt: skip
@set_option
@click.option("--force", is_flag=True, help="Replace an existing file.")
@json_option
@click.pass_obj
def command(
    flags: Flags,
    job: str | None,
    output: Path,
    workers: int,
    seconds: float,
    settings: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Measure this machine with the tasks of JOB and describe it as a system; under 10 s.

    JOB is a workload, a job.yaml, or file.py:function; left out, it is the MLP on generated images.
    """
    from ampsim.cli.output import print_json
    from ampsim.studies.calibrate import calibrate, write
    from ampsim.studies.jobs import load_job

    chosen = parse_settings(settings)
    check_file(output, force)
    loaded = load_job(job, chosen) if job else load_job("mlp", {"options.data": "generated", **chosen})
    flags.say(f"measuring with {workers} {'worker' if workers == 1 else 'workers'} ...")
    system = calibrate(loaded, workers=workers, seconds=seconds)
    write(system, output)
    if as_json:
        print_json(system.to_dict())
    else:
        click.echo(f"system: {output}")
