"""How two runs learnt: the staleness of their gradients, and their losses segment by segment."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np

from ampsim.result.analysis.learning import segments
from ampsim.result.analysis.staleness import histograms, total_variation
from ampsim.result.run import Run


class NodeStaleness(NamedTuple):
    """Staleness of the gradients of ``node``: means in versions, None where it has none.

    ``distance`` is the total variation between the two histograms, from 0 (alike) to 1.
    """

    node: str
    mean_a: float | None
    mean_b: float | None
    distance: float | None


class Learnt(NamedTuple):
    """A segment of training or of validation: when it ended (s), and means over its rows."""

    time: float
    loss: float
    accuracy: float


class Segment(NamedTuple):
    """The n-th segment of either run. None where a run had fewer."""

    epoch: int
    training: bool
    a: Learnt | None
    b: Learnt | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        sides = {"a": self.a and self.a._asdict(), "b": self.b and self.b._asdict()}
        return {"epoch": self.epoch, "training": self.training, **sides}


def node_staleness(a: Run, b: Run) -> list[NodeStaleness]:
    """One entry a node that has gradients in one of the runs."""
    left, right = ({run.summary["nodes"][found.node]: found for found in histograms(run.tables)} for run in (a, b))
    found = []
    for node in left | right:
        x, y = left.get(node), right.get(node)
        distance = None if x is None or y is None else total_variation(x.counts, y.counts)
        found.append(NodeStaleness(node, x.mean if x else None, y.mean if y else None, distance))
    return found


def curves(a: Run, b: Run) -> list[Segment]:
    """The loss curves side by side, the n-th segment of one run beside the n-th of the other.

    A segment lies between two turns of training and validation, or between two epochs. Empty in shapes mode.
    """
    left, right = _learnt(a), _learnt(b)
    sides = zip_longest((found.a for found in left), (found.a for found in right))
    longer = left if len(left) >= len(right) else right
    return [found._replace(a=x, b=y) for found, (x, y) in zip(longer, sides, strict=True)]


def _learnt(run: Run) -> list[Segment]:
    """The segments of one run, each as if of run a."""
    instances, metrics = run.tables["instances"], run.tables["metrics"]
    order = np.argsort(metrics["instance"], kind="stable")
    numbers = metrics["instance"][order]
    found = []
    for part in segments(run.tables):
        span = instances["instance"][part]
        mine = order[np.searchsorted(numbers, span[0]) : np.searchsorted(numbers, span[-1], "right")]
        rows = metrics["rows"][mine]
        if not rows.sum():
            continue
        loss = float(metrics["loss"][mine] @ rows) / float(rows.sum())
        accuracy = float(metrics["correct"][mine].sum()) / float(rows.sum())
        learnt = Learnt(float(instances["completed"][part].max()), loss, accuracy)
        epoch, training = instances["epoch"][part[0]], instances["training"][part[0]]
        found.append(Segment(int(epoch), bool(training), learnt, None))
    return found
