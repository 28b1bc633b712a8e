"""Where an instance begins and where it turns round: the engine's side of Source and Loss, and of gradient joins."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from ampsim.engine.batch import Batch, Consumed
from ampsim.engine.site import Site
from ampsim.engine.station import KeyUnknown, Station
from ampsim.engine.task import Metric, Part, columns
from ampsim.errors import NonFinite
from ampsim.ir.kernels import stack_rows
from ampsim.ir.message import FORWARD, Messages, Origin, Payload, Spec, State, spec_of
from ampsim.ir.nodes import FanOut, Loss, Source
from ampsim.ir.work import Work

if TYPE_CHECKING:
    from ampsim.engine.worker import WorkerState


class SourceStation(Station):
    """Admitted instances that wait for their payload to be built."""

    def __init__(self, worker: WorkerState, index: int) -> None:
        super().__init__(index, "forward", self.emit, lambda: worker.settings.max_batch, worker.ledger)
        self.worker = worker
        self.site = Site(worker, index)
        source = self.site.node
        assert isinstance(source, Source)
        self.field = source.data_field
        self.takes = source.emits
        self.unanswered: dict[int, int] = {}
        self._instances: deque[tuple[int, int, Origin]] = deque()

    def admit(self, arrival: int, instance: int, origin: Origin) -> None:
        """One more instance."""
        self._instances.append((arrival, instance, origin))

    def head(self) -> int | None:
        return self._instances[0][0] if self._instances else None

    def take(self, limit: int) -> Batch:
        taken = [self._instances.popleft() for _ in range(min(limit, len(self._instances)))]
        return self._admitted(taken)

    def extract(self, wanted: object) -> Batch | None:
        names = [state[0] for _, state in wanted]  # type: ignore[attr-defined]
        waiting = {entry[1]: entry for entry in self._instances}
        if not all(name in waiting for name in names):
            return None
        self._instances = deque(entry for entry in self._instances if entry[1] not in names)
        return self._admitted([waiting[name] for name in names])

    def names(self) -> set[tuple[int, State]]:
        return {(-1, (instance,)) for _, instance, _ in self._instances}

    def _admitted(self, taken: list[tuple[int, int, Origin]]) -> Batch:
        states = [(instance,) for _, instance, _ in taken]
        rows = [0] * len(taken)
        parts = [Consumed(-1, FORWARD, [state], [0], 0.0, entry[2]) for state, entry in zip(states, taken, strict=True)]
        return Batch([states], rows, [None], parts)

    def emit(self, group: Batch) -> tuple[Part, ...]:
        """Build the payloads of a group of instances and send them off."""
        schedule = self.worker.schedule
        states: list[State] = []
        rows: list[int] = []
        payloads: list[Payload] = []
        for (instance,) in group.states[0]:
            data, index = schedule.dataset(instance), schedule.entry(instance).index
            suffixes = data.states(self.field, index)
            if schedule.training(instance):
                self._expect(instance, len(suffixes))
            if not suffixes:
                continue
            part = data.payload(self.field, index) if self.worker.program.numeric else data.spec(self.field, index)
            states += [(instance, *suffix) for suffix in suffixes]
            counts = data.message_rows(self.field, index)
            rows += [part.shape[0] // len(suffixes)] * len(suffixes) if counts is None else counts
            payloads.append(part)
        if not states:
            return ()
        payload = stack_rows(payloads)
        assert payload is not None
        self.site.send(0, states, rows, payload)
        work = Work(read=payload.nbytes, written=payload.nbytes)
        # What an instance is made of depends on the data set, so that its class is part of the name.
        spec = spec_of(payload)
        named = ", ".join([type(data).__name__, *map(str, spec.shape[1:])])
        return (Part(f"Source {self.field}({named}) forward", spec.shape[0], work),)

    def _expect(self, instance: int, count: int) -> None:
        if count:
            self.unanswered[instance] = count
        else:
            self.worker.ended(self.node, instance)

    def backward(self, port: int, messages: Messages) -> None:
        """Backward messages have come home: report the instances whose last one this is."""
        for state in messages.states:
            instance = state[0]
            if instance not in self.unanswered:
                raise KeyUnknown(self.node, state)
            self.unanswered[instance] -= 1
            if not self.unanswered[instance]:
                del self.unanswered[instance]
                self.worker.ended(self.node, instance)


class LossSite(Site):
    """Scores joined predictions and labels; in training it starts the way back."""

    node: Loss

    def forward(self, group: Batch) -> tuple[Part, ...]:
        """One group of predictions with their labels."""
        prediction, label = group.payloads
        assert prediction is not None
        assert label is not None
        spec = spec_of(prediction)
        training = self.training(group.states[0])
        gradient: Payload = spec
        if not isinstance(prediction, Spec) and not isinstance(label, Spec):
            score = self.node.score(prediction, label, group.rows)
            losses, correct = score.losses.tolist(), score.correct.tolist()
            counted = group.rows if score.rows is None else score.rows.tolist()
            for state, rows, loss, right in zip(group.states[0], counted, losses, correct, strict=True):
                if not math.isfinite(loss):
                    told = self.worker.schedule.told(state[0])
                    raise NonFinite(
                        f"the loss of {self.node.name} is {loss} at state {tuple(state)}, instance {told}",
                        self.node.name,
                        "lower the learning rate, or look at the data of that instance",
                    )
                self.worker.effects.metrics.append(Metric(self.index, state[0], rows, loss, right))
            gradient = score.gradient
        else:
            for state, rows in zip(group.states[0], group.rows, strict=True):
                self.worker.effects.metrics.append(Metric(self.index, state[0], rows, math.nan, 0))
        if training:
            self.answer(0, group.states[0], group.rows, gradient)
            self.answer(1, group.states[1], group.rows, None)
        name = f"{type(self.node).__name__}{columns(spec)}"
        return (Part(f"{name} forward", spec.shape[0], self.node.work(spec)),)


class GradientJoin(Site):
    """The backward side of Split and Bcast: all ports' gradients are in, merge them and send one on."""

    node: FanOut

    def backward(self, group: Batch) -> tuple[Part, ...]:
        """One group of complete gradients."""
        merged = self.node.merge(group.payloads)
        self.answer(0, group.states[0], group.rows, merged)
        specs = [spec_of(payload) for payload in group.payloads if payload is not None]
        rows = specs[0].shape[0] if specs else 0
        name = f"{type(self.node).__name__}{columns(specs[0]) if specs else ''}"
        return (Part(f"{name} backward", rows, self.node.work(specs)),)
