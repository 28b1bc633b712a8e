"""A finished run: scalars, tables, parameters, configuration, provenance."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ampsim.errors import UsageError
from ampsim.result.schema import Array, Table
from ampsim.result.table import RunTables

Renderer = Callable[[Sequence["Run"], Path], object]
"""Writes one HTML page about some runs to a path."""

_renderers: list[Renderer] = []


def register_renderer(renderer: Renderer) -> None:
    """Let :meth:`Run.report` use ``renderer``; the last one registered is used."""
    _renderers[:] = [renderer]


Evaluator = Callable[["Run", Any], Any]
"""Scores the final parameters of a run on a data set."""

_evaluators: list[Evaluator] = []


def register_evaluator(evaluator: Evaluator) -> None:
    """Let :meth:`Run.evaluate` use ``evaluator``; the last one registered is used."""
    _evaluators[:] = [evaluator]


class Run:
    """What a backend made of a job; the same from every backend.

    ``summary`` holds the scalars and names of result.json; ``tables`` the columns of
    :data:`ampsim.result.schema.TABLES`, as numpy arrays; ``config`` the job, the placement and the backend's settings;
    ``provenance`` where, when and with what it ran; ``initial`` and ``final`` the parameters, by ``"node/parameter"``.
    """

    def __init__(
        self,
        summary: dict[str, Any],
        tables: Mapping[str, Table],
        config: dict[str, Any],
        provenance: dict[str, Any],
        initial: dict[str, Array],
        final: dict[str, Array],
    ) -> None:
        self.summary = summary
        self.tables = tables
        self.config = config
        self.provenance = provenance
        self.initial = initial
        self.final = final

    @property
    def tables(self) -> RunTables:
        """The tables by name; what takes the place of one, or of all, may be plain dicts of arrays."""
        return self._tables

    @tables.setter
    def tables(self, tables: Mapping[str, Table]) -> None:
        self._tables = RunTables(tables, self.summary)

    # Scalars -------------------------------------------------------------------------------------------------------

    @property
    def job(self) -> str:
        """Name of the job."""
        return str(self.summary["job"])

    @property
    def backend(self) -> str:
        """``null``, ``runtime`` or ``sim``."""
        return str(self.summary["backend"])

    @property
    def mode(self) -> str:
        """``numeric`` or ``shapes``."""
        return str(self.summary["mode"])

    @property
    def workers(self) -> int:
        """Number of workers."""
        return int(self.summary["workers"])

    @property
    def makespan(self) -> float:
        """Seconds from the first admission to the last completion, or to the end of the last task if that is later."""
        return float(self.summary["makespan"])

    @property
    def throughput(self) -> float | None:
        """Training rows per second of training; None without a clock."""
        value = self.summary["throughput"]
        return None if value is None else float(value)

    @property
    def utilization(self) -> list[float | None]:
        """Busy time over makespan, for each worker; None without a clock."""
        return list(self.summary["utilization"])

    @property
    def epochs(self) -> list[dict[str, Any]]:
        """One dict an epoch: epoch, time, and loss and accuracy in training and validation."""
        return list(self.summary["epochs"])

    @property
    def time_to_target(self) -> float | None:
        """Seconds of training until the target, accuracy or loss, was seen; None if there was none or it was missed."""
        value = self.summary["time_to_target"]
        return None if value is None else float(value)

    # Disk ----------------------------------------------------------------------------------------------------------

    def save(self, folder: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Write the run folder, whole or not at all, and return its absolute path.

        A folder that this run was loaded from may be replaced. Raises UsageError if the folder exists and ``force`` is
        false, or if it is a link, a file or anything but an
        empty folder or a run; RunError if the disk is full.
        """
        from ampsim.result.folder import save

        return save(self, folder, force=force)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Run:
        """The run of a folder; columns of large tables are read when they are asked for.

        Raises UsageError naming the file that is missing, damaged or of a newer version.
        """
        from ampsim.result.loading import load

        result, tables, initial, final = load(Path(folder))
        return cls(result["summary"], tables, result["config"], result["provenance"], initial, final)

    def to_parquet(self, folder: str | os.PathLike[str]) -> Path:
        """Write every table as ``NAME.parquet`` into a new folder, whole or not at all, and return its absolute path.

        A table is written in groups of rows, so that it need not fit into memory; ``messages.state`` becomes
        ``state_0``, ``state_1``, ... Raises UsageError where pyarrow is not installed (``pip install
        'ampsim[arrow]'``) or something is there already, RunError if the disk is full.
        """
        from ampsim.result.frames import to_parquet

        return to_parquet(self.tables, folder)

    # For people ----------------------------------------------------------------------------------------------------

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write one self-contained HTML page about this run and return its path.

        Raises UsageError if ``ampsim.reports`` has not been imported, or the file cannot be written there.
        """
        if not _renderers:
            raise UsageError("no renderer is registered", "Run.report", "import ampsim.reports first")
        _renderers[-1]([self], Path(path))
        return Path(path)

    def evaluate(self, data: Any = None) -> Any:
        """Score the final parameters on a data set (left out: the run's own validation set).

        Gives rows, mean loss and accuracy. Raises UsageError if there are no parameters or nothing to score on.
        """
        if not _evaluators:
            raise UsageError("no evaluator is registered", "Run.evaluate", "import ampsim.Run")
        return _evaluators[-1](self, data)

    def __repr__(self) -> str:
        return f"<Run {self.job!r} on {self.backend}, {self.workers} workers, {self.makespan:.4g} s>"

    def figure(self, name: str, *, theme: str | None = None) -> Any:
        """A figure of the report as a ``plotly.graph_objects.Figure``, with its title and legend.

        :meth:`figures` says which names there are. ``theme`` is ``light`` or ``dark``; left out: as plotly's default
        template is. Raises UsageError, with all names, if there is none of this name.
        """
        from ampsim.result.notebook import display

        return display().figure(self, name, theme)

    def figures(self, *, theme: str | None = None) -> dict[str, Any]:
        """All figures of the report by name, in its order, as :meth:`figure` gives them."""
        from ampsim.result.notebook import display

        return display().figures(self, theme)

    def _repr_html_(self) -> str:
        """For notebooks: a few sentences and numbers, and how busy each worker was; no scripts."""
        from ampsim.result.notebook import html

        return html(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """The same beside a few lines of text, for those who show no HTML."""
        from ampsim.result.notebook import bundle

        return bundle(self, include, exclude)
