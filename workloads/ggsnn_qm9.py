"""Dipole norms of small molecules (QM9) with a gated graph network: four types of bonds, four steps, one number.

nodes -> embed -> loop of ggsnn.py -> readout (gate * value of an atom) -> molecule (their sum) -> loss <- answers
"""

from __future__ import annotations

from ampsim.engine.optimizer import Adam
from ampsim.ir.graph import Graph
from ampsim.ir.nodes import AbsoluteLoss, Embedding, GatedReadout, Group, Source
from ampsim.job import Job, Recipe, Training
from ampsim.workloads.dipoles import ACCURACY, SCALE, TYPES
from ampsim.workloads.ggsnn import graphs, last_step, propagate, readout
from ampsim.workloads.smiles import ELEMENTS


def ggsnn_qm9(
    *,
    data: str = "qm9",
    training: int = 117_831,
    validation: int = 13_000,
    batch: int = 20,
    hidden: int = 100,
    steps: int = 4,
    replicas: int = 1,
    seed: int = 0,
) -> Job:
    """The job: molecules in minibatches of ``batch``; a state of ``hidden`` for every atom, hydrogens included.

    ``data`` is ``qm9`` or ``generated`` (molecules drawn at random, no download). Units: 0 the embedding, 1 to 4 the
    bonds, 5 the gated unit, 6 the readout. The whole graph is made ``replicas`` times, and the copies are made equal
    once an epoch.
    """
    nodes, answers, loss = Source("nodes"), Source("answers"), AbsoluteLoss("loss", tolerance=ACCURACY / SCALE)
    embed = nodes >> Embedding("embed", len(ELEMENTS), hidden).affinity(0)
    done = propagate(embed, TYPES, hidden, first_unit=1)
    atoms = done >> GatedReadout("readout", hidden).affinity(TYPES + 2)
    _ = atoms >> Group("molecule", graphs, last_step, rows=readout) >> loss["prediction"]
    _ = answers >> loss["label"]
    options = {
        "name": data,
        "training": training,
        "validation": validation,
        "batch": batch,
        "steps": steps,
        "seed": seed,
    }
    settings = Training(
        epochs=50, max_active_keys=4, update="instance", gradient="sum", max_batch=16, optimizer=Adam(1e-3)
    )
    graph = Graph.of("ggsnn_qm9", nodes, answers).replicas(replicas)
    return Job(graph, Recipe("ampsim.workloads.dipoles:load", options), settings)
