"""``ampsim simulate``."""

from __future__ import annotations

from pathlib import Path

import click

from ampsim.cli.options import check_report, job_options, output_folder, parse_placement, parse_settings


@click.command("simulate")
@click.argument("job")
@click.option("-s", "--system", required=True, help="Catalogue name (ampsim hw list) or a YAML file.")
@click.option("-w", "--workers", type=click.IntRange(1, 65536), help="Use the first so many chips.")
@click.option("--shapes", is_flag=True, help="Count only: no arrays, no loss; for jobs too large to compute here.")
@click.option("--init", "init_folder", type=Path, help="Run folder whose final parameters to start from.")
@job_options
@click.pass_obj
def command(
    flags: dict[str, bool],
    job: str,
    system: str,
    workers: int | None,
    shapes: bool,
    init_folder: Path | None,
    settings: tuple[str, ...],
    seed: int | None,
    output: Path | None,
    force: bool,
    as_json: bool,
    report_path: Path | None,
    placement: str | None,
) -> None:
    """Run JOB on a simulated SYSTEM: the same work, the same tables, another clock."""
    from ampsim.cli.output import ProgressLine, finish
    from ampsim.studies.execute import load_run, load_system, simulate
    from ampsim.studies.jobs import load_job

    loaded = load_job(job, parse_settings(settings), seed)
    chosen = load_system(system)
    folder = output_folder(output, loaded.name, chosen.name, loaded.hash, force)
    check_report(report_path)
    init = load_run(init_folder) if init_folder else None
    with ProgressLine(f"simulate {loaded.name}", flags["quiet"]) as progress:
        result = simulate(
            loaded,
            chosen,
            placement=parse_placement(placement),
            workers=workers,
            mode="shapes" if shapes else "numeric",
            init=init,
            progress=progress,
        )
    finish(result, folder, force, report_path, as_json)
