"""The top of the page: what happened, in plain words and a few numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ampsim.reports import text
from ampsim.reports.figures import path
from ampsim.reports.figures.comparison import reference_of
from ampsim.reports.model import Shown
from ampsim.result.analysis.idle import BUSY, CAUSES
from ampsim.result.analysis.instances import in_flight, max_active_keys
from ampsim.result.analysis.resources import FASTER, LINKS, Part, bound, shares
from ampsim.result.compare import rows
from ampsim.result.run import Run

CHAIN = ", the chain of tasks and waits that the run was as long as,"
LONGEST = 60
"""Characters of a resource in a sentence."""

_WAS = {
    "messaging": "receiving and sending messages and choosing tasks",
    "starved by admission": "waiting for the controller to let instances in",
    "waiting for input": "waiting for messages that had not been sent yet",
    "blocked by a link": "waiting for messages on their way",
    "out of memory": "waiting for memory",
    "synchronisation": "waiting for one another with nothing in flight",
    "drained": "having nothing left to do",
}


def sentences(runs: Sequence[Shown]) -> list[str]:
    """Two paragraphs a run, what it did and what limited it; and one that compares two runs."""
    found = []
    for shown in runs:
        start = f"{shown.label[:1].upper()}{shown.label[1:]}: " if len(runs) > 1 else ""
        found.append(start + _about(shown))
        if shown.parts:
            found.append(start + _sentences(_limit(shown, explained=any(CHAIN in words for words in found))))
    if len(runs) == 2:
        found.append(_against(runs))
    return found


def _sentences(parts: Sequence[str]) -> str:
    return "".join(f"{part}. " for part in parts if part).rstrip()


def _about(shown: Shown) -> str:
    run = shown.run
    epochs = f"{len(run.epochs):,} epoch" + "s" * (len(run.epochs) != 1)
    workers = f"{run.workers:,} worker" + "s" * (run.workers != 1)
    if not shown.clocked:
        tasks = len(run.tables["tasks"]["kind"])
        return f"{epochs} in {tasks:,} tasks on {workers}, counted without a clock."
    parts = [f"{epochs} on {workers} took {text.seconds(run.makespan)}"]
    if run.throughput is not None:
        parts[0] += f", {text.rate(run.throughput, 'training rows')} a second"
    parts.append(_busy(shown))
    parts.append(_learnt(shown))
    return _sentences(parts)


def _busy(shown: Shown) -> str:
    busy = shown.idle.utilization
    most = int(np.argmax(busy))
    said = f"The workers computed {text.percent(float(busy.mean()))} of the time"
    if shown.run.workers > 1:
        name = text.name(shown.run.summary["worker_names"][most], 24)
        said += f" (the busiest, {name}, {text.percent(float(busy[most]))})"
    worked = shown.tasked
    if 0 < (none := int((~worked).sum())) < shown.run.workers:
        said += f"; {none:,} of the {shown.run.workers:,} had no task at all"
        rest = "of the time of the others, the largest part in which they did not compute"
    else:
        worked, rest = np.ones_like(worked), "the largest part of the rest"
    idle = shown.idle.shares[worked].mean(axis=0)
    idle[BUSY] = 0
    cause = int(np.argmax(idle))
    if idle[cause] >= 0.005:
        said += f"; {rest}, {text.percent(float(idle[cause]))}, went on {_WAS[CAUSES[cause]]}"
    return said


def _learnt(shown: Shown) -> str:
    run = shown.run
    accuracy = run.epochs[-1].get("validation_accuracy") if run.epochs else None
    if accuracy is None:
        return ""
    said = f"Validation accuracy came to {text.percent(accuracy)}"
    target, loss = run.summary["target"], run.summary.get("target_loss")
    goals = [] if target is None else [text.percent(target)]
    if loss is not None:
        said += f", the loss to {text.number(run.epochs[-1].get('validation_loss'))}"
        goals.append(f"a loss of {text.number(loss)}")
    if not goals:
        return said
    goal = f"the target of {' or '.join(goals)}"
    if run.time_to_target is None:
        return f"{said}; {goal} was not reached"
    return f"{said}; {goal} was reached after {text.seconds(run.time_to_target)} of training"


def _limit(shown: Shown, *, explained: bool = False) -> list[str]:
    """What the run was as long as, and what making it twice as fast would give at most.

    Where it is ``explained`` already, it is not said once more what a critical path is.
    """
    kinds = shares(shown.pieces)
    order = [kind for kind in np.argsort(-kinds, kind="stable").tolist() if kinds[kind] >= 0.05]
    most = next((kind for kind in order if kind in FASTER), None)
    named = [f"{text.percent(float(kinds[kind]))} {path.ALL[kind]}" for kind in order[:3]]
    said = [f"The critical path{'' if explained else CHAIN} is {_and(named)}"]
    if most is not None:
        first = next(part for part in shown.parts if part.kind == most)
        said.append(f"The bottleneck is {_bottleneck(shown, first, float(kinds[most]))}")
        alone = text.percent(bound([first], shown.parts))
        if float(kinds[most]) - first.share < 0.02:
            said.append(f"{_name(shown, first, start=True)} twice as fast would shorten the run by at most {alone}")
        else:
            together = text.percent(bound([part for part in shown.parts if part.kind == most], shown.parts))
            said.append(f"All {path.ALL[most]} twice as fast would shorten the run by at most {together}, "
                        f"{_name(shown, first)} alone by at most {alone}")  # fmt: skip
        said[-1] += f" if all happens in the same order; {_simulated(shown)} what it would be"
    busiest = max(float(shown.idle.utilization.max()), float(shown.link_totals.occupied.max(initial=0)) / shown.horizon)
    if busiest < 0.6 and shown.run.workers > 1:
        said.append(f"No worker and no link was busy for more than {text.percent(busiest)} of the time: they wait for "
                    f"one another, and {_in_flight(shown)}")  # fmt: skip
    return said


def _name(shown: Shown, part: Part, *, start: bool = False) -> str:
    """A resource in words; a long name is cut, so that what is said of it is not."""
    return text.name(path.name(shown, part, start=start), LONGEST)


def _bottleneck(shown: Shown, first: Part, together: float) -> str:
    """The resource with the largest part of the path, or all of its kind where none has half of what these have."""
    if first.share >= together / 2:
        return f"{_name(shown, first)}, with {text.percent(first.share)} of the path"
    of = "links" if first.kind == LINKS else "workers"
    count = sum(part.kind == first.kind for part in shown.parts)
    return f"{'traffic' if first.kind == LINKS else path.ALL[first.kind]}, spread over {count:,} {of}"


def _in_flight(shown: Shown) -> str:
    """What may help where all wait: more instances at once, if there are any that have to wait outside."""
    most, limit = in_flight(shown.run.tables, training=True).highest, max_active_keys(shown.run.config)
    if limit is not None and most < limit:
        return (f"never more than {most:,} of {limit:,} instances were in flight: an epoch has no more, or memory "
                "keeps them out")  # fmt: skip
    return "more instances in flight (max_active_keys) may gain more than any speed"


def _and(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]


def _simulated(shown: Shown) -> str:
    command = "ampsim what-if RUN"
    if shown.run.backend == "runtime":
        return f"{command} --system FILE, with a file of ampsim calibrate, simulates"
    return f"{command} simulates"


def _against(runs: Sequence[Shown]) -> str:
    reference = reference_of(runs)
    other = next(shown for shown in runs if shown is not reference)
    found = {row.quantity: row.relative for row in rows(other.run, reference.run)}
    ratio = found.get("throughput")
    if ratio is None:
        return ""
    if not -0.5 < ratio < 1:
        amount = f"{text.number(1 + ratio)} times"
    elif abs(ratio) < 0.0005:
        amount = "the same as"
    else:
        amount = f"{text.percent(abs(ratio))} {'higher' if ratio > 0 else 'lower'} than"
    return f"The throughput {other.label} is {amount} that {reference.label}."


def _reached(run: Run) -> str:
    goals = (run.summary.get("target"), run.summary.get("target_loss"))
    if run.time_to_target is None and run.epochs and any(goal is not None for goal in goals):
        return "not reached" if run.epochs[-1].get("validation_loss") is not None else text.NONE
    return text.seconds(run.time_to_target)


def cards(shown: Shown) -> list[tuple[str, str]]:
    """The numbers to remember: name and value."""
    run = shown.run
    busy = float(shown.idle.utilization.mean()) if shown.clocked else None
    accuracy = run.epochs[-1].get("validation_accuracy") if run.epochs else None
    return [
        ("makespan", text.seconds(run.makespan) if shown.clocked else text.NONE),
        ("throughput (rows/s)", text.rate(run.throughput, "")),
        ("utilization, mean", text.percent(busy)),
        ("validation accuracy", text.percent(accuracy)),
        ("time to target", _reached(run)),
        ("updates", text.number(len(run.tables["updates"]["node"]))),
    ]
