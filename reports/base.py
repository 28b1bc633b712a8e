"""The frame that all figures share. Colours are CSS variables; the page puts the theme's values in their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ampsim.reports import text
from ampsim.reports.model import Key
from ampsim.result.analysis.causes import CAUSES
from ampsim.result.schema import Array

BINS = 240
"""Bins of a time axis; a bin is about three pixels wide."""

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
INK, SOFT, GRID, LINE = "var(--ink)", "var(--soft)", "var(--grid)", "var(--line)"
HUES = 10

_NAMES = ("busy", "messaging", "admission", "waiting", "link", "memory", "synchronisation", "drained")
CAUSE_COLOURS = {cause: f"var(--{name})" for cause, name in zip(CAUSES, _NAMES, strict=True)}


def hue(number: int) -> str:
    """The colour of the n-th worker, node or link; they come round again after ten."""
    return f"var(--hue-{number % HUES + 1})"


def frame(height: int, x: str = "", y: str = "", **layout: Any) -> Any:
    """An empty figure with titled axes and no legend of its own: the page draws legends, where they can wrap."""
    import plotly.graph_objects as go

    axis = {
        "gridcolor": GRID, "linecolor": LINE, "zeroline": False, "tickcolor": LINE, "automargin": True,
        "tickfont": {"size": 11, "color": SOFT}, "title": {"font": {"size": 12, "color": SOFT}, "standoff": 8},
    }  # fmt: skip
    figure = go.Figure()
    figure.update_layout(
        template="none", height=height, showlegend=False, hovermode="closest", dragmode="zoom", bargap=0.25,
        font={"family": FONT, "size": 12, "color": INK}, margin={"l": 56, "r": 16, "t": 10, "b": 44, "pad": 3},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", uirevision="kept",
        hoverlabel={"bgcolor": "var(--card)", "bordercolor": LINE, "font": {"size": 12, "color": INK, "family": FONT}},
    )  # fmt: skip
    figure.update_xaxes(**axis, title_text=x, showgrid=False, showline=True, ticks="outside", ticklen=4)
    figure.update_yaxes(**axis, title_text=y, showgrid=True, showline=False)
    figure.update_layout(**layout)
    return figure


def rows_height(rows: int, each: int = 26) -> int:
    """Height of a figure with one row a worker, node or link."""
    return 70 + max(2, rows) * max(each if rows <= 16 else 16 if rows <= 40 else 9, 9)


def row_axis(figure: Any, names: Sequence[str]) -> None:
    """Rows from top to bottom, in the order of ``names``, which are distinct."""
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=list(names), showgrid=False, fixedrange=True,
        range=[len(names) - 0.5, -0.5],
    )  # fmt: skip


def time_axis(horizon: float) -> tuple[float, str]:
    """Factor from seconds to the unit of the axis, and the title of the axis."""
    factor, unit = text.time_unit(horizon)
    return 1.0 / factor, f"time ({unit})"


def heat(figure: Any, edges: Array, rows: Sequence[str], values: Array, colour: str, hover: str, top: float) -> None:
    """Rows over time as shades of one colour, from nothing to ``top``."""
    figure.add_heatmap(
        x=edges, y=list(rows), z=values.astype(np.float32), zmin=0, zmax=top or 1.0,
        colorscale=[[0.0, "var(--faint)"], [1.0, colour]], hovertemplate=hover,
        xgap=0, ygap=1 if len(rows) <= 40 else 0, hoverongaps=False,
        colorbar={
            "thickness": 8, "outlinewidth": 0, "len": 1.0, "lenmode": "fraction", "x": 1.01, "ypad": 0,
            "tickfont": {"size": 11, "color": SOFT}, "nticks": 5,
        },
    )  # fmt: skip
    row_axis(figure, rows)


def levels(
    horizon: float, what: str, names: Sequence[str], mean: Array, peak: Array, height: int = 240, shape: str = "linear"
) -> tuple[Any, list[Key]]:
    """A line a name over the bins of ``horizon`` seconds, and its legend.

    ``mean`` and ``peak`` (names, bins): the pointer shows both, so no extreme is lost.
    """
    scale, title = time_axis(horizon)
    figure = frame(height, title, what)
    for row, name in enumerate(names):
        figure.add_scatter(
            x=middles(edges_of(horizon)) * scale, y=mean[row].astype(np.float32), name=name, mode="lines",
            line={"color": hue(row), "width": 1.6, "shape": shape}, customdata=peak[row],
            hovertemplate="%{fullData.name}: %{y:.2f}, at most %{customdata}<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(rangemode="tozero", fixedrange=True)
    figure.update_xaxes(range=[0, horizon * scale])
    figure.update_layout(hovermode="x")
    return figure, [Key(name, hue(row), (row,)) for row, name in enumerate(names)]


def middles(edges: Array) -> Array:
    """The middle of each bin."""
    return (edges[:-1] + edges[1:]) / 2


def edges_of(horizon: float, bins: int = BINS) -> Array:
    """Edges of the bins of a time axis, in seconds."""
    return np.linspace(0.0, horizon, bins + 1)
