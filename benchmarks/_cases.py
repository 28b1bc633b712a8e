"""The five workloads as the benchmarks run them: sizes, training settings, what PyTorch reached, what is aimed at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ampsim.job import Job
from ampsim.workloads import workload


@dataclass(frozen=True)
class Case:
    """A workload with ``options``, and ``training`` settings of the throughput run.

    ``peer`` is the module in ``benchmarks.peers`` and ``sizes`` what its model is told. ``reference`` is what a form of
    PyTorch reached on the reference machine, in instances per second; ``targets`` are ratios.
    """

    name: str
    workload: str
    options: Mapping[str, Any]
    training: Mapping[str, Any]
    peer: str
    sizes: Mapping[str, Any] = field(default_factory=dict)
    small: Mapping[str, Any] = field(default_factory=dict)
    reference: Mapping[str, float] = field(default_factory=dict)
    targets: Mapping[str, float] = field(default_factory=dict)

    def job(self, small: bool = False, copies: int = 2, **training: Any) -> Job:
        """The job of the throughput run, replicated; without a target and without validation in between."""
        job = workload(self.workload, **{**self.options, **(self.small if small else {})})
        settings = {"target": None, "validate_every": None, "epochs": 2, **self.training, **training}
        graph = job.graph.replicas(copies, sync="epoch") if copies > 1 else job.graph
        return replace(job, graph=graph).with_training(**settings)


CASES = (
    Case(
        "mlp",
        "mlp",
        {"data": "generated", "training": 20_000, "validation": 100},
        {"max_active_keys": 4},
        "mlp",
        small={"training": 2_000},
        reference={"batched": 16_300},
        targets={"batched": 1.7},
    ),
    Case(
        "list_reduction",
        "list_reduction",
        {"lists": 100_000, "validation": 100},
        {"max_active_keys": 8, "max_batch": 64},
        "rnn",
        small={"lists": 10_000},
        reference={"batched": 115_700},
        targets={"batched": 2.0},
    ),
)
