"""Small forms of the shipped workloads, and the three backends."""

from __future__ import annotations

from ampsim.engine.null import NullBackend
from ampsim.engine.optimizer import SGD
from ampsim.engine.plan import Backend
from ampsim.hw import load
from ampsim.hw.backend import SimBackend
from ampsim.job import Job
from ampsim.runtime.backend import RuntimeBackend
from ampsim.workloads import workload

# The workloads of trees and graphs have settings of their own; these are the defaults again.
PLAIN = {"target": None, "max_active_keys": 1, "max_batch": 1, "update": "muf"}


def small_mlp(**training: object) -> Job:
    """20 minibatches of 20 generated images, 32 wide."""
    job = workload("mlp", data="generated", width=32, batch=20, training=400, validation=100)
    return job.with_training(**{"epochs": 2, "target": None, "max_active_keys": 1, "optimizer": SGD(0.05), **training})


def small_rnn(**training: object) -> Job:
    """Some 20 buckets of lists, 16 wide, trained by plain SGD."""
    job = workload("list_reduction", lists=300, validation=60, batch=20, hidden=16)
    return job.with_training(**{"epochs": 2, "target": None, "max_active_keys": 1, "optimizer": SGD(0.02), **training})


def small_tree(**training: object) -> Job:
    """Five instances of four trees, 8 wide: rows of one level, regrouped on the way to the level above."""
    job = workload("tree_lstm", trees=20, validation=4, batch=4, hidden=8, embedding=8, vocabulary=50)
    return job.with_training(**{"epochs": 2, **PLAIN, "optimizer": SGD(0.05), **training})


def small_graph(**training: object) -> Job:
    """Ten instances of two questions, each a graph of 12 nodes: states to edges, messages to nodes, two steps."""
    job = workload("ggsnn_babi15", questions=20, validation=4, kinds=6, persons=6, batch=2)
    return job.with_training(**{**PLAIN, "optimizer": SGD(0.05), "validate_every": 4, **training})


def small_molecules(**training: object) -> Job:
    """Twelve instances of five molecules drawn at random, two steps along four types of bonds; one number each."""
    job = workload("ggsnn_qm9", data="generated", training=60, validation=10, batch=5, hidden=8, steps=2)
    return job.with_training(**{"epochs": 1, **PLAIN, "optimizer": SGD(0.01), **training})


JOBS = {"mlp": small_mlp, "rnn": small_rnn, "tree": small_tree, "graph": small_graph, "molecules": small_molecules}


def backends() -> list[Backend]:
    """The three of them."""
    return [NullBackend(), SimBackend(load("gpu_switch_8")), RuntimeBackend()]
