"""The fork server stays for the life of the process; it is there before any page is watched for leaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from ampsim.runtime.start import warm_up

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    if any(HERE in item.path.parents for item in session.items):
        warm_up()
