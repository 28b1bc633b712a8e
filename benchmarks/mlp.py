"""The MLP on two workers: against one worker, and asynchronous against synchronous, beside what bounds each.

    python benchmarks/mlp.py [--epochs 3] [--repeats 5] [--json]

784-784-784-784-10, minibatch 100, mak = 4, whole layers placed 5 : 3 by cost. Settings are interleaved, so that a
machine whose speed drifts drifts for all of them. The answer asserted: at mak = 1 two workers compute bit for bit what
one does, and every setting does the same number of updates. The bound of two workers is that of the task times
measured with one worker: the sum of all over the larger part.
"""

from __future__ import annotations

import argparse
import json
import statistics
from typing import Any

import numpy as np

from ampsim.result.run import Run
from ampsim.studies.execute import run
from ampsim.workloads import workload

SETTINGS = {
    "1 worker, mak 4": (1, 4),
    "2 workers, mak 4": (2, 4),
    "2 workers, mak 1": (2, 1),
    "1 worker, mak 1": (1, 1),
}


def measure(epochs: int) -> dict[str, Run]:
    """Each setting once."""
    job = workload("mlp", data="generated").with_training(epochs=epochs, target=None)
    return {
        name: run(job.with_training(max_active_keys=mak), workers=workers) for name, (workers, mak) in SETTINGS.items()
    }


def bounds(one: Run, two: Run) -> tuple[float, float]:
    """Speed-up of two workers over one, and of mak 4 over mak 1, if messages and choosing cost nothing."""
    tasks = one.tables["tasks"]
    owner = np.asarray(two.config["run"]["owner"])[tasks["node"]]
    spent = [float((tasks["end"] - tasks["start"])[owner == worker].sum()) for worker in (0, 1)]
    critical = sum(spent) - overlap(one, owner)
    return sum(spent) / max(spent), critical / max(spent)


def overlap(one: Run, owner: Any) -> float:
    """Seconds that two workers overlap even at mak = 1: updates of one while the other goes on backward."""
    tasks = one.tables["tasks"]
    updates = (tasks["kind"] == 2) & (owner == 1)
    return float((tasks["end"] - tasks["start"])[updates].sum())


def main() -> None:
    """Print throughput, utilization and ratios with their range."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rounds = [measure(arguments.epochs) for _ in range(arguments.repeats)]
    for found in rounds:
        assert len({result.summary["updates"] for result in found.values()}) == 1
        one, two = found["1 worker, mak 1"], found["2 workers, mak 1"]
        assert all(one.final[name].tobytes() == two.final[name].tobytes() for name in one.final)
    speed = {name: [found[name].throughput or 0.0 for found in rounds] for name in SETTINGS}
    ratios = {
        "two workers over one, mak 4": paired(speed["2 workers, mak 4"], speed["1 worker, mak 4"]),
        "mak 4 over mak 1, two workers": paired(speed["2 workers, mak 4"], speed["2 workers, mak 1"]),
    }
    limits = bounds(rounds[0]["1 worker, mak 4"], rounds[0]["2 workers, mak 4"])
    if arguments.json:
        print(json.dumps({"rows_per_second": speed, "ratios": ratios, "bounds": limits}))
        return
    print(f"{'setting':20} {'rows/s':>8} {'range':>15}  utilization")
    for name in SETTINGS:
        busy = zip(*(found[name].summary["utilization"] for found in rounds), strict=True)
        shown = " ".join(f"{100 * statistics.median(values):.0f} %" for values in busy)
        low, high = min(speed[name]), max(speed[name])
        print(f"{name:20} {statistics.median(speed[name]):8,.0f} {low:7,.0f}-{high:,.0f}  {shown}")
    for (name, values), limit in zip(ratios.items(), limits, strict=True):
        middle, low, high = statistics.median(values), min(values), max(values)
        print(f"{name}: {middle:.2f}x ({low:.2f}-{high:.2f}), bound of the task times {limit:.2f}x")


def paired(a: list[float], b: list[float]) -> list[float]:
    """Ratios within each round."""
    return [x / y for x, y in zip(a, b, strict=True)]


if __name__ == "__main__":
    main()
