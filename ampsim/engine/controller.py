"""Admission, epochs, validation, target and stop: a pure state machine that a backend feeds with reports.

train segment:  admit while in flight < mak --> drain --> updates finished, leftovers applied at the epoch's end
                --> copies of nodes made equal, where it is time
validation:     admit while in flight < mak --> drain --> target reached? copies made equal, stop
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ampsim.engine.program import Program
from ampsim.engine.schedule import Segment
from ampsim.engine.task import Effects, Metric
from ampsim.ir.nodes import Loss, Parameterised, Source
from ampsim.ir.replicas import handles, label_sources


class Sync(NamedTuple):
    """Twins to be made equal, by their numbers in the program, and the last instance before it."""

    instance: int
    groups: tuple[int, ...]


@dataclass(slots=True)
class Orders:
    """What the controller wants done: instances to admit, updates, copies to make equal, or the end.

    ``update`` names the instances whose gradients are to be applied; of none, only what is due anyway is finished.
    With ``flush`` whatever has been collected is applied.
    """

    admit: list[int] = field(default_factory=list)
    update: list[int] | None = None
    flush: bool = False
    sync: Sync | None = None
    done: bool = False

    @property
    def updates(self) -> bool:
        """Whether the workers with parameters have something to do and to acknowledge."""
        return self.flush or self.update is not None


def _unknown() -> Sequence[tuple[float, float]]:
    return ()


class Controller:
    """Drives one run of a program. ``now`` is in ticks of the backend's clock and only written down.

    ``busy`` is for who watches a run: seconds that each worker has spent in tasks that have ended, and the time of the
    run at which that was so. It is empty where the backend does not tell.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.settings = program.settings
        self.schedule = program.schedule
        self.in_flight: dict[int, int] = {}  # instance: reports still to come
        self.instances: dict[int, list[int]] = {}  # instance: admitted, completed
        self.metrics: list[tuple[int, Metric]] = []
        self.validations: list[dict[str, Any]] = []
        self.epochs: list[dict[str, Any]] = []
        self.events = 0  # of a simulated clock so far, for a progress line; its backend writes it
        self.busy: Callable[[], Sequence[tuple[float, float]]] = _unknown  # its backend writes this, too
        self.ticks = 1  # a second of that clock; written by backends that call a progress listener
        self.reports = 0  # heard so far
        self.done = False
        self.reached: dict[str, Any] | None = None
        self._segments = iter(self.schedule.segments())
        self._segment: Segment = next(self._segments)
        self._next = self._segment.start
        self._segment_began = 0
        self._training_time = 0
        self._segment_metrics: list[Metric] = []
        self._epoch_metrics: list[Metric] = []
        self._acks = 0
        self._steps: deque[Orders] | None = None  # what is left to do at the end of a segment
        self._apart: list[int] = []  # twins that have not been made equal since they last trained
        nodes = program.graph.nodes
        self._losses = [(node, self._label_field(i)) for i, node in enumerate(nodes) if isinstance(node, Loss)]
        self._sources = [node for node in nodes if isinstance(node, Source)]
        self._by_instance = any(
            self.settings.of_node(node.name, node.base).update == "instance"
            for node in nodes
            if isinstance(node, Parameterised)
        )

    def _label_field(self, loss: int) -> str:
        source = label_sources(self.program.graph, loss)[0]
        assert isinstance(source, Source)
        return source.data_field

    @property
    def left(self) -> int:
        """Instances that have not been admitted."""
        return self.schedule.total - len(self.instances)

    def start(self, now: int) -> Orders:
        """The first orders."""
        self._segment_began = now
        return self._advance(now)

    def report(self, effects: Effects, now: int) -> Orders:
        """Reports of one worker have come in."""
        self.reports += 1
        reported = [metric.instance for metric in effects.metrics]
        reported += [instance for _, instance in effects.completed]
        for metric in effects.metrics:
            if not math.isnan(metric.loss):
                self.metrics.append((now, metric))
                self._segment_metrics.append(metric)
        complete = [instance for instance in reported if self._count(instance, now)]
        self._acks -= effects.acks
        if self._by_instance and self._segment.training:
            # A worker that an instance never leaves knows of its end itself.
            told = sorted(instance for instance in complete if self.program.home(instance) is None)
            if told:
                return self._end(told, now)
        return self._advance(now)

    def _end(self, instances: list[int], now: int) -> Orders:
        """The updates at the end of these instances.

        In a given order each worker knows by itself when to update. Admission must not wait there: which instances end
        close together, so that their updates are waited for at once, is not the same as when the order was made.
        """
        if not self.program.ordered:
            return self._update(Orders(update=instances), now)
        orders = self._advance(now)
        if not orders.updates:
            self._acks += len(self.program.update_workers)
        if not orders.flush:
            orders.update = instances
        return orders

    def _count(self, instance: int, now: int) -> bool:
        """One more report of an instance; True if it was the last."""
        self.in_flight[instance] -= 1
        if self.in_flight[instance]:
            return False
        del self.in_flight[instance]
        self.instances[instance][1] = now
        return True

    def _update(self, orders: Orders, now: int) -> Orders:
        """Ask for an update; nothing is admitted until it is acknowledged."""
        self._acks += len(self.program.update_workers)
        return orders if self._acks else self._advance(now)

    def _advance(self, now: int) -> Orders:
        orders = Orders()
        if self.done or (self._acks and not self.program.ordered):
            return orders
        while True:
            segment = self._segment
            while self._next < segment.stop and len(self.in_flight) < self.settings.max_active_keys:
                expected = self._expected(self._next)
                self.instances[self._next] = [now, now]
                if expected:
                    self.in_flight[self._next] = expected
                    orders.admit.append(self._next)
                self._next += 1
            if self.in_flight or self._next < segment.stop:
                return orders
            if self._acks:
                return orders
            if self._steps is None:
                if not segment.training:
                    self._validated(segment, now)
                self._steps = deque(self._ending(segment))
            while self._steps:
                step = self._steps.popleft()
                self._acks += self._concerned(step)
                if self._acks:
                    return step
            if self._close(segment, now):
                orders.done = True
                return orders

    def _ending(self, segment: Segment) -> Iterator[Orders]:
        """What is ordered, one after the other is acknowledged, when a segment is drained.

        A run that ends in mid-epoch applies no leftovers, but its copies end equal as those of any other.
        """
        groups = self._apart
        if segment.training:
            yield Orders(flush=True) if segment.flush else Orders(update=[])
            due = [segment.flush or _period_ends(twins.sync, segment.trained) for twins in self.program.twins]
            groups = [number for number, now in enumerate(due) if now]
            self._apart = [number for number, now in enumerate(due) if not now]
        elif not self.reached:
            return
        if groups:
            yield Orders(sync=Sync(segment.stop - 1, tuple(groups)))

    def _concerned(self, orders: Orders) -> int:
        """Workers that have something to acknowledge."""
        if orders.sync:
            return len(self.program.sync_workers(orders.sync.groups))
        return len(self.program.update_workers)

    def _expected(self, instance: int) -> int:
        """Reports that complete an instance: the score of every label and, in training, the end at every source.

        Both are counted in training too: the worker of a loss and that of a source are heard over different ways, so
        the last score may come in after the last gradient has gone home. Copies that it does not go to do not count.
        """
        entry, data = self.schedule.entry(instance), self.schedule.dataset(instance)
        scores = sum(len(data.states(field, entry.index)) for loss, field in self._losses if handles(loss, instance))
        return scores + (sum(source.emits(instance) for source in self._sources) if entry.training else 0)

    def _validated(self, segment: Segment, now: int) -> None:
        """All of a validation is in: score it, and see whether it ends the run."""
        loss, accuracy = summary(self._segment_metrics)
        validation = {
            "instance": segment.start,
            "epoch": segment.epoch,
            "time": now,
            "training_time": self._training_time,
            "loss": loss,
            "accuracy": accuracy,
        }
        self.validations.append(validation)
        target, enough = self.settings.target, self.settings.target_loss
        if accuracy is not None and target is not None and accuracy >= target:
            self.reached = validation
        if loss is not None and enough is not None and loss <= enough:
            self.reached = validation

    def _close(self, segment: Segment, now: int) -> bool:
        """A segment is drained and what follows it done: go on to the next one; True if the run ends here."""
        if segment.training:
            self._training_time += now - self._segment_began
            self._epoch_metrics += self._segment_metrics
        self._segment_metrics = []
        self._segment_began = now
        self._steps = None
        following = next(self._segments, None)
        if following is None or following.epoch != segment.epoch or self.reached:
            self._close_epoch(segment.epoch, now)
        if following is None or self.reached:
            self.done = True
        else:
            self._segment, self._next = following, following.start
        return self.done

    def _close_epoch(self, epoch: int, now: int) -> None:
        loss, accuracy = summary(self._epoch_metrics)
        last = self.validations[-1] if self.validations and self.validations[-1]["epoch"] == epoch else {}
        self.epochs.append(
            {
                "epoch": epoch,
                "time": now,
                "train_loss": loss,
                "train_accuracy": accuracy,
                "validation_loss": last.get("loss"),
                "validation_accuracy": last.get("accuracy"),
            }
        )
        self._epoch_metrics = []


def _period_ends(sync: str | int, trained: int) -> bool:
    return isinstance(sync, int) and trained % sync == 0


def summary(metrics: Iterable[Metric]) -> tuple[float | None, float | None]:
    """Mean loss and accuracy over all rows, or None where there are none."""
    rows, loss, correct = 0, 0.0, 0
    for metric in metrics:
        rows += metric.rows
        loss += metric.loss * metric.rows
        correct += metric.correct
    return (loss / rows, correct / rows) if rows else (None, None)
