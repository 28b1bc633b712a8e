"""Runs against one of them: what was predicted, what was measured, and by how much they differ."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ampsim.reports import base, text
from ampsim.reports.against import SEEN, Pair, against
from ampsim.reports.model import Key, Plot, Section, Sheet, Shown
from ampsim.result.compare import Comparison, Explanation, Row, compare
from ampsim.result.schema import KINDS

BAND = 5.0  # per cent
LITTLE = 0.01
CAPTION = (
    "Each run against the one {reference}. A bar to the right means more than there, to the left less; the band "
    "is ±5\u00a0%. Why one took longer is told along their critical paths, in terms that add up to the difference; the "
    "three that explain most are named. Counts, bytes and FLOP do not depend on any clock and have to agree; times "
    "need not."
)
_FIGURE = ("makespan", "throughput", "utilization, mean", "time to target", "updates", "staleness, mean",
           "validation accuracy", "training loss")  # fmt: skip


def reference_of(runs: Sequence[Shown]) -> Shown:
    """What the others are held against: the first measured run, or the first of all."""
    return next((shown for shown in runs if shown.run.backend == "runtime"), runs[0])


def section(runs: Sequence[Shown]) -> Section | None:
    """Differences and agreement of two or more runs; None for one."""
    if len(runs) < 2:
        return None
    reference = reference_of(runs)
    others = [shown for shown in runs if shown is not reference]
    found = [(shown, compare(shown.run, reference.run)) for shown in others]
    blocks: list[Plot | Sheet] = [differences(found, reference)]
    blocks += [block for shown, comparison in found for block in notes(shown, comparison, reference)]
    blocks += [block for shown, comparison in found for block in why(shown, comparison, reference)]
    blocks += [block for shown, comparison in found for block in services(shown, comparison, reference)]
    blocks += [sheet(shown, comparison, reference) for shown, comparison in found]
    blocks += [facts(shown, comparison, reference) for shown, comparison in found]
    return Section("comparison", "Comparison", CAPTION.format(reference=reference.label), blocks)


def differences(found: Sequence[tuple[Shown, Comparison]], reference: Shown) -> Plot:
    """Relative differences of the main quantities; ratios on a logarithmic axis if some are large."""
    names = [name for name in _FIGURE if any(_relative(c, name) is not None for _, c in found)]
    table = [[_relative(comparison, name) for name in names] for _, comparison in found]
    values = [value for row in table for value in row if value is not None]
    large = any(not -0.75 < value < 2 for value in values) and all(value > -1 for value in values)
    figure = base.frame(base.rows_height(len(names) * len(found)), "ratio" if large else "difference (%)")
    base.row_axis(figure, names)
    for (shown, _), shares in zip(found, table, strict=True):
        figure.add_bar(
            orientation="h", y=names, name=text.label(shown.label, 60),
            x=[None if share is None else share if large else 100 * share for share in shares],
            base=[1.0] * len(names) if large else None,
            marker={"color": shown.colour, "line": {"width": 0}},
            text=[_beside(share, large) for share in shares],
            textposition="outside", textfont={"size": 11, "color": base.SOFT}, cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    band = [1 - BAND / 100, 1 + BAND / 100] if large else [-BAND, BAND]
    figure.add_vrect(x0=band[0], x1=band[1], fillcolor="var(--grid)", line_width=0, layer="below")
    figure.add_vline(x=1 if large else 0, line={"color": base.SOFT, "width": 1})
    figure.update_layout(barmode="group")
    figure.update_xaxes(range=_reach(values, large))
    if large:
        figure.update_xaxes(type="log", dtick=1, exponentformat="none", tickprefix="× ")
    described = f"Bars: relative differences of main quantities from the run {reference.label}."
    legend = [Key(text.label(shown.label, 60), shown.colour, (number,)) for number, (shown, _) in enumerate(found)]
    title = f"Against the run {reference.label}"
    return Plot(figure, described, title, legend)


def _beside(share: float | None, large: bool) -> str:
    """The number beside a bar; nothing where a run has no such quantity, and so no bar."""
    if share is None:
        return ""
    return f"× {text.number(1 + share)}" if large else text.percent(share, signed=True)


def _reach(values: Sequence[float], large: bool) -> list[float]:
    """Ends of the axis, with room for the numbers beside the bars."""
    sizes = [math.log10(1 + value) if large else 100 * value for value in values]
    least = 0.3 if large else 1.5 * BAND
    low, high = min(0.0, *sizes, 0.0), max(0.0, *sizes, 0.0)
    room = 0.15 * (high - low)
    return [min(low - room, -least), max(high + room, least)]


def _relative(comparison: Comparison, name: str) -> float | None:
    return next((row.relative for row in comparison.rows if row.quantity == name), None)


def value(amount: float | None, unit: str, signed: bool = False) -> str:
    """A number of :mod:`ampsim.result.compare` with its unit."""
    if amount is None:
        return text.NONE
    sign = "+" if signed and amount > 0 else ""
    if unit == "s":
        return sign + text.seconds(amount)
    if unit == "share":
        return sign + text.percent(amount)
    return sign + text.number(amount, 4) + (f" {unit}" if unit in ("rows/s", "versions") else "")


def sheet(shown: Shown, comparison: Comparison, reference: Shown) -> Sheet:
    """All quantities of two runs."""
    rows = [_cells(row) for row in comparison.rows if row.a is not None or row.b is not None]
    title = f"{shown.label} against {reference.label}"
    return Sheet(("quantity", *_names(shown, reference), "difference", "relative"), rows, title, open=True)


def notes(shown: Shown, comparison: Comparison, reference: Shown) -> list[Sheet]:
    """What to know before the comparison is believed, if there is anything."""
    rows = [[remark] for remark in comparison.remarks]
    title = f"To know first; A is {shown.label}, B {reference.label}"
    return [Sheet(("note",), rows, title, "l", open=True)] if rows else []


def why(shown: Shown, comparison: Comparison, reference: Shown) -> list[Sheet]:
    """The terms that explain most of the difference in makespan, and what they leave; nothing without a clock."""
    found = comparison.explanation
    if found is None or not found.main:
        return []
    others = found.terms[len(found.main) :]
    rest = (sum(term.a for term in others), sum(term.b for term in others), found.rest)
    rows = [_term(text.name(term.name), (term.a, term.b, term.difference), found) for term in found.main]
    rows.append(_term(f"all else ({len(others):,} terms)", rest, found))
    rows.append(_term("sum", (found.a, found.b, found.difference), found))
    more = "more" if found.difference >= 0 else "less"
    title = (
        f"Why the run {shown.label} took {text.seconds(abs(found.difference))} {more} than the one {reference.label}"
    )
    note = "Seconds on the critical path of each: the chain of tasks and waits that the makespan is the length of."
    header = ("term", *_names(shown, reference), "difference", "of it")
    return [Sheet(header, rows, title, open=True, note=note)]


def _term(name: str, times: tuple[float, float, float], found: Explanation) -> list[str]:
    a, b, difference = times
    share = text.percent(difference / found.difference) if found.difference else text.NONE
    return [name, value(a, "s"), value(b, "s"), value(difference, "s", signed=True), share]


def services(shown: Shown, comparison: Comparison, reference: Shown) -> list[Plot]:
    """Mean service times of nodes, predicted against measured; nothing unless one run predicts and the other measured.

    Hollow are those that hardly matter: nodes with less than :data:`LITTLE` of the time of all tasks measured.
    """
    if (_role(shown), _role(reference)) != ("predicted", "measured"):
        return []
    total = sum(node.total_b for node in comparison.nodes)
    pairs = [
        Pair(node.kind, f"{node.node}, {node.kind}", node.mean_a, node.mean_b, hollow=node.total_b < LITTLE * total,
             remark=f"{text.percent(node.total_b / total)} of the time of all tasks")
        for node in comparison.nodes if node.mean_a is not None and node.mean_b is not None and total
    ]  # fmt: skip
    note = f"{SEEN} Hollow dots have less than {text.percent(LITTLE)} of the time of all tasks."
    found = against(pairs, shown.title("mean time of a task, node by node"), "time", text.seconds, KINDS, note)
    return [found] if found else []


def _names(shown: Shown, reference: Shown) -> tuple[str, str]:
    """Predicted and measured, or the labels of two runs that are neither or both."""
    first, second = _role(shown), _role(reference)
    return (shown.label, reference.label) if first == second else (first, second)


def _role(shown: Shown) -> str:
    return {"sim": "predicted", "runtime": "measured"}.get(shown.run.backend, shown.run.backend)


def _cells(row: Row) -> list[str]:
    cells = [row.quantity, value(row.a, row.unit), value(row.b, row.unit), value(row.difference, row.unit, signed=True)]
    return [*cells, text.percent(row.relative, signed=True) if row.relative is not None else text.NONE]


def facts(shown: Shown, comparison: Comparison, reference: Shown) -> Sheet:
    """What has to be equal, and whether it is."""
    verdict = {True: "✓ equal", False: "✗ differs", None: text.NONE}
    rows = [[fact.name, verdict[fact.equal], fact.detail] for fact in comparison.agreement]
    title = f"Agreement of {shown.label} with {reference.label}"
    return Sheet(("what", "verdict", "detail"), rows, title, "lll", open=True)
