"""What a page is made of, before any markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ampsim.reports import text
from ampsim.result.analysis.idle import Breakdown, breakdown
from ampsim.result.analysis.links import LinkTotals, link_totals
from ampsim.result.analysis.path import NO_PATH, Path, critical_path
from ampsim.result.analysis.resources import Part, Pieces, parts, pieces
from ampsim.result.compare.settings import varied
from ampsim.result.run import Run
from ampsim.result.schema import Array
from ampsim.result.table import chunks, rows

SHORT = 16
"""Letters in a setting that a run can be called by."""


@dataclass(frozen=True)
class Key:
    """An entry of a legend: a name, a colour (CSS variable), and the traces that it shows and hides.

    The name is that of a trace, escaped by :func:`ampsim.reports.text.label`. With ``off`` the traces, which are not
    visible, wait to be asked for.
    """

    name: str
    colour: str
    traces: tuple[int, ...] = ()
    off: bool = False


@dataclass(frozen=True)
class View:
    """A button that changes a figure's layout, such as the part of the time axis on show.

    With ``traces`` it shows these, and hides those of the figure's other views; the first such view is on show when the
    page opens.
    """

    name: str
    layout: Mapping[str, Any]
    traces: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plot:
    """A plotly figure with what stands around it. ``described`` says in words what it shows.

    Where the page is narrower than ``wide`` pixels, the figure is that wide and can be scrolled.
    """

    figure: Any
    described: str
    title: str = ""
    legend: Sequence[Key] = ()
    views: Sequence[View] = ()
    note: str = ""
    wide: int = 0


@dataclass(frozen=True)
class Sheet:
    """A table: texts, the first column left-aligned, ``align`` one letter (l or r) per column otherwise."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = "Table"
    align: str = ""
    open: bool = False
    note: str = ""


@dataclass(frozen=True)
class Section:
    """One heading of the page. ``caption`` says what to see; ``empty`` stands there when there is nothing to draw."""

    id: str
    title: str
    caption: str
    blocks: Sequence[Plot | Sheet] = ()
    empty: str = ""


MOST_TASKS_A_WORKER = 1_500_000
"""Of runs with more, the critical path is not looked for."""


@dataclass(frozen=True)
class Shown:
    """A run as the page speaks of it: ``label`` tells it from the others, ``colour`` is a CSS variable."""

    run: Run
    label: str
    colour: str
    several: bool = field(default=False)

    @cached_property
    def idle(self) -> Breakdown:
        """Where the time of its workers went."""
        return breakdown(self.run.tables, self.run.workers, self.run.makespan)

    @cached_property
    def tasked(self) -> Array:
        """Of each worker whether it had any task (bool)."""
        found = np.zeros(self.run.workers, np.bool_)
        for (worker,) in chunks(self.run.tables["tasks"], "worker"):
            found[worker] = True
        return found

    @property
    def tasks_a_worker(self) -> int:
        """The mean number, rounded down."""
        return rows(self.run.tables["tasks"]) // self.run.workers

    @property
    def too_long(self) -> bool:
        """Whether its critical path, which may be all that a worker did, is longer than a page has memory for."""
        return self.tasks_a_worker > MOST_TASKS_A_WORKER

    @cached_property
    def path(self) -> Path:
        """Its critical path; none if that is too long."""
        return NO_PATH if self.too_long else critical_path(self.run.tables, self.idle)

    @cached_property
    def pieces(self) -> Pieces:
        """Its critical path by resource."""
        return pieces(self.run.tables, self.idle, self.path)

    @cached_property
    def parts(self) -> list[Part]:
        """The resources on its critical path, the largest first."""
        return parts(self.pieces)

    @cached_property
    def link_totals(self) -> LinkTotals:
        """What crossed each link in the whole run."""
        return link_totals(self.run.tables, len(self.run.summary["links"]))

    @property
    def horizon(self) -> float:
        """Seconds on its time axes."""
        return self.idle.horizon

    @property
    def clocked(self) -> bool:
        """Whether the backend had a clock; without one there is nothing over time."""
        return self.horizon > 0

    @cached_property
    def workers(self) -> list[str]:
        """Names of workers, fit for figures."""
        return distinct([text.label(found) for found in self.run.summary["worker_names"]])

    @cached_property
    def nodes(self) -> list[str]:
        """Names of nodes, fit for figures."""
        return distinct([text.label(found) for found in self.run.summary["nodes"]])

    @cached_property
    def links(self) -> list[str]:
        """Names of links, fit for figures."""
        return distinct([text.label(found, 32) for found in self.run.summary["links"]])

    def title(self, words: str) -> str:
        """A title of a figure, with the run in front when the page has several."""
        return f"{self.label}: {words}" if self.several else words[:1].upper() + words[1:]


def distinct(names: Sequence[str]) -> list[str]:
    """Equal names get numbers, because a figure would draw them on one another."""
    seen: dict[str, int] = {}
    found = []
    for label in names:
        seen[label] = seen.get(label, 0) + 1
        found.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return found


def shown(runs: Sequence[Run]) -> list[Shown]:
    """Runs with labels that tell them apart."""
    labels = distinct([text.name(found, 80) for found in _told_apart(runs)])
    return [
        Shown(run, found, f"var(--run-{number % 6 + 1})", len(runs) > 1)
        for number, (run, found) in enumerate(zip(runs, labels, strict=True))
    ]


def _told_apart(runs: Sequence[Run]) -> list[str]:
    """What the runs are called; of those that would be called alike, short settings that differ, up to three."""
    labels = [_label(run) for run in runs]
    for called in set(labels):
        mine = [number for number, label in enumerate(labels) if label == called]
        found = varied([runs[number] for number in mine]) if len(mine) > 1 else {}
        for name in [name for name, texts in found.items() if max(map(len, texts)) <= SHORT][:3]:
            if len({labels[number] for number in mine}) == len(mine):
                break
            for number, value in zip(mine, found[name], strict=True):
                labels[number] += f", {name.rpartition('.')[2]} {value}"
    return labels


def _label(run: Run) -> str:
    settings = run.config.get("run")
    system = settings.get("system") if isinstance(settings, Mapping) else None
    machine = system.get("name") if isinstance(system, Mapping) else None
    workers = f"{run.workers:,} worker" + "s" * (run.workers != 1)
    if run.backend == "runtime":
        return f"measured on {workers}"
    if run.backend == "sim":
        return f"simulated on {text.name(machine, 30)}" if machine else f"simulated on {workers}"
    return f"counted on {workers}"
