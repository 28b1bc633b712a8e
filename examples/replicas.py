"""How many replicas are worth having? An MLP whose layers, all but the last, are made once, twice, 4 and 8 times.

    python examples/replicas.py [--images 4000] [--json] [-o figure.html]

Every copy of a layer has a chip of its own behind a switch, and its share of the minibatches: four of 20 images are
in flight for each copy. Numeric mode, so there are two answers. Throughput: the last layer is one chip with one link,
which has to carry all that the copies send it, so

    images per second  <=  bandwidth of a link / bytes of an image

which is asserted. Time to 95 %: copies learn apart and are made equal four times an epoch only, so that more of them
may need more epochs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from study import Figure, Line, finish, options, table

import ampsim

COPIES = (1, 2, 4, 8)
WIDTH, TARGET, QUARTERS = 784, 0.95, 4
BANDWIDTH = 1.25e9  # bytes/s of a link


def behind_a_switch() -> ampsim.System:
    """The shipped 1-TFLOPS chips, 32 of them behind a switch in place of a ring."""
    values = ampsim.load_system("fpga_ring_16").to_dict()
    values["chips"][0]["count"] = 32
    values["links"]["bandwidth"] = BANDWIDTH
    values["topology"] = {"kind": "switch"}
    return ampsim.System.from_dict(values)


def train(copies: int, images: int) -> dict[str, Any]:
    """One run to the target; generated images of the harder kind."""
    recipe = {"name": "generated", "batch": 20, "seed": 0, "training": images, "validation": 500, "hard": True}
    job = ampsim.workload("mlp", data="generated", batch=20, width=WIDTH, replicas=copies)
    job = replace(job, data=ampsim.Recipe("ampsim.workloads.images:load", recipe)).with_training(
        epochs=4,
        target=TARGET,
        max_active_keys=4 * copies,
        optimizer=ampsim.SGD(0.02),
        validate_every=images // 20 // QUARTERS,
    )
    run = ampsim.simulate(job, behind_a_switch())
    assert run.throughput is not None
    assert run.throughput <= BANDWIDTH / (WIDTH * 4) * (1 + 1e-9)
    reached = run.time_to_target
    return {
        "copies": copies,
        "chips": run.summary["workers"],
        "images_per_second": run.throughput,
        "milliseconds": None if reached is None else 1e3 * reached,
        "epochs": None if reached is None else len(run.summary["validations"]) / QUARTERS,
    }


def main() -> None:
    """A line for each number of copies."""
    arguments = options(__doc__, images=4000).parse_args()
    out, rows = table(arguments), []
    print("copies  chips   images/s  over one  epochs  ms to target", file=out)
    for copies in COPIES:
        row = train(copies, arguments.images)
        rows.append(row)
        row["over_one"] = row["images_per_second"] / rows[0]["images_per_second"]
        ends = "     -             -" if row["epochs"] is None else f"{row['epochs']:6.2f} {row['milliseconds']:13.2f}"
        print(f"{copies:6} {row['chips']:6} {row['images_per_second']:10,.0f} {row['over_one']:9.2f}  {ends}", file=out)
    bound = BANDWIDTH / (WIDTH * 4)
    print(f"bound by the link of the last layer: {bound:,.0f} images/s", file=out)
    lines = [
        Line("images/s", COPIES, [row["images_per_second"] for row in rows]),
        Line("a link's bound", COPIES, [bound] * len(COPIES), dashed=True),
    ]
    finish(arguments, rows, Figure("MLP: throughput against copies of its layers", "copies", "images/s", lines))


if __name__ == "__main__":
    main()
