"""Simulated messages per second of wall time, and what SimPy itself does beside it.

    python benchmarks/sim.py [--instances 200] [--repeats 5] [--json]

An MLP of 64 layers, one on each chip of the wafer-like mesh, 64 minibatches in flight, shapes mode. A message is an IR
message on an edge in one direction. The time includes all tables of the Run; the Run folder is saved and timed apart.
A bare SimPy timeout is one event of one process that does nothing else. Both are measured in turn in one process, so
that a machine whose speed drifts drifts for both. The answer asserted: messages and bytes per edge, FLOP and updates
equal those of NullBackend, and every simulated run is equal to the bit.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import simpy

from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.hw import load
from ampsim.hw.backend import SimBackend
from ampsim.result.run import Run
from ampsim.workloads import workload

LAYERS = 64
TIMEOUTS = 200_000


def plan(instances: int) -> Plan:
    """The job, layer by layer on the chips of the mesh, with data loaded and graph verified."""
    job = workload("mlp", data="none", layers=LAYERS, training=100 * instances, validation=1000)
    job = job.with_training(epochs=1, target=None, max_active_keys=LAYERS)
    made = Plan(job, LAYERS, {unit: unit for unit in range(LAYERS)}, mode="shapes")
    made.check()
    return made


def timeouts() -> float:
    """Bare timeouts per second."""
    env = simpy.Environment()

    def wait() -> simpy.events.ProcessGenerator:
        for _ in range(TIMEOUTS):
            yield env.timeout(1)

    env.process(wait())
    start = time.perf_counter()
    env.run()
    return TIMEOUTS / (time.perf_counter() - start)


def agree(run: Run, wanted: Run) -> None:
    """The simulator computed what a plain loop computes."""
    for column, values in wanted.tables["edges"].items():
        assert np.array_equal(run.tables["edges"][column], values), f"edges.{column} differs"
    for name in ("updates", "matmul"):
        assert run.summary[name] == wanted.summary[name], f"{name} differs"


def same(run: Run, first: Run) -> None:
    """Two simulations of one plan are equal to the bit."""
    for table, columns in first.tables.items():
        for column, values in columns.items():
            assert run.tables[table][column].tobytes() == values.tobytes(), f"{table}.{column} differs"


def measure(instances: int, repeats: int) -> dict[str, list[float]]:
    """All figures of all repeats."""
    made, backend = plan(instances), SimBackend(load("wafer_mesh"))
    wanted = NullBackend().execute(made)
    first = backend.execute(made)
    agree(first, wanted)
    found: dict[str, list[float]] = {name: [] for name in ("simpy", "sim", "saved", "null")}
    messages = int(first.tables["edges"]["messages"].sum())
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(repeats):
            found["simpy"].append(timeouts())
            start = time.perf_counter()
            run = backend.execute(made)
            done = time.perf_counter()
            run.save(Path(folder) / str(repeat))
            saved = time.perf_counter()
            same(run, first)
            del run
            again = time.perf_counter()
            NullBackend().execute(made)
            found["null"].append(messages / (time.perf_counter() - again))
            found["sim"].append(messages / (done - start))
            found["saved"].append(messages / (saved - start))
    found["ratio"] = [events / rate for events, rate in zip(found["simpy"], found["sim"], strict=True)]
    found["messages"] = [messages]
    return found


LABELS = {
    "sim": "simulated messages per second, tables written",
    "saved": "the same, Run folder saved as well",
    "null": "the same work without a clock (NullBackend)",
    "simpy": "bare SimPy timeouts per second",
    "ratio": "timeouts per simulated message",
}


def main() -> None:
    """Print median and range."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.instances, arguments.repeats)
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"{LAYERS} layers on {LAYERS} chips, {int(found['messages'][0])} messages; counts equal NullBackend's")
    print(f"{'':48} {'median':>11} {'range':>21}")
    for name, label in LABELS.items():
        values = found[name]
        print(f"{label:48} {statistics.median(values):11,.0f} {min(values):10,.0f}-{max(values):,.0f}")


if __name__ == "__main__":
    main()
