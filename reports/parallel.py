"""Parallel coordinates: an upright axis for every setting and every objective, and a line across them for every run.

They are drawn as lines of an ordinary plot. Plotly's own (``parcoords``) needs WebGL, which a browser may not have, is
printed as a blurred picture, and shows nothing at the pointer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ampsim.reports import base, text
from ampsim.reports.grid import BEST, OTHERS, Axis, Dot, thinned
from ampsim.reports.model import Key, Plot

MOST_LINES, MOST_AXES, MOST_TICKS = 1000, 12, 9
MOST_HOVERS = 200
WIDE = 10.0
"""An axis whose largest value is more than so many times its smallest is logarithmic."""
CAPTION = (
    "Every line is a run; follow it from its settings on the left to its objectives on the right, where better is "
    "always up. Orange lines are Pareto optimal. Drag over a part of an axis to pick out the runs that pass there; a "
    "double click lets go."
)


class Scale(NamedTuple):
    """Heights of the runs on one axis (0 to 1, None: it has no value there), and ``ticks``: heights and labels."""

    title: str
    heights: list[float | None]
    ticks: list[tuple[float, str]]
    texts: list[str]


def parallel(drawn: Sequence[Dot], axes: Sequence[Axis]) -> Plot | None:
    """Settings that vary, then the objectives; None if there are fewer than two axes."""
    kept, note = thinned(drawn, MOST_LINES)
    scales, left = _scales(kept, axes)
    if len(scales) < 2:
        return None
    figure = base.frame(400, margin={"l": 30, "r": 30, "t": 70, "b": 20, "pad": 0})
    found = [(OTHERS, "var(--hue-1)", 1.0, 0.35), (BEST, "var(--hue-2)", 2.2, 0.95)]
    for name, colour, width, opacity in found:
        mine = [number for number, dot in enumerate(kept) if dot.best == (name == BEST)]
        _lines(figure, name, kept, mine, scales, colour, width, opacity)
    figure.add_scatter(
        x=[], y=[], mode="lines", line={"color": base.INK, "width": 2.6}, hoverinfo="skip", name="picked"
    )
    _uprights(figure, scales)
    legend = [
        Key(name, colour, (trace,))
        for trace, (name, colour, _, _) in enumerate(found)
        if any(dot.best == (name == BEST) for dot in kept)
    ]
    names = ", ".join(scale.title for scale in scales)
    described = f"A line a run across {len(scales)} upright axes: {names}. The table of the best runs has their values."
    said = [*left, *([note] if note else [])]
    return Plot(figure, described, "Parallel coordinates", legend, note=" ".join(said), wide=90 * len(scales))


def _scales(dots: Sequence[Dot], axes: Sequence[Axis]) -> tuple[list[Scale], list[str]]:
    """The axes, and what is not among them."""
    goals = [objective(axis, [dot.values[number] for dot in dots]) for number, axis in enumerate(axes)]
    goals = [scale for scale in goals if any(height is not None for height in scale.heights)][: MOST_AXES - 1]
    names = [name for name in (dots[0].settings if dots else ()) if len({dot.settings[name] for dot in dots}) > 1]
    room = MOST_AXES - len(goals)
    left = [f"Settings without an axis: {', '.join(names[room:])}."] if names[room:] else []
    return [*(setting(name, [dot.settings[name] for dot in dots]) for name in names[:room]), *goals], left


def setting(name: str, texts: Sequence[str]) -> Scale:
    """Values of a setting at equal distances: numbers by size, words as they come; many numbers to scale."""
    numbers = [number(found) for found in texts]
    known = [found for found in numbers if found is not None]
    if len(known) == len(texts) and len(set(known)) > MOST_TICKS:
        return _to_scale(name, numbers, list(texts), "max")
    order = list(dict.fromkeys(texts))
    if len(known) == len(texts):
        order.sort(key=float)
    step = max(1, math.ceil(len(order) / MOST_TICKS))
    place = {found: (rank + 0.5) / len(order) for rank, found in enumerate(order)}
    ticks = [(place[found], text.label(found, 18)) for found in order[::step]]
    return Scale(name, [place[found] for found in texts], ticks, list(texts))


def objective(axis: Axis, values: Sequence[float | None]) -> Scale:
    """Values of an objective, the better ones higher."""
    name = axis.name.replace("_", " ") + (f" ({axis.unit})" if axis.unit else "")
    return _to_scale(name, values, [text.number(value) for value in values], axis.goal or "max")


def number(found: str) -> float | None:
    """A text that is a finite number, as one."""
    try:
        value = float(found)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _to_scale(title: str, values: Sequence[float | None], texts: list[str], goal: str) -> Scale:
    known = [value for value in values if value is not None]
    if not known:
        return Scale(title, [None] * len(values), [], texts)
    low, high = min(known), max(known)
    log = low > 0 and high / low > WIDE
    (start, end) = (math.log10(low), math.log10(high)) if log else (low, high)

    def height(value: float) -> float:
        at = math.log10(value) if log else value
        share = (at - start) / (end - start) if end > start else 0.5
        return 1.0 - share if goal == "min" else share

    middle = [start + (end - start) * part / 4 for part in range(5)] if end > start else [start]
    ticks = [10**at if log else at for at in middle]
    labels = [
        text.number(value) if abs(value) < 1e5 else text.si(value, "").replace(text.SPACE, " ") for value in ticks
    ]
    heights = [height(value) if value is not None else None for value in values]
    return Scale(title, heights, [(height(v), label) for v, label in zip(ticks, labels, strict=True)], texts)


def _lines(
    figure: Any, name: str, dots: Sequence[Dot], mine: Sequence[int], scales: Sequence[Scale], colour: str,
    width: float, opacity: float,
) -> None:  # fmt: skip
    """One trace of all these lines, with a gap after each; ``customdata`` says which run a point belongs to."""
    x: list[float | None] = []
    y: list[float | None] = []
    said: list[str] = []
    whose: list[int] = []
    for run in mine:
        whole = dots[run].hover if len(mine) <= MOST_HOVERS else text.label(dots[run].name, 60)
        for place, scale in enumerate(scales):
            x.append(place)
            y.append(scale.heights[run])
            value = f"{text.label(scale.title, 40)}: {text.label(scale.texts[run], 40)}"
            said.append(f"{value}<br>{whole}" if whole else value)
        x.append(None)
        y.append(None)
        said.append("")
        whose += [run] * (len(scales) + 1)
    figure.add_scatter(
        x=x, y=y, name=name, mode="lines+markers", opacity=opacity, line={"color": colour, "width": width},
        marker={"color": colour, "size": 5}, connectgaps=False, customdata=whose, text=said,
        hovertemplate="%{text}<extra></extra>", unselected={"marker": {"opacity": 0.15}},
    )  # fmt: skip


def _uprights(figure: Any, scales: Sequence[Scale]) -> None:
    last = len(scales) - 1
    for place, scale in enumerate(scales):
        figure.add_shape(
            type="line", x0=place, x1=place, y0=0, y1=1, line={"color": base.SOFT, "width": 1}, layer="below"
        )
        side = {"xanchor": "right", "xshift": -5} if place == last else {"xanchor": "left", "xshift": 5}
        for at, label in scale.ticks:
            figure.add_annotation(
                x=place, y=at, text=label, showarrow=False, font={"size": 10, "color": base.SOFT},
                bgcolor="var(--card)", borderpad=1, opacity=0.9, **side,
            )  # fmt: skip
    figure.update_layout(dragmode="select", meta={"lines": True})
    figure.update_xaxes(
        range=[-0.12, last + 0.12], tickvals=list(range(last + 1)), ticktext=[folded(scale.title) for scale in scales],
        side="top", showline=False, ticks="", tickangle=0, fixedrange=True,
    )  # fmt: skip
    figure.update_yaxes(visible=False, range=[-0.04, 1.04], fixedrange=True)


def folded(title: str, width: int = 13, most: int = 4) -> str:
    """A title on several short lines, broken behind points, underscores and blanks."""
    lines = [""]
    for piece in re.split(r"(?<=[._ ])", text.name(title, 80)):
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    cut = lines[:most] if len(lines) <= most else [*lines[: most - 1], "…"]
    return "<br>".join(text.label(line, width + 6) for line in cut)
