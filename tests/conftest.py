"""What every test gets: one BLAS thread, a marker from its folder, a check that nothing is left behind."""

from __future__ import annotations

import os

# Before anything imports numpy: a BLAS library reads these once. One thread everywhere, as in the backends.
THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.leaks import Snapshot

HERE = Path(__file__).parent

# A job in a shell's background ignores Ctrl-C, and so would every program that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Folders whose tests start processes, and look for what these leave behind or how soon they end: one at a time.
ALONE = {"agreement", "cli", "docs", "packaging", "runtime", "studies"}

# No deadline: the time a test takes says more about the machine's load than about the code. CI draws the same
# examples every time, so that a red run is about the change.
settings.register_profile("house", deadline=None, derandomize="CI" in os.environ, print_blob=True)
settings.load_profile("house")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test below tests/NAME/ has the marker NAME; tests of the runtime are watched for leaks."""
    known = {line.partition(":")[0].strip() for line in config.getini("markers")}
    for item in items:
        if HERE in item.path.parents:
            group = item.path.relative_to(HERE).parts[0]
            if group in known:
                item.add_marker(group)
            if group in ALONE or item.get_closest_marker("runtime"):
                item.add_marker("alone")
        if isinstance(item, pytest.Function) and item.get_closest_marker("runtime"):
            # First, so that it is torn down last, when the test's own fixtures have cleaned up.
            item.fixturenames[:] = ["no_leaks", *(name for name in item.fixturenames if name != "no_leaks")]


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """Fails the test if it leaves a child process, a file descriptor, a thread or a name in /dev/shm."""
    before = Snapshot.take()
    yield
    left = before.leaks()
    if left:
        pytest.fail("left behind:\n" + "\n".join(f"  {line}" for line in left), pytrace=False)
