"""The live line: what it says, on how many columns, and that it costs nothing where nobody sees it."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import sys

import pytest

import ampsim
from ampsim.cli.output import wide
from ampsim.cli.progress import ProgressLine, duration, fitted, parts
from ampsim.engine.controller import Controller
from ampsim.engine.plan import Plan
from ampsim.engine.watching import Watch
from ampsim.hw.backend import SimBackend
from tests.cli.jobs import SMALL
from tests.cli.test_streams import on_terminal


class Screen(io.StringIO):
    """A terminal without a number, so without a width."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True


def controller(target: float | None = None) -> Controller:
    job = ampsim.workload("mlp", data="generated", training=600, validation=200, width=8)
    return Controller(Plan(job.with_training(epochs=2, target=target), 1).program)


def told(watch: Watch, mine: Controller, width: int) -> str:
    return fitted("run mlp", parts(watch, watch.looks[-1], mine), width)


def screen_of(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """A terminal as stderr; called within a test, since pytest has its own between fixtures and tests."""
    found = Screen()
    monkeypatch.setattr(sys, "stderr", found)
    return found


@pytest.fixture
def halfway() -> tuple[Watch, Controller]:
    """Eight of sixteen instances are done after four seconds; a loss and a validation have been heard of."""
    clock = iter((0.0, 0.0, 0.0, 0.0, 4.0, 4.0))
    watch, mine = Watch(0.0, lambda: next(clock)), controller(target=0.9)
    mine.busy = lambda: [(3.0, 4.0), (1.0, 4.0)]
    watch.look(mine, 0.0)
    mine.instances.update({number: [0, 0] for number in range(8)})
    mine.validations.append({"accuracy": 0.5, "loss": 1.0})
    mine.events = 4000
    watch.look(mine, 0.25)
    watch._rows, watch._loss = 100, 50.0
    watch.looks[-1] = watch.looks[-1]._replace(rows=100, loss=50.0)
    return watch, mine


def test_all_that_is_known_is_on_a_wide_line(halfway: tuple[Watch, Controller]) -> None:
    assert told(*halfway, 200) == (
        "run mlp  ██████░░░░░░  50 %  8/16  2 inst/s  loss 0.5  accuracy 50.0 %  busy 50 %  t 0.25 s  1,000 events/s"
        "  ≤ 0:04 left"
    )


@pytest.mark.parametrize("width", range(3, 140))
def test_the_line_always_fits_and_the_end_of_the_run_is_the_last_to_go(
    width: int, halfway: tuple[Watch, Controller]
) -> None:
    line = told(*halfway, width)
    assert len(line) <= width
    if width >= 30:
        assert line.startswith("run mlp")
        assert "50 %" in line
        assert line.endswith("≤ 0:04 left")


def test_a_terminal_of_80_columns_has_what_matters(halfway: tuple[Watch, Controller]) -> None:
    line = told(*halfway, 79)
    for words in ("2 inst/s", "loss 0.5", "busy 50 %", "t 0.25 s", "left"):
        assert words in line


def test_a_terminal_that_knows_ascii_only(halfway: tuple[Watch, Controller], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Screen("ascii"))
    line = told(*halfway, 200)
    assert line.isascii()
    assert "######......" in line
    assert "<= 0:04 left" in line


@pytest.mark.parametrize("width", range(3, 100))
def test_characters_of_full_width_take_two_columns(width: int, halfway: tuple[Watch, Controller]) -> None:
    watch, mine = halfway
    assert wide(fitted("漢字" * 8, parts(watch, watch.looks[-1], mine), width)) <= width


def test_a_title_that_the_terminal_cannot_show_takes_as_many_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen("ascii")
    monkeypatch.setattr(sys, "stderr", screen)
    ProgressLine("漢字 mlp", quiet=False)(controller(), 0.0)
    assert screen.getvalue().startswith("\r?? mlp  ")


@pytest.mark.parametrize(
    "seconds, text",
    [(0.4, "0:00"), (7, "0:07"), (751, "12:31"), (3 * 3600 + 300, "3:05:00"), (52 * 3600.0, "2 d 4 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_title_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = screen_of(monkeypatch)
    line = ProgressLine("run \x1b[2J\nevil\u202e", quiet=False)
    line(controller(), 0.0)
    assert screen.getvalue().startswith("\rrun ?[2J evil?  ")


def test_what_was_longer_is_wiped_and_the_end_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = screen_of(monkeypatch)
    line, mine = ProgressLine("x", quiet=False), controller()
    line(mine, 0.0)
    line(controller(), 0.0)
    line.close()
    line.close()
    *_, wiped, last = screen.getvalue().split("\r")
    assert (wiped.strip(), last) == ("", "")


def test_a_line_nobody_sees_asks_the_backend_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = controller()

    def busy() -> list[tuple[float, float]]:
        pytest.fail("asked")

    mine.busy = busy
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    ProgressLine("x", quiet=False)(mine, 0.0)
    monkeypatch.setattr(sys, "stderr", Screen())
    ProgressLine("x", quiet=True)(mine, 0.0)


def test_a_terminal_that_is_gone_does_not_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    with contextlib.suppress(OSError), os.fdopen(theirs, "w") as terminal:  # its close has what could not be written
        monkeypatch.setattr(sys, "stderr", terminal)
        with ProgressLine("simulate", quiet=False) as line:
            os.close(ours)
            job = ampsim.workload("mlp", data="generated", training=600, validation=200, width=8)
            plan = Plan(job.with_training(epochs=1, target=None), 2, progress=line)
            updates = SimBackend(ampsim.load_system("host")).execute(plan).summary["updates"]
    assert updates > 0


@pytest.mark.usefixtures("folder")
def test_a_run_on_real_workers_says_how_busy_they_are() -> None:
    words = ("run", "mlp", *SMALL, "--set", "training.epochs=40", "--set", "training.target=null", "-o", "run")
    code, _, seen = on_terminal(*words)
    assert code == 0
    assert re.search(r"run mlp .* \d+ %  \d+/\d+ .*inst/s  loss \d.* busy \d+ %", seen)
