"""``ampsim compare``."""

from __future__ import annotations

from pathlib import Path

import click

from ampsim.cli.base import Command
from ampsim.cli.options import check_report, json_option, report_option
from ampsim.errors import ToleranceError

# What --tolerance is about: the times, and what follows from them.
PREDICTED = ("makespan", "throughput", "utilization, mean", "time to target")
# What has to agree whatever the clock. Parameters are equal only where the order of updates is.
COUNTED = ("graph", "messages per edge", "bytes per edge", "FLOP in matrix products", "FLOP elsewhere",
           "updates per node")  # fmt: skip


@click.command("compare", cls=Command)
@click.argument("a", type=Path)
@click.argument("b", type=Path)
@click.option(
    "--tolerance", type=click.FloatRange(0, 1e6), metavar="PERCENT",
    help="End with exit code 3 if makespan, throughput, mean utilization or time to target of A are further from B "
    "than this, or if the counts do not agree.",
)  # fmt: skip
@report_option
@json_option
def command(a: Path, b: Path, tolerance: float | None, report_path: Path | None, as_json: bool) -> None:
    """Lay the run folders A and B side by side, and say why one took longer.

    For an error of prediction, A is predicted and B measured. The three terms that explain most of a difference in time
    are parts of the critical paths of the two runs.
    """
    from ampsim.cli.compare_text import print_comparison
    from ampsim.cli.output import print_json
    from ampsim.result.compare import compare
    from ampsim.studies.execute import load_run

    check_report(report_path)
    left, right = load_run(a), load_run(b)
    found = compare(left, right)
    if report_path:
        from ampsim.reports import render

        render([left, right], report_path)
    if as_json:
        print_json({"a": str(a), "b": str(b), **found.to_dict()})
    else:
        print_comparison(found, a, b)
    if tolerance is not None:
        predicted = [row for row in found.rows if row.quantity in PREDICTED]
        outside = [
            f"{row.quantity}: {100 * row.relative:+.1f} %"
            for row in predicted
            if row.relative is not None and abs(row.relative) * 100 > tolerance
        ]
        outside += [
            f"{row.quantity}: only {'A' if row.b is None else 'B'} has one"
            for row in predicted
            if (row.a is None) != (row.b is None)
        ]
        outside += [f"{fact.name}: {fact.detail}" for fact in found.agreement if _disagrees(fact.name, fact.equal)]
        if outside:
            listed = "".join(f"\n  - {line}" for line in outside)
            raise ToleranceError(f"{a} and {b} differ by more than {tolerance:g} %{listed}")


def _disagrees(name: str, equal: bool | None) -> bool:
    return name in COUNTED and equal is False
