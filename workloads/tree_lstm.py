"""A binary Tree-LSTM (Tai, Socher, Manning 2015): every labelled node of every tree is classified.

tokens -> embed -> leaf --> phi ---> fan --> h -> classify -> log-softmax -> loss <- labels
                             ^        |
                             branch <- children (a row of both side by side) <- up (each row to its parent's place)

What travels is [h | c]. The loop has no Cond: a root's row goes nowhere, so it ends where the trees end.
"""

from __future__ import annotations

from ampsim.engine.optimizer import Adam
from ampsim.ir.graph import Graph
from ampsim.ir.message import State
from ampsim.ir.nodes import (
    Bcast,
    BranchLstm,
    Columns,
    Embedding,
    Flatmap,
    Group,
    LeafLstm,
    Linear,
    LogSoftmax,
    NllLoss,
    Phi,
    Source,
)
from ampsim.ir.rows import Rows
from ampsim.job import Job, Recipe, Training
from ampsim.workloads.forest import Forest
from ampsim.workloads.treebank import LABELS


def parents(state: State, forest: Forest) -> list[State]:
    """(instance, place) goes to (instance, place of the parents, place), once for each place parents are at."""
    instance, place = state
    return [(instance, above, place) for above in forest.up[place].places]


def to_parents(state: State, forest: Forest) -> Rows:
    """Which rows of a place go to which of its parents' places."""
    return forest.up[state[1]].rows


def parent(state: State, forest: Forest) -> State:
    """(instance, place of the parents, place) belongs to (instance, place of the parents)."""
    return state[:2]


def children(state: State, forest: Forest) -> list[State]:
    """All messages that come to a place from the places of its nodes' children."""
    instance, place = state
    return [(instance, place, below) for below in forest.down[place].places]


def side_by_side(state: State, forest: Forest) -> Rows:
    """Rows of the children of a place in the order left, right, left, right."""
    return forest.down[state[1]].rows


def tree_lstm(
    *,
    data: str = "generated",
    trees: int = 8544,
    validation: int = 1101,
    batch: int = 10,
    by: str = "level",
    hidden: int = 150,
    embedding: int = 300,
    vocabulary: int = 19_500,
    replicas: int = 1,
    seed: int = 0,
) -> Job:
    """The job: trees of ``data`` (``generated``, ``vader``, or a folder with files of the Stanford Sentiment Treebank).

    ``batch`` trees are an instance; ``by`` says whether all nodes of one height in it are one message or each node is.
    ``vocabulary`` bounds the words with a row of their own in the embedding. Units: 0 embedding and leaves, 1 branches,
    2 the classifier. An instance's gradient is the sum over all labelled nodes, divided by ``batch``. The whole graph
    is made ``replicas`` times, and the copies are made equal once an epoch. Trained to 86 % of all nodes by Adam with
    rate 1e-3, in two epochs; 88 % is what can be known of generated trees.
    """
    tokens, labels = Source("tokens"), Source("labels")
    phi, fan = Phi("phi", ports=("leaf", "branch")), Bcast("fan", ports=("score", "up"))
    loss = NllLoss("loss", weight=1 / batch)
    embed = Embedding("embed", vocabulary + 1, embedding, scale=0.1).affinity(0)
    _ = tokens >> embed >> LeafLstm("leaf", embedding, hidden).affinity(0) >> phi["leaf"]
    _ = phi >> fan
    classify = Linear("classify", hidden, LABELS, gain=1.0).affinity(2)
    _ = fan["score"] >> Columns("h", 0, hidden) >> classify >> LogSoftmax() >> loss["prediction"]
    together = Group("children", parent, children, rows=side_by_side, fold=2)
    up = Flatmap("up", parents, rows=to_parents)
    _ = fan["up"] >> up >> together >> BranchLstm("branch", hidden).affinity(1) >> phi["branch"]
    _ = labels >> loss["label"]
    options = {
        "data": data,
        "trees": trees,
        "validation": validation,
        "batch": batch,
        "by": by,
        "vocabulary": vocabulary,
        "seed": seed,
    }
    training = Training(
        epochs=5,
        max_active_keys=4,
        max_batch=16,
        update="instance",
        gradient="sum",
        optimizer=Adam(1e-3),
        target=0.86 if data == "generated" else None,
    )
    graph = Graph.of("tree_lstm", tokens, labels).replicas(replicas)
    return Job(graph, Recipe("ampsim.workloads.trees:load", options), training)
