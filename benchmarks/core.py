"""What a message costs in Python: the whole engine, Run tables written, on payloads too small to matter.

    python benchmarks/core.py [--json]

An MLP with 4-wide layers and one image a message runs on one worker without processes. Time includes admission,
queues, chains, joins, caches, updates, the log and the Run; it is processor time, so that other
programs disturb it little. A message is an IR message on an edge. The answer
asserted: every message of every edge was answered.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numpy as np

from ampsim.engine.null import NullBackend
from ampsim.engine.optimizer import SGD
from ampsim.engine.plan import Plan
from ampsim.job import Job
from ampsim.workloads import workload

INSTANCES = 4000


def job(max_batch: int) -> Job:
    """Four narrow layers; as many instances in flight as a task may take, so that groups fill."""
    built = workload("mlp", data="generated", training=INSTANCES, validation=100, batch=1, width=4)
    return built.with_training(
        epochs=1,
        target=None,
        max_active_keys=2 * max_batch,
        max_batch=max_batch,
        min_update_frequency=max(max_batch, 8),
        optimizer=SGD(0.01),
    )


def measure(max_batch: int, mode: str) -> float:
    """Microseconds per message of one run."""
    plan = Plan(job(max_batch), mode=mode)
    plan.check()
    start = time.process_time()
    run = NullBackend().execute(plan)
    elapsed = time.process_time() - start
    edges = run.tables["edges"]
    training = run.tables["instances"]["training"].sum()
    forward = {e: m for e, d, m in zip(edges["edge"], edges["direction"], edges["messages"], strict=True) if d == 0}
    backward = {e: m for e, d, m in zip(edges["edge"], edges["direction"], edges["messages"], strict=True) if d == 1}
    validation = len(run.tables["instances"]["training"]) - training
    assert all(forward[e] - validation == backward[e] == training for e in forward), "a message was not answered"
    return 1e6 * elapsed / int(edges["messages"].sum())


def main() -> None:
    """Print median and range of seven runs for each setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    results = {}
    arguments = parser.parse_args()
    for mode in ("numeric", "shapes"):
        for max_batch in (1, 32):
            measure(max_batch, mode)
            times = [measure(max_batch, mode) for _ in range(7)]
            results[f"{mode}, max_batch {max_batch}"] = {
                "median_us": statistics.median(times),
                "low_us": min(times),
                "high_us": max(times),
            }
    if arguments.json:
        print(json.dumps(results))
        return
    print(f"{'engine and Run tables, us per message':40} {'median':>8} {'range':>15}")
    for name, row in results.items():
        print(f"{name:40} {row['median_us']:8.2f} {row['low_us']:7.2f}-{row['high_us']:.2f}")
    print(f"numpy {np.__version__}; one message is one state on one edge in one direction")


if __name__ == "__main__":
    main()
