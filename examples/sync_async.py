"""Does asynchrony cost epochs? A small MLP at minibatches of 1, 10 and 100, with 1, 4 and 16 of them in flight.

    python examples/sync_async.py [--seeds 3] [--images 2000] [--epochs 8] [--json] [-o figure.html]

Generated images of the harder kind, four layers of 64 on four chips of the shipped ring, numeric mode: the arithmetic
is done here, the clock is that of the chips. Each minibatch size has one rate, the same for synchronous (mak 1) and
asynchronous training. The target is 95 % of held-out images; it is looked for after every quarter of an epoch, with
the pipeline drained. What comes out is printed whichever way it turns out; only the bound of staleness is asserted.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean
from typing import Any

from study import Figure, Line, finish, options, table

import ampsim

RATES = {1: 0.004, 10: 0.02, 100: 0.1}  # of plain SGD, by minibatch
MAKS = (1, 4, 16)
TARGET, QUARTERS = 0.95, 4


def train(batch: int, mak: int, seed: int, images: int, epochs: int) -> dict[str, Any]:
    """One run to the target."""
    recipe = {"name": "generated", "batch": batch, "seed": seed, "training": images, "validation": 500, "hard": True}
    job = ampsim.workload("mlp", data="generated", batch=batch, width=64)
    job = replace(job, data=ampsim.Recipe("ampsim.workloads.images:load", recipe)).with_training(
        epochs=epochs,
        target=TARGET,
        max_active_keys=mak,
        optimizer=ampsim.SGD(RATES[batch]),
        validate_every=max(1, images // batch // QUARTERS),
        seed=seed,
    )
    run = ampsim.simulate(job, "fpga_ring_16")
    stale = run.tables["staleness"]
    # A chain without loops, updated after each gradient: no more updates in between than other instances in flight.
    assert stale["staleness"].max() <= mak - 1
    time = run.time_to_target
    return {
        "batch": batch,
        "mak": mak,
        "seed": seed,
        "epochs": None if time is None else len(run.summary["validations"]) / QUARTERS,
        "milliseconds": None if time is None else 1e3 * time,
        "images_per_second": run.throughput,
        "staleness": float((stale["staleness"] * stale["count"]).sum() / stale["count"].sum()),
    }


def main() -> None:
    """A line for each minibatch and mak: the mean over the seeds."""
    arguments = options(__doc__, seeds=3, images=2000, epochs=8).parse_args()
    out, rows = table(arguments), []
    lines = {mak: Line(f"mak {mak}", [], []) for mak in MAKS}
    print("minibatch  mak  epochs (least to most)  ms to target   images/s  staleness  epochs x  time x", file=out)
    for batch in RATES:
        base: tuple[float, float] | None = None
        for mak in MAKS:
            runs = [train(batch, mak, seed, arguments.images, arguments.epochs) for seed in range(arguments.seeds)]
            rows += runs
            rate, stale = (fmean(run[name] for run in runs) for name in ("images_per_second", "staleness"))
            head, tail = f"{batch:9} {mak:4} ", f"{rate:10,.0f} {stale:10.2f}"
            if any(run["epochs"] is None for run in runs):
                print(f"{head} {f'> {arguments.epochs}':>22} {'-':>13} {tail}", file=out, flush=True)
                continue
            every = [run["epochs"] for run in runs]
            epochs, time = fmean(every), fmean(run["milliseconds"] for run in runs)
            base = base or ((epochs, time) if mak == 1 else None)
            ratio = f"{epochs / base[0]:9.2f} {time / base[1]:7.2f}" if base else ""
            spread = f"{epochs:.2f} ({min(every):.2f} to {max(every):.2f})"
            print(f"{head} {spread:>22} {time:13.2f} {tail} {ratio}", file=out, flush=True)
            lines[mak].x.append(batch)
            lines[mak].y.append(epochs)
    # With very few images nothing is reached, and there is nothing to draw but that.
    drawn = [line for line in lines.values() if line.x] or [Line("not reached", list(RATES), [0] * 3, dashed=True)]
    title = "Epochs to 95 %: synchronous and asynchronous"
    finish(arguments, rows, Figure(title, "images in a minibatch", "epochs", drawn))


if __name__ == "__main__":
    main()
