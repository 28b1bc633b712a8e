"""Nodes that put rows of messages together differently: Group makes one message of several, Flatmap several of one.

What belongs together follows from states and instance structure, never from the order of arrival. Each is the adjoint
of the other: a Flatmap gathers rows forward and adds them up backward, a Group adds them up forward and gathers
backward. All of it is one numpy call for the messages of many instances.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ampsim.errors import RunError
from ampsim.ir.message import Spec, State
from ampsim.ir.nodes.base import Function, Node, ShapeError
from ampsim.ir.nodes.calls import STATE, called, need_states, unfit
from ampsim.ir.reference import reference
from ampsim.ir.rows import Rows, repeated, single
from ampsim.ir.work import Work


class Regroup(Node):
    """One side has one message, the other many; ``rows`` says how their rows correspond."""

    def infer(self, x: Spec) -> Spec:
        """Columns and dtype of the output; its rows depend on the instance. Raises ShapeError."""
        return x

    def work(self, one: Spec, many: Spec, adds: bool) -> Work:
        """Cost of a gather or, where ``adds``, of a scatter between ``one`` and ``many`` rows."""
        width = many.nbytes // max(many.shape[0], 1)
        added = max(many.shape[0] - one.shape[0], 0) * width // 4 if adds else 0
        return Work(vector=added, read=many.nbytes, written=one.nbytes if adds else many.nbytes)


@dataclass(eq=False)
class Flatmap(Regroup):
    """For every state in ``generate(state, structure)`` one message, which carries the rows of the input.

    With ``rows(state, structure)``, which gives :class:`~ampsim.ir.rows.Rows`, output i carries the rows chosen there.
    Backward: the gradients of all outputs are added, in the order of ``generate``; without outputs it is zero, at once.
    """

    generate: Function = ""
    rows: Function = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.generate, self.rows = reference(self.generate), reference(self.rows)

    @property
    def functions(self) -> tuple[str, ...]:
        return (reference(self.generate), *_given(self.rows))

    def many(self, state: State, structure: Any, rows: int) -> tuple[Sequence[State], Rows]:
        """The states of the outputs of a message of ``rows`` rows, and the rows that each carries. Raises RunError."""
        states = need_states(self, self.generate, state, called(self, self.generate, state, structure))
        chosen = self._rows(state, structure, rows, len(states))
        if chosen.total != rows or len(chosen.counts) != len(states):
            what = (
                f"{self.name} makes {len(states)} messages of one of {rows} rows at state {tuple(state)}, but its Rows"
            )
            raise RunError(
                f"{what} tell of {len(chosen.counts)} messages and {chosen.total} rows",
                self.name,
                f"let {self.rows or self.generate} fit what comes in",
            )
        return states, chosen

    def _rows(self, state: State, structure: Any, rows: int, count: int) -> Rows:
        if self.rows:
            return _rows_from(self, self.rows, state, structure)
        return repeated(rows, count)


@dataclass(eq=False)
class Ungroup(Flatmap):
    """One message for each row: row i goes out under the i-th state of ``generate(state, structure)``."""

    def _rows(self, state: State, structure: Any, rows: int, count: int) -> Rows:
        return super()._rows(state, structure, rows, count) if self.rows else single(rows)


@dataclass(eq=False)
class Group(Regroup):
    """Collects the messages that belong together and stacks them into one.

    A message with state s belongs to the group whose state is ``into(s, structure)``; the group is complete when all
    states in ``members(group, structure)`` are there, and is stacked in that order. With ``rows(group, structure)``,
    which gives :class:`~ampsim.ir.rows.Rows`, rows of equal target are added. ``fold`` lays so many consecutive rows
    side by side as one. Backward: each member gets its rows' gradient, under the state it came with.
    """

    into: Function = ""
    members: Function = ""
    rows: Function = ""
    fold: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.into, self.members, self.rows = (reference(f) for f in (self.into, self.members, self.rows))

    @property
    def functions(self) -> tuple[str, ...]:
        return (reference(self.into), reference(self.members), *_given(self.rows))

    def faults(self) -> Iterator[str]:
        if type(self.fold) is not int or self.fold < 1:
            yield f"Group.fold is {self.fold!r}; it is an int from 1"

    def infer(self, x: Spec) -> Spec:
        if self.fold > 1 and len(x.shape) != 2:
            raise ShapeError(f"Group lays rows side by side, so it needs (rows, columns), gets shape {x.shape}")
        return self.folded(x.with_rows(x.shape[0] * self.fold)) if self.fold > 1 else x

    def folded(self, x: Any) -> Any:
        """``fold`` consecutive rows side by side; an array or a Spec. Raises RunError if the rows do not go up."""
        if self.fold == 1 or x is None:
            return x
        rows, columns = x.shape
        if rows % self.fold:
            what = f"{self.name} cannot lay {rows} rows side by side in groups of {self.fold}"
            raise RunError(what, self.name, "let every group have a multiple of so many rows")
        shape = (rows // self.fold, columns * self.fold)
        return Spec(shape, x.dtype) if isinstance(x, Spec) else x.reshape(shape)

    def unfolded(self, y: Any) -> Any:
        """The inverse of :meth:`folded`."""
        if self.fold == 1 or y is None:
            return y
        rows, columns = y.shape
        shape = (rows * self.fold, columns // self.fold)
        return Spec(shape, y.dtype) if isinstance(y, Spec) else y.reshape(shape)

    def group_of(self, state: State, structure: Any) -> State:
        """The state of the group a message belongs to. Raises RunError."""
        found: State = called(self, self.into, state, structure)
        if not isinstance(found, tuple):
            raise unfit(self, self.into, state, found, STATE)
        return found

    def members_of(self, group: State, structure: Any) -> Sequence[State]:
        """The states that make a group complete, in stacking order. Raises RunError."""
        found = need_states(self, self.members, group, called(self, self.members, group, structure))
        if len({*found}) < len(found):
            twice = next(state for state, count in Counter(found).items() if count > 1)
            what = f"{self.members} of {self.name} names {tuple(twice)} more than once as a member of {tuple(group)}"
            raise RunError(what, self.name, "name each member once; a message that counts twice has its rows twice")
        return found

    def rows_of(self, group: State, structure: Any, counts: Sequence[int]) -> Rows | None:
        """How the rows of members with ``counts`` rows become the group's; None: as they are. Raises RunError."""
        if not self.rows:
            return None
        found = _rows_from(self, self.rows, group, structure)
        if found.counts != tuple(counts):
            raise RunError(
                f"the members of {tuple(group)} have {tuple(counts)} rows at {self.name}, its Rows say {found.counts}",
                self.name,
                f"let {self.rows} fit what comes in",
            )
        return found


def _rows_from(node: Node, function: Function, state: State, structure: Any) -> Rows:
    """The Rows that a function gives. Raises RunError."""
    found: Rows = called(node, function, state, structure)
    if not isinstance(found, Rows):
        raise unfit(node, function, state, found, "ampsim.ir.rows.Rows(counts, index, total)")
    return found


def _given(function: Function) -> tuple[str, ...]:
    """An optional function, if there is one."""
    return (reference(function),) if function else ()
