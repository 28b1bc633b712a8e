"""List reduction with a loop RNN: the first job whose instances differ in how often they go round.

h0 ----> phi --> join.h   tokens -> embed -> join.x
          ^        join -> cell -> relu -> next (t + 1) -> more? --no--> classify -> log-softmax -> loss <- labels
          +------------------------------------------------yes
"""

from __future__ import annotations

from ampsim.engine.optimizer import Adam
from ampsim.ir.graph import Graph
from ampsim.ir.keys import instance
from ampsim.ir.message import State
from ampsim.ir.nodes import Concat, Cond, Embedding, Isu, Linear, LogSoftmax, NllLoss, Phi, Relu, Source
from ampsim.job import Job, Recipe, Training

TOKENS = 14  # ten digits and four reductions
CLASSES = 10


def one_more(state: State, length: int) -> State:
    """Another token has been read: (instance, t) becomes (instance, t + 1)."""
    return (state[0], state[1] + 1)


def one_less(state: State, length: int) -> State:
    """The inverse of :func:`one_more`."""
    return (state[0], state[1] - 1)


def unread(state: State, length: int) -> bool:
    """Whether tokens are left to read."""
    return state[1] < length


def list_reduction(
    *,
    lists: int = 100_000,
    validation: int = 10_000,
    batch: int = 100,
    hidden: int = 128,
    replicas: int = 1,
    seed: int = 0,
) -> Job:
    """The job: lists bucketed by length, ``batch`` of them an instance; the classifier sees the last hidden state.

    Units: 0 the embedding, 1 the cell, 2 the classifier. Trained to 97 % by Adam with rate 1e-3, which took 12 to 19
    epochs; 2e-3 is faster with one instance in flight and unsteady with four. The cell is a ReLU because with a tanh
    the alternating sum is not learnt: accuracy stays near 80 %. The whole graph is made ``replicas`` times, and the
    copies are made equal once an epoch.
    """
    tokens, h0, labels = Source("tokens"), Source("h0"), Source("labels")
    phi, join = Phi("phi", ports=("start", "again")), Concat("join", ports=("h", "x"))
    more = Cond("more", unread, ports=("no", "yes"))
    loss = NllLoss("loss", key={"prediction": instance, "label": instance})
    _ = h0 >> phi["start"] >> join["h"]
    _ = tokens >> Embedding("embed", TOKENS, hidden).affinity(0) >> join["x"]
    cell = Linear("cell", 2 * hidden, hidden, gain=2.0).affinity(1)
    _ = join >> cell >> Relu("relu") >> Isu("next", one_more, one_less) >> more
    _ = more["yes"] >> phi["again"]
    _ = more["no"] >> Linear("classify", hidden, CLASSES, gain=1.0).affinity(2) >> LogSoftmax() >> loss["prediction"]
    _ = labels >> loss["label"]
    options = {"training": lists, "validation": validation, "batch": batch, "hidden": hidden, "seed": seed}
    training = Training(
        epochs=25, max_active_keys=4, update="instance", gradient="sum", optimizer=Adam(1e-3), target=0.97
    )
    graph = Graph.of("list_reduction", h0, tokens, labels).replicas(replicas)
    return Job(graph, Recipe("ampsim.workloads.lists:load", options), training)
