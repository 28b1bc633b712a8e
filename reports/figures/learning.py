"""Loss and accuracy against time, instances or epochs, all runs in one frame."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ampsim.reports import base, text
from ampsim.reports.model import Key, Plot, Section, Sheet, Shown, View
from ampsim.result.analysis.learning import Curve, Validations, epochs_of, training_curve, validations
from ampsim.result.table import rows as rows_of

MOST_POINTS = 600
CAPTION = (
    "Thin lines are training, smoothed over a fiftieth of the run; dots are passes over the validation set. Runs of "
    "one job differ here in two ways: how fast time passes, and in which order gradients meet the parameters. Against "
    "time they show both; against instances or epochs the second alone."
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
    traces: dict[Shown, list[int]] = {shown: [] for shown in runs}
    factor = 1.0 if quantity == "loss" else 100.0
    curves = [(thinned(training_curve(s.run.tables), quantity), validations(s.run.tables)) for s in runs]
    views: list[View] = []
    for axis, words in (("time", title), ("instances", "instances trained on"), ("epochs", "epochs")):
        first = len(figure.data)
        for number, (shown, found) in enumerate(zip(runs, curves, strict=True)):
            traces[shown] += _lines(figure, shown, found, (quantity, axis, scale if axis == "time" else 1.0), number)
        change = {"xaxis.title.text": words, "xaxis.type": "linear", "xaxis.dtick": None, "xaxis.autorange": True}
        views.append(View(axis.capitalize(), change, tuple(range(first, len(figure.data)))))
    legend = [Key(text.label(shown.label, 60), shown.colour, tuple(traces[shown])) for shown in runs]
    goals = (shown.run.summary.get("target" if quantity == "accuracy" else "target_loss") for shown in runs)
    goal = next((goal for goal in goals if goal is not None), None)
    if goal is not None:
        said = text.percent(goal) if quantity == "accuracy" else text.number(goal)
        figure.add_hline(y=factor * goal, line={"color": base.SOFT, "width": 1, "dash": "dash"})
        figure.add_annotation(x=1, xref="paper", y=factor * goal, yshift=9, xanchor="right", showarrow=False,
                              text=f"target {said}", font={"size": 11, "color": base.SOFT})  # fmt: skip
    figure.update_xaxes(rangemode="tozero")
    spread = horizon / max(min(shown.horizon for shown in runs), 1e-15)
    if spread > 8:
        figure.update_xaxes(type="log", rangemode="normal", exponentformat="power", dtick=1)
        logarithmic = {**views[0].layout, "xaxis.type": "log", "xaxis.dtick": 1}
        views = [View("Logarithmic time", logarithmic, views[0].traces), *views]
    described = f"Lines: {quantity} of {len(runs)} runs in training and validation over time, instances or epochs."
    return Plot(figure, described, quantity.capitalize(), legend, views, _smoothed(runs, quantity))


def _lines(
    figure: Any, shown: Shown, found: tuple[Curve, Validations], what: tuple[str, str, float], number: int
) -> list[int]:
    """Training and validation of a run against time, instances or epochs; only time is visible at first."""
    quantity, axis, scale = what
    factor, digits = (1.0, ":.4g") if quantity == "loss" else (100.0, ":.2f")
    first, label = len(figure.data), text.label(shown.label, 60)
    styles: tuple[dict[str, Any], ...] = (
        {"mode": "lines", "line": {"color": shown.colour, "width": 1.2}, "opacity": 0.65},
        {"mode": "lines+markers",
         "line": {"color": shown.colour, "width": 2.2, "dash": "solid" if number == 0 else "dot"},
         "marker": {"size": 7, "color": shown.colour, "symbol": "circle" if number == 0 else "diamond"}},
    )  # fmt: skip
    curves: tuple[Curve | Validations, ...] = found
    for curve, name, style in zip(curves, ("training", "validation"), styles, strict=True):
        x = curve.time * scale if axis == "time" else curve.instances
        x = epochs_of(shown.run.tables, x) if axis == "epochs" else x
        figure.add_scatter(
            x=x, y=np.asarray(factor * getattr(curve, quantity), np.float32), name=f"{label}, {name}",
            visible=axis == "time", hovertemplate="%{fullData.name}<br>%{y" + digits + "} at %{x:.5g}<extra></extra>",
            **style,
        )  # fmt: skip
    return [first, first + 1]


def thinned(curve: Curve, quantity: str) -> Curve:
    """At most :data:`MOST_POINTS` of a curve: its ends, and the lowest and the highest of each stretch."""
    count = len(curve.time)
    if count <= MOST_POINTS:
        return curve
    values = np.nan_to_num(getattr(curve, quantity))
    cuts = np.linspace(0, count, MOST_POINTS // 2).astype(np.int64)
    stretches = list(pairwise(cuts.tolist()))
    extremes = [low + int(find(values[low:high])) for low, high in stretches for find in (np.argmin, np.argmax)]
    kept = np.unique([0, *extremes, count - 1])
    return Curve(curve.time[kept], curve.loss[kept], curve.accuracy[kept], curve.instances[kept])


def _smoothed(runs: Sequence[Shown], quantity: str) -> str:
    """What of the records is drawn, where these are many."""
    many = [shown for shown in runs if rows_of(shown.run.tables["metrics"]) > MOST_POINTS]
    if not many:
        return ""
    note = "Of the smoothed curve the lowest and the highest point of each stretch are drawn."
    if quantity == "loss":
        reach = (shown.run.tables["metrics"]["loss"][shown.run.tables["metrics"]["training"]] for shown in many)
        spans = [f"from {text.number(float(f.min()))} to {text.number(float(f.max()))}" for f in reach if len(f)]
        note += f" Single training losses reach {', and '.join(spans)}." if spans else ""
    return note


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
