"""What every test gets: one BLAS thread, a marker from its folder, a check that nothing is left behind."""

from __future__ import annotations

import os
import re

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

# Folders and modules whose tests start processes, and look for what these leave behind or how soon they end: one at a
# time. So are single tests elsewhere with the marker runtime.
ALONE = {
    "agreement", "packaging", "runtime",
    "cli/test_calibrate.py", "cli/test_ends.py", "cli/test_errors.py", "cli/test_help.py", "cli/test_live.py",
    "cli/test_run.py", "cli/test_streams.py", "cli/test_sweep.py",
    "docs/test_examples.py", "docs/test_lines.py", "docs/test_reach_page.py",
    "docs/test_short_studies.py", "docs/test_site.py",
    "studies/test_calibrate.py", "studies/test_demo.py", "studies/test_execute.py", "studies/test_place.py",
    "studies/test_pyfile.py", "studies/test_scripts.py", "studies/test_seeds.py", "studies/test_sweep.py",
    "studies/test_typing.py", "studies/test_validate_measure.py", "studies/test_what_if.py",
}  # fmt: skip

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
            module = item.path.relative_to(HERE)
            group = module.parts[0]
            if group in known:
                item.add_marker(group)
            if ALONE & {group, module.as_posix()} or item.get_closest_marker("runtime"):
                item.add_marker("alone")
        # Workers that are spawned behave as forked ones do, and take three times as long to start.
        if "spawn" in re.split(r"[\[\]-]", item.name):
            item.add_marker("slow")
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
