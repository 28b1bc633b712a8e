"""A check that nothing of a server is left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.leaks import Snapshot


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Fails the test if it leaves a thread, a descriptor or a process. Others beside it may use shared memory."""
    before = Snapshot.take()
    yield
    left = [line for line in before.leaks() if not line.startswith("/dev/shm/")]
    assert left == []
