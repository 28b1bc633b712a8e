"""A page about how well the simulator is held to a machine: predicted against measured, verdicts, the sheet."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ampsim.reports.against import SEEN, Pair, against, errors
from ampsim.reports.markup import sheet
from ampsim.reports.model import Plot, Section, Sheet
from ampsim.reports.page import assemble, card_list
from ampsim.result.aside import checked_target, replace_file

CAPTION = (
    "Every dot is a case, run on this machine and simulated. {seen} Hollow dots are listed, not judged. Upright bars "
    "are the interval that was predicted, level ones the quartiles of what was measured."
)
ERRORS = (
    "How far each prediction is off, the worst on top; the band is ±5\u00a0%. A bar goes from the error against the "
    "upper quartile of the measurements to that against the lower: what cannot be told from noise."
)
RULES = "What is asked of all cases together, what was found, and whether it holds."
TABLES = "All cases, in the order of the suite."


@dataclass(frozen=True)
class Quantity:
    """What was predicted and measured of some cases: ``shown`` writes a value out."""

    name: str
    pairs: Sequence[Pair]
    shown: Callable[[float], str]


def render_agreement(
    path: str | os.PathLike[str],
    title: str,
    sentences: Sequence[str],
    cards: Sequence[tuple[str, str]],
    quantities: Sequence[Quantity],
    rules: Sheet,
    tables: Sequence[Sheet],
    facts: Sequence[tuple[str, str]],
    plotlyjs: str = "inline",
) -> Path:
    """Write one self-contained HTML file about an accuracy sheet and return its absolute path.

    ``rules`` are the verdicts, ``tables`` the cases, ``facts`` names and values of where all came from. Raises
    UsageError if the file cannot be written there.
    """
    target = checked_target(path)
    groups = list(dict.fromkeys(pair.group for q in quantities for pair in q.pairs))
    dots = [against(q.pairs, q.name.capitalize(), q.name, q.shown, groups) for q in quantities]
    rows = [errors(q.pairs, q.name.capitalize(), q.name, q.shown, groups) for q in quantities]
    empty = "No case has both a prediction and a measurement."
    sections = [
        Section("agreement", "Predicted against measured", CAPTION.format(seen=SEEN), _drawn(dots), empty),
        Section("rules", "Rules", RULES, [rules] if rules.rows else [], "Nothing has been judged."),
        Section("errors", "Errors", ERRORS, _drawn(rows), empty),
        Section("cases", "Cases", TABLES, list(tables), "There is no case."),
    ]
    provenance = sheet(Sheet(("fact", "value"), [list(fact) for fact in facts], "Validation", "ll", open=True))
    page = assemble(title, "an accuracy sheet", sentences, card_list(cards), sections, [provenance], plotlyjs)
    replace_file(target, page.encode("utf-8"))
    return target


def _drawn(plots: Sequence[Plot | None]) -> list[Plot]:
    return [plot for plot in plots if plot]
