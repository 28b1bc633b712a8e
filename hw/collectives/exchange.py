"""Each to each: every rank has a piece for every other, and sends all of them at once.

    rank 0 sends to 1, 2, 3; rank 1 to 2, 3, 0; ...     each begins with its right neighbour, so that over a switch
                                                        the k-th messages all go to different ranks

Over a switch that does not block, P ranks and n bytes:  (P - 1) / P n / B + 2 a
"""

from __future__ import annotations

import numpy as np

from ampsim.hw.collectives.schedule import WORD, Collective, Round, sizes


def all_to_all(ranks: int, nbytes: int) -> Collective:
    """Piece j of the ``nbytes`` of rank i goes to rank j; its own piece stays. Raises UsageError."""
    pieces = sizes(ranks, nbytes)
    source = np.tile(np.arange(ranks, dtype=WORD), ranks - 1)
    target = (source + np.repeat(np.arange(1, ranks, dtype=WORD), ranks)) % ranks
    rounds = [Round(source, target, pieces[target], target, 1, False)] if ranks > 1 else []
    return Collective("all-to-all", ranks, nbytes, rounds)
