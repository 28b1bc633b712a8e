"""The pool owns its processes: it tells how each of them ended, and none is left when it is closed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import msgspec
import psutil
import pytest

from ampsim.errors import NonFinite, RunError, UsageError, WorkerDied
from ampsim.runtime import pool as pool_module
from ampsim.runtime import start
from ampsim.runtime.mesh import make_mesh
from ampsim.runtime.packet import Message, packet
from ampsim.runtime.pool import Ended, Event, Pool, Said
from ampsim.runtime.start import KEEP_MEMORY, ONE_THREAD

PATIENCE = 30.0
ENTRIES = "tests.runtime.entries:"


def the_end(pool: Pool) -> Ended:
    """How the next worker ends."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for event in pool.watch(PATIENCE):
            if isinstance(event, Ended):
                return event
    raise AssertionError("no worker ended")


def await_ready(pool: Pool, count: int) -> None:
    while count:
        count -= sum(isinstance(event, Said) for event in pool.watch(PATIENCE))


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_workers_that_return_have_ended_well(method: str) -> None:
    with Pool(ENTRIES + "nothing", 3, method=method) as pool:
        assert pool.running == [0, 1, 2]
        assert pool.finish(PATIENCE) == []
        assert pool.running == []
        assert pool.watch(0) == []


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_worker_for_every_core_has_one_of_its_own(more: int) -> None:
    here = sorted(os.sched_getaffinity(0))
    count = len(here) + more
    if count:
        with Pool(ENTRIES + "cores", count) as pool:
            said = {said.worker: msgspec.msgpack.decode(said.message) for said in pool.finish(PATIENCE)}
        assert said == {worker: [here[worker]] if more == 0 else here for worker in range(count)}


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
@pytest.mark.parametrize(
    "entry, code, cause",
    [
        ("leave", 7, "exited with code 7"),
        ("crash", -signal.SIGSEGV, "was killed by SIGSEGV"),
        ("kill", -signal.SIGKILL, "was killed by SIGKILL, by hand or by the kernel for want of memory"),
        ("throw", 1, "raised ValueError: the sky is falling"),
        ("starve", 1, "raised MemoryError: "),
        ("quit_badly", 1, "raised SystemExit: 3"),
    ],
)
def test_the_cause_of_an_end_is_told(method: str, entry: str, code: int, cause: str) -> None:
    with Pool(ENTRIES + entry, 1, method=method) as pool:
        pid = pool.pids[0]
        end = the_end(pool)
        assert (end.worker, end.pid, end.exitcode, end.well) == (0, pid, code, False)
        assert end.cause.startswith(cause)
        error = end.error("nodes L1, L2", "start again")
        assert type(error) is WorkerDied
        assert error.what.startswith(f"worker 0 (process {pid}) {cause}")
        assert (error.where, error.do) == ("nodes L1, L2", "start again")


def test_a_worker_that_leaves_by_exit_0_has_ended_well() -> None:
    with Pool(ENTRIES + "quit_well", 1) as pool:
        assert the_end(pool).well


def test_the_traceback_of_a_worker_is_in_the_error() -> None:
    with Pool(ENTRIES + "throw", 1) as pool, pytest.raises(WorkerDied) as error:
        pool.finish(PATIENCE)
    assert 'raise ValueError("the sky is falling")' in error.value.what
    assert "entries.py" in error.value.what


def test_the_python_stack_of_a_crash_is_in_the_error() -> None:
    with Pool(ENTRIES + "crash", 1) as pool, pytest.raises(WorkerDied) as error:
        pool.finish(PATIENCE)
    assert "Fatal Python error: Segmentation fault" in error.value.what
    assert "in crash" in error.value.what
    assert "watchdog" not in error.value.what


def test_an_error_of_ours_is_raised_as_itself() -> None:
    with Pool(ENTRIES + "throw_ours", 1) as pool, pytest.raises(NonFinite) as error:
        pool.finish(PATIENCE)
    assert (error.value.what, error.value.where, error.value.do) == (
        "the loss is nan",
        "L1, instance 7",
        "lower the rate",
    )


@pytest.mark.parametrize("entry", ["nosuch", "nosuch.method"])
def test_a_function_that_is_not_there_is_an_error(entry: str) -> None:
    with Pool(ENTRIES + entry, 1) as pool, pytest.raises(RunError, match=f"no function {entry}"):
        pool.finish(PATIENCE)


def test_a_module_that_is_not_there_is_an_error() -> None:
    with Pool("no.such.module:f", 1) as pool, pytest.raises(WorkerDied, match="ModuleNotFoundError"):
        pool.finish(PATIENCE)


@pytest.mark.parametrize("entry, rule", [("__main__:f", "main script"), ("f", "no function"), (":f", "no function")])
def test_a_function_that_workers_cannot_import_is_refused(entry: str, rule: str) -> None:
    with pytest.raises(UsageError, match=rule) as error:
        Pool(entry, 1)
    assert error.value.do is not None
    assert "module" in error.value.do


@pytest.mark.parametrize("method", ["fork", "threads"])
def test_only_two_ways_to_start(method: str) -> None:
    with pytest.raises(UsageError, match="forkserver, spawn"):
        Pool(ENTRIES + "nothing", 1, method=method)


def test_what_is_said_last_comes_before_the_end() -> None:
    with Pool(ENTRIES + "say_and_leave", 1) as pool:
        events = []
        while pool.running:
            events += pool.watch(PATIENCE)
    assert events[:-1] == [Said(0, bytes([i])) for i in range(50)]
    assert isinstance(events[-1], Ended)
    assert events[-1].exitcode == 7


def test_the_control_pipe_goes_both_ways() -> None:
    with Pool(ENTRIES + "repeat", 2) as pool:
        for worker in range(2):
            for message in (b"one", b"", b"end"):
                pool.say(worker, message)
        said = pool.finish(PATIENCE)
        for worker in range(2):
            assert [e.message for e in said if e.worker == worker] == [b"one", b"", b"end"]
        pool.say(0, b"to the dead")


def test_each_worker_has_its_configuration() -> None:
    with Pool(ENTRIES + "tell_config", 3, [b"a", b"b", b"c"]) as pool:
        assert sorted(pool.finish(PATIENCE), key=lambda said: said.worker) == [
            Said(worker, message) for worker, message in enumerate([b"a", b"b", b"c"])
        ]


def test_watch_wakes_for_a_message_on_the_mesh() -> None:
    with make_mesh(1) as mesh, Pool(ENTRIES + "echo", 1, mesh=mesh) as pool:
        mesh.controller.send(0, packet(b"hello"))
        events: list[Event] = []
        found: list[tuple[int, Message]] = []
        while not found:
            events += pool.watch(PATIENCE, mesh.controller)
            found = mesh.controller.receive()
        assert (events, found) == ([], [(0, b"hello")])
        mesh.controller.send(0, packet())
        pool.finish(PATIENCE)


def test_watch_with_nothing_to_tell_returns_after_its_timeout() -> None:
    with make_mesh(1) as mesh, Pool(ENTRIES + "sleep", 1, mesh=mesh) as pool:
        await_ready(pool, 1)
        assert pool.watch(0) == []
        assert pool.watch(0.02) == []
        assert pool.watch(0, mesh.controller) == []
        assert pool.watch(0.02, mesh.controller) == []


@pytest.mark.parametrize("entry", ["sleep", "compute", "multiply", "stubborn", "wait"])
def test_leaving_the_pool_ends_whatever_runs(entry: str) -> None:
    with make_mesh(2) as mesh:
        with Pool(ENTRIES + entry, 2, mesh=mesh) as pool:
            await_ready(pool, 2)
            processes = [psutil.Process(pid) for pid in pool.pids]
        assert not any(process.is_running() for process in processes)
        pool.close()


def test_an_error_in_the_controller_ends_the_workers() -> None:
    processes: list[psutil.Process] = []

    def controller() -> None:
        with Pool(ENTRIES + "sleep", 2) as pool:
            await_ready(pool, 2)
            processes.extend(psutil.Process(pid) for pid in pool.pids)
            raise KeyError

    with pytest.raises(KeyError):
        controller()
    assert len(processes) == 2
    assert not any(process.is_running() for process in processes)


def test_a_start_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real, started = start.start, list[object]()

    def second_fails(process: object) -> None:
        if started:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        started.append(process)
        real(process)

    monkeypatch.setattr(pool_module, "start", second_fails)
    with pytest.raises(RunError, match=r"could not be started.*temporarily unavailable"), Pool(ENTRIES + "sleep", 3):
        pytest.fail("it started")
    assert len(started) == 1


def test_a_worker_that_does_not_end_in_time_is_named() -> None:
    with Pool(ENTRIES + "sleep", 2) as pool, pytest.raises(WorkerDied, match=r"worker 0 did not end within 0\.05 s"):
        pool.finish(0.05)


def test_two_pools_at_once() -> None:
    with Pool(ENTRIES + "sleep", 1) as one, Pool(ENTRIES + "nothing", 1) as two:
        two.finish(PATIENCE)
        await_ready(one, 1)


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_workers_have_one_blas_thread_even_if_the_caller_has_two(method: str) -> None:
    script = """
import json, os, sys
import numpy
from threadpoolctl import threadpool_info
from ampsim.runtime.pool import Pool
before = dict(os.environ)
with Pool("tests.runtime.entries:environment", 1, method=sys.argv[1]) as pool:
    (said,) = pool.finish(60)
ours = [library["num_threads"] for library in threadpool_info()]
print(json.dumps([ours, json.loads(said.message), before == dict(os.environ)]))
"""
    environment = {**os.environ, **dict.fromkeys(ONE_THREAD, "2"), "MALLOC_TOP_PAD_": "65536"}
    done = subprocess.run(
        [sys.executable, "-c", script, method], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    ours, (threads, variables), restored = json.loads(done.stdout)
    if os.cpu_count() != 1:
        assert max(ours) == 2
    assert threads
    assert set(threads) == {1}
    assert restored
    assert all(variables[name] == "1" for name in ONE_THREAD)
    assert variables["MALLOC_TOP_PAD_"] == "65536", "what the user has set stays"
    assert variables["MALLOC_TRIM_THRESHOLD_"] == KEEP_MEMORY["MALLOC_TRIM_THRESHOLD_"]


def test_a_worker_with_two_blas_threads_is_refused() -> None:
    with Pool("tests.runtime.greedy:nothing", 1) as pool, pytest.raises(RunError, match="has 2 threads in a worker"):
        pool.finish(PATIENCE)
