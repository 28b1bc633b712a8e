"""One progress line for the impatient."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Self

from ampsim.cli.output import percent, printable, show, wide
from ampsim.engine.controller import Controller
from ampsim.engine.watching import Look, Watch

BAR = 12  # characters
Part = tuple[int, str]  # how dispensable, text


class ProgressLine:
    """One line on stderr while a run goes on; silent when stderr is no terminal or ``--quiet`` was given.

    Instances done and in all, how many a second, the training loss of late, utilization so far, the time of the run's
    own clock, for a simulated one how many events it takes a second, and how long it will go on. On a narrow terminal
    the less important parts are left out.
    """

    def __init__(self, title: str, quiet: bool) -> None:
        title = printable(title.replace("\n", " "))[:40]
        self._title = title if _holds(title) else title.encode("ascii", "replace").decode()
        self._off = quiet or not sys.stderr.isatty()
        self._watch = Watch()
        self._shown = 0  # columns on the screen

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the line off the screen."""
        if self._shown:
            self._write("\r" + " " * min(self._shown, _columns() - 1) + "\r")
            self._shown = 0

    def __call__(self, controller: Controller, now: float) -> None:
        """The backend reports: so many instances are done at this time of its clock."""
        if self._off:
            return
        look = self._watch.look(controller, now)
        if look is None:
            return
        room = _columns() - 1
        line = fitted(self._title, parts(self._watch, look, controller), room)
        length = wide(line)
        self._write("\r" + line + " " * (min(self._shown, room) - length))
        self._shown = length

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:  # the terminal is gone; the run goes on
            self._off = True


def parts(watch: Watch, look: Look, controller: Controller) -> list[Part]:
    """What the line says, in order, each with how soon it may be left out (9: first)."""
    total = controller.schedule.total
    share = look.done / total if total else 1.0
    found: list[Part] = [(8, _bar(share)), (1, f"{100 * share:.0f} %"), (7, f"{look.done:,}/{total:,}")]
    pace, loss, busy, left = watch.pace(), watch.loss(), watch.utilization(), watch.left()
    if pace is not None:
        found.append((2, f"{pace:,.0f} inst/s" if pace >= 10 else f"{pace:.2g} inst/s"))
    if loss is not None:
        found.append((3, f"loss {loss:.4g}"))
    if controller.validations and (accuracy := controller.validations[-1]["accuracy"]) is not None:
        found.append((6, f"accuracy {percent(accuracy)}"))
    if busy is not None:
        found.append((4, f"busy {100 * busy:.0f} %"))
    if look.events:
        found.append((5, f"t {show(look.clock)} s"))
        if look.wall > 0:
            found.append((9, f"{look.events / look.wall:,.0f} events/s"))
    if left is not None:
        settings = controller.settings
        sooner = (
            ("≤ " if _holds("≤") else "<= ") if settings.target is not None or settings.target_loss is not None else ""
        )  # a target may end it before
        found.append((1, f"{sooner}{duration(left)} left"))
    return found


def fitted(title: str, found: list[Part], width: int) -> str:
    """The line within ``width`` characters; whole parts are left out, and what then is too long is cut."""
    kept = sorted(found)  # the most important first
    while kept:
        line = "  ".join([title, *(text for part in found if part in kept for text in [part[1]])])
        if wide(line) <= width:
            return line
        kept.pop()
    while title and wide(title) > width:
        title = title[:-1]
    return title


def duration(seconds: float) -> str:
    """As on a clock: ``0:07``, ``12:31``, ``3:05:00``, ``2 d 4 h``."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _bar(share: float) -> str:
    full, empty = ("█", "░") if _holds("█░") else ("#", ".")
    done = int(BAR * min(share, 1.0))
    return full * done + empty * (BAR - done)


def _holds(text: str) -> bool:
    try:
        text.encode(sys.stderr.encoding or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
