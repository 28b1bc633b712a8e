"""Folders with job files in them, and the modules they become, gone after the test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ampsim.runtime.start import warm_up

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """The fork server stays for the life of the process; it is there before any test is watched for leaks."""
    if any(HERE in item.path.parents and item.get_closest_marker("runtime") for item in session.items):
        warm_up()


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Path]:
    """A folder for job files; modules and search paths they bring are taken out again."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    path = list(sys.path)
    yield folder
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(folder)):
            del sys.modules[name]
