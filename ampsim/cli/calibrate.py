"""``ampsim calibrate``."""

from __future__ import annotations

from pathlib import Path

import click

from ampsim.errors import UsageError


@click.command("calibrate")
@click.argument("job", default="mlp")
@click.option("-o", "--output", type=Path, default=Path("host.yaml"), show_default=True, help="The file to write.")
@click.option("-w", "--workers", type=click.IntRange(1, 256), default=2, show_default=True, help="Worker processes.")
@click.option("--set", "settings", multiple=True, metavar="A.B=C", help="Change a setting of the job.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.option("--json", "as_json", is_flag=True, help="Also print the system as one JSON object.")
@click.pass_obj
def command(
    flags: dict[str, bool],
    job: str,
    output: Path,
    workers: int,
    settings: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Measure this machine with the tasks of JOB and describe it as a system; under 10 s."""
    from ampsim.cli.options import parse_settings
    from ampsim.cli.output import print_json
    from ampsim.studies.calibrate import calibrate, write
    from ampsim.studies.jobs import load_job

    if output.exists() and not force:
        raise UsageError(f"{output} exists already", str(output), "choose another -o, or --force to replace it")
    if not flags["quiet"]:
        click.echo(f"measuring with {workers} workers ...", err=True)
    system = calibrate(load_job(job, parse_settings(settings)), workers=workers)
    write(system, output)
    if as_json:
        print_json(system.to_dict())
    else:
        click.echo(output)
