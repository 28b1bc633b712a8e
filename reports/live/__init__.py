"""A page that shows a run while it goes on, served on loopback by the process that runs it.

with Live(job.name) as live:
    print(live.url)
    run = ampsim.run(job, progress=live)
"""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from ampsim.engine.controller import Controller
from ampsim.engine.watching import Watch
from ampsim.reports.live.history import History
from ampsim.reports.live.page import answers
from ampsim.reports.live.server import Answer, Server
from ampsim.reports.live.state import (
    ENDED,
    FAILED,
    INTERRUPTED,
    RUNNING,
    SAVING,
    STARTING,
    Facts,
    State,
    encode,
)

__all__ = ["Live"]

EVERY = 0.5  # seconds between two looks at the run
VALIDATIONS = 512  # that are kept; then every second one is dropped
EPOCHS = 50  # rows of the table: the last
LINGER, LINGER_REPORT = 1.0, 6.0  # seconds that open pages have to hear of the end, and to load the report


class Live:
    """A progress listener that shows what it hears on a page. ``url`` says where; it is there from now on.

    ``about`` stands below the title; ``simulated`` says that the run has a clock of its own. Nothing of the page is
    made before somebody asks for it. Raises RunError where this machine has no loopback address.
    """

    def __init__(self, title: str, about: str = "", *, simulated: bool = False, every: float = EVERY) -> None:
        self._watch = Watch(every)
        self._lock = threading.Lock()
        self._controller: Controller | None = None
        self._history = History()
        self._facts: Facts | None = None
        self._validations: list[tuple[float, float | None, float | None]] = []
        self._heard, self._stride = 0, 1
        self._restarts = 0
        self._phase, self._message = STARTING, ""
        self._report = False
        self._closed = False
        self._server = Server(answers(title, about, simulated=simulated), self._encoded)
        self.url = self._server.url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._end(INTERRUPTED, "It was interrupted; nothing was written.")
        elif error is not None:
            self._end(FAILED, str(error) or type(error).__name__)
        self.close()

    def __call__(self, controller: Controller, now: float) -> None:
        """The backend reports."""
        look = self._watch.look(controller, now)
        if look is None:
            return
        watch, settings, schedule = self._watch, controller.settings, controller.schedule
        facts = Facts(
            look, schedule.total, schedule.epochs, min(len(controller.epochs), max(schedule.epochs - 1, 0)),
            settings.max_active_keys, watch.pace(), watch.left(), watch.loss(), watch.utilization(),
            settings.target is not None or settings.target_loss is not None,
            [{**epoch, "time": epoch["time"] / controller.ticks} for epoch in controller.epochs[-EPOCHS:]],
        )  # fmt: skip
        with self._lock:
            if controller is not self._controller:
                self._restart(controller)
            self._history.add(look, last=controller.done)
            self._add_validations(controller)
            self._facts = facts
            if self._phase == STARTING:
                self._phase = RUNNING
        self._server.publish()

    def _restart(self, controller: Controller) -> None:
        """The first run, or the run begun anew with fewer instances in flight: what was before is none of it."""
        self._restarts += self._controller is not None
        self._controller = controller
        self._history = History()
        self._validations, self._heard, self._stride = [], 0, 1

    def _add_validations(self, controller: Controller) -> None:
        for number, found in enumerate(controller.validations[self._heard :], self._heard):
            if number % self._stride == 0:
                self._validations.append((found["time"] / controller.ticks, found["loss"], found["accuracy"]))
        self._heard = len(controller.validations)
        if len(self._validations) > VALIDATIONS:
            self._validations = self._validations[::2]
            self._stride *= 2

    def _encoded(self) -> bytes:
        with self._lock:
            state = State(
                self._server.version, self._phase, self._message, self._facts, tuple(self._history.kept),
                tuple(self._validations), self._stride > 1, self._restarts, self._report,
            )  # fmt: skip
        return encode(state)

    def saving(self) -> None:
        """The run is over; its results are being written."""
        self._tell(SAVING, "The results are being written.")

    def ended(self, message: str = "", report: Path | None = None) -> None:
        """All is done. ``report`` is the page that was written, which open pages go on to."""
        if report is not None:
            # Its own policy is in the page; another in front of it would forbid its scripts.
            headers = {"Content-Security-Policy": "frame-ancestors 'none'"}
            self._server.answers["report"] = Answer(report.read_bytes(), "text/html; charset=utf-8", headers)
            self._report = True
        self._end(ENDED, message)

    def close(self) -> None:
        """Tell open pages of the end, wait for them a moment, and stop serving. May be called again."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._phase not in (ENDED, FAILED, INTERRUPTED):
                self._end(ENDED, "")
            report = self._report and self._phase == ENDED
            self._server.linger(LINGER_REPORT if report else LINGER, report=report)
        finally:
            self._server.close()

    def _end(self, phase: str, message: str) -> None:
        if self._phase not in (ENDED, FAILED, INTERRUPTED):
            self._tell(phase, message, over=True)

    def _tell(self, phase: str, message: str, *, over: bool = False) -> None:
        with self._lock:
            self._phase, self._message = phase, message
        self._server.publish(over)
