"""Caches that make room: dropped when memory is full, computed anew when their gradients come.

    forward    x --> chain --> y       kept: x, and what the transforms of the chain keep beside it
    full       what is kept beside x is dropped, that of the messages which came last first
    backward   the chain runs forward again from x, then backward; meanwhile all is there once more

What came in is never dropped: from nothing, nothing can be computed anew. Where a chain keeps nothing else (a layer by
itself keeps its input only) there is nothing to gain. Pipelines call this re-materialisation (Chen et al. 2016, Huang
et al. 2019).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from ampsim.engine.chain import Chain
from ampsim.engine.task import Part
from ampsim.ir.message import State

Key = tuple[int, Hashable]


class Piece(NamedTuple):
    """What one message left behind that can be dropped: rows, and bytes of fp32."""

    key: Key
    rows: int
    nbytes: int


class Droppable:
    """What one worker keeps for the way back and could do without, message by message."""

    def __init__(self) -> None:
        self.dropped = 0
        """Bytes of fp32 that the worker counts and that are not there."""
        self._there: dict[Key, Piece] = {}  # oldest first
        self._gone: dict[Key, Piece] = {}
        self._fresh: list[Piece] = []
        self._back: dict[Chain, list[int]] = {}  # rows and bytes of what has to be computed anew

    # -- what the engine calls ------------------------------------------------------------------------------------

    def kept(self, chain: Chain, states: Sequence[State], rows: Sequence[int]) -> None:
        """A training group went forward."""
        count = sum(rows)
        nbytes, _ = chain.again(count)
        if nbytes:
            names = [(chain.site.index, key) for key in chain.site.keys(states)]
            self._fresh += [Piece(name, n, nbytes * n // count) for name, n in zip(names, rows, strict=True)]

    def recalled(self, chain: Chain, states: Sequence[State], rows: Sequence[int]) -> None:
        """A group came back."""
        for key in chain.site.keys(states):
            name = (chain.site.index, key)
            piece = self._gone.pop(name, None)
            if piece is None:
                self._there.pop(name, None)
                continue
            sums = self._back.setdefault(chain, [0, 0])
            sums[0] += piece.rows
            sums[1] += piece.nbytes

    # -- what the books call --------------------------------------------------------------------------------------

    def fresh(self) -> list[Piece]:
        """What the last task left behind; each is to be kept or dropped."""
        found, self._fresh = self._fresh, []
        return found

    def drop(self, piece: Piece) -> None:
        """It is not in memory."""
        self._gone[piece.key] = piece
        self.dropped += piece.nbytes

    def undrop(self, piece: Piece) -> None:
        """It is in memory after all."""
        self.dropped -= piece.nbytes
        self._there[piece.key] = self._gone.pop(piece.key)

    def newest(self) -> Piece | None:
        """What is there and came last, no longer to be counted as there; None if nothing is left."""
        return self._there.popitem()[1] if self._there else None

    def restore(self) -> tuple[int, tuple[Part, ...]]:
        """Bytes of fp32 that the last task brings back into memory, and the parts that it has to run again."""
        back, self._back = self._back, {}
        nbytes = sum(size for _, size in back.values())
        self.dropped -= nbytes
        return nbytes, tuple(part for chain, (rows, _) in back.items() for part in chain.again(rows)[1])
