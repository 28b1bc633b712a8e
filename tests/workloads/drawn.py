"""Graphs of any shape for hypothesis: with loops, double edges, nodes without edges and types without edges."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ampsim.workloads.graphs import Drawn

TYPES = 3


@st.composite
def graphs(draw: st.DrawFn, most: int = 7) -> Drawn:
    """1 to ``most`` graphs of 1 to 5 nodes and 0 to 8 edges of three types."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=most))
    degrees = [draw(st.integers(0, 8)) for _ in sizes]
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    limit = np.repeat(sizes, degrees)
    total = int(sum(degrees))
    return Drawn(
        sizes=np.array(sizes),
        nodes=random.integers(0, 5, sum(sizes)),
        degrees=np.array(degrees),
        source=random.integers(0, limit, total) if total else np.zeros(0, np.int64),
        target=random.integers(0, limit, total) if total else np.zeros(0, np.int64),
        kinds=random.integers(0, TYPES, total),
        answers=random.standard_normal(len(sizes)).astype(np.float32),
    )
