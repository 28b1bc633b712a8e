"""``ampsim compare``."""

from __future__ import annotations

from pathlib import Path

import click

from ampsim.cli.options import check_report


@click.command("compare")
@click.argument("a", type=Path)
@click.argument("b", type=Path)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option("--report", "report_path", type=Path, help="Also write an HTML report to this file.")
def command(a: Path, b: Path, as_json: bool, report_path: Path | None) -> None:
    """Lay the run folders A and B side by side; for an error of prediction, A is predicted and B measured."""
    from ampsim.cli.output import percent, print_json, print_table, show
    from ampsim.reports import render
    from ampsim.result.compare import compare
    from ampsim.studies.execute import load_run

    check_report(report_path)
    left, right = load_run(a), load_run(b)
    found = compare(left, right)
    if report_path:
        render([left, right], report_path)
    if as_json:
        rows = [row._asdict() for row in found.rows]
        print_json({"rows": rows, "agreement": [fact._asdict() for fact in found.agreement]})
        return
    table = []
    for row in found.rows:
        values = [percent(v) if row.unit == "share" else show(v) for v in (row.a, row.b)]
        relative = "-" if row.relative is None else f"{100 * row.relative:+.1f} %"
        table.append((row.quantity, row.unit, *values, relative))
    print_table(("quantity", "unit", str(a), str(b), "difference"), table, align="llrrr")
    click.echo()
    words = {True: "equal", False: "DIFFERENT", None: "not comparable"}
    facts = [(fact.name, words[fact.equal], fact.detail) for fact in found.agreement]
    print_table(("has to agree", "", ""), facts, align="lll")
