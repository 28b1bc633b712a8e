"""Deduction, the 15th of the bAbI tasks, as graphs: if mice fear wolves and Gertrude is a mouse, what does she fear.

    Gertrude --is--> mouse --fears--> wolf        asked: Gertrude; the answer is the node of the wolf

Every kind fears one other kind, every person is of one kind, both uniformly at random; two persons may be of the same
kind. Nodes are numbered at random and bear nothing but a mark on the person asked about, so only following the two
edges gives the answer. Four kinds and four persons are the original task; 27 and 27 make graphs of 54 nodes, as large
as AMPNet's inflated ones (our reading: how they were inflated is not known).
"""

from __future__ import annotations

import numpy as np

from ampsim.workloads.graphs import Drawn, Graphs, cut
from ampsim.workloads.limits import seeded, whole

IS, FEARS = 0, 1
TYPES = 2
MOST = 10_000  # kinds or persons of one graph


def draw(questions: int, kinds: int, persons: int, generator: np.random.Generator) -> Drawn:
    """``questions`` graphs of ``kinds + persons`` nodes; the answer is a number of a node within its graph."""
    each = np.arange(questions)[:, None]
    fear = generator.integers(0, kinds - 1, (questions, kinds))
    fear += fear >= np.arange(kinds)  # any kind but its own
    is_a = generator.integers(0, kinds, (questions, persons))
    asked = generator.integers(0, persons, questions)
    number = generator.permuted(np.tile(np.arange(kinds + persons), (questions, 1)), axis=1)
    kind, person = number[:, :kinds], number[:, kinds:]
    nodes = np.zeros((questions, kinds + persons), np.int64)
    nodes[each[:, 0], person[each[:, 0], asked]] = 1
    edges = persons + kinds
    return Drawn(
        sizes=np.full(questions, kinds + persons),
        nodes=nodes.reshape(-1),
        degrees=np.full(questions, edges),
        source=np.concatenate([person, kind], axis=1).reshape(-1),
        target=np.concatenate([kind[each, is_a], kind[each, fear]], axis=1).reshape(-1),
        kinds=np.tile(np.repeat([IS, FEARS], [persons, kinds]), questions),
        answers=kind[each[:, 0], fear[each[:, 0], is_a[each[:, 0], asked]]],
    )


def load(
    training: int = 10_000,
    validation: int = 500,
    kinds: int = 27,
    persons: int = 27,
    batch: int = 10,
    steps: int = 2,
    hidden: int = 5,
    seed: int = 0,
) -> tuple[Graphs, Graphs | None]:
    """Training and validation questions; ``validation=0`` gives None. Raises ConfigError for a number out of range.

    All questions are different draws, so a single pass over ``training`` of them is training on fresh instances.
    """
    whole(1, training=training, batch=batch, steps=steps, hidden=hidden)
    whole(0, validation=validation)
    whole(2, MOST, kinds=kinds)
    whole(1, MOST, persons=persons)
    seeded(seed)

    def questions(count: int, stream: int) -> Graphs:
        # One stream a purpose: changing the size of one set leaves the other as it is.
        drawn = draw(count, kinds, persons, np.random.default_rng([seed, stream]))
        return cut(drawn, batch, types=TYPES, steps=steps, columns=hidden)

    return questions(training, 0), questions(validation, 1) if validation else None
