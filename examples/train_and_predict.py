"""Train on two worker processes, predict the same run by simulation, and lay the two side by side.

    python examples/train_and_predict.py

The prediction is made for this machine: `calibrate` measures what its tasks and parcels cost first. Generated images,
so nothing is downloaded.
"""

from __future__ import annotations

import ampsim


def main() -> None:
    """Print one line per quantity, then what has to agree exactly."""
    job = ampsim.workload("mlp", data="generated", width=256).with_training(epochs=3, target=None)
    host = ampsim.calibrate(job, workers=2, seconds=8)
    measured = ampsim.run(job, workers=2)
    predicted = ampsim.simulate(job, host, workers=2)
    found = ampsim.compare(predicted, measured)
    print(f"{'quantity':20} {'predicted':>10} {'measured':>10} {'difference':>10}")
    for row in found.rows:
        if row.quantity in ("throughput", "utilization, mean", "makespan", "validation accuracy"):
            relative = "-" if row.relative is None else f"{100 * row.relative:+.1f} %"
            print(f"{row.quantity:20} {row.a:10.4g} {row.b:10.4g} {relative:>10}")
    for fact in found.agreement:
        if fact.equal and fact.name != "graph":
            print(f"equal in both: {fact.name}, {fact.detail}")


if __name__ == "__main__":
    main()
