"""Time to a target where a job cannot be trained, and how far off the answer is where it can be.

    python examples/reach.py [--seeds 3] [--images 4000] [--trees 150] [--systems 3] [--json] [-o figure.html]

How many epochs it takes at which staleness is measured without any system; one epoch in shapes mode on each system says
how stale gradients are there, and how long an epoch takes. Then the job is trained on the simulated system after all,
with other seeds, and both times stand side by side. The last job is four times as wide as the one it was measured with.
What comes out is printed whichever way it turns out; --trees 0 leaves the Tree-LSTM out.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean, median
from typing import Any, TextIO

from study import Figure, Line, finish, options, table

import ampsim

SYSTEMS = ("fpga_ring_16", "gpu_switch_8", "edge_switch_4")
MAKS = (1, 2, 4, 8)
HELD_OUT = 100  # the first seed of what is trained on a system; curves have 0, 1 and 2


def digits(images: int, width: int) -> ampsim.Job:
    """A small MLP on generated images of the harder kind, at a rate that is large for minibatches of 50."""
    job = ampsim.workload("mlp", data="generated", batch=50, width=width)
    recipe = {"name": "generated", "batch": 50, "training": images, "validation": 1000, "hard": True, "seed": 0}
    training = replace(job.training, epochs=10, target=0.97, optimizer=ampsim.SGD(0.1))
    return replace(job, data=ampsim.Recipe("ampsim.workloads.images:load", recipe), training=training)


def sentences(trees: int) -> ampsim.Job:
    """A small Tree-LSTM, a tree an instance, in which nodes update themselves after every gradient."""
    sizes = {"trees": trees, "validation": max(1, trees // 3), "hidden": 16, "embedding": 24, "vocabulary": 1000}
    job = ampsim.workload("tree_lstm", batch=1, **sizes)
    rule = {"update": "muf", "min_update_frequency": 1, "gradient": "mean", "optimizer": ampsim.Adam(0.02)}
    return job.with_training(epochs=10, max_active_keys=4, target=0.84, **rule)


def both(name: str, job: ampsim.Job, curve: ampsim.StalenessCurve, system: str, mak: int, seeds: int) -> dict[str, Any]:
    """What is said of one setting, and what came of training it."""
    row: dict[str, Any] = {"job": name, "system": system, "mak": mak, "predicted": None, "refused": None}
    job = job.with_training(max_active_keys=mak, validate_every=-(-len(job.data.load().training) // 10))
    try:
        said = ampsim.reach(job, system, curve)
        row |= {"staleness": said.staleness, "epochs": list(said.epochs), "predicted": list(said.time)}
    except ampsim.AmpsimError as error:
        row["refused"] = error.what
    runs = [ampsim.simulate(job.with_training(seed=HELD_OUT + n), system) for n in range(seeds)]
    return {**row, "trained": [run.time_to_target for run in runs]}


def line(row: dict[str, Any], out: TextIO) -> None:
    """One setting, as text."""
    head = f"{row['job']:6} {row['system']:13} {row['mak']:3}"
    if row["refused"] or None in row["trained"]:
        print(f"{head}  {row['refused'] or 'not reached by every seed'}", file=out, flush=True)
        return
    value, low, high = (1e3 * time for time in row["predicted"])
    times = [1e3 * time for time in row["trained"]]
    said, done = (
        f"{a:.4g} ({b:.4g} to {c:.4g})" for a, b, c in ((value, low, high), (fmean(times), min(times), max(times)))
    )
    print(f"{head} {row['staleness']:10.2f}  {said:23} {done:23} {100 * error(row):+6.1f} %", file=out, flush=True)


def error(row: dict[str, Any]) -> float:
    """Predicted over the mean of what was trained, minus one."""
    return float(row["predicted"][0] / fmean(row["trained"]) - 1)


def main() -> None:
    """A line for each job, system and mak, and how far off each job was."""
    arguments = options(__doc__, seeds=3, images=4000, trees=150, systems=3).parse_args()
    out, rows, lines = table(arguments), [], []
    small, wide = digits(arguments.images, 64), digits(arguments.images, 256)
    curve = ampsim.staleness_curve(small)
    cases = [("mlp", small, curve), ("wider", wide, curve)]
    if arguments.trees:
        trees = sentences(arguments.trees)
        cases.insert(1, ("trees", trees, ampsim.staleness_curve(trees)))
    print("job    system        mak  staleness  predicted, ms (80 %)    trained, ms (range)      error", file=out)
    for name, job, curve in cases:
        done = []
        for system in SYSTEMS[: 1 if name == "wider" else arguments.systems]:
            for mak in MAKS:
                rows.append(both(name, job, curve, system, mak, arguments.seeds))
                line(rows[-1], out)
                if not rows[-1]["refused"] and None not in rows[-1]["trained"]:
                    done.append(rows[-1])
        if done:
            errors = [error(row) for row in done]
            inside = [row["predicted"][1] <= time <= row["predicted"][2] for row in done for time in row["trained"]]
            middle, worst = median(map(abs, errors)), max(errors, key=abs)
            print(f"{name}: error {100 * middle:.1f} % in the median, {100 * worst:+.1f} % at worst;"
                  f" {sum(inside)} of {len(inside)} trainings in the interval", file=out)  # fmt: skip
            pairs = sorted((1e3 * fmean(row["trained"]), 1e3 * row["predicted"][0]) for row in done)
            lines.append(Line(name, *map(list, zip(*pairs, strict=True))))
    ends = [x for drawn in lines for x in (*drawn.x, *drawn.y)] or [1.0, 10.0]
    lines.append(Line("equal", [min(ends), max(ends)], [min(ends), max(ends)], dashed=True))
    finish(
        arguments,
        rows,
        Figure("Time to the target, predicted and trained", "trained, ms", "predicted, ms", lines, log=True),
    )


if __name__ == "__main__":
    main()
