"""How much does asynchrony gain on four workers? The MLP of AMPNet's slides, simulated on ideal chips.

    python examples/four_workers.py [--minibatches 100] [--json] [-o figure.html]

Four Linear layers of 784, minibatches of 100, the last layer on worker 0 and the others on workers 1, 2 and 3. Time is
FLOP and nothing else. In units of one product of 100 x 784 by 784 x 784 the layers work 2, 3, 3 and 0.04 a minibatch: a
forward product, one for the gradient of the input, which images do not need, and one for that of the weights. With mak
minibatches in flight, the latency Lat of one alone and the largest work w of a worker,

    minibatches per unit  <=  min( mak / Lat , 1 / w )

which is asserted for every row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from study import Figure, Line, finish, options, table

import ampsim

FLOPS = 1e12
UNIT = 2 * 100 * 784 * 784 / FLOPS  # seconds of one product
AFFINITIES = {0: 1, 1: 2, 2: 3, 3: 0}  # of layers L1 to L4
MAKS = (1, 2, 3, 4, 8, 16)


def devices() -> ampsim.System:
    """Four ideal chips, with links that cost nothing."""
    chip = {"matmul": FLOPS, "vector": 1e21, "memory_bandwidth": "unlimited", "memory_capacity": "unlimited"}
    return ampsim.System.from_dict({
        "name": "four_ideal",
        "chips": [{"count": 4, **chip}],
        "links": {"bandwidth": "unlimited", "latency": 0.0},
        "topology": {"kind": "full"},
    })  # fmt: skip


def measure(job: ampsim.Job, mak: int, placement: dict[int, int]) -> dict[str, Any]:
    """Units a minibatch takes, and what bounds it."""
    job = job.with_training(max_active_keys=mak)
    run = ampsim.simulate(job, devices(), workers=4, placement=placement, mode="shapes")
    tasks, instances = run.tables["tasks"], run.tables["instances"]
    count = len(instances["instance"])
    work = np.bincount(tasks["worker"], tasks["matmul"], minlength=4) / FLOPS / UNIT / count
    return {
        "workers": len(set(placement.values())),
        "mak": mak,
        "units": run.makespan / UNIT / count,
        "latency": float(instances["completed"][0] - instances["admitted"][0]) / UNIT,
        "work": work.tolist(),
    }


def main() -> None:
    """One row for one worker, then one for each number of minibatches in flight."""
    arguments = options(__doc__, minibatches=100).parse_args()
    out = table(arguments)
    job = ampsim.workload("mlp", data="none", training=100 * arguments.minibatches, validation=0)
    job = job.with_training(epochs=1, target=None)
    alone = measure(job, 1, dict.fromkeys(AFFINITIES, 0))
    rows = [measure(job, mak, AFFINITIES) for mak in MAKS]
    latency = rows[0]["latency"]  # of a minibatch that meets no other
    work = ", ".join(f"{units:.2f}" for units in rows[0]["work"])
    print(f"units of work on each worker: {work}; latency of a minibatch alone: {latency:.2f}", file=out)
    print("workers  mak  units/minibatch  least possible  over one worker  over mak 1", file=out)
    for row in [alone, *rows]:
        busiest = max(row["work"])
        row["least"] = busiest if row is alone else max(latency / row["mak"], busiest)
        assert row["units"] >= row["least"] * (1 - 1e-9)
        row["over_one"], row["over_sync"] = alone["units"] / row["units"], rows[0]["units"] / row["units"]
        print(f"{row['workers']:7} {row['mak']:4} {row['units']:16.2f} {row['least']:15.2f} {row['over_one']:16.2f}"
              f" {row['over_sync']:11.2f}", file=out)  # fmt: skip
    bound = sum(rows[0]["work"]) / max(rows[0]["work"])
    assert all(row["over_one"] <= bound * (1 + 1e-9) for row in rows)
    print(f"bound: all work over the busiest worker's {bound:.2f} (8/3 without L4; 3 for three equal layers)", file=out)
    lines = [
        Line("over one worker", MAKS, [row["over_one"] for row in rows]),
        Line("over mak 1", MAKS, [row["over_sync"] for row in rows]),
        Line("bound", MAKS, [bound] * len(MAKS), dashed=True),
        Line("the paper's 3x", MAKS, [3.0] * len(MAKS), dashed=True),
    ]
    title = "MLP on four workers: throughput against minibatches in flight"
    finish(arguments, [alone, *rows], Figure(title, "mak", "ratio of throughputs", lines))


if __name__ == "__main__":
    main()
