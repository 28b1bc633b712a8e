"""The accuracy sheet as a page to look at: predicted against measured, every rule, every case."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from ampsim.result.aside import checked_target
from ampsim.studies.validate.items import KINDS, Kind
from ampsim.studies.validate.judge import QUANTITIES, TIMES, Judged
from ampsim.studies.validate.sheet import Sheet, cells, headings, share

if TYPE_CHECKING:
    from ampsim.reports.against import Pair
    from ampsim.reports.agreement import Quantity

_TITLES = {"cases": "Times", "memory": "Memory", "learning": "Time to target"}


def write_page(found: Sheet, path: str | os.PathLike[str]) -> Path:
    """Write one HTML file that needs no network and return its absolute path. Raises UsageError if it cannot be."""
    target = checked_target(path)
    from ampsim.reports.agreement import render_agreement
    from ampsim.reports.model import Sheet as Table

    rules = Table(
        ("rule", "found", "asked", "verdict", "detail"),
        [[v.rule, share(v.value), v.bound, "✓ held" if v.held else "✗ missed", v.detail] for v in found.verdicts],
        "Rules", "lrlll", open=True,
    )  # fmt: skip
    tables = []
    for kind in KINDS:
        if rows := [row for row in found.rows if row.kind == kind]:
            heads = [*headings(kind)[:-1], "remark"]
            align = "l" + "r" * (len(heads) - 2) + "l"
            tables.append(Table(heads, [cells(row) for row in rows], _TITLES[kind], align, open=True))
    failures = [[row.label, error] for row in found.rows for error in row.errors]
    if failures:
        tables.append(Table(("case", "error"), failures, "Failed", "ll", open=True))
    title = f"Accuracy of {found.suite.name}"
    return render_agreement(
        target, title, _sentences(found), _cards(found), _quantities(found), rules, tables, _facts(found)
    )


def _quantities(found: Sheet) -> list[Quantity]:
    from ampsim.reports import text
    from ampsim.reports.agreement import Quantity

    written: dict[str, Callable[[float], str]] = {
        "throughput": lambda value: text.rate(value, "rows/s"),
        "makespan": text.seconds,
        "memory": lambda value: text.si(value, "B"),
        "time_to_target": text.seconds,
    }
    names = [(kind, name) for kind in KINDS for name in QUANTITIES[kind]]
    return [Quantity(name.replace("_", " "), pairs, written[name])
            for kind, name in names if (pairs := _pairs(found.rows, kind, name))]  # fmt: skip


def _pairs(rows: Sequence[Judged], kind: Kind, name: str) -> list[Pair]:
    from ampsim.reports.against import Pair

    def ends(low: float | None, high: float | None) -> tuple[float, float] | None:
        return None if low is None or high is None else (low, high)

    return [
        Pair(
            group=row.job, name=row.label, predicted=f.predicted, measured=f.measured, hollow=not row.judged,
            measured_ends=ends(f.measured_low, f.measured_high), predicted_ends=ends(f.predicted_low, f.predicted_high),
            remark=f"not judged: {row.note}" if row.note else "", apart=f.error,
        )
        for row in rows if row.kind == kind and (f := row.figures.get(name))
    ]  # fmt: skip


def _sentences(found: Sheet) -> list[str]:
    rounds = f"{found.rounds} of {found.suite.repeats} rounds"
    cases = [row for row in found.rows if row.kind == KINDS[0] and row.judged]
    said = f"{len(found.rows):,} cases were run on this machine and simulated, in {rounds}."
    for name in TIMES if cases else ():
        sizes = {row.label: abs(row.figures[name].error) for row in cases}
        worst = max(sizes, key=lambda label: sizes[label])
        said += f" The {name} is predicted within {share(median(sizes.values()))} in half of those that are judged, "
        said += f"and worst for {worst}: {share(sizes[worst])}."
    missed = found.missed
    if not found.complete:
        return [said, "Not all rounds are done: this is no verdict yet."]
    verdict = f"All {len(found.verdicts)} rules hold." if not missed else (
        f"{len(missed)} of {len(found.verdicts)} rules are missed: {', '.join(v.rule for v in missed)}."
    )  # fmt: skip
    return [said, verdict]


def _cards(found: Sheet) -> list[tuple[str, str]]:
    judged = sum(row.judged for row in found.rows)
    held = sum(verdict.held for verdict in found.verdicts)
    rows = [row for row in found.rows if row.kind == KINDS[0] and row.judged]
    cards = [("cases judged", f"{judged} of {len(found.rows)}"), ("rules held", f"{held} of {len(found.verdicts)}")]
    names = TIMES if rows else ()
    cards += [(f"{name}, median error", share(median(abs(row.figures[name].error) for row in rows))) for name in names]
    within = [within.inside for row in rows for within in row.intervals]
    return [*cards, *([("inside the interval", share(sum(within) / len(within)))] if within else [])]


def _facts(found: Sheet) -> list[tuple[str, str]]:
    machines = sorted({row.machine for row in found.rows if row.machine})
    return [
        ("suite", found.suite.name), ("rounds", f"{found.rounds} of {found.suite.repeats}"),
        *(("machine", machine) for machine in machines), *(("program", program) for program in found.programs),
        *(("measured", f"{found.dates[0]} to {found.dates[-1]}") for _ in found.dates[:1]),
    ]  # fmt: skip
