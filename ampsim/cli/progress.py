"""One progress line for the impatient."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from ampsim.engine.controller import Controller


class ProgressLine:
    """One line on stderr while a run goes on; silent when stderr is no terminal or ``--quiet`` was given.

    Instances done and in all, time used and time left, the time of the run's own clock, and for a simulated one how
    many events it takes a second.
    """

    def __init__(self, title: str, quiet: bool) -> None:
        self._title = title
        self._off = quiet or not sys.stderr.isatty()
        self._bar: Any = None
        self._began = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the line off the screen."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __call__(self, controller: Controller, now: float) -> None:
        """The backend reports: so many instances are done at this time of its clock."""
        if self._off:
            return
        if self._bar is None:
            from tqdm import tqdm

            self._began = time.monotonic()
            total = controller.schedule.total
            self._bar = tqdm(
                total=total, desc=self._title, unit="inst", leave=False, file=sys.stderr, dynamic_ncols=True
            )
        done = len(controller.instances) - len(controller.in_flight)
        last = controller.validations[-1] if controller.validations else {}
        accuracy, loss = last.get("accuracy"), last.get("loss")
        text = f"t={now:.3g} s"
        elapsed = time.monotonic() - self._began
        if controller.events and elapsed > 0:
            text += f", {controller.events / elapsed:,.0f} events/s"
        if accuracy is not None:
            text += f", accuracy {accuracy:.3f}"
        if loss is not None and controller.settings.target_loss is not None:
            text += f", loss {loss:.3g}"
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(done - self._bar.n)
