"""``ampsim compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ampsim.cli.base import Command
from ampsim.cli.options import check_report, json_option, report_option
from ampsim.errors import ToleranceError

if TYPE_CHECKING:
    from ampsim.result.compare import Fact, Row

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
    """Lay the run folders A and B side by side; for an error of prediction, A is predicted and B measured."""
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
        rows = [row._asdict() for row in found.rows]
        print_json({"rows": rows, "agreement": [fact._asdict() for fact in found.agreement]})
    else:
        _print(found.rows, found.agreement, a, b)
    if tolerance is not None:
        outside = [
            f"{row.quantity}: {100 * row.relative:+.1f} %"
            for row in found.rows
            if row.quantity in PREDICTED and row.relative is not None and abs(row.relative) * 100 > tolerance
        ]
        outside += [f"{fact.name}: {fact.detail}" for fact in found.agreement if _disagrees(fact.name, fact.equal)]
        if outside:
            listed = "".join(f"\n  - {line}" for line in outside)
            raise ToleranceError(f"{a} and {b} differ by more than {tolerance:g} %{listed}")


def _disagrees(name: str, equal: bool | None) -> bool:
    return name in COUNTED and equal is False


def _print(rows: list[Row], agreement: list[Fact], a: Path, b: Path) -> None:
    from ampsim.cli.output import difference, percent, print_table, show

    table = []
    for row in rows:
        if row.a is None and row.b is None:
            continue
        values = [percent(v) if row.unit == "share" else show(v) for v in (row.a, row.b)]
        unit = "" if row.unit == "share" else row.unit
        table.append((row.quantity, unit, *values, difference(row.a, row.b)))
    print_table(("quantity", "unit", "A", "B", "difference"), table, align="llrrr")
    click.echo(f"A: {a}\nB: {b}\n")
    words = {True: "equal", False: "different", None: "not comparable"}
    facts = [(fact.name, words[fact.equal], fact.detail) for fact in agreement]
    print_table(("counts and parameters", "", ""), facts, align="lll")
