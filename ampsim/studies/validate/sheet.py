"""The accuracy sheet: workload x setting with prediction, measurement, error and spread, and what held of it all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from ampsim.studies.validate.items import KINDS, Item, Kind
from ampsim.studies.validate.judge import QUANTITIES, TIMES, Figure, Judged, judge
from ampsim.studies.validate.measure import Record
from ampsim.studies.validate.suite import Suite
from ampsim.studies.validate.verdict import Verdict, verdicts

_UNITS = {"throughput": (1.0, "rows/s"), "makespan": (1.0, "s"), "memory": (1e-6, "MB"), "time_to_target": (1.0, "s")}
COLUMNS = (
    "kind", "job", "setting", "rounds", "quantity", "unit", "predicted", "measured", "error", "spread",
    "measured_low", "measured_high", "predicted_low", "predicted_high", "interval_inside", "utilization_error",
    "tasks_longer", "staleness_distance", "judged", "note", "disturbed", "date", "machine", "failure",
)  # fmt: skip


class Sheet(NamedTuple):
    """What came of a suite so far: a row for each case, the verdicts, and how many ``rounds`` are done of ``repeats``.

    ``dates`` are those of all records, in order; ``seconds`` is the time that measuring took, calibration apart.
    """

    suite: Suite
    rows: list[Judged]
    verdicts: list[Verdict]
    rounds: int
    programs: list[str]
    dates: list[str]
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether every case has had all its rounds."""
        return self.rounds >= self.suite.repeats

    @property
    def held(self) -> bool:
        """Whether everything asked for was found."""
        return self.complete and all(verdict.held for verdict in self.verdicts)

    @property
    def missed(self) -> list[Verdict]:
        """What was asked for and not found."""
        return [verdict for verdict in self.verdicts if not verdict.held]


def sheet(suite: Suite, cases: Sequence[Item], records: Sequence[Record]) -> Sheet:
    """The sheet of a suite, its items and what has been recorded of them."""
    mine = {item.label: [r for r in records if r.label == item.label and r.round <= suite.repeats] for item in cases}
    rows = [judge(item, mine[item.label], suite.tolerances) for item in cases]
    done = min(len({record.round for record in found}) for found in mine.values())
    used = [record for found in mine.values() for record in found]
    programs, dates = sorted({record.program for record in used}), sorted(record.ended for record in used)
    seconds = sum(record.seconds for record in used)
    return Sheet(suite, rows, verdicts(rows, suite.tolerances), done, programs, dates, seconds)


# -- for programs -----------------------------------------------------------------------------------------------------


def plain(found: Sheet) -> dict[str, Any]:
    """The sheet as plain values: all shares as numbers."""
    return {
        "kind": "ampsim accuracy sheet",
        "suite": found.suite.name,
        "complete": found.complete,
        "held": found.held,
        "rounds": found.rounds,
        "repeats": found.suite.repeats,
        "programs": found.programs,
        "dates": [*found.dates[:1], *found.dates[-1:]],
        "seconds": found.seconds,
        "tolerances": msgspec.to_builtins(found.suite.tolerances),
        "verdicts": [verdict._asdict() for verdict in found.verdicts],
        "cases": [_plain_row(row) for row in found.rows],
    }


def _plain_row(row: Judged) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(row)
    values["figures"] = {name: figure._asdict() for name, figure in row.figures.items()}
    values["intervals"] = [within._asdict() for within in row.intervals]
    return values


def csv_text(found: Sheet) -> str:
    """A line for each case and quantity, under :data:`COLUMNS`; errors, spreads and distances are shares."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in found.rows:
        for name in QUANTITIES[row.kind]:
            writer.writerow(_line(row, name, row.figures.get(name)))
    return text.getvalue()


def _line(row: Judged, name: str, figure: Figure | None) -> dict[str, Any]:
    inside = [within.inside for within in row.intervals]
    numbers = figure._asdict() if figure else {}
    return {
        "kind": row.kind, "job": row.job, "setting": row.setting, "rounds": row.rounds, "quantity": name,
        "unit": _UNITS[name][1] if name != "memory" else "B", **numbers,
        "interval_inside": sum(inside) / len(inside) if inside else None, "utilization_error": row.utilization,
        "tasks_longer": row.tasks,
        "staleness_distance": row.staleness, "judged": int(row.judged), "note": row.note, "disturbed": row.disturbed,
        "date": row.ended, "machine": row.machine, "failure": " | ".join(row.errors),
    }  # fmt: skip


# -- for people -------------------------------------------------------------------------------------------------------


def text(found: Sheet) -> str:
    """The sheet to print, whether it is complete or not."""
    return "\n".join([*_head(found), "", *_tables(found), "", *_end(found)]) + "\n"


def _head(found: Sheet) -> Iterator[str]:
    machines = sorted({row.machine for row in found.rows if row.machine})
    dates = found.dates
    yield f"accuracy sheet of {found.suite.name}: {found.rounds} of {found.suite.repeats} rounds" + (
        f", {dates[0]} to {dates[-1]}" if dates else ""
    )
    yield from machines
    yield from found.programs


def _tables(found: Sheet) -> Iterator[str]:
    for kind in KINDS:
        rows = [row for row in found.rows if row.kind == kind]
        if not rows:
            continue
        if kind != KINDS[0]:
            yield ""
        yield from table(headings(kind), [cells(row) for row in rows])
    failures = [(row.label, error) for row in found.rows for error in row.errors]
    for label, error in failures:
        yield f"{label} failed: {error}"


def headings(kind: Kind) -> list[str]:
    """The first lines of the columns that :func:`cells` fills in."""
    first = QUANTITIES[kind][0]
    heads = [f"{_words(first)}, {_UNITS[first][1]}", "predicted", "measured", "error", "spread"]
    return [*heads, *(["makespan", "tasks", "busy", "stale", "inside"] if kind == "cases" else []), ""]


def cells(row: Judged) -> list[str]:
    """A case as texts; the last says what is to be known of it."""
    first = QUANTITIES[row.kind][0]
    found = [row.label, *_numbers(row.figures.get(first), _UNITS[first][0])]
    if row.kind == "cases":
        makespan = row.figures.get(TIMES[1])
        inside = [within.inside for within in row.intervals]
        found += [signed(makespan.error) if makespan else "-", "-" if row.tasks is None else signed(row.tasks)]
        found += [share(row.utilization), share(row.staleness)]
        found.append(f"{sum(inside)}/{len(inside)}" if inside else "-")
    return [*found, _remark(row)]


def _numbers(figure: Figure | None, scale: float) -> list[str]:
    if figure is None:
        return ["-"] * 4
    predicted, measured = (f"{scale * x:,.0f}" if scale * x >= 1000 else f"{scale * x:.3g}" for x in figure[:2])
    return [predicted, measured, signed(figure.error), share(figure.spread)]


def _remark(row: Judged) -> str:
    remarks = ["failed"] if row.errors else []
    remarks += [f"not judged: {row.note}"] if row.note and row.rounds else []
    remarks += [f"disturbed in {row.disturbed} round{'s' * (row.disturbed > 1)}"] if row.disturbed else []
    return "; ".join(remarks)


def _end(found: Sheet) -> Iterator[str]:
    rows = [
        [verdict.rule, share(verdict.value), verdict.bound, "held" if verdict.held else "MISSED", verdict.detail]
        for verdict in found.verdicts
    ]
    yield from table(["rule", "found", "asked", "", ""], rows, align="lrlll")
    if found.complete:
        missed = len(found.missed)
        yield f"all {len(found.verdicts)} held" if not missed else f"{missed} of {len(found.verdicts)} missed"
    else:
        yield f"not complete: {found.rounds} of {found.suite.repeats} rounds"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> list[str]:
    """Columns aligned by the letters of ``align``; left out: the first and the last left, the others right."""
    sides = align or "l" + "r" * (len(header) - 2) + "l"
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = []
    for line in [header, ["-" * width for width in widths], *rows]:
        cells = [c.ljust(w) if s == "l" else c.rjust(w) for c, w, s in zip(line, widths, sides, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines


def signed(share: float) -> str:
    """An error in per cent, with its sign."""
    return f"{100 * share:+.1f} %"


def share(value: float | None) -> str:
    """A share in per cent."""
    return "-" if value is None else f"{100 * value:.1f} %"


def _words(name: str) -> str:
    return name.replace("_", " ")
