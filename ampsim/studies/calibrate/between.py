"""What lies between tasks: messaging, the ways to the controller and to other workers, and sharing cores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ampsim.result.schema import Array
from ampsim.studies.calibrate.fit import costs
from ampsim.studies.calibrate.observe import Observed

SMALL = 1 << 16  # bytes of a parcel whose flight is mostly latency


class Between(NamedTuple):
    """Seconds: of what workers do between tasks, by :data:`~ampsim.studies.calibrate.observe.FEATURES`; of the ways.

    The spreads are relative: of the time between tasks, run by run, around what the costs make of it; and half of all
    single latencies around their median.
    """

    choosing: float
    gathering: float
    parcel: float
    message: float
    byte: float
    report: float
    cold: float
    handling: float
    host_latency: float
    latency: float
    spread: float
    latency_spread: float
    host_spread: float


def between(
    runs: Sequence[Observed], structure: Sequence[float], slowdown: float = 1.0, cores: int | None = None
) -> Between:
    """What fits all runs best; ``structure``: seconds of looking up that of an instance, of the data of each.

    What happened beside others at work took ``slowdown`` times as long; of more workers than ``cores`` nobody knows
    which of them had a core, so their runs do not count.
    """
    if cores is not None and any(run.run.workers <= cores for run in runs):
        few = [(run, time) for run, time in zip(runs, structure, strict=True) if run.run.workers <= cores]
        runs, structure = [run for run, _ in few], [time for _, time in few]
    runs = [run._replace(messaging=run.messaging / _slowed(run, slowdown, cores or 1)) for run in runs]
    active = np.array([run.together @ np.arange(len(run.together)) for run in runs])
    looked_up = [run.met * seconds for run, seconds in zip(runs, structure, strict=True)]
    messaging = np.array(
        [max(run.messaging - less, 0.1 * run.messaging) for run, less in zip(runs, looked_up, strict=True)]
    )
    counts = np.array([run.counts for run in runs])
    # Relative to all that was done, so that a run with next to no messaging does not weigh more than the others.
    fixed = costs(counts, messaging, np.sqrt(active * messaging))
    choosing, gathering, parcel, message, byte, report, cold = fixed.tolist()
    down = _middle([run.down for run in runs])
    up = _middle([run.up for run in runs])
    host_latency = max(down - parcel, 0.0)
    small = [run.across[run.across[:, 0] <= SMALL] for run in runs if len(run.across)]
    flights = [part[:, 1] - 2 * byte * part[:, 0] for part in small]
    return Between(
        choosing, gathering, parcel, message, byte, report, cold,
        handling=max(up - report - host_latency, 0.0),
        host_latency=host_latency,
        latency=max(_middle(flights) - 2 * (parcel + message), 0.0),
        spread=float(np.median(np.abs(counts @ fixed / messaging - 1))),
        latency_spread=_spread(flights),
        host_spread=_spread([run.down for run in runs]),
    )  # fmt: skip


def _slowed(run: Observed, slowdown: float, cores: int) -> float:
    """By how much longer messaging took for all that went on beside it: by the mean number of workers at work in it."""
    busy = np.arange(len(run.together))
    beside_all = float(run.together @ busy**2)  # of every worker, over its time at work
    level = (beside_all - float(run.seconds @ (run.beside + 1))) / max(run.messaging, 1e-12)
    return float(np.interp(level, [1, max(cores, 2)], [1.0, slowdown]))


def _middle(parts: Sequence[Array]) -> float:
    medians = [float(np.median(part)) for part in parts if len(part)]
    return float(np.median(medians)) if medians else 0.0


def _spread(parts: Sequence[Array]) -> float:
    every = np.concatenate(parts) if parts else np.zeros(0)
    if not len(every) or np.median(every) <= 0:
        return 0.0
    low, high = np.quantile(every, [0.25, 0.75])
    return float((high - low) / np.median(every))
