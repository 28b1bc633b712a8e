"""Every metric once: what each word means, and the scalars of a run by name.

Pages, tables, sweeps and the glossary of a report take words and numbers from here; docs/metrics.md shows them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ampsim.result.analysis.links import link_totals
from ampsim.result.run import Run


class Word(NamedTuple):
    """A word, its unit (empty: a count or no number at all), what it means; ``on_page``: a report explains it."""

    name: str
    unit: str
    meaning: str
    on_page: bool = True


WORDS = (
    Word("makespan", "s", "from the first admission, when the clock starts, to the last completion, or to the end of "
         "the last task if that is later"),
    Word("busy time", "s", "of a worker: time in its tasks, the length of their union"),
    Word("utilization", "share", "of a worker: busy time / makespan"),
    Word("throughput", "rows/s", "rows of training instances / sum over stretches of training of (last completion - "
         "first admission); a stretch has no validation in it"),
    Word("time spent training", "s", "sum over stretches of training of (first admission of the next stretch - first "
         "admission)"),
    Word("time to target", "s", "time spent training when a validation pass first reached the target: an accuracy, or "
         "a loss; validation is left out"),
    Word("epochs to target", "epochs", "epochs begun when a validation pass first reached the target"),
    Word("loss", "", "sum over the rows of a pass of their losses / rows; the losses of several loss nodes count row "
         "by row"),
    Word("accuracy", "share", "rows classified correctly / rows that a loss was computed for"),
    Word("messaging", "s", "idle, in neither a task nor a wait: the worker receives, chooses or sends"),
    Word("starved by admission", "s", "in a wait, until the controller let in the instance that ended it"),
    Word("waiting for input", "s", "in a wait, until the message that ended it was sent"),
    Word("blocked by a link", "s", "in a wait, while what ended it was on its way"),
    Word("out of memory", "s", "in a wait for off-chip memory, or for an instance that only a full memory kept out"),
    Word("synchronisation", "s", "in a wait, with no instance in flight before more of the run; or for an update at "
         "the end of an instance, once that is complete"),
    Word("drained", "s", "in a wait, with nothing more to do in the run, or in the segment once all its instances are "
         "let in"),
    Word("critical path", "s", "of a run: tasks and waits, each the one that the next had to wait for last; its length "
         "is the makespan"),
    Word("bottleneck", "", "of what can be made faster, what has the largest part of the critical path: one resource, "
         "or all of its kind where none has half of what these have"),
    Word("shorter by at most", "share", "of the makespan, where a resource with the share s of the critical path, l of "
         "it in loose waits, is twice as fast, and all happens in the same order: (s - l) / 2 + w, or 1/2 if that is "
         "less; w is the share of all loose waits, those that may end earlier whatever is faster"),
    Word("segment", "", "instances of one epoch and mode that are let in before the controller waits for all of them"),
    Word("staleness", "versions", "updates of a node between the forward and the backward pass of a gradient"),
    Word("task", "", "one group of messages of one node in one direction, run without interruption; or an update"),
    Word("parcel", "", "all that one task sends to one worker; it travels as one transfer"),
    Word("load", "B/s", "of a link: bytes of its parcels / time, each parcel spread evenly over its time on the link"),
    Word("occupied time", "s", "of a link: length of the union of its parcels"),
    Word("queue", "messages", "of a worker: messages that have arrived and whose task has not started"),
    Word("memory level", "B", "of a worker: parameters + gradients + optimizer state + caches + deferred rows + queues "
         "+ outbox"),
    Word("peak memory", "B", "highest memory level"),
    Word("FLOP", "FLOP", "of a product of m x k by k x n: 2 m k n; elsewhere one for each elementary operation on an "
         "element"),
    Word("arithmetic intensity", "FLOP/B", "of an operation in one direction: FLOP / bytes read and written"),
    Word("rate reached", "FLOP/s", "of an operation in one direction: FLOP / time in its tasks"),
    Word("roof", "FLOP/s", "the smaller of peak rate, and arithmetic intensity x bandwidth of the memory"),
    Word("energy", "J", "of a chip: FLOP in products, other FLOP, and bytes in memory, off the chip and over links, "
         "each x its joules; and idle power x makespan"),
    Word("instances in flight", "", "instances let in and not yet complete"),
    Word("difference, relative", "share", "(a - b) / |b|, where b is the run on the right; for an error of prediction, "
         "b is measured"),
    Word("elasticity", "", "of a metric M to a resource made f times as fast: ln(M after / M before) / ln f",
         on_page=False),
    Word("Pareto optimal", "", "a point than which no other is better in one objective and no worse in all others"),
    Word("kB, MB, GB", "", "decimal: 1 MB is 1,000,000 bytes"),
)  # fmt: skip


class Scalar(NamedTuple):
    """A number of a run. ``goal``: ``max`` or ``min`` is better, empty where neither is. None where there is none."""

    unit: str
    goal: str
    meaning: str
    of: Callable[[Run], float | None]


def _summary(name: str) -> Callable[[Run], float | None]:
    return lambda run: run.summary.get(name)


def _last(name: str) -> Callable[[Run], float | None]:
    return lambda run: run.epochs[-1].get(name) if run.epochs else None


def _busy(run: Run) -> list[float]:
    return [share for share in run.utilization if share is not None]


def _occupied(run: Run) -> float | None:
    if not run.makespan or not run.summary["links"]:
        return None
    return float(link_totals(run.tables, len(run.summary["links"])).occupied.max() / run.makespan)


def mean_staleness(run: Run) -> float | None:
    """Mean over all gradients of the run; None where there are none."""
    table = run.tables["staleness"]
    count = int(table["count"].sum())
    return float(table["staleness"].astype(np.float64) @ table["count"]) / count if count else None


def _peak(run: Run) -> float | None:
    chips = [chip["peak"] for chip in run.summary.get("chips") or []]
    return max(chips or run.summary.get("peak_memory") or [], default=None)


def _energy(run: Run) -> float | None:
    found = run.summary.get("energy")
    return found.get("total") if isinstance(found, dict) else found


SCALARS: dict[str, Scalar] = {
    "workers": Scalar("", "min", "workers, placed on or not", _summary("workers")),
    "workers_used": Scalar("", "min", "workers with at least one task",
                           lambda run: float(len(np.unique(run.tables["tasks"]["worker"])))),
    "makespan": Scalar("s", "min", "makespan", _summary("makespan")),
    "throughput": Scalar("rows/s", "max", "throughput", _summary("throughput")),
    "utilization": Scalar("share", "max", "mean of the workers' utilization",
                          lambda run: sum(_busy(run)) / len(_busy(run)) if _busy(run) else None),
    "busiest_worker": Scalar("share", "", "highest utilization of a worker", lambda run: max(_busy(run), default=None)),
    "busiest_link": Scalar("share", "", "largest occupied time of a link / makespan", _occupied),
    "link_bytes": Scalar("B", "min", "bytes of all parcels, once for each link on the way",
                         lambda run: float(run.tables["links"]["bytes"].sum())),
    "peak_memory": Scalar("B", "min", "largest peak memory of a chip", _peak),
    "energy": Scalar("J", "min", "energy of the run; none where the chips state none", _energy),
    "time_to_target": Scalar("s", "min", "time to target", _summary("time_to_target")),
    "epochs_to_target": Scalar("epochs", "min", "epochs to target", _summary("epochs_to_target")),
    "train_loss": Scalar("", "min", "loss in training, in the last epoch", _last("train_loss")),
    "validation_loss": Scalar("", "min", "loss in validation, in the last epoch", _last("validation_loss")),
    "validation_accuracy": Scalar("share", "max", "accuracy in validation, in the last epoch",
                                  _last("validation_accuracy")),
    "staleness": Scalar("versions", "min", "mean staleness of all gradients", mean_staleness),
    "updates": Scalar("", "", "updates of all nodes", _summary("updates")),
    "tasks": Scalar("", "", "tasks of all workers", lambda run: float(len(run.tables["tasks"]["kind"]))),
}  # fmt: skip
"""The scalars that a row of a sweep holds, in its order."""


def scalars(run: Run) -> dict[str, float | None]:
    """All of :data:`SCALARS` of a run."""
    return {name: scalar.of(run) for name, scalar in SCALARS.items()}
