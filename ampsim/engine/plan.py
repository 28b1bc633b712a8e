"""Everything a backend needs to execute a job, and the interface all backends share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from ampsim.engine.controller import Controller
from ampsim.engine.placement import place
from ampsim.engine.policy import Fifo, Fixed, Planned, Policy
from ampsim.engine.program import Program
from ampsim.engine.schedule import Schedule
from ampsim.engine.weigh import weigh
from ampsim.engine.worker import Values
from ampsim.errors import UsageError
from ampsim.ir.replicas import lanes, twins
from ampsim.ir.verify import verify
from ampsim.job import Data, Job
from ampsim.result.run import Run


@dataclass(frozen=True)
class Plan:
    """A job on so many workers.

    ``placement`` maps units to workers (None: balanced by work). ``mode`` is ``numeric`` or ``shapes``. ``values``
    are initial parameters by node and name. ``order`` fixes the tasks of each worker. ``evaluate`` runs one pass over
    the validation set and trains nothing. ``given_data`` replaces what the recipe would load, ``owner`` the placement,
    node by node. ``progress`` is called now and then with the controller and the time in seconds.
    """

    job: Job
    workers: int = 1
    placement: Mapping[int, int] | None = None
    mode: str = "numeric"
    values: Values | None = None
    order: Mapping[int, Sequence[Planned]] | None = field(default=None, repr=False)
    evaluate: bool = False
    given_data: Data | None = field(default=None, repr=False)
    owner: tuple[int, ...] | None = None
    progress: Callable[[Controller, float], None] | None = field(default=None, repr=False)

    def check(self) -> None:
        """Raise UsageError or GraphError unless the plan can be executed."""
        if self.workers < 1:
            raise UsageError(f"{self.workers} workers cannot run anything", "workers", "use at least one")
        if self.mode not in ("numeric", "shapes"):
            raise UsageError(f"unknown mode {self.mode!r}", "mode", "use 'numeric' or 'shapes'")
        for name, what in (("target", "accuracy"), ("target_loss", "loss")):
            if self.mode == "shapes" and getattr(self.job.training, name) is not None:
                raise UsageError(
                    f"shapes mode computes no {what}, so it cannot train to a target",
                    f"training.{name}",
                    f"set training.{name} to null, or use numeric mode",
                )
        if self.order is not None and set(self.order) != set(range(self.workers)):
            what = f"the given order is for workers {sorted(self.order)}, the plan has {self.workers}"
            raise UsageError(what, "order", "give every worker an order, if only an empty one")
        verify(self.job.graph, self.data.training)
        if self.evaluate and self.data.validation is None:
            raise UsageError("there is no validation set to evaluate on", "data", "choose a data set that has one")

    @cached_property
    def data(self) -> Data:
        """The data sets of the job."""
        return self.given_data or self.job.data.load()

    @cached_property
    def program(self) -> Program:
        """The job made ready for so many workers; the plan must have passed :meth:`check`."""
        training = self.job.training
        owner = self.owner
        if owner is None:
            free = self.placement is None and self.workers > 1
            weights = weigh(self.job.graph, self.data.training, training) if free else [0.0] * len(self.job.graph.nodes)
            owner = place(self.job.graph, self.workers, weights, self.placement)
        schedule = Schedule(
            *self.data,
            0 if self.evaluate else training.epochs,
            validate_every=training.validate_every,
            instances=training.instances,
            shuffle=training.shuffle,
            seed=training.seed,
            sync_every=sorted({t.sync for t in twins(self.job.graph) if isinstance(t.sync, int)}),
            lanes=lanes(self.job.graph),
        )
        numeric, ordered = self.mode == "numeric", self.order is not None
        return Program(self.job.graph, schedule, training, owner, self.workers, numeric, ordered)

    def policy(self, worker: int) -> Policy:
        """The policy of one worker."""
        return Fixed(self.order[worker]) if self.order is not None else Fifo()


class Backend(Protocol):
    """What every backend is: a name, and a way to execute a plan."""

    name: str

    def execute(self, plan: Plan) -> Run:
        """Run the plan to its end. Raises UsageError before it starts and RunError after."""
