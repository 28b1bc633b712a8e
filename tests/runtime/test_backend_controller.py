"""The controller of a run is interrupted or killed: its workers go with it, and nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

AT_ONCE = 1.0
PATIENCE = 30
ROOT = Path(__file__).parents[2]


def begin(method: str, workers: int) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """A controller with a run under way, in a session of its own; with it, all processes below it."""
    command = [sys.executable, "-m", "tests.runtime.controller", method, str(workers)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    pids = process.stdout.readline().split()
    assert len(pids) == workers, process.communicate()[1]
    below = psutil.Process(process.pid).children(recursive=True)
    assert {int(pid) for pid in pids} <= {child.pid for child in below}
    return process, below


def left(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run when the time is up; one that waits for its parent to notice has ended."""
    deadline = time.monotonic() + AT_ONCE
    while (running := [each for each in processes if runs(each)]) and time.monotonic() < deadline:
        psutil.wait_procs(running, timeout=0.05)
    return running


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def names() -> set[str]:
    return set(os.listdir("/dev/shm"))


@pytest.mark.parametrize("method, workers", [("forkserver", 2), ("forkserver", 4), ("spawn", 2)])
def test_a_killed_controller_takes_its_run_along(method: str, workers: int) -> None:
    before = names()
    process, below = begin(method, workers)
    process.kill()
    killed = time.monotonic()
    process.communicate(timeout=PATIENCE)
    assert left(below) == []
    assert time.monotonic() - killed < AT_ONCE
    assert names() <= before


@pytest.mark.parametrize("method, workers", [("forkserver", 3), ("spawn", 2)])
def test_ctrl_c_ends_a_run_at_once_with_one_traceback(method: str, workers: int) -> None:
    before = names()
    process, below = begin(method, workers)
    os.killpg(process.pid, signal.SIGINT)
    sent = time.monotonic()
    _, errors = process.communicate(timeout=PATIENCE)
    assert time.monotonic() - sent < 2 * AT_ONCE  # one for the workers, one for the interpreter
    assert process.returncode == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1
    assert left(below) == []
    assert names() <= before
