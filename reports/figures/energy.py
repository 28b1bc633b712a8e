"""What the chips consumed, and for what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ampsim.reports import base, text
from ampsim.reports.model import Key, Plot, Section, Sheet, Shown
from ampsim.result.analysis.energy import PARTS, Consumed, consumed
from ampsim.result.schema import Array

MOST_ROWS = 40
CAPTION = (
    "Energy of each chip by what it went into: products, other arithmetic, bytes read and written in memory, bytes "
    "moved to and from memory off the chip, bytes sent over links, and what a chip draws all the time, busy or not. "
    "Where idle power is most of it, a shorter run saves energy whatever it computes."
)
EMPTY = (
    "Nothing is known of energy here: a run on real cores is not metered, and a simulated chip has to state what a "
    "FLOP, a byte and a second cost it (energy, in the system file)."
)
NAMES = ("matrix products", "other arithmetic", "memory", "off-chip memory", "links", "idle power")
COLOURS = dict(
    zip(PARTS, ("var(--hue-1)", "var(--hue-6)", "var(--hue-3)", "var(--hue-5)", "var(--link)", "var(--waiting)"),
        strict=True)
)  # fmt: skip
_WORDS = dict(zip(PARTS, NAMES, strict=True))


def section(runs: Sequence[Shown]) -> Section:
    """Bars by chip, for several runs by training row too, and a table a run."""
    found = [(shown, energy) for shown in runs if (energy := consumed(shown.run)) is not None]
    blocks: list[Plot | Sheet] = [chips(shown, energy) for shown, energy in found]
    rated = [(shown, energy) for shown, energy in found if energy.per_row is not None]
    if len(rated) > 1:
        blocks.append(each_row(rated))
    blocks += [table(shown, energy) for shown, energy in found]
    return Section("energy", "Energy", CAPTION, blocks, EMPTY)


def chips(shown: Shown, found: Consumed) -> Plot:
    """A bar a chip, stacked by part."""
    sums = found.joules.sum(axis=1)
    rows = list(range(len(sums)))
    if len(rows) > MOST_ROWS:
        rows = np.argsort(-sums, kind="stable")[:MOST_ROWS].tolist()
    names = [text.label(found.names[row]) for row in rows]
    factor, prefix = prefix_of(float(sums.max(initial=0.0)))
    figure = base.frame(base.rows_height(len(rows)), f"energy ({prefix}J)")
    for part, name in enumerate(PARTS):
        joules = found.joules[rows, part]
        figure.add_bar(
            orientation="h", y=names, x=joules / factor, name=_WORDS[name], hoverinfo="text",
            hovertext=[
                f"{chip}<br>{_WORDS[name]}: {text.fine(float(amount), 'J')}, {text.percent(_share(amount, sums[row]))}"
                for chip, amount, row in zip(names, joules, rows, strict=True)
            ],
            marker={"color": COLOURS[name], "line": {"width": 0}},
        )  # fmt: skip
    _totals(figure, names, sums[rows] / factor, [text.fine(float(sums[row]), "J") for row in rows])
    legend = [Key(_WORDS[name], COLOURS[name], (n,)) for n, name in enumerate(PARTS) if found.joules[:, n].any()]
    title = f"energy of each chip: {text.fine(found.total, 'J')} in all"
    if found.per_row is not None:
        title += f", {text.fine(found.per_row, 'J')} a training row"
    described = f"Stacked bars: energy of {len(rows)} chips by part; {text.fine(found.total, 'J')} in all."
    return Plot(figure, described, shown.title(title), legend, note=_note(found, len(rows)))


def _totals(figure: Any, names: Sequence[str], ends: Array, words: Sequence[str]) -> None:
    """Sums beside the bars, with room for them."""
    figure.update_layout(barmode="stack")
    base.row_axis(figure, names)
    if len(names) <= 16:
        figure.add_bar(
            orientation="h", y=list(names), x=np.zeros(len(names)), base=ends, text=list(words), hoverinfo="skip",
            textposition="outside", cliponaxis=False, textfont={"size": 11, "color": base.SOFT},
        )  # fmt: skip
    top = float(ends.max(initial=0.0)) or 1.0
    figure.update_xaxes(range=[0, top * 1.12])


def _note(found: Consumed, rows: int) -> str:
    notes = []
    if rows < len(found.names):
        notes.append(f"The {rows} of {len(found.names):,} chips that took most; the table has more.")
    if found.unknown:
        notes.append(f"{found.unknown:,} more chips state no energy: the sum of all is not known.")
    if found.per_row is not None:
        notes.append("What validation took is shared out among the training rows.")
    notes.append("Chips that no worker is on are taken to be switched off.")
    return " ".join(notes)


def each_row(found: Sequence[tuple[Shown, Consumed]]) -> Plot:
    """A bar a run: energy of a training row."""
    names = [text.label(shown.label, 40) for shown, _ in found]
    values = np.stack([energy.joules.sum(axis=0) / energy.rows for _, energy in found])
    sums = values.sum(axis=1)
    factor, prefix = prefix_of(float(sums.max()))
    figure = base.frame(base.rows_height(len(names)), f"energy of a training row ({prefix}J)")
    for part, name in enumerate(PARTS):
        figure.add_bar(
            orientation="h", y=names, x=values[:, part] / factor, name=_WORDS[name], hoverinfo="text",
            hovertext=[f"{run}<br>{_WORDS[name]}: {text.fine(float(value), 'J')}"
                       for run, value in zip(names, values[:, part], strict=True)],
            marker={"color": COLOURS[name], "line": {"width": 0}},
        )  # fmt: skip
    _totals(figure, names, sums / factor, [text.fine(float(value), "J") for value in sums])
    legend = [Key(_WORDS[name], COLOURS[name], (n,)) for n, name in enumerate(PARTS) if values[:, n].any()]
    described = "Stacked bars: energy of a training row of each run, by part."
    return Plot(figure, described, "Energy of a training row", legend)


def table(shown: Shown, found: Consumed) -> Sheet:
    """Each chip's parts, sum, and mean power; and all together."""
    seconds = shown.horizon
    lines = [*zip(found.names, found.joules, strict=True), ("all", found.joules.sum(axis=0))]
    rows = [
        [
            name, *(text.fine(float(amount), "J") for amount in joules), text.fine(float(joules.sum()), "J"),
            text.percent(_share(joules.sum(), found.total)),
            text.fine(float(joules.sum()) / seconds, "W") if seconds else text.NONE,
        ]
        for name, joules in lines
    ]  # fmt: skip
    return Sheet(("chip", *NAMES, "sum", "of all", "mean power"), rows, shown.title("energy of each chip"))


def _share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else 0.0


def prefix_of(largest: float) -> tuple[float, str]:
    """A decimal prefix in which ``largest`` is a handy number, for small amounts too."""
    for factor, prefix in ((1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n")):
        if largest >= factor:
            return factor, prefix
    return (1.0, "") if largest == 0 else (1e-12, "p")
