"""How much link bandwidth does a Tree-LSTM need? Three 1-TFLOPS chips, links from 10 MB/s to 100 GB/s.

    python examples/tree_lstm_links.py [--trees 300] [--json] [-o figure.html]

Embedding and leaf cells are on chip 0, the classifier on 1, the branch cell on 2: the states of all nodes go from 0
to 2 and, for the next level, back; gradients take the same ways. Shapes mode. With t trees a second and b bytes a tree
over the fullest link, t <= bandwidth / b, which is asserted. The need is told as the least bandwidth that gives 90 % of
the speed of links without end; the bytes alone would say much less, since a level waits for the one below it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from study import Figure, Line, finish, options, table

import ampsim

GIGABYTES = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)
MAKS = (1, 4, 16)


def three_chips(bandwidth: float | str) -> ampsim.System:
    """Chips of the shipped ring, with room for the embedding, and links of ``bandwidth`` bytes a second."""
    values = ampsim.load_system("fpga_ring_16").to_dict()
    values["chips"][0] |= {"count": 3, "memory_capacity": "unlimited"}
    values["links"]["bandwidth"] = bandwidth
    return ampsim.System.from_dict(values)


def measure(job: ampsim.Job, mak: int, gigabytes: float | None, trees: int) -> dict[str, Any]:
    """Trees a second, and what the fullest link would let through."""
    bandwidth = "unlimited" if gigabytes is None else gigabytes * 1e9
    run = ampsim.simulate(job.with_training(max_active_keys=mak), three_chips(bandwidth), mode="shapes")
    links = run.tables["links"]
    load = float(np.bincount(links["link"], links["bytes"]).max()) / trees
    assert run.throughput is not None
    bound = None if gigabytes is None else gigabytes * 1e9 / load
    assert bound is None or run.throughput <= bound * (1 + 1e-9)
    return {"mak": mak, "gigabytes": gigabytes, "trees_per_second": run.throughput, "bytes": load, "bound": bound}


def main() -> None:
    """A line for each bandwidth, a column for each mak; then what is needed."""
    arguments = options(__doc__, trees=300).parse_args()
    out = table(arguments)
    job = ampsim.workload("tree_lstm", trees=arguments.trees, validation=1).with_training(epochs=1, target=None)
    rows = [measure(job, mak, rate, arguments.trees) for rate in (*GIGABYTES, None) for mak in MAKS]
    print(f"  GB/s {''.join(f'    mak {mak:2}' for mak in MAKS)}  bound of a link   (trees/s)", file=out)
    for at in range(0, len(rows), len(MAKS)):
        cells = "".join(f"{row['trees_per_second']:10,.0f}" for row in rows[at : at + len(MAKS)])
        rate, bound = rows[at]["gigabytes"], rows[at]["bound"]
        print(
            f"{'ample' if rate is None else f'{rate:g}':>6} {cells} {'-' if bound is None else f'{bound:,.0f}':>16}",
            file=out,
        )
    lines = []
    for number, mak in enumerate(MAKS):
        *swept, ample = rows[number :: len(MAKS)]
        most = ample["trees_per_second"]
        enough = next(row["gigabytes"] for row in swept if row["trees_per_second"] >= 0.9 * most)
        least = most * ample["bytes"] / 1e9
        print(
            f"mak {mak}: 90 % of {most:,.0f} trees/s from {enough:g} GB/s on; the bytes alone: {least:.2f} GB/s",
            file=out,
        )
        lines.append(Line(f"mak {mak}", GIGABYTES, [row["trees_per_second"] for row in swept]))
    lines.append(
        Line("fullest link", GIGABYTES[:5], [row["bound"] for row in rows[: 5 * len(MAKS) : len(MAKS)]], dashed=True)
    )
    figure = Figure("Tree-LSTM on three chips", "rate of a link (GB/s)", "trees/s", lines, log=True)
    finish(arguments, rows, figure)


if __name__ == "__main__":
    main()
