"""Training throughput of PyTorch on all five workloads, in every form and way of running, beside the reference.

    python -m benchmarks.peers [NAME ...] [--seconds 2] [--repeats 1] [--json]

Each figure is the median over repeats; the repeats go round all ways, so that a machine whose speed drifts drifts for
all of them. ``void`` marks a best figure below 0.9 of the reference.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ampsim.workloads import deduction, dipoles
from benchmarks._cases import CASES
from benchmarks.peers import ggsnn, ggsnn_qm9, mlp, rnn, tree_lstm
from benchmarks.peers.measure import WAYS, Arrays
from benchmarks.peers.reference import REFERENCE, enough


@dataclass(frozen=True)
class Row:
    """A workload in PyTorch: its module, its data, and the sizes that are not the usual ones."""

    module: Any
    data: Callable[[], Arrays]
    sizes: dict[str, int] = field(default_factory=dict)


TOGETHER = ("batched", "dense")


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def same(name: str, *fields: str) -> Arrays:
    """The very data that the workload trains on in :mod:`benchmarks.ampnet`."""
    training, _ = CASES[name].job(copies=1).data.load()
    return {field: training.arrays[field] for field in fields}


# Graphs are the same by law only: they are laid out anew here, and how many there are makes no difference.
ROWS = {
    "mlp": Row(mlp, lambda: same("mlp", "images", "labels")),
    "list_reduction": Row(rnn, lambda: same("list_reduction", "tokens", "labels", "lengths", "rows", "offsets")),
    "tree_lstm": Row(tree_lstm, lambda: same("tree_lstm", "words", "labels", "children", "offsets")),
    "ggsnn_babi15": Row(ggsnn, lambda: vars(deduction.draw(2_000, 27, 27, random()))),
    "ggsnn_qm9, h100": Row(ggsnn_qm9, lambda: vars(dipoles.generated(1_000, [0, 0])), {"hidden": 100, "batch": 50}),
    "ggsnn_qm9, h200": Row(ggsnn_qm9, lambda: vars(dipoles.generated(1_000, [0, 0])), {"hidden": 200, "batch": 50}),
}


def measure(name: str, seconds: float, repeats: int) -> dict[str, dict[str, float]]:
    """Instances per second by form and way."""
    row = ROWS[name]
    arrays = dict(row.data())
    ways = [replace(way, seconds=seconds) for way in WAYS]
    # The products of a single tree or graph are too small for two threads: two processes are always faster.
    cells = [(form, way) for form in row.module.FORMS for way in ways if way.threads == 1 or form in TOGETHER]
    found: dict[tuple[str, Any], list[float]] = {cell: [] for cell in cells}
    for _ in range(repeats):
        for form, way in cells:
            found[form, way].append(row.module.train_throughput(arrays, form, way, **row.sizes))
    medians = {(form, str(way)): statistics.median(speeds) for (form, way), speeds in found.items()}
    return {
        form: {str(way): medians[form, str(way)] for way in ways if (form, str(way)) in medians}
        for form in row.module.FORMS
    }


def main() -> None:
    """Print a row for each workload and form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ROWS))
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    table = sys.stderr if arguments.json else sys.stdout
    print(f"{'instances/s':38}" + "".join(f"{way!s:>13}" for way in WAYS) + f"{'reference':>13}", file=table)
    result = {}
    for name in arguments.names or ROWS:
        result[name] = measure(name, arguments.seconds, arguments.repeats)
        for form, speeds in result[name].items():
            mark = {None: "", True: "", False: "  void"}[enough(name, form, max(speeds.values()))]
            figures = [*(speeds.get(str(way)) for way in WAYS), REFERENCE.get((name, form))]
            shown = "".join(f"{figure:13,.0f}" if figure else f"{'-':>13}" for figure in figures)
            print(f"{name + ', ' + form:38}{shown}{mark}", file=table, flush=True)
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
