"""Predicted against measured: a dot a case on logarithmic axes, the diagonal, and the band around it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ampsim.reports import base, text
from ampsim.reports.model import Key, Plot

BAND = 0.05
MOST_ROWS = 60
SEEN = (
    "On the diagonal prediction and measurement are equal; the band around it is ±5\u00a0%. Above it too much was "
    "predicted, below it too little."
)


@dataclass(frozen=True)
class Pair:
    """A case: what it is called, the ``group`` that colours it, the two values in one unit.

    ``hollow`` dots are listed, not judged. ``measured_ends`` and ``predicted_ends`` are drawn as bars; ``remark`` is a
    further line at the pointer. ``apart`` is the error where it is not that of these two values: a median of errors.
    """

    group: str
    name: str
    predicted: float
    measured: float
    hollow: bool = False
    measured_ends: tuple[float, float] | None = None
    predicted_ends: tuple[float, float] | None = None
    remark: str = ""
    apart: float | None = None

    @property
    def error(self) -> float:
        """Predicted / measured - 1, as a share."""
        return self.predicted / self.measured - 1 if self.apart is None else self.apart


def drawable(pairs: Sequence[Pair]) -> list[Pair]:
    """Those that have a place on logarithmic axes."""
    return [pair for pair in pairs if 0 < pair.predicted < math.inf and 0 < pair.measured < math.inf]


def against(
    pairs: Sequence[Pair], title: str, what: str, shown: Callable[[float], str], groups: Sequence[str] = (),
    note: str = "",
) -> Plot | None:  # fmt: skip
    """The figure; None if no pair can be drawn. ``shown`` writes a value out.

    ``groups`` are all that there are on the page, in the order of their colours; left out: those of the pairs.
    """
    kept = drawable(pairs)
    if not kept:
        return None
    low, high = _reach(kept)
    figure = base.frame(440, f"measured {what}", f"predicted {what}", margin={"l": 64, "r": 16, "t": 10, "b": 48})
    ends = [low, high, high, low]
    up, down = 1 + BAND, 1 - BAND
    figure.add_scatter(
        x=ends, y=[low * up, high * up, high * down, low * down], fill="toself", fillcolor="var(--grid)", mode="lines",
        line={"width": 0}, hoverinfo="skip", name="band",
    )  # fmt: skip
    figure.add_scatter(x=[low, high], y=[low, high], mode="lines", line={"color": base.SOFT, "width": 1},
                       hoverinfo="skip", name="diagonal")  # fmt: skip
    legend = []
    for group, colour in _colours(pairs, kept, groups):
        first = len(figure.data)
        for hollow in (False, True):
            mine = [pair for pair in kept if pair.group == group and pair.hollow == hollow]
            if mine:
                _dots(figure, mine, colour, shown)
        legend.append(Key(text.label(group, 40), colour, tuple(range(first, len(figure.data)))))
    at = ticks(low, high)
    for axis in (figure.update_xaxes, figure.update_yaxes):
        axis(type="log", range=[math.log10(low), math.log10(high)], showgrid=True,
             tickvals=at, ticktext=[shown(value) for value in at])  # fmt: skip
    left = len(pairs) - len(kept)
    said = [note, f"{left:,} of {len(pairs):,} are not drawn: they have no value above zero." if left else ""]
    described = (
        f"Dots: predicted {what} against measured, both logarithmic, with the diagonal and a band of 5 per cent."
    )
    return Plot(figure, described, title, legend, note=" ".join(part for part in said if part))


def _colours(pairs: Sequence[Pair], kept: Sequence[Pair], groups: Sequence[str]) -> list[tuple[str, str]]:
    """Groups that have a dot, and their colours."""
    known = list(dict.fromkeys([*groups, *(pair.group for pair in pairs)]))
    used = {pair.group for pair in kept}
    return [(group, base.hue(number)) for number, group in enumerate(known) if group in used]


def ticks(low: float, high: float) -> list[float]:
    """Round numbers for a logarithmic axis, four to ten of them on most."""
    decades = math.log10(high / low)
    steps = (1, 1.5, 2, 3, 4, 5, 6, 8) if decades < 1 else (1, 2, 5) if decades < 3 else (1,)
    each = math.ceil(decades / 10)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [v for power in powers if power % each == 0 for step in steps if low <= (v := step * 10.0**power) <= high]


def _reach(pairs: Sequence[Pair]) -> tuple[float, float]:
    """Ends of both axes: all values with their bars, and a little room."""
    values = [value for pair in pairs for value in (pair.predicted, pair.measured)]
    values += [end for pair in pairs for ends in (pair.measured_ends, pair.predicted_ends) if ends for end in ends]
    known = [math.log10(value) for value in values if 0 < value < math.inf]
    room = max(0.05, 0.05 * (max(known) - min(known)))
    return 10 ** (min(known) - room), 10 ** (max(known) + room)


def _dots(figure: Any, pairs: Sequence[Pair], colour: str, shown: Callable[[float], str]) -> None:
    hollow = pairs[0].hollow
    figure.add_scatter(
        x=[pair.measured for pair in pairs], y=[pair.predicted for pair in pairs], mode="markers",
        name=text.label(pairs[0].group, 40), text=[_hover(pair, shown) for pair in pairs],
        hovertemplate="%{text}<extra></extra>",
        marker={"color": colour, "size": 9, "symbol": "circle-open" if hollow else "circle",
                "line": {"width": 1.5, "color": colour}},
        error_x=_bars([pair.measured for pair in pairs], [pair.measured_ends for pair in pairs], colour),
        error_y=_bars([pair.predicted for pair in pairs], [pair.predicted_ends for pair in pairs], colour),
    )  # fmt: skip


def _bars(values: Sequence[float], ends: Sequence[tuple[float, float] | None], colour: str) -> dict[str, Any]:
    """From each value to its two ends; a value may lie outside of them."""
    both = list(zip(values, ends, strict=True))
    if not any(ends):  # the caps of bars without length would be drawn
        return {"visible": False}
    return {
        "type": "data", "symmetric": False, "color": colour, "thickness": 1, "width": 3,
        "array": [max(0.0, end[1] - value) if end else 0.0 for value, end in both],
        "arrayminus": [max(0.0, value - end[0]) if end else 0.0 for value, end in both],
    }  # fmt: skip


def _hover(pair: Pair, shown: Callable[[float], str]) -> str:
    lines = [text.label(pair.name, 80)]
    for word, value, ends in (
        ("predicted", pair.predicted, pair.predicted_ends), ("measured", pair.measured, pair.measured_ends),
    ):  # fmt: skip
        lines.append(f"{word} {shown(value)}" + (f", {shown(ends[0])} to {shown(ends[1])}" if ends else ""))
    lines.append(f"error {text.percent(pair.error, signed=True)}")
    return "<br>".join([*lines, *([text.label(pair.remark, 80)] if pair.remark else [])])


def errors(
    pairs: Sequence[Pair], title: str, what: str, shown: Callable[[float], str], groups: Sequence[str] = ()
) -> Plot | None:
    """The errors in per cent, a row a case, the largest on top; None if there is none."""
    known = sorted(drawable(pairs), key=lambda pair: -abs(pair.error))
    if not known:
        return None
    kept = known[:MOST_ROWS]
    rows = [text.label(pair.name, 48) for pair in kept]
    names = [row if rows.index(row) == number else f"{row} ({number + 1})" for number, row in enumerate(rows)]
    figure = base.frame(base.rows_height(len(kept), 22), f"error of predicted {what} (%)")
    base.row_axis(figure, names)
    legend = []
    for group, colour in _colours(pairs, kept, groups):
        mine = [i for i, pair in enumerate(kept) if pair.group == group]
        legend.append(Key(text.label(group, 40), colour, (len(figure.data),)))
        figure.add_scatter(
            x=[100 * kept[i].error for i in mine], y=[names[i] for i in mine], mode="markers",
            name=text.label(group, 40), text=[_hover(kept[i], shown) for i in mine],
            hovertemplate="%{text}<extra></extra>",
            error_x=_bars([100 * kept[i].error for i in mine], [_ends(kept[i]) for i in mine], colour),
            marker={"color": colour, "size": 9, "line": {"width": 1.5, "color": colour},
                    "symbol": ["circle-open" if kept[i].hollow else "circle" for i in mine]},
        )  # fmt: skip
    figure.add_vrect(x0=-100 * BAND, x1=100 * BAND, fillcolor="var(--grid)", line_width=0, layer="below")
    figure.add_vline(x=0, line={"color": base.SOFT, "width": 1})
    found = [side for pair in kept for side in (100 * pair.error, *(_ends(pair) or ()))]
    reach = 1.1 * max(1.5 * 100 * BAND, *map(abs, found))
    figure.update_xaxes(range=[-reach, reach])
    note = f"The {MOST_ROWS} largest of {len(known):,} errors." if len(known) > MOST_ROWS else ""
    return Plot(figure, f"Dots: error of predicted {what} in per cent, a row a case.", title, legend, note=note)


def _ends(pair: Pair) -> tuple[float, float] | None:
    """The errors in per cent if one of the ends had been measured, not the median."""
    if not pair.measured_ends or min(pair.measured_ends) <= 0:
        return None
    low, high = pair.measured_ends
    return 100 * (pair.predicted / high - 1), 100 * (pair.predicted / low - 1)
