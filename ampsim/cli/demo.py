"""``ampsim demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ampsim.errors import UsageError


@click.command("demo")
@click.option("-o", "--output", type=Path, default=Path("ampsim-demo"), show_default=True, help="Where results go.")
@click.option("--force", is_flag=True, help="Replace the results of an earlier demo.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.pass_obj
def command(flags: dict[str, bool], output: Path, force: bool, as_json: bool) -> None:
    """Train a 4-layer MLP on handwritten digits with two workers, predict it, compare, and write a report."""
    if output.exists() and not force:
        raise UsageError(f"{output} exists already", str(output), "choose another -o, or --force to replace it")
    from ampsim.cli.output import ProgressLine, print_json
    from ampsim.studies.demo import demo

    lines: list[ProgressLine] = []

    def say(text: str) -> None:
        for line in lines:
            line.close()
        lines.clear()
        if not flags["quiet"]:
            click.echo(text, err=True)

    def progress(title: str) -> ProgressLine:
        lines.append(ProgressLine(title, flags["quiet"]))
        return lines[-1]

    done = demo(output, say, progress, force)
    say("done")
    runs = [done.predicted, done.measured, done.hypothetical]
    if as_json:
        print_json({"predicted": runs[0].summary, "measured": runs[1].summary, "hypothetical": runs[2].summary})
    else:
        _print(runs)
    click.echo(f"report: {done.report.resolve()}", err=as_json)


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
    from ampsim.cli.output import percent, print_table, show

    predicted, measured, other = (facts(run.summary) for run in runs)

    def row(name: str, key: str, unit: str = "", share: bool = False) -> tuple[str, ...]:
        values = [summary[key] for summary in (predicted, measured, other)]
        shown = [percent(v) if share else show(v, unit if v is not None else "") for v in values]
        a, b = values[0], values[1]
        difference = "-" if not a or not b else f"{100 * (a - b) / b:+.1f} %"
        return (name, shown[0], shown[1], difference, shown[2])

    rows = [
        row("throughput", "throughput", " rows/s"),
        row("utilization (mean)", "busy", share=True),
        row("epochs", "epoch_count"),
        row("final accuracy", "final_accuracy", share=True),
        row(f"time to {percent(measured['target'])}", "time_to_target", " s"),
    ]
    where = runs[2].config["run"]["system"]["name"]
    header = ("MLP 784x4, minibatch 100", "predicted", "measured", "difference", f"on {where}")
    print_table(header, rows)
    click.echo("predicted: simulated on this machine as calibrated; measured: two worker processes;")
    click.echo(f"on {where}: simulated on {other['workers']} chips of hardware that does not exist")
