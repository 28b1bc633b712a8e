"""The fork server stays for the life of the process; it is there before any page is watched for leaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from ampsim.runtime.start import warm_up

HERE = Path(__file__).parent


LONG = ("test_commands_that_are_marked_run[README.md]", "test_commands_that_are_marked_run[tutorial.md]")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.name in LONG:
            item.add_marker("slow")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    if any(HERE in item.path.parents for item in session.items):
        warm_up()
