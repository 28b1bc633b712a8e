"""A module that sets the number of BLAS threads when it is imported, as some libraries do."""

from __future__ import annotations

from threadpoolctl import threadpool_limits

from ampsim.runtime.entry import Worker

LIMITS = threadpool_limits(2)


def nothing(worker: Worker) -> None:
    """Return at once."""
