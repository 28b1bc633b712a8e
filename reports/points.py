"""A page about many runs at once: which points of a grid are best, and how each setting shows in them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ampsim.reports import base, text
from ampsim.reports.markup import sheet
from ampsim.reports.model import Key, Plot, Section, Sheet, View
from ampsim.reports.page import assemble, card_list
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


@dataclass(frozen=True)
class Dot:
    """A run of a grid: what was set of it, its objectives in their order (None: it has none), whether it is best.

    ``error`` is set where the run failed; then it has no objectives.
    """

    settings: Mapping[str, str]
    values: Sequence[float | None]
    best: bool = False
    error: str | None = None


@dataclass(frozen=True)
class Axis:
    """An objective: its name, its unit, and whether ``max`` or ``min`` is better."""

    name: str
    unit: str
    goal: str

    @property
    def title(self) -> str:
        """For an axis or a column."""
        return text.label(self.name, 60) + (f" ({self.unit})" if self.unit else "")


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
    sections = [_front(drawn, best, axes), _effects(drawn, axes[0])]
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
        return Section("front", "Pareto front", CAPTION, empty="No point has all objectives.")
    across, up = axes[1], axes[0]
    figure = base.frame(440, across.title, up.title)
    parts = (("other runs", [dot for dot in drawn if not dot.best], "var(--hue-1)", 0.45),
             ("Pareto optimal", sorted(best, key=lambda dot: dot.values[1] or 0.0), "var(--hue-2)", 1.0))  # fmt: skip
    for name, dots, colour, opacity in parts:
        figure.add_scatter(
            x=[dot.values[1] for dot in dots], y=[dot.values[0] for dot in dots], name=name,
            mode="lines+markers" if opacity == 1 else "markers", opacity=opacity,
            line={"color": colour, "width": 1.6, "shape": "linear"},
            marker={"color": colour, "size": 9 if opacity == 1 else 7},
            text=[_settings(dot) for dot in dots], hovertemplate="%{text}<br>%{y:.4g} at %{x:.4g}<extra></extra>",
        )  # fmt: skip
    views = [View("Linear", {"xaxis.type": "linear", "yaxis.type": "linear"})]
    if all((value or 0) > 0 for dot in drawn for value in dot.values[:2]):
        views.append(View("Logarithmic", {"xaxis.type": "log", "yaxis.type": "log"}))
    legend = [Key(name, colour, (trace,)) for trace, (name, _, colour, _) in enumerate(parts)]
    described = f"Dots: {up.name} against {across.name} of every run; a line through those that are Pareto optimal."
    header = (*best[0].settings, *(axis.name for axis in axes)) if best else ()
    rows = [[*dot.settings.values(), *(text.number(value) for value in dot.values)] for dot in best[:MOST_BEST]]
    align = "l" * (len(header) - len(axes)) + "r" * len(axes)
    listed = [Sheet(header, rows, "Pareto optimal", align, open=True)] if best else []
    plot = Plot(figure, described, f"{up.name} against {across.name}", legend, views)
    return Section("front", "Pareto front", CAPTION, [plot, *listed])


def _settings(dot: Dot) -> str:
    return "<br>".join(f"{text.label(name, 40)}: {text.label(value, 40)}" for name, value in dot.settings.items())


def _effects(drawn: Sequence[Dot], axis: Axis) -> Section:
    """One strip of dots for each setting."""
    plots = []
    for name in list(drawn[0].settings)[:MOST_SETTINGS] if drawn else ():
        values = [text.label(dot.settings[name], 40) for dot in drawn]
        order = list(dict.fromkeys(values))
        figure = base.frame(240, text.label(name, 60), axis.title)
        figure.add_scatter(
            x=values, y=[dot.values[0] for dot in drawn], mode="markers", opacity=0.5,
            marker={"color": "var(--hue-1)", "size": 7}, text=[_settings(dot) for dot in drawn],
            hovertemplate="%{text}<br>%{y:.4g}<extra></extra>",
        )  # fmt: skip
        figure.update_xaxes(type="category", categoryorder="array", categoryarray=order)
        plots.append(Plot(figure, f"Dots: {axis.name} for each value of {name}.", name))
    return Section("settings", "Settings", EFFECT, plots, "There is nothing to draw.")
