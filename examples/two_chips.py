"""Two chips on one job: 495 times the peak rate, how many times the speed? Four chips of each kind, links equal.

    python examples/two_chips.py [--minibatches 100] [--json] [-o figure.html]

The GPU-like chip multiplies 495 times as fast as the FPGA-like one, but every task costs it 5 us and it pads a product
to 128 rows; the other begins after 0.5 us and streams rows one by one. Same MLP, same switch, shapes mode.
`ampsim.compare` says which term of the critical path differs most. Asserted: no chip is faster than its peak rate.
"""

from __future__ import annotations

from typing import Any

from study import Figure, Line, finish, options, table

import ampsim

BATCHES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
CHIPS = {"gpu": "gpu_switch_8", "fpga": "fpga_ring_16"}


def four_of(chip: str) -> ampsim.System:
    """Four chips of a shipped system behind the switch of the GPU-like one; memory is no matter here."""
    values = ampsim.load_system("gpu_switch_8").to_dict()
    values["chips"] = [ampsim.load_system(CHIPS[chip]).to_dict()["chips"][0]]
    values["chips"][0] |= {"count": 4, "memory_capacity": "unlimited"}
    return ampsim.System.from_dict({**values, "name": chip, "sources": {}})


def measure(batch: int, minibatches: int) -> dict[str, Any]:
    """Both chips on minibatches of one size, and what makes the difference."""
    job = ampsim.workload("mlp", data="none", batch=batch, training=batch * minibatches, validation=0)
    job = job.with_training(epochs=1, target=None, max_active_keys=8)
    runs = {chip: ampsim.simulate(job, four_of(chip), mode="shapes") for chip in CHIPS}
    row: dict[str, Any] = {"batch": batch}
    for chip, run in runs.items():
        peak = four_of(chip).to_dict()["chips"][0]["matmul"]
        assert run.summary["matmul"] <= 4 * peak * run.makespan * (1 + 1e-9)
        row[chip] = run.throughput
        row[f"{chip}_of_peak"] = run.summary["matmul"] / (4 * peak * run.makespan)
    why = ampsim.compare(runs["fpga"], runs["gpu"]).explanation
    term = max(why.terms, key=lambda term: abs(term.difference))
    return {**row, "term": term.name, "microseconds": 1e6 * term.difference / minibatches}


def main() -> None:
    """A line for each minibatch."""
    arguments = options(__doc__, minibatches=100).parse_args()
    out = table(arguments)
    rows = [measure(batch, arguments.minibatches) for batch in BATCHES]
    print("minibatch    gpu rows/s  of peak   fpga rows/s  of peak  gpu/fpga  largest term of fpga - gpu", file=out)
    for row in rows:
        print(f"{row['batch']:9} {row['gpu']:13,.0f} {100 * row['gpu_of_peak']:6.2f} % {row['fpga']:13,.0f}"
              f" {100 * row['fpga_of_peak']:6.1f} % {row['gpu'] / row['fpga']:9.2f}"
              f"  {row['term']} {row['microseconds']:+.1f} us a minibatch", file=out)  # fmt: skip
    lines = [Line(chip, BATCHES, [row[chip] for row in rows]) for chip in CHIPS]
    finish(arguments, rows, Figure("MLP on four chips", "rows in a minibatch", "rows/s", lines, log=True))


if __name__ == "__main__":
    main()
