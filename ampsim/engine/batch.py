"""Batches: the messages that one task works on together, and how they are gathered from what waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ampsim.ir.kernels import cut_rows, offsets, stack_rows
from ampsim.ir.message import Messages, Origin, Payload, State


class Block:
    """Arrays (or shapes) stacked from several messages, of which single messages can be found again."""

    __slots__ = ("arrays", "at", "rows", "version")

    def __init__(self, arrays: Sequence[Payload], rows: Sequence[int], version: int = 0) -> None:
        self.arrays = arrays
        self.rows = rows
        self.at: list[int] | None = None
        self.version = version

    def bounds(self, index: int) -> tuple[int, int]:
        """Rows of message ``index``."""
        if self.at is None:
            self.at = offsets(self.rows)
        return self.at[index], self.at[index + 1]


Piece = tuple[Block, int]


def gather(pieces: Sequence[Piece]) -> list[Payload]:
    """The arrays of single messages stacked again; a whole block in its own order is not copied."""
    first = pieces[0][0]
    if len(first.rows) == len(pieces) and all(b is first and i == j for j, (b, i) in enumerate(pieces)):
        return list(first.arrays)
    runs = _runs(pieces)
    return [
        stack_rows([cut_rows(block.arrays[k], start, stop) for block, start, stop in runs])
        for k in range(len(first.arrays))
    ]


def _runs(pieces: Sequence[Piece]) -> list[tuple[Block, int, int]]:
    """Neighbours in one block become one slice."""
    runs: list[tuple[Block, int, int]] = []
    for block, index in pieces:
        start, stop = block.bounds(index)
        if runs and runs[-1][0] is block and runs[-1][2] == start:
            runs[-1] = (block, runs[-1][1], stop)
        else:
            runs.append((block, start, stop))
    return runs


@dataclass(slots=True)
class Consumed:
    """For the log: messages of one edge and direction that a task consumed, in stacking order."""

    edge: int
    direction: int
    states: Sequence[State]
    rows: Sequence[int]
    row_bytes: float
    origin: Origin


@dataclass(slots=True)
class Batch:
    """What a task consumes: ``payloads[port]`` stacked, ``states[port]`` its states; rows are equal on all ports."""

    states: list[Sequence[State]]
    rows: Sequence[int]
    payloads: list[Payload]
    consumed: list[Consumed] = field(default_factory=list)


def consumed(messages: Messages, start: int, stop: int, row_bytes: float) -> Consumed:
    """Log entry of the messages ``start`` to ``stop`` of a stack."""
    assert messages.origin is not None
    whole = start == 0 and stop == len(messages.states)
    states = messages.states if whole else messages.states[start:stop]
    rows = messages.rows if whole else messages.rows[start:stop]
    return Consumed(messages.edge, messages.direction, states, rows, row_bytes, messages.origin)
