"""Neither side outlives the other: a dead worker is heard of at once, a dead controller takes its workers along."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ampsim.runtime.mesh import make_mesh
from ampsim.runtime.pool import Ended, Pool, Said

PATIENCE = 30.0
AT_ONCE = 1.0  # seconds; typical is a millisecond
ENTRIES = "tests.runtime.entries:"
CONTROLLER = """
import sys
from ampsim.runtime.mesh import make_mesh
from ampsim.runtime.pool import Pool
entry, method = sys.argv[1:]
with make_mesh(3) as mesh, Pool("tests.runtime.entries:" + entry, 3, mesh=mesh, method=method) as pool:
    ready = 0
    while ready < 3:
        ready += len(pool.watch(30))
    print(*pool.pids, flush=True)
    while True:
        pool.watch(1, mesh.controller)
"""


def await_ready(pool: Pool, count: int) -> None:
    while count:
        count -= sum(isinstance(event, Said) for event in pool.watch(PATIENCE))


# What a worker is busy with matters the same however it was started, so most of that is tried with one method.
BUSY = [("sleep", "forkserver"), ("compute", "forkserver"), ("multiply", "forkserver"), ("wait", "forkserver")]
BUSY += [("chatter", "forkserver"), ("sleep", "spawn"), ("chatter", "spawn")]


@pytest.mark.parametrize("entry,method", BUSY)
def test_a_killed_worker_is_heard_of_at_once(entry: str, method: str) -> None:
    with make_mesh(3) as mesh, Pool(ENTRIES + entry, 3, mesh=mesh, method=method) as pool:
        await_ready(pool, 3)
        victim = pool.pids[1]
        killed = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        ended: list[Ended] = []
        while not ended:
            assert time.monotonic() < killed + AT_ONCE
            ended = [event for event in pool.watch(AT_ONCE, mesh.controller) if isinstance(event, Ended)]
            mesh.controller.receive()
        assert time.monotonic() < killed + AT_ONCE
        assert [(event.worker, event.pid, event.exitcode) for event in ended] == [(1, victim, -signal.SIGKILL)]
        assert pool.running == [0, 2]


def test_killed_at_any_moment_while_they_talk_nothing_hangs() -> None:
    draw = random.Random(5)
    for _ in range(10):
        with make_mesh(3, 4096) as mesh, Pool(ENTRIES + "chatter", 3, mesh=mesh) as pool:
            await_ready(pool, 3)
            for _ in range(draw.randrange(200)):
                mesh.controller.wait(0)
                mesh.controller.receive()
            victim = draw.randrange(3)
            os.kill(pool.pids[victim], signal.SIGKILL)
            killed = time.monotonic()
            while victim in pool.running:
                pool.watch(AT_ONCE, mesh.controller)
                mesh.controller.receive()
                assert time.monotonic() < killed + AT_ONCE


def test_killed_in_the_middle_of_saying_something_long() -> None:
    with Pool(ENTRIES + "say_long", 1) as pool:
        await_ready(pool, 1)
        os.kill(pool.pids[0], signal.SIGKILL)
        events = []
        while pool.running:
            events += pool.watch(PATIENCE)
        assert isinstance(events[-1], Ended)
        assert events[-1].exitcode == -signal.SIGKILL


def controller(entry: str, method: str) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """A controller with three workers, in a session of its own; with it, all processes below it."""
    process = subprocess.Popen(
        [sys.executable, "-c", CONTROLLER, entry, method],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    pids = process.stdout.readline().split()
    assert len(pids) == 3, process.communicate()[1]
    return process, psutil.Process(process.pid).children(recursive=True)


def left(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run when the time is up. An orphan that has ended may wait for an init that is in no hurry."""
    deadline = time.monotonic() + AT_ONCE
    while True:
        running = [each for each in processes if runs(each)]
        if not running or time.monotonic() > deadline:
            return running


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def temporary() -> set[Path]:
    return set(Path(os.environ.get("TMPDIR", "/tmp")).glob("pymp-*"))


@pytest.mark.parametrize("entry,method", [*BUSY, ("stubborn", "forkserver"), ("stubborn", "spawn")])
def test_a_killed_controller_takes_its_workers_along(entry: str, method: str) -> None:
    folders = temporary()
    process, below = controller(entry, method)
    names = set(os.listdir("/dev/shm"))
    process.kill()
    process.communicate()
    assert left(below) == []
    assert set(os.listdir("/dev/shm")) <= names
    assert temporary() <= folders


def test_ctrl_c_is_the_controllers_alone() -> None:
    process, below = controller("sleep", "forkserver")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGINT
    assert errors.count("Traceback") == 1
    assert "tests/runtime/entries.py" not in errors
    assert left(below) == []


def test_ctrl_c_while_workers_start_prints_no_traceback_of_theirs() -> None:
    script = CONTROLLER.replace("with make_mesh", "print('starting', flush=True)\nwith make_mesh")
    for method in ("forkserver", "spawn"):
        process = subprocess.Popen(
            [sys.executable, "-c", script, "sleep", method],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "starting\n"
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        assert errors.count("Traceback") == errors.count("KeyboardInterrupt\n") == 1, errors


def test_a_fork_server_that_dies_takes_nothing_with_it_but_the_run() -> None:
    script = CONTROLLER.replace("    while True:", "    while pool.running:").replace(
        "pool.watch(1, mesh.controller)", "print([e.cause for e in pool.watch(1, mesh.controller)], flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, "sleep", "forkserver"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    workers = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
    server = workers[0].parent()
    assert server is not None
    server.kill()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert left(workers) == []
