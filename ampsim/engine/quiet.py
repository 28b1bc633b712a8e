"""Fewer garbage collections while a driver runs."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_gc() -> Iterator[None]:
    """Collect rarely inside: logs grow by many small tuples, none of them cyclic, and each collection walks them all.

    Cost a third of all Python time per message before (docs/performance.md). Restored on leaving.
    """
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
