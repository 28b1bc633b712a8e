"""The conditions under which tasks are computed: rare garbage collection, one BLAS thread, no warnings by numpy."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def quiet(numeric: bool) -> Iterator[None]:
    """Collect garbage rarely and, for arrays, compute under one BLAS thread; both are restored on leaving.

    The engine makes no cycles, and its logs grow by many small objects that every collection walks: a fifth to a third
    of the Python time per message. Only a run that keeps ten million objects pays for a collection, so that cycles
    made by a user's node do not stay for ever. The bits of a matrix product depend on the number of threads, and
    workers use one. Overflow is no warning on the way: losses and gradients are looked at, and NonFinite says where it
    began.
    """
    before = gc.get_threshold()
    gc.set_threshold(10_000_000, 50, 1000)
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if numeric:
                import threadpoolctl

                with threadpoolctl.threadpool_limits(1, "blas"):
                    yield
            else:
                yield
    finally:
        gc.set_threshold(*before)
