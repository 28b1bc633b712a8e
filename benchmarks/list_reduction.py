"""List reduction learns, and asynchrony costs few epochs: epochs to 97 % for mak = 1 and mak = 4.

    python benchmarks/list_reduction.py [--lists 100000] [--seeds 3] [--json]

Two worker processes, the shipped workload as it is. The answer asserted: every run reaches 97 % on its 10,000
held-out lists within the workload's epochs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys

from ampsim.studies.execute import run
from ampsim.workloads import workload

TARGET = 0.97


def measure(lists: int, mak: int, seed: int) -> dict[str, float]:
    """One run to the target."""
    job = workload("list_reduction", lists=lists, validation=lists // 10, seed=seed)
    result = run(job.with_training(max_active_keys=mak, seed=seed, target=TARGET), workers=2)
    accuracy = result.summary["epochs"][-1]["validation_accuracy"]
    assert accuracy >= TARGET, f"mak {mak}, seed {seed}: {accuracy:.3f} after {len(result.summary['epochs'])} epochs"
    return {
        "mak": mak,
        "seed": seed,
        "epochs": result.summary["epochs_to_target"],
        "seconds": result.summary["time_to_target"],
        "lists_per_second": result.summary["throughput"],
        "accuracy": accuracy,
    }


def main() -> None:
    """Print a row per run and the epochs side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lists", type=int, default=100_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    table = sys.stderr if arguments.json else sys.stdout
    print(f"list reduction, {arguments.lists:,} lists, to {100 * TARGET:.0f} % on held-out lists", file=table)
    print(f"{'mak':>3} {'seed':>4} {'epochs':>6} {'seconds':>8} {'lists/s':>9} {'accuracy':>8}", file=table, flush=True)
    rows = []
    for seed in range(arguments.seeds):
        for mak in (1, 4):
            row = measure(arguments.lists, mak, seed)
            rows.append(row)
            print(
                f"{row['mak']:3} {row['seed']:4} {row['epochs']:6} {row['seconds']:8.1f} "
                f"{row['lists_per_second']:9,.0f} {row['accuracy']:8.4f}",
                file=table,
                flush=True,
            )
    if arguments.json:
        print(json.dumps(rows))
        return
    for mak in (1, 4):
        epochs = [row["epochs"] for row in rows if row["mak"] == mak]
        print(f"mak {mak}: median {statistics.median(epochs):g} epochs, {min(epochs):g} to {max(epochs):g}")


if __name__ == "__main__":
    main()
