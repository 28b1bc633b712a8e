"""Epochs and time to target of the AMPNet workloads for mak = 1, 4, 16 and with replicas, on two worker processes.

    python -m benchmarks.convergence [--case NAME ...] [--seeds 3] [--small] [--json]

Every workload as it ships. Settings take turns within a seed, so that a machine whose speed drifts drifts for all. The
answer asserted: every run with mak = 1 or 4 reaches its target within the workload's epochs; asynchrony at mak = 4
needs at most 1.3 times the epochs of mak = 1 (the ratio of the means is printed, and the exit status tells).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ampsim.studies.execute import run
from ampsim.workloads import workload

MOST = 1.3  # times the epochs of mak = 1
SETTINGS: dict[str, tuple[int, int]] = {
    "mak 1": (1, 1),
    "mak 4": (4, 1),
    "mak 16": (16, 1),
    "2 replicas, mak 4": (4, 2),
    "4 replicas, mak 4": (4, 4),
}


@dataclass(frozen=True)
class Case:
    """A workload with its options and training settings, and others for a quick look."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    small: Mapping[str, Any] = field(default_factory=dict)


CASES = {
    case.name: case
    for case in (
        Case("mlp", {"data": "mnist5k"}, {"target": 0.89}),
        Case("list_reduction", {}, {"target": 0.97}, {"lists": 20_000, "validation": 1_000}),
        Case("tree_lstm", {}, {"target": 0.86}, {"trees": 1_500, "validation": 300, "hidden": 64, "vocabulary": 4_000}),
        Case("ggsnn_babi15", {}, {"target": 1.0}),
    )
}


def measure(case: Case, setting: str, seed: int, small: bool) -> dict[str, Any]:
    """One run to the target."""
    mak, copies = SETTINGS[setting]
    options = {**case.options, **(case.small if small else {}), "seed": seed, "replicas": copies}
    job = workload(case.name, **options).with_training(**{**case.training, "max_active_keys": mak, "seed": seed})
    result = run(job, workers=2)
    summary = result.summary
    validations = len(summary["validations"])
    return {
        "case": case.name,
        "setting": setting,
        "seed": seed,
        "reached": summary["time_to_target"] is not None,
        "validations": validations,  # to the target: one an epoch, or as often as the workload validates
        "seconds": summary["time_to_target"],
        "throughput": summary["throughput"],
        "accuracy": summary["validations"][-1]["accuracy"],
        "loss": summary["validations"][-1]["loss"],
        "staleness": _staleness(result.tables["staleness"]),
    }


def _staleness(table: Mapping[str, Any]) -> float:
    """Updates between the forward and the backward pass of a gradient, on average."""
    count = table["count"].sum()
    return float((table["staleness"] * table["count"]).sum() / count) if count else 0.0


def line(case: str, setting: str, rows: list[dict[str, Any]]) -> str:
    """Mean and spread over the seeds."""
    epochs = [row["validations"] for row in rows]
    reached = [row for row in rows if row["reached"]]
    seconds = [row["seconds"] for row in reached]
    timing = f"{statistics.mean(seconds):7.1f} s ({min(seconds):.1f} to {max(seconds):.1f})" if seconds else "-"
    speed, age = statistics.mean(row["throughput"] for row in rows), statistics.mean(row["staleness"] for row in rows)
    spread = f"{statistics.mean(epochs):6.1f} ({min(epochs)} to {max(epochs)})"
    held = f"{len(reached)} of {len(rows)} reached"
    return f"{case:<16} {setting:<18} {spread:<18} {timing:<26} {speed:>10,.0f}/s  staleness {age:.2f}  {held}"


def main() -> None:
    """Print a line for each workload and setting."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("--case", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--setting", nargs="+", choices=list(SETTINGS), default=list(SETTINGS), help="some of them only"
    )
    parser.add_argument("--small", action="store_true", help="less data where there is much")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    table = sys.stderr if arguments.json else sys.stdout
    print(f"{'workload':<16} {'setting':<18} {'epochs':<18} {'time to target':<26}", file=table)
    rows: list[dict[str, Any]] = []
    slower, missed = [], []
    for name in arguments.case:
        case = CASES[name]
        own: dict[str, list[dict[str, Any]]] = {setting: [] for setting in arguments.setting}
        for seed in range(arguments.seeds):
            for setting in arguments.setting:
                own[setting].append(measure(case, setting, seed, arguments.small))
        for setting, found in own.items():
            print(line(name, setting, found), file=table, flush=True)
            rows += found
        compared = [own.get(f"mak {mak}", []) for mak in (1, 4)]
        if not all(row["reached"] for found in compared for row in found):
            missed.append(name)
        elif all(compared):
            one, four = (statistics.mean(row["validations"] for row in found) for found in compared)
            print(f"{name}: mak 4 needs {four / one:.2f} times the epochs of mak 1", file=table, flush=True)
            slower += [name] if four > MOST * one else []
    if arguments.json:
        print(json.dumps(rows))
    faults = [f"a run with mak 1 or 4 did not reach its target: {', '.join(missed)}"] if missed else []
    faults += [f"more than {MOST} times the epochs of mak 1: {', '.join(slower)}"] if slower else []
    if faults:
        sys.exit("; ".join(faults))


if __name__ == "__main__":
    main()
