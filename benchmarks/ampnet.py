"""The AMPNet workloads on two workers beside PyTorch on the same two cores, training instances per second.

    python -m benchmarks.ampnet [--case NAME ...] [--repeats 3] [--seconds 2] [--small] [--json]

Both sides do the same numerical work: equal instances for an update, equal optimizer, sparse updates of embeddings on
both. Each workload is replicated on the two workers (``.replicas(2, sync="epoch")``). PyTorch has the best of its ways,
one thread, two threads, two Hogwild processes, in every form it offers. Ways are tried once, then the best of each form
and ampsim take turns; medians and the spread are printed. Everything runs twice, in an
environment without ``OPENBLAS_CORETYPE`` and, where it is set, with it as it is.

``gemm`` is the share of the time in which two cores would do nothing but ampsim's matrix products, at the rate
measured in the same run; ``accounted`` is what the tables say a worker holds at most, ``resident`` what the kernel
counted, without the shared data and rings.

The answers asserted: losses fall on both sides; a PyTorch form that stays below 0.9 of what it reached on the reference
machine makes its row void, since then the machine was not its own.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ampsim.job import Job
from ampsim.result.analysis.memory import memory
from ampsim.result.run import Run
from ampsim.studies.execute import run
from benchmarks._cases import CASES, Case
from benchmarks.peers.reference import enough

CORE_TYPE = "OPENBLAS_CORETYPE"


def ours(case: Case, job: Job) -> Run:
    """One training run on two workers; the loss has to fall."""
    result = run(job, workers=2)
    losses = [epoch["train_loss"] for epoch in result.summary["epochs"]]
    assert np.isfinite(losses).all(), losses
    assert losses[-1] < losses[0], f"{case.name}: the loss was {losses[0]} and is {losses[-1]}"
    return result


def peers(case: Case, seconds: float) -> dict[str, Callable[[], float]]:
    """For each form PyTorch offers, its best way, found by trying each once."""
    way_of = importlib.import_module("benchmarks.peers.measure").WAYS
    row = importlib.import_module("benchmarks.peers.__main__").ROWS[case.name]
    arrays = dict(row.data())

    def speed(form: str, way: Any) -> float:
        return float(row.module.train_throughput(arrays, form, way, **row.sizes))

    found = {}
    for form in row.module.FORMS:
        best = max((replace(way, seconds=seconds / 2) for way in way_of), key=lambda way: speed(form, way))
        found[f"{form}, {best}"] = partial(speed, form, replace(best, seconds=seconds))
    return found


def measure(case: Case, repeats: int, seconds: float, small: bool) -> dict[str, Any]:
    """One row: medians and ranges of both sides, and what bounds ours."""
    job = case.job(small)
    forms = peers(case, seconds)
    runs, speeds = [], {form: [] for form in forms}
    for _ in range(repeats):
        runs.append(ours(case, job))
        for form, once in forms.items():
            speeds[form].append(once())
    return {
        "case": case.name,
        "core_type": os.environ.get(CORE_TYPE, "unset"),
        "ampsim": [result.summary["throughput"] for result in runs],
        "pytorch": speeds,
        **bounds(runs[-1]),
    }


def bounds(result: Run) -> dict[str, Any]:
    """How near the limit a run was, and what it took: products at the measured rate, busy shares, bytes."""
    tables = result.tables
    held = memory(tables, result.workers, result.summary["static_memory"]).peak.sum(axis=1)
    resident = [
        found["after"]["peak"] - found["before"]["resident"] - found["after"]["shared"] + found["before"]["shared"]
        for found in result.summary["resident"]
    ]
    rate = gemm_rate()
    return {
        "gemm": result.summary["matmul"] / rate / result.summary["makespan"],
        "gemm_rate": rate,
        "utilization": result.summary["utilization"],
        "accounted": held.tolist(),
        "resident": resident,
    }


def gemm_rate(size: int = 784, seconds: float = 0.5) -> float:
    """FLOP/s of two processes that multiply square float32 matrices at the same time, one thread each."""
    code = f"import benchmarks.ampnet as b; print(b.multiply({size}, {seconds}))"
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    return sum(float(process.communicate()[0]) for process in both)


def multiply(size: int, seconds: float) -> float:
    """FLOP/s of one process."""
    import threadpoolctl

    with threadpoolctl.threadpool_limits(1):
        x = np.ones((size, size), np.float32)
        out = np.empty_like(x)
        done, begin = 0, time.perf_counter()
        while time.perf_counter() < begin + seconds:
            np.matmul(x, x, out=out)
            done += 1
        return done * 2 * size**3 / (time.perf_counter() - begin)


def line(row: dict[str, Any]) -> str:
    """A row as text, one line for each form of PyTorch."""
    mine = statistics.median(row["ampsim"])
    spread = f"{min(row['ampsim']):,.0f} to {max(row['ampsim']):,.0f}"
    lines = [f"{row['case']:<16} {row['core_type']:<8} ampsim {mine:>10,.0f}   ({spread})"]
    for form, values in row["pytorch"].items():
        theirs = statistics.median(values)
        kind = form.split(",")[0]
        target = CASES[row["case"]].targets.get(kind)
        void = "" if enough(row["case"], kind, theirs) is not False else " void: PyTorch is below 0.9 of its figure"
        wanted = f" (aim {target:g})" if target and row["core_type"] == "unset" else ""
        lines.append(f"{'':<25} {form:<28} {theirs:>10,.0f}   ratio {mine / theirs:.2f}{wanted}{void}")
    busy = ", ".join(f"{100 * share:.0f} %" for share in row["utilization"])
    sizes = "; ".join(
        f"{a / 1e6:.0f} of {b / 1e6:.0f} MB" for a, b in zip(row["accounted"], row["resident"], strict=True)
    )
    lines.append(f"{'':<25} gemm {100 * row['gemm']:.0f} %, busy {busy}, accounted of resident {sizes}")
    return "\n".join(lines)


def main() -> None:
    """Measure in fresh processes, with and without the core type, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("--case", nargs="+", choices=list(CASES), default=None)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement of PyTorch")
    parser.add_argument("--small", action="store_true", help="small data, to try the benchmark itself")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--here", action="store_true", help="in this process and environment only")
    arguments = parser.parse_args()
    try:
        importlib.import_module("torch")
    except ImportError:
        sys.exit("PyTorch is not installed\n  do: pip install -e '.[torch]'")
    chosen = [CASES[name] for name in arguments.case or CASES]
    rows = []
    for case in chosen:
        for environment in [os.environ] if arguments.here else environments():
            if arguments.here:
                row = measure(case, arguments.repeats, arguments.seconds, arguments.small)
            else:
                words = [sys.executable, "-m", "benchmarks.ampnet", "--case", case.name, "--here", "--json"]
                words += ["--repeats", str(arguments.repeats), "--seconds", str(arguments.seconds)]
                words += ["--small"] * arguments.small
                done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
                row = json.loads(done.stdout)[0]
            rows.append(row)
            if not arguments.here:
                print(line(row), file=sys.stderr if arguments.json else sys.stdout, flush=True)
    if arguments.json:
        print(json.dumps(rows))


def environments() -> list[dict[str, str]]:
    """Without the core type and, if there is one, with it."""
    without = {name: value for name, value in os.environ.items() if name != CORE_TYPE}
    return [without, dict(os.environ)] if CORE_TYPE in os.environ else [without]


if __name__ == "__main__":
    main()
