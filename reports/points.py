"""A page about many runs at once: which points of a grid are best, and how each setting shows in them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ampsim.reports import grid, text
from ampsim.reports.grid import Axis, Dot
from ampsim.reports.markup import sheet
from ampsim.reports.model import Section, Sheet
from ampsim.reports.page import assemble, card_list
from ampsim.reports.parallel import CAPTION as LINES
from ampsim.reports.parallel import parallel
from ampsim.result.aside import checked_target, replace_file

MOST_BEST = 200
MOST_SETTINGS = 12
CAPTION = (
    "Every point is a run. Those on the line are Pareto optimal: no other run is better in one objective and no worse "
    "in all others; with more than two objectives some of them are good at what is not drawn."
)
EFFECT = (
    "The first objective against one setting at a time, all others varying: a dot a run. A setting that matters moves "
    "all dots; one that does not leaves them where they are."
)
NOTHING = "No point has all objectives."


def render_points(
    path: str | os.PathLike[str],
    title: str,
    dots: Sequence[Dot],
    axes: Sequence[Axis],
    facts: Sequence[tuple[str, str]],
    plotlyjs: str = "inline",
) -> Path:
    """Write one self-contained HTML file about the points of a grid and return its absolute path.

    ``axes`` are two objectives or more; the first two are drawn. ``facts`` are names and values of where the points
    came from. Raises UsageError if the file cannot be written there.
    """
    target = checked_target(path)
    drawn = [dot for dot in dots if None not in dot.values and not dot.error]
    failed = [dot for dot in dots if dot.error]
    best = [dot for dot in drawn if dot.best]
    sections = [_front(drawn, best, axes), _lines(drawn, axes), _effects(drawn, axes[0])]
    if failed:
        rows = [[*dot.settings.values(), str(dot.error)] for dot in failed]
        header = (*failed[0].settings, "error")
        listed = Sheet(header, rows, "Failed", "l" * len(header), open=True)
        sections.append(Section("failed", "Failed", "Points that gave no run, and why.", [listed]))
    said = f"{len(dots):,} points of a grid; {len(best):,} are Pareto optimal in {_and([axis.name for axis in axes])}."
    cards = [("points", text.number(len(dots))), ("failed", text.number(len(failed))),
             *((f"best {axis.title}", _best(axis, number, drawn)) for number, axis in enumerate(axes))]  # fmt: skip
    provenance = sheet(Sheet(("fact", "value"), [list(fact) for fact in facts], "Study", "ll", open=True))
    page = assemble(title, "a sweep, simulated", [said], card_list(cards), sections, [provenance], plotlyjs)
    replace_file(target, page.encode("utf-8"))
    return target


def _and(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]


def _best(axis: Axis, number: int, drawn: Sequence[Dot]) -> str:
    values = [value for dot in drawn if (value := dot.values[number]) is not None]
    if not values:
        return text.NONE
    return text.number(max(values) if axis.goal == "max" else min(values))


def _front(drawn: Sequence[Dot], best: Sequence[Dot], axes: Sequence[Axis]) -> Section:
    if not drawn:
        return Section("front", "Pareto front", CAPTION, empty=NOTHING)
    header = (*best[0].settings, *(axis.name for axis in axes)) if best else ()
    rows = [[*dot.settings.values(), *(text.number(value) for value in dot.values)] for dot in best[:MOST_BEST]]
    align = "l" * (len(header) - len(axes)) + "r" * len(axes)
    more = f"The first {MOST_BEST} of {len(best):,}." if len(best) > MOST_BEST else ""
    listed = [Sheet(header, rows, "Pareto optimal", align, open=True, note=more)] if best else []
    return Section("front", "Pareto front", CAPTION, [grid.front(drawn, axes), *listed])


def _lines(drawn: Sequence[Dot], axes: Sequence[Axis]) -> Section:
    found = parallel(drawn, axes) if drawn else None
    return Section("parallel", "Parallel coordinates", LINES, [found] if found else [], NOTHING)


def _effects(drawn: Sequence[Dot], axis: Axis) -> Section:
    """One strip of dots for each setting."""
    names = list(drawn[0].settings)[:MOST_SETTINGS] if drawn else []
    return Section("settings", "Settings", EFFECT, [grid.strip(drawn, name, axis) for name in names],
                   "There is nothing to draw.")  # fmt: skip
