"""The leak check finds each kind of leak, names it, and is content when it is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import threadpoolctl

from tests.conftest import THREAD_VARIABLES
from tests.leaks import SHM, Snapshot
from tests.packaging.tree import ROOT, start_python

# A test module in which only the first test leaks; none asks for the check.
INNER = """
import os, pytest

kept = []
pytestmark = pytest.mark.runtime

def test_leaks():
    kept.append(os.open("/dev/null", os.O_RDONLY))

@pytest.mark.parametrize("time", [1, 2])
def test_clean(time):
    os.close(os.open("/dev/null", os.O_RDONLY))

@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_the_servers_of_multiprocess_may_stay(method):
    import multiprocess
    process = multiprocess.get_context(method).Process(target=os.getpid)
    process.start()
    process.join()
    process.close()
"""

# A process that starts another and waits for it; both end when their input closes.
OUTER = """
import subprocess, sys
inner = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"])
print(inner.pid, flush=True)
inner.wait()
"""


def test_nothing_done_is_nothing_left() -> None:
    assert Snapshot.take().leaks() == []


def test_a_descriptor_left_open_is_named(tmp_path: Path) -> None:
    before = Snapshot.take()
    with (tmp_path / "left.txt").open("w"):
        (line,) = before.leaks()
        assert line.startswith("descriptor ")
        assert line.endswith("left.txt")
    assert before.leaks() == []


def test_a_thread_still_running_is_named() -> None:
    before = Snapshot.take()
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="lingering")
    thread.start()
    try:
        assert before.leaks(patience=0.01) == ["thread lingering"]
    finally:
        stop.set()
    assert before.leaks() == []


def test_a_child_still_running_is_named_and_so_is_its_child() -> None:
    before = Snapshot.take()
    with subprocess.Popen(
        [sys.executable, "-c", OUTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        grandchild = child.stdout.readline().strip()
        left = "\n".join(before.leaks(patience=0.01))
        assert f"process {child.pid}:" in left
        assert f"process {grandchild}:" in left
        child.communicate()
    assert before.leaks() == []


@pytest.mark.skipif(not SHM.is_dir(), reason="no /dev/shm here")
def test_a_name_in_shared_memory_is_named() -> None:
    before = Snapshot.take()
    file = SHM / f"ampsim-test-{os.getpid()}"
    file.write_bytes(b"x")
    try:
        assert before.leaks() == [f"{file}"]
    finally:
        file.unlink()
    assert before.leaks() == []


def test_the_fixture_fails_a_test_that_leaks(tmp_path: Path) -> None:
    """In a process of its own, under the real conftest: the failure names what was left."""
    file = tmp_path / "test_inner.py"
    file.write_text(INNER)
    done = start_python(
        *("-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml", file)
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "/dev/null" in done.stdout
    assert "5 passed, 1 error" in done.stdout


def test_the_mark_brings_the_check_with_it(request: pytest.FixtureRequest) -> None:
    """Tests of the runtime need not ask for it."""
    watched = [item for item in request.session.items if item.get_closest_marker("runtime")]
    assert all("no_leaks" in item.fixturenames for item in watched if isinstance(item, pytest.Function))


def test_blas_has_one_thread_here() -> None:
    import numpy as np

    np.ones((4, 4)) @ np.ones((4, 4))
    assert {os.environ[name] for name in THREAD_VARIABLES} == {"1"}
    pools = threadpoolctl.threadpool_info()
    assert [pool for pool in pools if pool["user_api"] == "blas" and pool["num_threads"] != 1] == []
