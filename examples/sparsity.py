"""Sparsity and asynchrony apart: what each is worth for a gated graph network on molecules.

    python examples/sparsity.py [--graphs 40] [--json] [-o figure.html]

AMPNet's network was ten times as fast as TensorFlow's on QM9; its authors put it down to sparsity, 2x, and asynchrony,
5x. The *sparse* form is the shipped workload: a product per type of edge, with a row for each edge that there is. The
*dense* form multiplies the states of all N nodes of a molecule, as one row, by a matrix of NH x 2NH, a block for each
pair of nodes and each direction, mostly zero. Its arithmetic only is simulated (no array of it is ever made), so this
runs in shapes mode. FLOP are counted and compared with what the numbers of nodes and edges say.

The chips are the ideal ones of appendix_estimate.py: time is FLOP. One molecule an instance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from appendix_estimate import DEVICES, FLOPS, GATED, HIDDEN, READOUT, STEPS, devices, model
from study import Figure, Line, finish, options, table

import ampsim
from ampsim.ir.message import FORWARD, Spec
from ampsim.ir.nodes import (
    AbsoluteLoss,
    Bcast,
    Concat,
    Cond,
    Embedding,
    GatedReadout,
    Group,
    Gru,
    Isu,
    Phi,
    Source,
    Transform,
)
from ampsim.ir.work import Work
from ampsim.workloads.ggsnn import graphs, last_step, one_less, one_more, readout, steps_left
from ampsim.workloads.smiles import ELEMENTS

MAKS = (1, 2, 4, 8, 16)


@dataclass(eq=False)
class Blocks(Transform):
    """The work of h @ A, the states of a molecule's n nodes as one row and A of (n H, 2 n H); counted, never done."""

    hidden: int = 0

    @property
    def operation(self) -> str:
        return f"Blocks({self.hidden})"

    def work(self, x: Spec, direction: int, input_gradient: bool = True) -> Work:
        n = x.shape[0] * self.hidden
        matrix = 4 * n * 2 * n
        if direction == FORWARD:
            return Work(((1, n, 2 * n),), 0, x.nbytes + matrix, 2 * x.nbytes)
        # The gradient of the states, and that of the matrix.
        return Work(((1, 2 * n, n), (n, 1, 2 * n)), 0, 4 * x.nbytes + matrix, x.nbytes + matrix)


def sparse(molecules: ampsim.Recipe, copies: int) -> ampsim.Job:
    """The shipped workload, ``copies`` times, its copies made equal at the end."""
    return model(molecules, copies=copies)


def dense(molecules: ampsim.Recipe, copies: int) -> ampsim.Job:
    """The same network with one big product a step in place of one a type of edge."""
    nodes, answers, loss = Source("nodes"), Source("answers"), AbsoluteLoss("loss", tolerance=0.1)
    phi, fan = Phi("phi", ports=("start", "again")), Bcast("fan", ports=("along", "old"))
    join, more = Concat("join", ports=("m", "h")), Cond("more", steps_left, ports=("no", "yes"))
    embed = nodes >> Embedding("embed", len(ELEMENTS), HIDDEN).affinity(0)
    _ = embed >> phi["start"] >> fan.affinity(GATED)
    _ = fan["along"] >> Blocks("blocks", HIDDEN).affinity(1) >> join["m"]
    _ = fan["old"] >> join["h"]
    _ = join >> Gru("gru", HIDDEN, HIDDEN).affinity(GATED) >> Isu("next", one_more, one_less) >> more
    _ = more["yes"] >> phi.affinity(GATED)["again"]
    atoms = more["no"] >> GatedReadout("readout", HIDDEN).affinity(READOUT)
    _ = atoms >> Group("molecule", graphs, last_step, rows=readout).affinity(READOUT) >> loss["prediction"]
    _ = answers >> loss["label"]
    return replace(sparse(molecules, 1), graph=ampsim.Graph.of("dense", nodes, answers).replicas(copies))


def measure(form: str, job: ampsim.Job, system: ampsim.System, mak: int, copies: int) -> dict[str, Any]:
    """Molecules per second, FLOP a molecule, and that of the busiest device."""
    run = ampsim.simulate(job.with_training(max_active_keys=mak), system, mode="shapes")
    tasks, count = run.tables["tasks"], len(run.tables["instances"]["instance"])
    work = np.bincount(tasks["worker"], tasks["matmul"]) / count
    found = count / run.makespan
    row = {"form": form, "mak": mak, "copies": copies, "devices": len(work), "graphs_per_second": found}
    return row | {"flop": work.sum(), "busiest": work.max()}


def expected(molecules: ampsim.Recipe, form: str) -> float:
    """FLOP a molecule of what differs and of the gated unit: forward once, backward twice that, in every step."""
    data = molecules.load().training
    nodes = np.array([data.spec("nodes", index).shape[0] for index in range(len(data))], float)
    edges = np.array([len(data.structure(index).along.index) for index in range(len(data))], float)
    messages = 2 * edges if form == "sparse" else 4 * nodes**2
    return float(3 * STEPS * HIDDEN**2 * (messages + 12 * nodes).mean())


def main() -> None:
    """FLOP, throughput against mak, and the factors."""
    arguments = options(__doc__, graphs=40).parse_args()
    out, found = table(arguments), {}
    molecules = ampsim.Recipe(
        "ampsim.workloads.dipoles:load", {"training": arguments.graphs, "validation": 0, "batch": 1}
    )
    print("form    copies  MFLOP/molecule  busiest device " + " ".join(f"   mak {mak:2}" for mak in MAKS), file=out)
    for form, make, copies in (("dense", dense, 1), ("sparse", sparse, 1), ("sparse", sparse, 4)):
        job, system = make(molecules, copies), devices("full", "unlimited", copies * DEVICES)
        rows = found[form, copies] = [measure(form, job, system, mak, copies) for mak in MAKS]
        last, first = rows[-1], rows[0]
        # The readout's small products come on top.
        assert 0 <= first["flop"] / expected(molecules, form) - 1 < 0.01
        assert all(row["graphs_per_second"] <= FLOPS / row["busiest"] * (1 + 1e-9) for row in rows)
        rates = " ".join(f"{row['graphs_per_second']:9,.0f}" for row in rows)
        print(f"{form:6} {copies:7} {first['flop'] / 1e6:15.1f} {last['busiest'] / 1e6:15.1f} {rates}", file=out)
    slow, alone, copied = (found[key] for key in (("dense", 1), ("sparse", 1), ("sparse", 4)))
    print("\n                            sparsity  asynchrony  product", file=out)
    print("the paper                         2x          5x      10x", file=out)
    for words, rows in (("one copy", alone), ("four copies", copied)):
        fewer = alone[0]["graphs_per_second"] / slow[0]["graphs_per_second"]
        overlap = rows[-1]["graphs_per_second"] / alone[0]["graphs_per_second"]
        print(f"simulated, {words:16} {fewer:7.1f}x {overlap:10.1f}x {fewer * overlap:7.1f}x", file=out)
    names = {("dense", 1): "dense", ("sparse", 1): "sparse", ("sparse", 4): "sparse, four copies"}
    lines = [Line(names[key], MAKS, [row["graphs_per_second"] for row in rows]) for key, rows in found.items()]
    title = "GGSNN on molecules: sparsity and asynchrony"
    finish(
        arguments,
        [row for rows in found.values() for row in rows],
        Figure(title, "mak", "molecules/s", lines, log=True),
    )


if __name__ == "__main__":
    main()
