"""Runs that go wrong: what the user is told, how soon, and that nothing is left behind."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from ampsim.engine.assemble import replay_order
from ampsim.engine.controller import Controller
from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.errors import AmpsimError, NonFinite, RunError, Stalled, UsageError, WorkerDied
from ampsim.hw.backend import SimBackend
from ampsim.job import Job
from ampsim.runtime import backend, crew
from ampsim.runtime.backend import RuntimeBackend
from ampsim.runtime.codec import note
from ampsim.runtime.crew import Crew
from ampsim.runtime.pool import Ended
from ampsim.runtime.watch import StallWatch
from tests.agreement.jobs import small_mlp, small_rnn
from tests.runtime.faulty import faulty_job
from tests.sim.chains import chain_job, chain_system
from tests.sim.stuck import stuck_job

AT_ONCE = 1.0
SOON = 5.0
TWO = {0: 0, 1: 1}


class Spy:
    """Sees the crew of a run, and does something to it after so many reports."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int, act: Callable[[list[int]], None]) -> None:
        self.after, self.act = after, act
        self.crews: list[Crew] = []
        enter = Crew.__enter__

        def entered(crew: Crew) -> Crew:
            self.crews.append(crew)
            return enter(crew)

        monkeypatch.setattr(Crew, "__enter__", entered)

    def progress(self, controller: Controller, now: float) -> None:
        self.after -= 1
        if self.after == 0:
            self.act(self.crews[-1]._pool.pids)


class Later:
    """Sends a signal to a worker after ``delay`` seconds, from a thread of its own."""

    def __init__(self, delay: float, victim: int, number: int) -> None:
        self.delay, self.victim, self.number = delay, victim, number
        self.sent = 0.0

    def start(self, pids: list[int]) -> None:
        self._timer = threading.Timer(self.delay, self._send, (pids[self.victim],))
        self._timer.start()

    def _send(self, pid: int) -> None:
        self.sent = time.monotonic()
        os.kill(pid, self.number)

    def join(self) -> None:
        self._timer.join()


def endless(make: Callable[..., Job]) -> Job:
    return make(epochs=10_000, max_active_keys=4, max_batch=2)


def nodes_of(plan: Plan, worker: int) -> list[str]:
    graph = plan.job.graph
    return [node.name for node, owner in zip(graph.nodes, plan.program.owner, strict=True) if owner == worker]


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
@pytest.mark.parametrize("make, workers", [(small_mlp, 2), (small_rnn, 2), (small_rnn, 3)])
def test_a_killed_worker_ends_the_run_at_once(
    make: Callable[..., Job], workers: int, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(f"{make.__name__} {workers}")
    for _ in range(3 if method == "forkserver" else 1):
        victim = draw.randrange(workers)
        killer = Later(draw.random() * 0.02, victim, signal.SIGKILL)
        spy = Spy(monkeypatch, draw.randrange(1, 150), killer.start)
        plan = Plan(endless(make), workers, progress=spy.progress)
        with pytest.raises(WorkerDied) as error:
            RuntimeBackend(method).execute(plan)
        assert time.monotonic() - killer.sent < AT_ONCE
        killer.join()
        text = str(error.value)
        for part in (f"worker {victim} (process ", "SIGKILL", *nodes_of(plan, victim)):
            assert part in text
        monkeypatch.undo()


@pytest.mark.parametrize("moment", ["__enter__", "finish"])
def test_killed_before_it_is_ready_or_while_it_hands_in_its_results(
    moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = []
    original: Callable[..., Any] = getattr(Crew, moment)

    def then_kill(crew: Crew, *arguments: Any) -> Any:
        found = original(crew, *arguments)
        killed.append(time.monotonic())
        os.kill(crew._pool.pids[1], signal.SIGKILL)
        return found

    monkeypatch.setattr(Crew, moment, then_kill)
    with pytest.raises(WorkerDied, match=r"worker 1 \(process .*SIGKILL"):
        RuntimeBackend().execute(Plan(chain_job(2, 2, width=1500), 2, TWO))  # 9 MB of parameters are no instant
    assert time.monotonic() - killed[0] < AT_ONCE


CAUSES = {
    "raise": ("raised ValueError: no such luck", "in _fault"),
    "exit": ("exited with code 7", ""),
    "leave": ("exited with code 0", ""),
    "segfault": ("was killed by SIGSEGV", "string_at"),
    "abort": ("was killed by SIGABRT", "in _fault"),
    "memory": ("raised", "MemoryError"),
    "signal": ("was killed by SIGTERM", ""),
}


@pytest.mark.parametrize("how", CAUSES)
def test_a_worker_that_ends_by_itself_is_named_with_the_cause(how: str) -> None:
    with pytest.raises(WorkerDied) as error:
        RuntimeBackend().execute(Plan(faulty_job(how, max_active_keys=3), 2, TWO))
    text = str(error.value)
    for part in ("worker 1 (process ", "with nodes", "fault", "L1", *CAUSES[how]):
        assert part in text
    assert "L0" not in text.partition("where:")[2]


@pytest.mark.parametrize("backward", [False, True], ids=["loss", "gradient"])
@pytest.mark.parametrize("update", ["muf", "instance"])
def test_what_is_not_finite_is_told_where_it_began(backward: bool, update: str) -> None:
    plan = Plan(faulty_job("nan", 7, backward=backward, update=update), 2, TWO)
    with pytest.raises(NonFinite) as error:
        RuntimeBackend().execute(plan)
    text = str(error.value)
    assert ("the gradient of L1" if backward else "the loss of loss is nan") in text
    assert "instance 6 (epoch 0, index " in text
    assert error.value.where == ("L1" if backward else "loss")


def message(plan: Plan, run: Callable[[Plan], object]) -> str:
    with pytest.raises(AmpsimError) as error:
        run(plan)
    assert isinstance(error.value, Stalled)
    return str(error.value)


def test_a_join_that_never_completes_is_told_soon_and_as_elsewhere() -> None:
    plan = Plan(stuck_job(max_active_keys=3), 2, TWO)
    begun = time.monotonic()
    text = message(plan, RuntimeBackend().execute)
    assert time.monotonic() - begun < SOON
    assert "loss misses" in text
    assert text == message(plan, NullBackend().execute)
    assert text == message(plan, SimBackend(chain_system([(1e-3, 1e-3)] * 2)).execute)


def test_an_order_that_never_becomes_possible_is_told_as_elsewhere() -> None:
    plan = Plan(small_mlp(max_active_keys=2, epochs=1), 2)
    order = replay_order(NullBackend().execute(plan))
    turned = replace(plan, order={0: order[0][::-1], 1: order[1]})
    assert message(turned, RuntimeBackend().execute) == message(turned, NullBackend().execute)
    longer = replace(plan, order={0: order[0], 1: [*order[1], order[1][-1]]})
    what = message(longer, NullBackend().execute).partition("\n")[0]
    assert message(longer, RuntimeBackend().execute).startswith(f"{what}\n  where: worker 1 with nodes")


# -- what is no stall --------------------------------------------------------------------------------------------------


class Nosy(StallWatch):
    """Asks at every report, and is not told that anything moves: it has to see that for itself."""

    made: ClassVar[list[Nosy]] = []

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self.compared = 0
        self.made.append(self)

    def reset(self) -> None:
        pass

    def answer(self, worker: int, body: Sequence[Any], in_flight: Sequence[int]) -> Stalled | None:
        found = super().answer(worker, body, in_flight)
        self.compared += len(self._answers) == self._workers
        return found


@pytest.mark.parametrize("make", [small_mlp, small_rnn])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_run_that_is_asked_all_the_time_is_never_called_stalled(
    make: Callable[..., Job], workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "StallWatch", Nosy)
    spy = Spy(monkeypatch, 0, lambda pids: None)

    def progress(controller: Controller, now: float) -> None:
        spy.crews[-1].send_all(note("status", Nosy.made[-1].ask()))

    plan = Plan(make(epochs=4, max_active_keys=3), workers)
    run = RuntimeBackend().execute(replace(plan, progress=progress))
    assert Nosy.made[-1].compared > 10
    assert run.summary["updates"] == NullBackend().execute(plan).summary["updates"]


def test_a_long_task_is_no_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "QUIET", 0.05)
    job = faulty_job("sleep0.6", max_active_keys=2)
    run = RuntimeBackend().execute(Plan(job, 2, TWO))
    assert run.tables["tasks"]["end"].max() >= 0.6
    assert len(run.tables["instances"]["instance"]) == 20


@pytest.mark.parametrize("victim", [0, 1])
def test_a_stopped_worker_is_waited_for(victim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    waker = Later(1.0, victim, signal.SIGCONT)

    def stop(pids: list[int]) -> None:
        os.kill(pids[victim], signal.SIGSTOP)
        waker.start(pids)

    monkeypatch.setattr(backend, "QUIET", 0.05)
    spy = Spy(monkeypatch, 10, stop)
    plan = Plan(small_mlp(max_active_keys=4), 2, progress=spy.progress)
    run = RuntimeBackend().execute(plan)
    waker.join()
    assert run.summary["makespan"] > 0.9
    assert run.summary["updates"] == NullBackend().execute(replace(plan, progress=None)).summary["updates"]


# -- beginnings that fail ----------------------------------------------------------------------------------------------


def test_an_unknown_start_method_leaves_nothing() -> None:
    with pytest.raises(UsageError, match="no start method 'fork'"):
        RuntimeBackend("fork").execute(Plan(small_mlp(), 2))


def test_channels_that_cannot_be_had_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(workers: int) -> None:
        raise RunError("no room")

    monkeypatch.setattr(crew, "make_mesh", full)
    with pytest.raises(RunError, match="no room"):
        RuntimeBackend().execute(Plan(small_mlp(), 2))


def test_a_worker_gone_without_its_results_is_an_error() -> None:
    plan = Plan(small_rnn(), 5)
    plan.check()
    crew = Crew(plan, "forkserver")
    crew.expect(4)
    crew._ended.append(Ended(4, 1, 0))
    with pytest.raises(WorkerDied, match=r"worker 4 ended without handing in(.|\n)*worker 4, which has no nodes"):
        crew.expect(4)
