"""Stations: where messages of one node and direction wait until a task takes them.

A plain station holds stacks in order of arrival. A joint collects one message per port under a common key; what is
complete waits like any other message. Collecting costs nothing; the task exists when its inputs are complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from ampsim.engine.batch import Batch, Block, Consumed, Piece, consumed, gather
from ampsim.engine.ledger import Ledger
from ampsim.ir.kernels import cut_rows, stack_rows
from ampsim.ir.message import Messages, State

Keys = Callable[[Sequence[State]], Sequence[Hashable]]


def row_bytes(messages: Messages) -> float:
    """Bytes of payload in one row."""
    total = sum(messages.rows)
    return messages.nbytes / total if total else 0.0


class Station:
    """A queue of stacks of messages, first come first served. ``lane`` is its rank among the stations of a worker."""

    def __init__(
        self, node: int, kind: str, run: Callable[[Batch], Any], limit: Callable[[], int], ledger: Ledger
    ) -> None:
        self.node = self.named = node  # the first node of its tasks, and the one whose ports messages come in on
        self.kind = kind
        self.lane = 0
        self.run = run
        self.limit = limit
        self.ledger = ledger
        self._stacks: deque[tuple[int, Messages, int]] = deque()  # arrival number, stack, first message left

    def push(self, arrival: int, port: int, messages: Messages) -> bool:
        """Add messages; True if a task can be made of what waits now."""
        self._stacks.append((arrival, messages, 0))
        self.ledger.queues += messages.nbytes
        return True

    def head(self) -> int | None:
        """Arrival number of the oldest message, or None if the station is empty."""
        return self._stacks[0][0] if self._stacks else None

    def take(self, limit: int) -> Batch:
        """The oldest messages, at most ``limit``, as one group."""
        _, messages, start = self._stacks[0]
        count = len(messages.states)
        if start == 0 and (count == limit or (count < limit and len(self._stacks) == 1)):
            self._stacks.popleft()
            return self._group([consumed(messages, 0, count, row_bytes(messages))], [messages.payload])
        parts: list[Consumed] = []
        payloads = []
        while self._stacks and limit > 0:
            arrival, messages, start = self._stacks.popleft()
            count = len(messages.states)
            stop = min(count, start + limit)
            if stop < count:
                self._stacks.appendleft((arrival, messages, stop))
            limit -= stop - start
            parts.append(consumed(messages, start, stop, row_bytes(messages)))
            if start == 0 and stop == count:
                payloads.append(messages.payload)
            else:
                first = sum(messages.rows[:start])
                payloads.append(cut_rows(messages.payload, first, first + sum(messages.rows[start:stop])))
        return self._group(parts, payloads)

    def _group(self, parts: list[Consumed], payloads: list[Any]) -> Batch:
        if len(parts) == 1:
            states, rows = parts[0].states, parts[0].rows
        else:
            states = [state for part in parts for state in part.states]
            rows = [r for part in parts for r in part.rows]
        payload = stack_rows(payloads)
        if payload is not None:
            self.ledger.queues -= payload.nbytes
        return Batch([states], rows, [payload], parts)

    def extract(self, wanted: Sequence[tuple[int, State]]) -> Batch | None:
        """Exactly the messages ``wanted`` (edge, state), in that order, or None while one of them is missing."""
        found = {}
        for _, messages, start in self._stacks:
            for i in range(start, len(messages.states)):
                found[messages.edge, tuple(messages.states[i])] = (messages, i)
        if not all(name in found for name in wanted):
            return None
        singles = [self._single(*found[name]) for name in wanted]
        gone = set(wanted)
        left: deque[tuple[int, Messages, int]] = deque()
        for arrival, messages, start in self._stacks:
            for i in range(start, len(messages.states)):
                if (messages.edge, tuple(messages.states[i])) not in gone:
                    left.append((arrival, self._single(messages, i), 0))
        self._stacks = left
        parts = [consumed(m, 0, 1, row_bytes(m)) for m in singles]
        return self._group(parts, [m.payload for m in singles])

    @staticmethod
    def _single(messages: Messages, i: int) -> Messages:
        first = sum(messages.rows[:i])
        payload = cut_rows(messages.payload, first, first + messages.rows[i])
        edge, direction = messages.edge, messages.direction
        return Messages(edge, direction, [messages.states[i]], [messages.rows[i]], payload, messages.origin)

    def waiting(self) -> dict[int, list[State]]:
        """Incomplete joins: for each missing port, the states that wait for it. A plain station has none."""
        return {}

    def foreign(self) -> bool:
        """Whether something waits under a key that is not of its instance, so that another one may be what it lacks."""
        return False

    def names(self) -> set[tuple[int, State]]:
        """Edge and state of every message here. Only asked for when a run stands."""
        stacks = ((messages, messages.states[start:]) for _, messages, start in self._stacks)
        return {(messages.edge, tuple(state)) for messages, states in stacks for state in states}


class Joint(Station):
    """Collects one message per port and key; the state of port 0 names the joined item."""

    def __init__(
        self,
        node: int,
        kind: str,
        run: Callable[[Batch], Any],
        limit: Callable[[], int],
        ledger: Ledger,
        keys: Sequence[Keys],
    ) -> None:
        super().__init__(node, kind, run, limit, ledger)
        self._keys = keys
        self._pending: dict[Hashable, list[tuple[Messages, Block, int] | None]] = {}
        self._items: deque[tuple[int, list[tuple[Messages, Block, int]]]] = deque()

    def push(self, arrival: int, port: int, messages: Messages) -> bool:
        block = Block((messages.payload,), messages.rows)
        ports = len(self._keys)
        complete = False
        self.ledger.queues += messages.nbytes
        for i, key in enumerate(self._keys[port](messages.states)):
            parts = self._pending.get(key)
            if parts is None:
                parts = self._pending[key] = [None] * ports
            if parts[port] is not None:
                raise KeyCollision(self.named, messages.states[i])
            parts[port] = (messages, block, i)
            if None not in parts:
                del self._pending[key]
                self._items.append((arrival, parts))  # type: ignore[arg-type]
                complete = True
        return complete

    def head(self) -> int | None:
        return self._items[0][0] if self._items else None

    def take(self, limit: int) -> Batch:
        items = [self._items.popleft()[1] for _ in range(min(limit, len(self._items)))]
        return self._join(items)

    def extract(self, wanted: Sequence[tuple[int, State]]) -> Batch | None:
        named = {(item[0][0].edge, tuple(item[0][0].states[item[0][2]])): (a, item) for a, item in self._items}
        own = [name for name in wanted if name in named]
        edges = {edge for edge, _ in wanted}
        first = [name for name in wanted if name[0] == wanted[0][0]]
        if own != first or not edges:
            return None
        items = [named[name][1] for name in first]
        chosen = {id(item) for item in items}
        self._items = deque(entry for entry in self._items if id(entry[1]) not in chosen)
        return self._join(items)

    def _join(self, items: list[list[tuple[Messages, Block, int]]]) -> Batch:
        states: list[Sequence[State]] = []
        payloads, parts = [], []
        rows: list[int] = []
        for port in range(len(self._keys)):
            pieces: list[Piece] = [(item[port][1], item[port][2]) for item in items]
            stacked = gather(pieces)[0]
            payloads.append(stacked)
            if stacked is not None:
                self.ledger.queues -= stacked.nbytes
            port_rows = [block.rows[i] for block, i in pieces]
            rows = rows or port_rows
            states.append([item[port][0].states[item[port][2]] for item in items])
            if port_rows != rows:
                first = next(i for i, (a, b) in enumerate(zip(port_rows, rows, strict=True)) if a != b)
                raise RowMismatch(self.named, states[port][first])
            parts.extend(logged([item[port] for item in items]))
        return Batch(states, rows, payloads, parts)

    def waiting(self) -> dict[int, list[State]]:
        missing: dict[int, list[State]] = {}
        for parts in self._pending.values():
            state = next(part[0].states[part[2]] for part in parts if part is not None)
            for port, part in enumerate(parts):
                if part is None:
                    missing.setdefault(port, []).append(state)
        return missing

    def foreign(self) -> bool:
        pending = ((key, part) for key, parts in self._pending.items() for part in parts if part is not None)
        return any(not isinstance(key, tuple) or key[:1] != part[0].states[part[2]][:1] for key, part in pending)

    def names(self) -> set[tuple[int, State]]:
        pending = (part for parts in self._pending.values() for part in parts if part is not None)
        return named(pending) | named(part for _, parts in self._items for part in parts)


def named(parts: Iterable[tuple[Messages, Block, int]]) -> set[tuple[int, State]]:
    """Edge and state of single messages of stacks."""
    return {(messages.edge, tuple(messages.states[i])) for messages, _, i in parts}


def logged(parts: list[tuple[Messages, Block, int]]) -> list[Consumed]:
    """Log entries, neighbours of one stack together."""
    entries = []
    start = 0
    for i in range(1, len(parts) + 1):
        if i < len(parts) and parts[i][0] is parts[start][0] and parts[i][2] == parts[i - 1][2] + 1:
            continue
        messages, _, first = parts[start]
        entries.append(consumed(messages, first, first + i - start, row_bytes(messages)))
        start = i
    return entries


class Mismatch(Exception):
    """A message does not fit what its node knows; the worker turns it into a RunError with the node's name."""

    def __init__(self, node: int, state: State) -> None:
        super().__init__(node, state)
        self.node, self.state = node, state


class KeyCollision(Mismatch):
    """Two messages in flight have the same key at one node and port."""


class KeyUnknown(Mismatch):
    """A gradient came back under a key that nothing went forward with."""


class RowMismatch(Mismatch):
    """Joined messages have different numbers of rows."""
