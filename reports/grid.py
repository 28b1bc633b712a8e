"""Runs that differ in settings, drawn together: which are best, and how each setting shows in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ampsim.reports import base, text
from ampsim.reports.model import Key, Plot, View

MOST_DOTS = 4000
OTHERS, BEST = "other runs", "Pareto optimal"
_COLOURS = {OTHERS: "var(--hue-1)", BEST: "var(--hue-2)"}


@dataclass(frozen=True)
class Dot:
    """A run: what was set of it, its objectives in their order (None: it has none), whether it is best.

    ``error`` is set where the run failed; then it has no objectives. ``name`` is what the run is called, if anything.
    """

    settings: Mapping[str, str]
    values: Sequence[float | None]
    best: bool = False
    error: str | None = None
    name: str = ""

    @property
    def hover(self) -> str:
        """Name and settings, a line each."""
        lines = [f"{text.label(name, 40)}: {text.label(value, 40)}" for name, value in self.settings.items()]
        return "<br>".join([*([text.label(self.name, 60)] if self.name else []), *lines[:20]])


@dataclass(frozen=True)
class Axis:
    """An objective: its name, its unit, and whether ``max`` or ``min`` is better; empty where neither is."""

    name: str
    unit: str
    goal: str

    @property
    def title(self) -> str:
        """For an axis or a column."""
        return text.label(self.name, 60) + (f" ({text.label(self.unit, 20)})" if self.unit else "")


def thinned(dots: Sequence[Dot], most: int = MOST_DOTS) -> tuple[list[Dot], str]:
    """At most about ``most`` of the dots, and words about what is left out; empty if nothing is.

    The best stay (every one), and of every objective the lowest and the highest; of the others, those are drawn that
    stand at equal distances when all are put in the order of the first objective.
    """
    if len(dots) <= most:
        return list(dots), ""
    order = sorted(range(len(dots)), key=lambda i: dots[i].values[0] or 0.0)
    step = len(dots) / most
    kept = {order[int(number * step)] for number in range(most)} | {i for i, dot in enumerate(dots) if dot.best}
    for axis in range(len(dots[0].values)):
        known = [(value, i) for i, dot in enumerate(dots) if (value := dot.values[axis]) is not None]
        kept |= {end(known)[1] for end in (min, max) if known}
    found = [dots[i] for i in sorted(kept)]
    words = f"{len(found):,} of {len(dots):,} runs are drawn: the best, the extremes, and of the others one in every"
    return found, f"{words} {step:.3g} in the order of the first objective."


def front(drawn: Sequence[Dot], axes: Sequence[Axis], across: int = 1, up: int = 0) -> Plot:
    """One objective against another; a line through the dots that are best. All dots have both values."""
    kept, note = thinned(drawn)
    figure = base.frame(440, axes[across].title, axes[up].title)
    best = sorted((dot for dot in kept if dot.best), key=lambda dot: dot.values[across] or 0.0)
    parts = ((OTHERS, [dot for dot in kept if not dot.best]), (BEST, best))
    for name, dots in parts:
        leading = name == BEST
        figure.add_scatter(
            x=[dot.values[across] for dot in dots], y=[dot.values[up] for dot in dots], name=name,
            mode="lines+markers" if leading else "markers", opacity=1.0 if leading else 0.45,
            line={"color": _COLOURS[name], "width": 1.6, "shape": "linear"},
            marker={"color": _COLOURS[name], "size": 9 if leading else 7},
            text=[dot.hover for dot in dots], hovertemplate="%{text}<br>%{y:.4g} at %{x:.4g}<extra></extra>",
        )  # fmt: skip
    views = [View("Linear", {"xaxis.type": "linear", "yaxis.type": "linear"})]
    if all((dot.values[axis] or 0) > 0 for dot in drawn for axis in (across, up)):
        views.append(View("Logarithmic", {"xaxis.type": "log", "yaxis.type": "log"}))
    legend = [Key(name, _COLOURS[name], (trace,)) for trace, (name, dots) in enumerate(parts) if dots]
    x, y = axes[across].name, axes[up].name
    described = f"Dots: {y} against {x} of every run; a line through those that are Pareto optimal."
    return Plot(figure, described, f"{y[:1].upper()}{y[1:]} against {x}", legend, views, note)


def strip(drawn: Sequence[Dot], setting: str, axis: Axis) -> Plot:
    """The first objective for each value of one setting."""
    kept, note = thinned(drawn)
    values = [text.label(dot.settings[setting], 40) for dot in kept]
    order = [text.label(value, 40) for value in dict.fromkeys(dot.settings[setting] for dot in drawn)]
    figure = base.frame(240, text.label(setting, 60), axis.title)
    figure.add_scatter(
        x=values, y=[dot.values[0] for dot in kept], mode="markers", opacity=0.5,
        marker={"color": _COLOURS[OTHERS], "size": 7}, text=[dot.hover for dot in kept],
        hovertemplate="%{text}<br>%{y:.4g}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=list(dict.fromkeys(order)))
    return Plot(figure, f"Dots: {axis.name} for each value of {setting}.", setting, note=note)
