"""Simulated messages per second of processor time, and what bare SimPy and plain heapq do beside it.

    python -m benchmarks.sim [--repeats 3] [--chips 16,64,256,1024] [--events] [--json]

The network by itself (see _network.py): messages over links nobody else uses, ring all-reduces event by event and on
the fast path, memory of a message on its way. Then graphs in shapes mode: an MLP with a layer on each chip of a mesh
like the wafer's, as many minibatches in flight, all with about as many messages. A message is an IR message on an edge
in one direction; the time includes all tables of the Run. A run four times as long tells what a further message costs,
without what a run costs by itself. The Run folder is saved and timed apart.

A bare SimPy timeout is one event of one process that does nothing else. Everything is measured in turn in one process,
so that a machine whose speed drifts drifts for all; ratios are taken turn by turn. Times are the processor's: all of it
is one thread that never waits, and what else runs on the machine then shows less. Answers asserted: arrivals and
collectives by closed forms, the fast path equal to the other one; of graphs, messages and bytes per edge, FLOP and
updates equal those of NullBackend, and every simulated run is equal to the bit.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from math import isqrt
from pathlib import Path

import numpy as np
import simpy

from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.hw import System, load
from ampsim.hw.backend import SimBackend
from ampsim.result.run import Run
from ampsim.workloads import workload
from benchmarks import _network

TIMEOUTS = 200_000
MESSAGES = 30_000  # of a graph, about

Figures = dict[str, list[float]]


def plan(chips: int, messages: int) -> tuple[Plan, System]:
    """A job with a layer for each chip of a mesh, placed row by row, data loaded and graph verified."""
    side = 1 << (chips.bit_length() - 1) // 2
    side = side if chips % side == 0 else isqrt(chips)
    values = load("wafer_mesh").to_dict()
    values["chips"][0]["count"] = chips
    values["topology"]["dims"] = [side, chips // side]
    values["sources"] = {}
    instances = max(2, messages // (4 * chips))
    job = workload("mlp", data="none", layers=chips, training=100 * instances, validation=100)
    job = job.with_training(epochs=1, target=None, max_active_keys=chips)
    made = Plan(job, chips, {unit: unit for unit in range(chips)}, mode="shapes")
    made.check()
    return made, System.from_dict(values)


def timeouts() -> float:
    """Bare timeouts per second."""
    env = simpy.Environment()

    def wait() -> simpy.events.ProcessGenerator:
        for _ in range(TIMEOUTS):
            yield env.timeout(1)

    env.process(wait())
    start = time.process_time()
    env.run()
    return TIMEOUTS / (time.process_time() - start)


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


def network(repeats: int, events: bool) -> Figures:
    """The network by itself; ``events``: 1,024 chips event by event as well."""
    found: Figures = {}

    def note(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    slow: list[int] = []
    if events:
        seconds, slow = _network.all_reduce(1024, fast=False)
        note("ring 1024, event by event, s", seconds)
    assert _network.all_reduce(64, fast=True)[1] == _network.all_reduce(64, fast=False)[1]
    for _ in range(repeats):
        note("bare SimPy timeouts/s", timeouts())
        note("plain heapq events/s", _network.heap_events())
        for name, rate in (
            ("messages/s, table made", _network.messages(record=True)),
            ("the same by run_collectives", _network.messages(record=True, buckets=True)),
            ("messages/s, totals only", _network.messages(record=False)),
            ("messages/s inside SimPy", _network.sent_in_simpy()),
        ):
            note(name, rate)
            note(f"{name}: over timeouts / 2", 2 * rate / found["bare SimPy timeouts/s"][-1])
        note("ring 64, event by event, s", _network.all_reduce(64, fast=False)[0])
        seconds, times = _network.all_reduce(1024, fast=True)
        note("ring 1024, fast path, s", seconds)
        assert not slow or times == slow
    note("bytes of memory a message in flight", _network.bytes_in_flight())
    return found


def graph(chips: int, repeats: int) -> Figures:
    """A graph on so many chips: a run, and one four times as long, which shows what a further message costs."""
    (made, system), (long, _) = plan(chips, MESSAGES), plan(chips, 4 * MESSAGES)
    backend = SimBackend(system)
    wanted = NullBackend().execute(made)
    first = backend.execute(made)
    agree(first, wanted)
    found: Figures = {}
    messages = int(first.tables["edges"]["messages"].sum())
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(repeats):
            events = timeouts()
            start = time.process_time()
            run = backend.execute(made)
            done = time.process_time()
            run.save(Path(folder) / str(repeat))
            saved = time.process_time()
            same(run, first)
            again = time.process_time()
            NullBackend().execute(made)
            plain = time.process_time()
            run = backend.execute(long)
            more = time.process_time() - plain - (done - start)
            further = int(run.tables["edges"]["messages"].sum()) - messages
            del run
            for name, value in (
                ("messages/s", messages / (done - start)),
                ("messages/s, each further one", further / more),
                ("messages/s, saved as well", messages / (saved - start)),
                ("messages/s without a clock", messages / (plain - again)),
                ("timeouts a further message", events * more / further),
            ):
                found.setdefault(name, []).append(value)
    found["messages"] = [messages]
    return found


def main() -> None:
    """Print median and range."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--chips", default="16,64,256,1024", help="sizes of the graphs; empty: none")
    parser.add_argument("--events", action="store_true", help="1,024 chips event by event as well: 2.1 M messages")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = {"network": network(arguments.repeats, arguments.events)}
    for chips in map(int, filter(None, arguments.chips.split(","))):
        found[f"graph on {chips} chips"] = graph(chips, arguments.repeats)
    if arguments.json:
        print(json.dumps(found))
        return
    for title, figures in found.items():
        print(f"{title:52} {'median':>12} {'range':>27}")
        for name, values in figures.items():
            digits = 3 if max(values) < 100 else 0
            ends = f"{min(values):,.{digits}f} to {max(values):,.{digits}f}"
            print(f"  {name:50} {statistics.median(values):12,.{digits}f} {ends:>27}")


if __name__ == "__main__":
    main()
