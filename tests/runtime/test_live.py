"""The live page of a run on real workers."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

import ampsim
from ampsim.engine.controller import Controller
from ampsim.errors import WorkerDied
from ampsim.job import Job
from ampsim.reports.live import Live
from tests.reports.live.client import PATIENCE, state
from tests.reports.live.test_live import following, gone
from tests.runtime.test_backend_faults import Spy


def job(epochs: int) -> Job:
    found = ampsim.workload("mlp", data="generated", training=1000, validation=200, width=16)
    return found.with_training(target=None, epochs=epochs)


def test_a_run_on_real_workers_is_seen_in_its_middle() -> None:
    """The run waits, at a call of its listener, until somebody has looked."""
    found: list[Any] = []
    with Live("mlp", every=0.0) as live:

        def progress(controller: Controller, now: float) -> None:
            live(controller, now)
            if not found and live._facts and live._facts.look.done >= 12:
                found.append(state(live.url))

        run = ampsim.run(job(4), workers=2, progress=progress)
        end = state(live.url)
    middle = found[0]
    assert (middle["phase"], middle["over"]) == ("running", False)
    assert 12 <= middle["run"]["done"] < middle["run"]["total"] == end["run"]["done"] == 48
    assert middle["run"]["workers"] == 2
    assert middle["run"]["loss"] > 0
    assert 0 < middle["run"]["clock"] < run.makespan
    assert all(0 < share <= 1 for share in end["run"]["busy"])


def test_a_worker_that_dies_is_told_to_the_page_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    live = Live("mlp", every=0.0)
    page = following(live, told)
    spy = Spy(monkeypatch, after=10, act=lambda pids: os.kill(pids[1], signal.SIGKILL))

    def progress(controller: Controller, now: float) -> None:
        live(controller, now)
        spy.progress(controller, now)

    with pytest.raises(WorkerDied), live:
        ampsim.run(job(500), workers=2, progress=progress)
    page.join(PATIENCE)
    assert told[-1]["phase"] == "failed"
    assert "SIGKILL" in told[-1]["message"]
    assert gone(live)
