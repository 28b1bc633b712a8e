"""Runs against one of them: what was predicted, what was measured, and by how much they differ."""

from __future__ import annotations

from collections.abc import Sequence

from ampsim.reports import base, text
from ampsim.reports.model import Key, Plot, Section, Sheet, Shown
from ampsim.result.compare import Comparison, Row, compare

BAND = 5.0  # per cent
CAPTION = (
    "Each run against {reference}. A bar to the right means more than there, to the left less; the band is "
    "±5 %. Counts, bytes and FLOP do not depend on any clock and have to agree; times need not."
)
_FIGURE = ("makespan", "throughput", "utilization, mean", "time to target", "updates", "staleness, mean",
           "validation accuracy, last epoch", "training loss, last epoch")  # fmt: skip


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
    blocks += [sheet(shown, comparison, reference) for shown, comparison in found]
    blocks += [facts(shown, comparison, reference) for shown, comparison in found]
    return Section("comparison", "Comparison", CAPTION.format(reference=reference.label), blocks)


def differences(found: Sequence[tuple[Shown, Comparison]], reference: Shown) -> Plot:
    """Relative differences of the main quantities."""
    names = [name for name in _FIGURE if any(_relative(c, name) is not None for _, c in found)]
    figure = base.frame(base.rows_height(len(names) * len(found)), "difference (%)")
    values: list[float] = []
    figure.add_vrect(x0=-BAND, x1=BAND, fillcolor="var(--grid)", line_width=0, layer="below")
    figure.add_vline(x=0, line={"color": base.LINE, "width": 1})
    for shown, comparison in found:
        shares = [100 * (_relative(comparison, name) or 0.0) for name in names]
        values += shares
        figure.add_bar(
            orientation="h", y=names, x=shares, name=text.label(shown.label, 60),
            marker={"color": shown.colour, "line": {"width": 0}}, text=[f"{share:+.1f} %" for share in shares],
            textposition="outside", textfont={"size": 11, "color": base.SOFT}, cliponaxis=False,
            hovertemplate="%{y}: %{x:+.2f} %<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    reach = max(1.5 * BAND, *(1.3 * abs(value) for value in values), 0.0)
    low = -reach if min(values, default=0.0) < 0 else -0.25 * reach
    high = reach if max(values, default=0.0) > 0 else 0.25 * reach
    figure.update_xaxes(range=[min(low, -1.5 * BAND), max(high, 1.5 * BAND)])
    figure.update_layout(barmode="group")
    base.row_axis(figure, names)
    described = f"Bars: relative differences of main quantities from {reference.label}."
    legend = [Key(text.label(shown.label, 60), shown.colour, (number,)) for number, (shown, _) in enumerate(found)]
    return Plot(figure, described, f"Difference from {reference.label}", legend if len(legend) > 1 else ())


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
    first, second = _role(shown), _role(reference)
    names = (shown.label, reference.label) if first == second else (first, second)
    title = f"{shown.label} against {reference.label}"
    return Sheet(("quantity", *names, "difference", "relative"), rows, title, open=True)


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
