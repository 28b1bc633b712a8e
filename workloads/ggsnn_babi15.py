"""Deduction (bAbI 15) with a small gated graph network: which node the asked person is afraid of.

nodes -> loop of ggsnn.py -> score (hidden to 1) -> answer (a graph's scores in a row) -> log-softmax -> loss <- answers
"""

from __future__ import annotations

from ampsim.engine.optimizer import Adam
from ampsim.ir.graph import Graph
from ampsim.ir.nodes import Group, Linear, LogSoftmax, NllLoss, Source
from ampsim.job import Job, Recipe, Training
from ampsim.workloads.deduction import TYPES
from ampsim.workloads.ggsnn import graphs, last_step, propagate


def ggsnn_babi15(
    *,
    questions: int = 10_000,
    epoch: int = 100,
    validation: int = 500,
    kinds: int = 27,
    persons: int = 27,
    batch: int = 10,
    hidden: int = 5,
    steps: int = 2,
    replicas: int = 1,
    seed: int = 0,
) -> Job:
    """The job: one pass over ``questions`` fresh graphs of ``kinds + persons`` nodes, ``batch`` of them an instance.

    No graph is seen twice: instead of many epochs over a set it is one over a long one, validated after every ``epoch``
    questions. Units: 0 and 1 the edges, 2 the gated unit, 3 the score. The whole graph is made ``replicas`` times, and
    the copies are made equal whenever that many questions have been asked.
    """
    nodes, answers, loss = Source("nodes"), Source("answers"), NllLoss("loss")
    done = propagate(nodes, TYPES, hidden)
    score = Linear("score", hidden, 1, gain=1.0).affinity(TYPES + 1)
    _ = done >> score >> Group("answer", graphs, last_step, fold=kinds + persons) >> LogSoftmax() >> loss["prediction"]
    _ = answers >> loss["label"]
    every = max(1, epoch // batch)
    options = {
        "training": questions,
        "validation": validation,
        "kinds": kinds,
        "persons": persons,
        "batch": batch,
        "steps": steps,
        "hidden": hidden,
        "seed": seed,
    }
    training = Training(
        max_active_keys=4,
        update="instance",
        gradient="sum",
        max_batch=16,
        optimizer=Adam(0.01),
        validate_every=every,
        target=1.0,
    )
    graph = Graph.of("ggsnn_babi15", nodes, answers).replicas(replicas, sync=every)
    return Job(graph, Recipe("ampsim.workloads.deduction:load", options), training)
