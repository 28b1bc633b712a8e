"""How much on-chip memory do instances in flight need? SRAM against mak, and three ways out when it is full.

    python examples/memory_and_mak.py [--minibatches 100] [--json] [-o figure.html]

The shipped ring of 1-TFLOPS chips with less and less memory, the MLP in minibatches of 100 with mak = 16, shapes mode.
When a chip is full it lets fewer instances in (stall), moves arrays to memory off the chip at 20 GB/s (spill), or gives
them up and computes them anew (recompute). Asserted: stalling is the same run as one with that many in flight and
memory without end.
"""

from __future__ import annotations

from typing import Any

from study import Figure, Line, finish, options, table

import ampsim

MEBIBYTES = (8, 9, 10, 11, 12, 14, 16, 18)
WAYS = ("stall", "spill", "recompute")
MAK = 16


def system(memory: float | str, overflow: str = "refuse") -> ampsim.System:
    """The shipped ring with ``memory`` bytes a chip."""
    values = ampsim.load_system("fpga_ring_16").to_dict()
    values["overflow"] = overflow
    values["chips"][0]["memory_capacity"] = memory
    if overflow == "spill":
        values["chips"][0]["off_chip"] = {"capacity": "unlimited", "bandwidth": 20e9}
    return ampsim.System.from_dict(values)


def most(run: ampsim.Run) -> float:
    """Bytes that the fullest chip held at most, parameters and gradients included."""
    table = run.tables["memory"]
    moving = sum(table[name] for name in ("caches", "deferred", "queues", "outbox"))
    static = [sum(worker.values()) for worker in run.summary["static_memory"]]
    return max(float(moving[table["worker"] == worker].max()) + held for worker, held in enumerate(static))


def main() -> None:
    """What each mak needs, then what each memory gives."""
    arguments = options(__doc__, minibatches=100).parse_args()
    out = table(arguments)
    job = ampsim.workload("mlp", data="none", training=100 * arguments.minibatches, validation=0)
    job = job.with_training(epochs=1, target=None)
    needs: dict[int, dict[str, Any]] = {}
    print("in flight     rows/s  fullest chip, MiB", file=out)
    for mak in range(1, MAK + 1):
        run = ampsim.simulate(job.with_training(max_active_keys=mak), system("unlimited"), mode="shapes")
        needs[mak] = {"mak": mak, "rows_per_second": run.throughput, "bytes": most(run)}
        if mak in (1, 2, 4, 8, 16):
            print(f"{mak:9} {run.throughput:10,.0f} {needs[mak]['bytes'] / 2**20:18.2f}", file=out)
    print(f"\nmemory, MiB  let in  {'  '.join(f'{way:>9}' for way in WAYS)}   (rows/s, mak {MAK})", file=out)
    rows, many = [], job.with_training(max_active_keys=MAK)
    for memory in MEBIBYTES:
        row: dict[str, Any] = {"mebibytes": memory}
        for way in WAYS:
            try:
                run = ampsim.simulate(many, system(memory * 2.0**20, way), mode="shapes")
            except ampsim.AmpsimError:  # OutOfMemory: that way does not help here
                row[way] = None
                continue
            row[way] = run.throughput
            if way == "stall":
                row["let_in"] = run.summary["in_flight_limit"] or MAK
                assert row[way] == needs[row["let_in"]]["rows_per_second"]
        rows.append(row)
        cells = (f"{row[way]:9,.0f}" if row[way] else f"{'fails':>9}" for way in WAYS)
        print(f"{memory:11} {row['let_in']:7}  {'  '.join(cells)}", file=out)
    lines = [Line(way, *zip(*[(row["mebibytes"], row[way]) for row in rows if row[way]], strict=True)) for way in WAYS]
    lines.append(Line("memory without end", MEBIBYTES, [needs[MAK]["rows_per_second"]] * len(rows), dashed=True))
    title = f"MLP, {MAK} minibatches in flight: throughput against memory"
    finish(arguments, [*needs.values(), *rows], Figure(title, "memory of a chip, MiB", "rows/s", lines))


if __name__ == "__main__":
    main()
