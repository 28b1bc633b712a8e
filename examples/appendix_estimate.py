"""How many molecules a second would a network of 1-TFLOPS devices train on? The closing estimate of AMPNet, simulated.

    python examples/appendix_estimate.py [--graphs 40] [--json] [-o figure.html]

A gated graph network (hidden 200, four types of edges, four steps) with each parameterised operation on a device of its
own, one molecule an instance. The chips are ideal: a product takes FLOP / 1 TFLOPS whatever its shape, elementwise
work and memory take no time, a task or a parcel costs nothing. So throughput is bounded by the busiest device, that of
the gated unit, to F / (36 N H^2 T), and by the fullest link, to its rate over its bytes a molecule. Both are laws, and
asserted.

Two networks: `switch`, where all that a device sends goes through one port, and `full`, where each pair of devices has
a link of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from study import Figure, Line, finish, options, table

import ampsim
from ampsim.workloads.graphs import Drawn, Graphs, cut

FLOPS = 1e12
HIDDEN, NODES, TYPES, STEPS = 200, 30, 4, 4  # as many edges as nodes
MAK = 16
RATES = (0.1, 0.3, 1.2, 3, 9, 30, 100)  # Gbit/s
GATED, READOUT, DEVICES = 5, 6, 7  # two of seven units; 0 is the embedding, 1 to 4 are the types of edges


def rings(graphs: int, nodes: int = NODES, types: int = TYPES, steps: int = STEPS) -> tuple[Graphs, None]:
    """Rings: each node has an edge to the next, and the types take turns. One ring an instance."""
    numbers, zeros = np.arange(nodes), np.zeros(nodes, np.int64)
    nodes_and_edges = [np.tile(array, graphs) for array in (zeros, numbers, (numbers + 1) % nodes, numbers % types)]
    sizes, (elements, source, target, kinds) = np.full(graphs, nodes), nodes_and_edges
    drawn = Drawn(sizes, elements, sizes, source, target, kinds, np.zeros(graphs, np.float32))
    return cut(drawn, 1, types=types, steps=steps), None


def model(data: ampsim.Recipe, hidden: int = HIDDEN, copies: int = 1) -> ampsim.Job:
    """The shipped network on other data; what only moves rows stands where the rows are made."""
    job = ampsim.workload("ggsnn_qm9", data="generated", hidden=hidden, replicas=copies)
    units = dict.fromkeys(("phi", "fan", "edges", "type", "messages"), GATED) | {"molecule": READOUT}
    job = replace(job, graph=job.graph.with_units(units), data=data)
    return job.with_training(epochs=1, target=None, max_active_keys=MAK, max_batch=1)


def devices(topology: str, rate: float | str, count: int = DEVICES) -> ampsim.System:
    """Ideal chips with links of ``rate`` bytes a second."""
    chip = {"matmul": FLOPS, "vector": 1e21, "memory_bandwidth": "unlimited", "memory_capacity": "unlimited"}
    return ampsim.System.from_dict({
        "name": "appendix",
        "chips": [{"count": count, **chip}],
        "links": {"bandwidth": rate, "latency": 0.0},
        "topology": {"kind": topology},
    })  # fmt: skip


def measure(job: ampsim.Job, topology: str, rate: float | str) -> dict[str, Any]:
    """Graphs per second over the whole run, and both bounds from the run's own counts."""
    run = ampsim.simulate(job, devices(topology, rate), mode="shapes")
    tasks, links, graphs = run.tables["tasks"], run.tables["links"], len(run.tables["instances"]["instance"])
    flop = np.bincount(tasks["worker"], tasks["matmul"]).max() / graphs
    load = np.bincount(links["link"], links["bytes"]).max() / graphs
    bound = FLOPS / flop
    through_links = None if isinstance(rate, str) else rate / load
    found = graphs / run.makespan
    assert found <= min(bound, through_links or bound) * (1 + 1e-9)
    return {
        "network": topology,
        "gbit": None if isinstance(rate, str) else rate * 8 / 1e9,
        "graphs_per_second": found,
        "flop_bound": bound,
        "link_bound": through_links,
        "fullest_link_bytes": load,
    }


def main() -> None:
    """The estimate with ample links, then the sweep over their rate."""
    arguments = options(__doc__, graphs=40).parse_args()
    out, generated = table(arguments), {"training": arguments.graphs, "validation": 0, "batch": 1}
    job = model(ampsim.Recipe("appendix_estimate:rings", {"graphs": arguments.graphs}))
    ample = measure(job, "full", "unlimited")
    assert ample["flop_bound"] == FLOPS / (36 * NODES * HIDDEN**2 * STEPS)
    assert ample["graphs_per_second"] >= 0.95 * ample["flop_bound"]
    drawn = measure(model(ampsim.Recipe("ampsim.workloads.dipoles:load", generated)), "full", "unlimited")
    assert drawn["graphs_per_second"] >= 0.95 * drawn["flop_bound"]
    print("ample links                      graphs/s  flop bound", file=out)
    print("the paper                         ~ 6,000", file=out)
    for name, row in (("rings of 30 nodes and 30 edges", ample), ("molecules as in QM9", drawn)):
        print(f"{name:32} {row['graphs_per_second']:8,.0f} {row['flop_bound']:11,.0f}", file=out)
    once = NODES * HIDDEN * 32 * ample["flop_bound"] / 1e9
    print(f"\nstates once a graph: {once:.2f} Gbit/s; every step, both directions: {once * 2 * STEPS:.2f}", file=out)
    rows = [measure(job, topology, rate * 1e9 / 8) for topology in ("switch", "full") for rate in RATES]
    halves = rows[: len(RATES)], rows[len(RATES) :]
    for first in (half[0] for half in halves):
        knee = first["fullest_link_bytes"] * first["flop_bound"] * 8 / 1e9
        print(f"{first['network']}: the fullest link keeps up from {knee:.2f} Gbit/s", file=out)
    print("\nGbit/s    switch  its bound      full  its bound   (graphs/s)", file=out)
    for pair in zip(*halves, strict=True):
        cells = [f"{row['graphs_per_second']:9,.0f} {min(row['flop_bound'], row['link_bound']):10,.0f}" for row in pair]
        print(f"{pair[0]['gbit']:6.1f} {' '.join(cells)}", file=out)
    lines = [Line(half[0]["network"], RATES, [row["graphs_per_second"] for row in half]) for half in halves]
    lines.append(Line("bound by FLOP", RATES, [ample["flop_bound"]] * len(RATES), dashed=True))
    figure = Figure("GGSNN on 1-TFLOPS devices", "rate of a link (Gbit/s)", "graphs/s", lines, log=True,
                    marks=((1.2, "1.2: once a graph"), (9, "9: every step, both ways")))  # fmt: skip
    finish(arguments, [{**ample, "data": "rings"}, {**drawn, "data": "generated"}, *rows], figure)


if __name__ == "__main__":
    main()
