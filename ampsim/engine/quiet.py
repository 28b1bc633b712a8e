"""The conditions under which tasks are computed: rare garbage collection, one BLAS thread, no warnings by numpy."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def quiet(numeric: bool) -> Iterator[None]:
    """Collect garbage rarely and, for arrays, compute under one BLAS thread; both are restored on leaving.

    Logs grow by many small tuples, none of them cyclic, and every collection walks them all: that cost a third of the
    Python time per message. The bits of a matrix product depend on the number of threads, and workers use one.
    Overflow is no warning on the way: losses and gradients are looked at, and NonFinite says where it began.
    """
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 1000)
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
