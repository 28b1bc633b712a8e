"""``ampsim run``."""

from __future__ import annotations

from pathlib import Path

import click

from ampsim.cli.options import check_report, job_options, output_folder, parse_placement, parse_settings


@click.command("run")
@click.argument("job")
@click.option("-w", "--workers", type=click.IntRange(1, 256), default=2, show_default=True, help="Worker processes.")
@click.option("--init", "init_folder", type=Path, help="Run folder whose final parameters to start from.")
@job_options
@click.pass_obj
def command(
    flags: dict[str, bool],
    job: str,
    workers: int,
    init_folder: Path | None,
    settings: tuple[str, ...],
    seed: int | None,
    output: Path | None,
    force: bool,
    as_json: bool,
    report_path: Path | None,
    placement: str | None,
) -> None:
    """Train JOB on worker processes: a workload, a job.yaml, or file.py:function."""
    from ampsim.cli.output import ProgressLine, finish
    from ampsim.studies.execute import load_run, run
    from ampsim.studies.jobs import load_job

    loaded = load_job(job, parse_settings(settings), seed)
    folder = output_folder(output, loaded.name, "runtime", loaded.hash, force)
    check_report(report_path)
    init = load_run(init_folder) if init_folder else None
    with ProgressLine(f"run {loaded.name}", flags["quiet"]) as progress:
        result = run(loaded, workers=workers, placement=parse_placement(placement), init=init, progress=progress)
    finish(result, folder, force, report_path, as_json)
