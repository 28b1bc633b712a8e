"""Loss and accuracy against time, all runs in one frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ampsim.reports import base, text
from ampsim.reports.model import Key, Plot, Section, Sheet, Shown, View
from ampsim.result.analysis.learning import Curve, training_curve, validations

MOST_POINTS = 600
CAPTION = (
    "Thin lines are training, smoothed over a fiftieth of the run; dots are passes over the validation set. Runs of "
    "one job differ here in two ways: how fast time passes, and in which order gradients meet the parameters."
)


def section(runs: Sequence[Shown]) -> Section:
    """Loss, accuracy, and the table of epochs."""
    learning = [shown for shown in runs if len(shown.run.tables["metrics"]["time"]) and shown.clocked]
    blocks: list[Plot | Sheet] = []
    if learning:
        blocks = [plot(learning, "loss"), plot(learning, "accuracy")]
    blocks += [table(shown) for shown in runs if shown.run.epochs and len(shown.run.tables["metrics"]["time"])]
    empty = "Nothing was learnt: the runs only count, or have no clock."
    return Section("learning", "Loss and accuracy", CAPTION, blocks, empty)


def plot(runs: Sequence[Shown], quantity: str) -> Plot:
    """One quantity of all runs over time."""
    horizon = max(shown.horizon for shown in runs)
    scale, title = base.time_axis(horizon)
    figure = base.frame(300, title, "loss" if quantity == "loss" else "accuracy (%)")
    legend: list[Key] = []
    factor = 1.0 if quantity == "loss" else 100.0
    digits = ":.4g" if quantity == "loss" else ":.2f"
    for number, shown in enumerate(runs):
        curve = thinned(training_curve(shown.run.tables))
        passes = validations(shown.run.tables)
        _add(figure, curve.time * scale, factor * getattr(curve, quantity), f"{text.label(shown.label, 60)}, training",
             digits, mode="lines", line={"color": shown.colour, "width": 1.2}, opacity=0.65)  # fmt: skip
        _add(figure, passes.time * scale, factor * getattr(passes, quantity),
             f"{text.label(shown.label, 60)}, validation", digits, mode="lines+markers",
             line={"color": shown.colour, "width": 2.2, "dash": "solid" if number == 0 else "dot"},
             marker={"size": 7, "color": shown.colour, "symbol": "circle" if number == 0 else "diamond"})  # fmt: skip
        legend.append(Key(text.label(shown.label, 60), shown.colour, (2 * number, 2 * number + 1)))
    goals = (shown.run.summary.get("target" if quantity == "accuracy" else "target_loss") for shown in runs)
    goal = next((goal for goal in goals if goal is not None), None)
    if goal is not None:
        said = text.percent(goal) if quantity == "accuracy" else text.number(goal)
        figure.add_hline(y=factor * goal, line={"color": base.SOFT, "width": 1, "dash": "dash"})
        figure.add_annotation(x=1, xref="paper", y=factor * goal, yshift=9, xanchor="right", showarrow=False,
                              text=f"target {said}", font={"size": 11, "color": base.SOFT})  # fmt: skip
    figure.update_xaxes(rangemode="tozero")
    spread = horizon / max(min(shown.horizon for shown in runs), 1e-15)
    views: list[View] = []
    if spread > 8:
        figure.update_xaxes(type="log", rangemode="normal", exponentformat="power", dtick=1)
        logarithmic = {"xaxis.type": "log", "xaxis.autorange": True, "xaxis.dtick": 1}
        linear = {"xaxis.type": "linear", "xaxis.autorange": True, "xaxis.dtick": None}
        views = [View("Logarithmic time", logarithmic), View("Linear time", linear)]
    described = f"Lines: {quantity} of {len(runs)} runs in training and validation over time."
    return Plot(figure, described, quantity.capitalize(), legend, views)


def _add(figure: Any, x: Any, y: Any, name: str, digits: str, **options: Any) -> None:
    hover = "%{fullData.name}<br>%{y" + digits + "} at %{x:.5g}<extra></extra>"
    figure.add_scatter(x=x, y=np.asarray(y, np.float32), name=name, hovertemplate=hover, **options)


def thinned(curve: Curve) -> Curve:
    """At most :data:`MOST_POINTS` of a curve that is smooth already."""
    count = len(curve.time)
    if count <= MOST_POINTS:
        return curve
    kept = np.unique(np.linspace(0, count - 1, MOST_POINTS).round().astype(np.int64))
    return Curve(curve.time[kept], curve.loss[kept], curve.accuracy[kept])


def table(shown: Shown) -> Sheet:
    """Epoch by epoch."""
    rows = [
        [
            text.number(row["epoch"] + 1), text.seconds(row["time"]), text.number(row.get("train_loss"), 4),
            text.percent(row.get("train_accuracy")), text.number(row.get("validation_loss"), 4),
            text.percent(row.get("validation_accuracy")),
        ]
        for row in shown.run.epochs
    ]  # fmt: skip
    header = ("epoch", "ended at", "training loss", "training accuracy", "validation loss", "validation accuracy")
    return Sheet(header, rows, shown.title("epochs"))
