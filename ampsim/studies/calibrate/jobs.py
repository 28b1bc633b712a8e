"""What a machine is measured with where nobody says: a little of every workload."""

from __future__ import annotations

from ampsim.job import Job
from ampsim.workloads import workload

OPTIONS: dict[str, dict[str, int | str]] = {
    "mlp": {"data": "generated", "training": 4000, "validation": 100},
    "list_reduction": {"lists": 10_000, "validation": 100},
    "tree_lstm": {"trees": 300, "validation": 10},
    "ggsnn_babi15": {"questions": 4000, "epoch": 2000, "validation": 10},
    "ggsnn_qm9": {"data": "generated", "training": 600, "validation": 20},
}


def default_jobs() -> list[Job]:
    """One small job of each workload, on generated data."""
    return [workload(name, **options) for name, options in OPTIONS.items()]
