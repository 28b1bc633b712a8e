"""``ampsim run``."""

from __future__ import annotations

from pathlib import Path

import click

from ampsim.cli.base import Command, Flags
from ampsim.cli.options import check_report, job_options, live_option, output_folder, parse_placement, parse_settings


@click.command("run", cls=Command)
@click.argument("job")
@click.option("-w", "--workers", type=click.IntRange(1, 256), default=2, show_default=True, help="Worker processes.")
@job_options
@live_option
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
    live: bool,
) -> None:
    """Train JOB on worker processes: a workload, a job.yaml, or file.py:function."""
    from ampsim.cli.live import Watched
    from ampsim.cli.output import finish
    from ampsim.studies.execute import load_run, run
    from ampsim.studies.jobs import load_job

    chosen, where = parse_settings(settings), parse_placement(placement)
    loaded = load_job(job, chosen, seed)
    folder = output_folder(output, loaded.name, "runtime", loaded.hash, force)
    check_report(report_path, folder)
    init = load_run(init_folder) if init_folder else None
    about = f"on {workers} worker process{'es' * (workers != 1)} of this machine"
    with Watched(f"run {loaded.name}", loaded.name, about, flags, live=live) as watched:
        result = run(loaded, workers=workers, placement=where, init=init, progress=watched)
        watched.saving()
        finish(result, folder, force, report_path, as_json)
        watched.written(folder, report_path)
