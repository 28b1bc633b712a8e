"""``ampsim run``."""

from __future__ import annotations

from pathlib import Path

import click

from ampsim.cli.base import Command, Flags
from ampsim.cli.options import check_report, job_options, output_folder, parse_placement, parse_settings


@click.command("run", cls=Command)
@click.argument("job")
@click.option("-w", "--workers", type=click.IntRange(1, 256), default=2, show_default=True, help="Worker processes.")
@job_options
@click.pass_obj
def command(
    flags: Flags,
    job: str,
    workers: int,
    placement: str | None,
    settings: tuple[str, ...],
    seed: int | None,
    init_folder: Path | None,
    output: Path | None,
    force: bool,
    report_path: Path | None,
    as_json: bool,
) -> None:
    """Train JOB on worker processes: a workload, a job.yaml, or file.py:function."""
    from ampsim.cli.output import finish
    from ampsim.cli.progress import ProgressLine
    from ampsim.studies.execute import load_run, run
    from ampsim.studies.jobs import load_job

    chosen, where = parse_settings(settings), parse_placement(placement)
    loaded = load_job(job, chosen, seed)
    folder = output_folder(output, loaded.name, "runtime", loaded.hash, force)
    check_report(report_path, folder)
    init = load_run(init_folder) if init_folder else None
    with ProgressLine(f"run {loaded.name}", flags.quiet) as progress:
        result = run(loaded, workers=workers, placement=where, init=init, progress=progress)
    finish(result, folder, force, report_path, as_json)
