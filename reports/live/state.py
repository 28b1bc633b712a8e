"""What the page is told: one JSON object, made in the server's thread when a page asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Any

import msgspec

from ampsim.engine.watching import Look
from ampsim.reports.live.history import Kept

SMOOTH = 4  # looks, about two seconds, that a point of a rate is a mean over at least
STARTING, RUNNING, SAVING, ENDED, FAILED, INTERRUPTED = (
    "starting", "running", "saving", "ended", "failed", "interrupted"
)  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """What is known of a run at its latest look; times of ``epochs`` and ``validations`` are in seconds.

    ``pace`` is instances a second of the watcher's clock of late, ``left`` seconds of it, ``loss`` of late.
    """

    look: Look
    total: int
    epochs_wanted: int
    epoch: int
    most: int
    pace: float | None
    left: float | None
    loss: float | None
    utilization: float | None
    early: bool
    epochs: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True)
class State:
    """All there is to tell. ``validations`` are (time, loss, accuracy), ``thinned`` if some were left out."""

    version: int
    phase: str = STARTING
    message: str = ""
    facts: Facts | None = None
    kept: Sequence[Kept] = ()
    validations: Sequence[tuple[float, float | None, float | None]] = ()
    thinned: bool = False
    restarts: int = 0
    report: bool = False


def encode(state: State) -> bytes:
    """The state as JSON; what is not known is null."""
    return msgspec.json.encode(as_dict(state))


def as_dict(state: State) -> dict[str, Any]:
    """The same before it is text."""
    facts = state.facts
    found: dict[str, Any] = {
        "version": state.version,
        "phase": state.phase,
        "over": state.phase in (ENDED, FAILED, INTERRUPTED),
        "message": state.message,
        "report": state.report,
        "restarts": state.restarts,
        "run": None,
    }
    if facts is None:
        return found
    look = facts.look
    shares = [busy / at if at > 0 else None for busy, at in look.busy[:64]]
    found["run"] = {
        "done": look.done, "total": facts.total, "trained": look.trained, "epoch": facts.epoch,
        "epochs": facts.epochs_wanted, "in_flight": look.in_flight, "most": facts.most, "clock": look.clock,
        "elapsed": look.wall, "left": facts.left, "early": facts.early, "pace": facts.pace,
        "throughput": _rate(state.kept, len(state.kept) - 1, _window(state.kept)), "loss": facts.loss,
        "accuracy": state.validations[-1][2] if state.validations else None, "utilization": facts.utilization,
        "workers": len(look.busy), "busy": shares,
    }  # fmt: skip
    found["history"] = columns(state.kept)
    found["validations"] = [list(column) for column in zip(*state.validations, strict=True)] or [[], [], []]
    found["thinned"] = state.thinned
    found["epochs"] = list(facts.epochs)
    return found


def _window(kept: Sequence[Kept]) -> int:
    """Points that a rate is a mean over: two seconds at least, and a hundredth of the run."""
    each = (kept[-1].looks - kept[0].looks) / (len(kept) - 1) if len(kept) > 1 else 1
    return max(1, ceil(SMOOTH / max(each, 1)), len(kept) // 100)


def _rate(kept: Sequence[Kept], index: int, window: int) -> float | None:
    """Instances completed a second of the run's clock, over the ``window`` points up to ``index``."""
    if index < 1:
        return None
    a, b = kept[max(0, index - window)].look, kept[index].look
    return (b.done - a.done) / (b.clock - a.clock) if b.clock > a.clock else None


def columns(kept: Sequence[Kept]) -> dict[str, Any]:
    """Points over time; every rate is the mean from ``start`` to ``time`` of its point, in seconds of the run."""
    window = _window(kept)
    pairs = [(kept[max(0, i - window)], kept[i]) for i in range(1, len(kept))]
    spreads = [point.spread for point in kept[1:]]
    return {
        "time": [b.look.clock for _, b in pairs],
        "start": [a.look.clock for a, _ in pairs],
        "throughput": [_rate(kept, i, window) for i in range(1, len(kept))],
        "loss": [_ratio(b.look.loss - a.look.loss, b.look.rows - a.look.rows) for a, b in pairs],
        "accuracy": [_ratio(b.look.correct - a.look.correct, b.look.rows - a.look.rows) for a, b in pairs],
        "in_flight": [_ratio(b.flying - a.flying, b.looks - a.looks) for a, b in pairwise(kept)],
        "highest": [point.highest for point in kept[1:]],
        "busy": [[_share(a, b, worker) for a, b in pairs] for worker in range(len(kept[-1].busy) if kept else 0)],
        "spread": [
            [None if s is None else min(1.0, s[side]) for s in spreads] for side in (0, 1)
        ] if any(spreads) else None,
    }  # fmt: skip


def _ratio(amount: float, count: float) -> float | None:
    return amount / count if count > 0 else None


def _share(a: Kept, b: Kept, worker: int) -> float | None:
    """Busy time of a worker over the time between two points, as far as it has been heard of; at most all of it.

    A task counts when it ends, so a long one may count for more than the time since.
    """
    if len(a.busy) != len(b.busy):
        return None
    (before, since), (after, until) = a.busy[worker], b.busy[worker]
    return min(1.0, (after - before) / (until - since)) if until > since else None
