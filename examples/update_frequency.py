"""How often should a node update itself? Epochs to target against the gradients it collects before it does.

    python examples/update_frequency.py [--trees 600] [--epochs 8] [--json] [-o figure.html]

The shipped Tree-LSTM, one tree an instance, 16 in flight, on three chips of the shipped ring in numeric mode: generated
sentences, 16 columns, target 84 % of all phrases (that every phrase is neutral is right for 77 %). A smaller
min_update_frequency (muf) makes more updates an epoch, so fewer epochs; but more of them happen between the forward and
the backward pass of a gradient, its staleness. Adam with the same rate for all, once a moderate and once a large one.
What comes out is printed whichever way it turns out.
"""

from __future__ import annotations

from typing import Any

from study import Figure, Line, finish, options, table

import ampsim

MUFS = (1, 10, 50, 200)
RATES = (0.01, 0.03)
MAK, TARGET, QUARTERS = 16, 0.84, 4


def train(muf: int, rate: float, trees: int, epochs: int) -> dict[str, Any]:
    """One run to the target, looked for after every quarter of an epoch."""
    sizes = {"trees": trees, "validation": max(1, trees // 6), "hidden": 16, "embedding": 24, "vocabulary": 1000}
    job = ampsim.workload("tree_lstm", batch=1, **sizes).with_training(
        epochs=epochs,
        target=TARGET,
        update="muf",
        min_update_frequency=muf,
        gradient="mean",
        max_active_keys=MAK,
        optimizer=ampsim.Adam(rate),
        validate_every=max(1, trees // QUARTERS),
    )
    run = ampsim.simulate(job, "fpga_ring_16")
    stale, made = run.tables["staleness"], run.tables["updates"]
    assert made["gradients"].max() <= muf
    seen = run.summary["validations"]
    return {
        "muf": muf,
        "rate": rate,
        "epochs": None if run.time_to_target is None else len(seen) / QUARTERS,
        "milliseconds": None if run.time_to_target is None else 1e3 * run.time_to_target,
        "accuracy": max(validation["accuracy"] for validation in seen),
        "updates": run.summary["updates"],
        "staleness": float((stale["staleness"] * stale["count"]).sum() / stale["count"].sum()),
    }


def main() -> None:
    """A line for each rate and muf."""
    arguments = options(__doc__, trees=600, epochs=8).parse_args()
    out, rows = table(arguments), []
    print("  rate  muf  epochs  ms to target  best accuracy  updates  staleness", file=out)
    for rate in RATES:
        for muf in MUFS:
            row = train(muf, rate, arguments.trees, arguments.epochs)
            rows.append(row)
            missed = row["epochs"] is None
            epochs = f"> {arguments.epochs}" if missed else f"{row['epochs']:.2f}"
            time = "-" if missed else f"{row['milliseconds']:.1f}"
            print(f"{rate:6} {muf:4} {epochs:>7} {time:>13} {100 * row['accuracy']:12.1f} % {row['updates']:8,}"
                  f" {row['staleness']:10.2f}", file=out, flush=True)  # fmt: skip
    lines = []
    for rate in RATES:
        reached = [row for row in rows if row["rate"] == rate and row["epochs"] is not None]
        if reached:
            muf, epochs = ([row[name] for row in reached] for name in ("muf", "epochs"))
            lines.append(Line(f"Adam, rate {rate}", muf, epochs))
    # With very few trees nothing is reached, and there is nothing to draw but that.
    lines = lines or [Line("not reached", MUFS, [0] * len(MUFS), dashed=True)]
    title = f"Tree-LSTM, {MAK} trees in flight: epochs to {100 * TARGET:.0f} %"
    finish(arguments, rows, Figure(title, "gradients an update (muf)", "epochs", lines))


if __name__ == "__main__":
    main()
