"""Train on two worker processes, predict the same runs by simulation, and lay the two side by side.

    python examples/train_and_predict.py [--seconds 8] [--json] [-o figure.html]

The prediction is made for this machine: `calibrate` measures what its tasks and parcels cost first. Generated images,
so nothing is downloaded.
"""

from __future__ import annotations

from study import Figure, Line, finish, options, table

import ampsim

MAKS = (1, 2, 4, 8)
SHOWN = ("throughput", "utilization, mean", "makespan", "validation accuracy")


def main() -> None:
    """One line per quantity, what has to agree exactly, and the throughput with more instances in flight."""
    arguments = options(__doc__, seconds=8).parse_args()
    out, rows = table(arguments), []
    job = ampsim.workload("mlp", data="generated", width=256).with_training(epochs=3, target=None)
    host = ampsim.calibrate(job, workers=2, seconds=arguments.seconds)
    for mak in MAKS:
        several = job.with_training(max_active_keys=mak)
        measured, predicted = ampsim.run(several, workers=2), ampsim.simulate(several, host, workers=2)
        rows.append({"mak": mak, "predicted": predicted.throughput or 0, "measured": measured.throughput or 0})
        if mak > 1:
            continue
        found = ampsim.compare(predicted, measured)
        print(f"{'quantity':20} {'predicted':>10} {'measured':>10} {'difference':>10}", file=out)
        for row in found.rows:
            if row.quantity in SHOWN:
                relative = "-" if row.relative is None else f"{100 * row.relative:+.1f} %"
                print(f"{row.quantity:20} {row.a:10.4g} {row.b:10.4g} {relative:>10}", file=out)
        for fact in found.agreement:
            if fact.equal and fact.name != "graph":
                print(f"equal in both: {fact.name}, {fact.detail}", file=out)
    print("\nmak  predicted   measured   (rows/s)", file=out)
    for row in rows:
        print(f"{row['mak']:3} {row['predicted']:10,.0f} {row['measured']:10,.0f}", file=out)
    lines = [Line(name, MAKS, [row[name] for row in rows]) for name in ("predicted", "measured")]
    finish(arguments, rows, Figure("MLP on two worker processes of this machine", "mak", "rows/s", lines))


if __name__ == "__main__":
    main()
