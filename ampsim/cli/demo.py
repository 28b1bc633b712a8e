"""``ampsim demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ampsim.cli.base import Command, Flags


@click.command("demo", cls=Command)
@click.option(
    "-o", "--output", type=Path, default=Path("ampsim-demo"), show_default=True, metavar="FOLDER",
    help="Where results go.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace the results of an earlier demo.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@click.pass_obj
def command(flags: Flags, output: Path, force: bool, as_json: bool) -> None:
    """Train a 4-layer MLP on handwritten digits with two workers, predict it, compare, and write a report."""
    from ampsim.cli.output import print_json
    from ampsim.cli.progress import ProgressLine
    from ampsim.studies.demo import demo

    lines: list[ProgressLine] = []

    def clear() -> None:
        while lines:
            lines.pop().close()

    def say(text: str) -> None:
        clear()
        flags.say(text)

    def progress(title: str) -> ProgressLine:
        lines.append(ProgressLine(title, flags.quiet))
        return lines[-1]

    try:
        done = demo(output, say=say, progress=progress, force=force)
    finally:
        clear()
    summaries = {"predicted": done.predicted, "measured": done.measured, "hypothetical": done.hypothetical}
    if as_json:
        print_json({**{name: run.summary for name, run in summaries.items()}, "report": str(done.report)})
    else:
        _print(list(summaries.values()))
        click.echo(f"report: {done.report}")


def facts(summary: dict[str, Any]) -> dict[str, Any]:
    """The summary with what the table shows beside it."""
    return {
        **summary,
        "epoch_count": len(summary["epochs"]),
        "final_accuracy": summary["epochs"][-1]["validation_accuracy"],
        "busy": sum(summary["utilization"]) / len(summary["utilization"]),
    }


def _print(runs: list[Any]) -> None:
    """The table: what was predicted for this machine, what was measured, and other hardware beside it."""
    from ampsim.cli.output import difference, goal, percent, print_table, show

    predicted, measured, other = (facts(run.summary) for run in runs)

    def row(name: str, key: str, unit: str = "", share: bool = False) -> tuple[str, ...]:
        a, b, c = (summary[key] for summary in (predicted, measured, other))
        shown = [percent(v) if share else show(v, unit) for v in (a, b, c)]
        return (name, shown[0], shown[1], difference(a, b), shown[2])

    rows = [
        row("throughput", "throughput", " rows/s"),
        row("utilization, mean", "busy", share=True),
        row("epochs", "epoch_count"),
        row("final accuracy", "final_accuracy", share=True),
        row(f"time to {goal(measured)}", "time_to_target", " s"),
    ]
    where = runs[2].config["run"]["system"]["name"]
    print_table((str(measured["job"]), "predicted", "measured", "difference", where), rows)
    click.echo(f"predicted: simulated on this machine as calibrated; measured: {measured['workers']} worker processes;")
    click.echo(f"{where}: simulated on {other['workers']} chips of hardware that does not exist")
