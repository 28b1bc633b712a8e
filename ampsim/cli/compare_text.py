"""What ``ampsim compare`` prints for people: the most telling rows of each part; --json has them all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ampsim.cli.output import difference, line_width, percent, place, print_table, printable, show

if TYPE_CHECKING:
    from ampsim.result.compare import Comparison, Explanation, Row
    from ampsim.result.run import Run

MOST = 8  # rows of a part
LONGEST = 36  # characters of a name
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))


def print_comparison(found: Comparison, a: Path, b: Path) -> None:
    """Everything but what is equal on both sides."""
    for name, folder, run in (("A", a, found.a), ("B", b, found.b)):
        click.echo(printable(f"{name}: {folder}"))
        click.echo(printable(f"   {_what(run)}"))
    for remark in found.remarks:
        click.echo(printable(f"note: {remark}"))
    _settings(found)
    click.echo()
    _quantities(found.rows)
    if found.explanation:
        _explanation(found.explanation)
        _causes(found)
        _nodes(found)
    _edges(found)
    _staleness(found)
    _curves(found)
    _agreement(found)


def _what(run: Run) -> str:
    return f"{run.job} on {place(run)}, {run.workers:,} worker{'s' * (run.workers != 1)}, {run.mode}"


def _cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _heading(text: str) -> None:
    click.echo(f"\n{text}")


def _more(rows: Sequence[Any]) -> None:
    if len(rows) > MOST:
        click.echo(f"and {len(rows) - MOST} more: --json has all")


def _unit(values: Sequence[float | None]) -> tuple[float, str]:
    """The unit in which the largest of some seconds is a handy number."""
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    return next(((size, name) for size, name in _UNITS if largest >= size), _UNITS[0 if not largest else -1])


def _in(value: float | None, size: float, *, signed: bool = False) -> str:
    """Seconds in a unit of so many seconds."""
    if value is None:
        return "-"
    text = f"{value / size:+,.3f}" if signed else f"{value / size:,.3f}"
    return text if float(text.replace(",", "")) else text.lstrip("+-")


def _columns(name: str, a: Sequence[str], b: Sequence[str]) -> list[tuple[str, Sequence[str]]]:
    """One column where both sides are equal throughout, else two."""
    return [(name, a)] if list(a) == list(b) else [(f"{name} A", a), (f"{name} B", b)]


def _print_columns(columns: Sequence[tuple[str, Sequence[str]]], align: str) -> None:
    rows = list(zip(*(cells for _, cells in columns), strict=True))
    print_table([name for name, _ in columns], rows, align + "r" * (len(columns) - len(align)))


def _settings(found: Comparison) -> None:
    if not found.settings:
        return
    _heading("settings that differ")
    width = max((line_width() - LONGEST) // 2 - 4, 10)
    rows = [(_cut(name), _cut(a, width), _cut(b, width)) for name, a, b in found.settings[:MOST]]
    print_table(("setting", "A", "B"), rows, "lll")
    _more(found.settings)


def _quantities(rows: Sequence[Row]) -> None:
    table = []
    for row in rows:
        if row.a is None and row.b is None:
            continue
        values = [percent(v) if row.unit == "share" else show(v) for v in (row.a, row.b)]
        unit = "" if row.unit == "share" else row.unit
        table.append((row.quantity, unit, *values, difference(row.a, row.b)))
    print_table(("quantity", "unit", "A", "B", "difference"), table, align="llrrr")


def _explanation(found: Explanation) -> None:
    if not found.main:
        _heading("A and B took equally long, for the same reasons.")
        return
    size, unit = _unit([found.a, found.b])
    more = "more" if found.difference >= 0 else "less"
    by = f"{_in(abs(found.difference), size)} {unit} {more}"
    _heading(f"why A took {by} than B: time on the critical path of each, in {unit}")
    rows = [
        (_cut(term.name), *_seconds(term.a, term.b, term.difference, size), _share(term.difference, found),
         _of_tasks(term.tasks_a, term.tasks_b))
        for term in found.main
    ]  # fmt: skip
    others = found.terms[len(found.main) :]
    rest_a, rest_b = sum(term.a for term in others), sum(term.b for term in others)
    rest = (*_seconds(rest_a, rest_b, found.rest, size), _share(found.rest, found), "")
    rows.append((f"all else ({len(others)} terms)", *rest))
    rows.append(("sum", *_seconds(found.a, found.b, found.difference, size), _share(found.difference, found), ""))
    print_table(("term", "A", "B", "A - B", "of it", "tasks"), rows, "lrrrrl")


def _seconds(a: float, b: float, difference: float, size: float) -> tuple[str, str, str]:
    return _in(a, size), _in(b, size), _in(difference, size, signed=True)


def _share(part: float, found: Explanation) -> str:
    return f"{100 * part / found.difference:.0f} %" if found.difference else "-"


def _of_tasks(a: int, b: int) -> str:
    if not a and not b:
        return ""
    return f"{a:,} in both" if a == b else f"{a:,} in A, {b:,} in B"


def _causes(found: Comparison) -> None:
    rows = [row for row in found.causes if row.a or row.b]
    size, unit = _unit([value for row in rows for value in (row.a, row.b)])
    _heading(f"the mean worker's time by cause, in {unit}")
    cells = [
        (row.cause, *_seconds(row.a, row.b, row.difference, size), percent(row.share_a), percent(row.share_b))
        for row in rows
    ]
    print_table(("cause", "A", "B", "A - B", "of A", "of B"), cells)


def _nodes(found: Comparison) -> None:
    rows = sorted(found.nodes, key=lambda row: -abs(row.difference))
    if all(row.mean_a is not None and row.mean_b is not None and _alike(row.mean_a, row.mean_b) for row in rows):
        _heading(f"service times are equal at every node: {len(rows):,} kinds of task")
        return
    shown = rows[:MOST]
    size, unit = _unit([value for row in shown for value in (row.mean_a, row.mean_b)])
    whole, whole_unit = _unit([value for row in shown for value in (row.total_a, row.total_b)])
    _heading(f"service times by node: means in {unit}, totals in {whole_unit}")
    columns: list[tuple[str, Sequence[str]]] = [
        ("node and kind", [_cut(f"{row.node} {row.kind}") for row in shown]),
        *_columns("tasks", [f"{row.tasks_a:,}" for row in shown], [f"{row.tasks_b:,}" for row in shown]),
        ("mean A", [_in(row.mean_a, size) for row in shown]),
        ("mean B", [_in(row.mean_b, size) for row in shown]),
        ("total A", [_in(row.total_a, whole) for row in shown]),
        ("total B", [_in(row.total_b, whole) for row in shown]),
        ("A - B", [_in(row.difference, whole, signed=True) for row in shown]),
    ]
    _print_columns(columns, "l")
    _more(rows)


def _alike(a: float, b: float) -> bool:
    """Equal but for the rounding of sums."""
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def _edges(found: Comparison) -> None:
    # What passes between workers first: only there can traffic cost time.
    rows = sorted(found.edges, key=lambda row: (row.way_a is row.way_b is None, -max(row.bytes_a, row.bytes_b)))
    shown = rows[:MOST]
    size, unit = _unit([value for row in shown for value in (row.way_a, row.way_b)])
    _heading(f"traffic by edge: kB, and the mean time in {unit} from one worker to another")
    columns: list[tuple[str, Sequence[str]]] = [
        ("edge", [_cut(row.edge) for row in shown]),
        ("", [row.direction for row in shown]),
        *_columns("messages", [f"{row.messages_a:,}" for row in shown], [f"{row.messages_b:,}" for row in shown]),
        *_columns("kB", [_kilobytes(row.bytes_a) for row in shown], [_kilobytes(row.bytes_b) for row in shown]),
        ("time A", [_in(row.way_a, size) for row in shown]),
        ("time B", [_in(row.way_b, size) for row in shown]),
    ]
    _print_columns(columns, "ll")
    _more(rows)


def _kilobytes(count: int) -> str:
    return f"{count / 1000:,.0f}" if count >= 100_000 else f"{count / 1000:,.1f}"


def _staleness(found: Comparison) -> None:
    rows = sorted(found.staleness, key=lambda row: -(row.distance if row.distance is not None else 2))
    if not any(row.distance != 0 for row in rows):
        return
    _heading("staleness by node: means in versions, distance of the histograms (0 alike, 1 apart)")
    cells = [(_cut(row.node), show(row.mean_a), show(row.mean_b), show(row.distance)) for row in rows[:MOST]]
    print_table(("node", "A", "B", "distance"), cells)
    _more(rows)


def _curves(found: Comparison) -> None:
    rows = [row for row in found.curves if row.a != row.b]
    if not rows:
        return
    shown = [rows[(len(rows) - 1) * i // (MOST - 1)] for i in range(MOST)] if len(rows) > MOST else rows
    _heading("loss and accuracy, segment by segment")
    cells = []
    for row in shown:
        a, b = row.a, row.b
        cells.append((
            f"epoch {row.epoch + 1}, {'training' if row.training else 'validation'}",
            show(a and a.time, " s"), show(b and b.time, " s"), show(a and a.loss), show(b and b.loss),
            percent(a and a.accuracy), percent(b and b.accuracy),
        ))  # fmt: skip
    print_table(("segment", "until A", "until B", "loss A", "loss B", "accuracy A", "accuracy B"), cells)
    _more(rows)


def _agreement(found: Comparison) -> None:
    _heading("what has to be equal")
    words = {True: "equal", False: "different", None: "not comparable"}
    facts = [(fact.name, words[fact.equal], fact.detail) for fact in found.agreement]
    print_table(("counts and parameters", "", ""), facts, align="lll")
