"""The AMPNet workloads as the throughput benchmark runs them: sizes, training settings, what is aimed at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ampsim.engine.optimizer import SGD
from ampsim.job import Job
from ampsim.workloads import workload


@dataclass(frozen=True)
class Case:
    """A workload with ``options``, and ``training`` settings of the throughput run; ``name`` is that of the peer.

    ``small`` are options for a quick look. ``targets`` are the ratios to forms of PyTorch that we aim at without the
    core type, ``as_set`` those with it.
    """

    name: str
    options: Mapping[str, Any]
    training: Mapping[str, Any]
    small: Mapping[str, Any]
    targets: Mapping[str, float] = field(default_factory=dict)
    as_set: Mapping[str, float] = field(default_factory=lambda: {"batched": 1.0})

    def job(self, small: bool = False, copies: int = 2, **training: Any) -> Job:
        """The job of the throughput run, replicated; without a target, and validated on next to nothing."""
        job = workload(self.name.partition(",")[0], **{**self.options, **(self.small if small else {})})
        settings = {"target": None, "target_loss": None, "validate_every": None, **self.training, **training}
        graph = job.graph.replicas(copies, sync="epoch") if copies > 1 else job.graph
        return replace(job, graph=graph).with_training(**settings)


def qm9(hidden: int, training: int) -> Mapping[str, Any]:
    """Molecules drawn at random, 50 an instance."""
    return {"data": "generated", "training": training, "validation": 50, "batch": 50, "hidden": hidden}


CASES = {
    case.name: case
    for case in (
        Case(
            "mlp",
            {"data": "generated", "training": 20_000, "validation": 100},
            {"max_active_keys": 4, "epochs": 3},
            {"training": 2_000},
            {"batched": 1.7},
        ),
        Case(
            "list_reduction",
            {"lists": 100_000, "validation": 100},
            {"max_active_keys": 32, "max_batch": 64, "epochs": 3},
            {"lists": 10_000},
            {"batched": 2.0},
        ),
        Case(
            "tree_lstm",
            {"trees": 3_000, "validation": 50, "batch": 50},
            {"max_active_keys": 4, "max_batch": 64, "epochs": 3, "optimizer": SGD(0.05)},
            {"trees": 500},
            {"batched": 1.4, "one at a time": 10.0},
        ),
        Case(
            "ggsnn_babi15",
            {"questions": 100_000, "validation": 100, "batch": 100},
            {"max_active_keys": 16, "max_batch": 64, "epochs": 2},
            {"questions": 5_000},
            {"batched": 1.2, "one at a time": 12.0},
        ),
        Case(
            "ggsnn_qm9, h100",
            qm9(100, 5_000),
            {"max_active_keys": 4, "max_batch": 64, "epochs": 2},
            {"training": 500},
            {"batched": 1.2, "dense": 3.0},
            {"batched": 0.9},
        ),
        Case(
            "ggsnn_qm9, h200",
            qm9(200, 2_000),
            {"max_active_keys": 4, "max_batch": 64, "epochs": 2},
            {"training": 300},
            {"batched": 1.25},
            {"batched": 0.9},
        ),
    )
}
