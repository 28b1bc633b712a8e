"""What a person sees of a run while it goes on: the live line, and with ``--live`` a page as well."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from ampsim.cli.base import Flags
from ampsim.cli.output import printable
from ampsim.cli.progress import ProgressLine
from ampsim.engine.controller import Controller

if TYPE_CHECKING:
    from ampsim.reports.live import Live


class Watched:
    """A progress listener for one run and for the writing of its results."""

    def __init__(self, title: str, job: str, about: str, flags: Flags, *, live: bool, simulated: bool = False) -> None:
        self._page: Live | None = None
        if live:
            from ampsim.reports.live import Live

            self._page = Live(job, about, simulated=simulated)
            # Asked for, so told even when nothing else is.
            click.echo(f"live page: {printable(self._page.url)}", err=True)
        self._line = ProgressLine(title, flags.quiet)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()
        if self._page:
            self._page.__exit__(kind, error, trace)

    def __call__(self, controller: Controller, now: float) -> None:
        """The backend reports."""
        self._line(controller, now)
        if self._page:
            self._page(controller, now)

    def saving(self) -> None:
        """The run is over; what comes now is for stdout."""
        self._line.close()
        if self._page:
            self._page.saving()

    def written(self, folder: Path, report: Path | None) -> None:
        """All is written."""
        if self._page:
            hint = f"report: {report}" if report else f"ampsim report {folder} -o report.html writes the full report."
            self._page.ended(f"run folder: {folder}\n{hint}", report)
