"""Tasks: the unit of work of a worker, and what a finished task hands to its driver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ampsim.engine.batch import Consumed
from ampsim.ir.message import Messages, Origin, Spec
from ampsim.ir.work import Work, total

KINDS = ("forward", "backward", "update", "sync")


class Part(NamedTuple):
    """Arithmetic of one node within a task, e.g. ``Linear(784, 784) backward`` over so many rows."""

    operation: str
    rows: int
    work: Work


def operation(parts: Sequence[Part]) -> str:
    """The name under which the time of a whole task is measured: its parts' operations, joined by `` + ``."""
    return " + ".join(part.operation for part in parts)


def columns(spec: Spec) -> str:
    """Such as ``(100)``: tasks of equal name and rows cost the same."""
    return f"({', '.join(map(str, spec.shape[1:]))})"


class Metric(NamedTuple):
    """What a loss reports of one message: ``loss`` is the mean over the ``rows`` that have a label, 0.0 without any."""

    node: int
    instance: int
    rows: int
    loss: float
    correct: int


class Update(NamedTuple):
    """What is logged of an update: the version after it, and the staleness of the gradients in it.

    ``instance`` is the one whose gradients it applied, or -1 where ``min_update_frequency`` counts them.
    """

    node: int
    instance: int
    version: int
    gradients: int
    staleness_mean: float
    staleness_max: int


@dataclass(slots=True)
class Task:
    """One group of one node in one direction, or one update. ``parts`` is known once the task has run."""

    kind: str
    node: int
    messages: int
    rows: int
    run: Any  # callable without arguments, gives the parts
    consumed: list[Consumed] = field(default_factory=list)
    parts: tuple[Part, ...] = ()
    origin: Origin | None = None  # of what it sends to its own worker; set when it runs
    update: Update | None = None

    @property
    def work(self) -> Work:
        """The sum over all parts."""
        return total(part.work for part in self.parts)


@dataclass(slots=True)
class Effects:
    """What leaves a worker: parcels by destination, and reports to the controller."""

    parcels: dict[int, list[Messages]] = field(default_factory=dict)
    completed: list[tuple[int, int]] = field(default_factory=list)  # (source node, instance)
    metrics: list[Metric] = field(default_factory=list)
    acks: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing leaves."""
        return not (self.parcels or self.completed or self.metrics or self.acks)

    @property
    def reports(self) -> bool:
        """Whether the controller has to hear of it."""
        return bool(self.completed or self.metrics or self.acks)


NOTHING = Effects()
"""What most tasks of a large graph emit; shared, never added to."""
