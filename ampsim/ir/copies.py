"""What a node is told about its replicas, before and after the graph is built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

MOST = 1024  # copies of a node


class Mark(NamedTuple):
    """How a node is to be replicated: as :meth:`~ampsim.ir.nodes.base.Node.replicas` was called."""

    copies: int
    sync: str | int
    slots: str


@dataclass(frozen=True)
class Replica:
    """Which copy of which node a node is: copy ``copy`` of ``copies`` of what was called ``base``.

    It handles the instances whose number modulo ``copies`` is ``copy``. ``sync`` is ``"epoch"``, or the number of
    training instances after which the copies are averaged; ``slots`` says whether the state of their optimizers is
    averaged as well (``"average"``) or stays with each (``"keep"``).
    """

    base: str
    copy: int
    copies: int
    sync: str | int = "epoch"
    slots: str = "average"

    def handles(self, instance: int) -> bool:
        """Whether an instance is one of this copy's."""
        return instance % self.copies == self.copy


def mark_faults(copies: object, sync: object, slots: object) -> Iterator[str]:
    """What is wrong with these settings, in words."""
    if type(copies) is not int or not 1 <= copies <= MOST:
        yield f"copies is {copies!r}; it is an int from 1 to {MOST}"
    if sync != "epoch" and (type(sync) is not int or sync < 1):
        yield f"sync is {sync!r}; it is 'epoch', or a number of training instances from 1"
    if slots not in ("average", "keep"):
        yield f"slots is {slots!r}; it is 'average' or 'keep'"
