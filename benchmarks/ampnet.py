"""The AMPNet workloads on two workers beside PyTorch on the same two cores, training instances per second.

    python -m benchmarks.ampnet [--case NAME ...] [--repeats 3] [--seconds 2] [--small] [--json]

Both sides do the same numerical work: equal instances for an update, equal optimizer, the same data. Updates of the
Tree-LSTM's embeddings are sparse on both; the tables of the list reduction and of the molecules have 14 and 5 rows, of
which an update touches nearly all: in PyTorch they are dense, which is faster there.

Each workload is replicated on the two workers (``.replicas(2, sync="epoch")``). PyTorch has the best of its ways, one
thread, two threads, two Hogwild processes, in every form it offers. Ways are tried once, then the best of each form and
ampsim take turns; medians and the spread are printed. Everything runs twice, in an environment without
``OPENBLAS_CORETYPE`` and, where it is set, with it as it is.

``gemm`` is the share of the time in which two cores would do nothing but ampsim's matrix products, at the rate
measured in the same run; ``accounted`` is what the tables say a worker holds at most, ``resident`` what the kernel
counted, without the shared data and rings.

``alone`` is one worker without replicas in the same run, and what two workers are to it.

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
from collections.abc import Callable, Sequence
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


def ours(case: Case, job: Job, workers: int) -> Run:
    """One training run; the loss has to fall."""
    result = run(job, workers=workers)
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
    both, alone = case.job(small), case.job(small, copies=1)
    forms = peers(case, seconds)
    runs, single, speeds = [], [], {form: [] for form in forms}
    for _ in range(repeats):
        runs.append(ours(case, both, 2))
        single.append(ours(case, alone, 1).summary["throughput"])
        for form, once in forms.items():
            speeds[form].append(once())
    mine = [result.summary["throughput"] for result in runs]
    return {
        "case": case.name,
        "core_type": os.environ.get(CORE_TYPE, "unset"),
        "mak": both.training.max_active_keys,
        "ampsim": mine,
        "alone": single,
        "pytorch": {form: beside(case, form, mine, values) for form, values in speeds.items()},
        **bounds(runs[-1]),
    }


def beside(case: Case, form: str, mine: Sequence[float], theirs: Sequence[float]) -> dict[str, Any]:
    """PyTorch's figures of a form, our ratio to their median, what we aim at, and whether it counts."""
    kind, median = form.partition(",")[0], statistics.median(theirs)
    return {
        "speeds": list(theirs),
        "ratio": statistics.median(mine) / median,
        "aim": case.targets.get(kind) if CORE_TYPE not in os.environ else case.as_set.get(kind),
        "void": enough(case.name, kind, median) is False,
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
    mine, alone = statistics.median(row["ampsim"]), statistics.median(row["alone"])
    lines = [
        f"{row['case']:<16} {row['core_type']:<8} ampsim, mak {row['mak']:<3} {mine:>10,.0f}   {spread(row['ampsim'])}"
    ]
    lines.append(f"{'':<25} alone        {alone:>10,.0f}   two workers to it {mine / alone:.2f}")
    for form, found in row["pytorch"].items():
        aim = f" (aim {found['aim']:g})" if found["aim"] else ""
        void = " void: PyTorch is below 0.9 of its figure" if found["void"] else ""
        theirs = f"{statistics.median(found['speeds']):>10,.0f}   {spread(found['speeds'])}"
        lines.append(f"{'':<25} {form:<28} {theirs}   ratio {found['ratio']:.2f}{aim}{void}")
    busy = ", ".join(f"{100 * share:.0f} %" for share in row["utilization"])
    sizes = "; ".join(
        f"{a / 1e6:.0f} of {b / 1e6:.0f} MB" for a, b in zip(row["accounted"], row["resident"], strict=True)
    )
    lines.append(f"{'':<25} gemm {100 * row['gemm']:.0f} %, busy {busy}, accounted of resident {sizes}")
    return "\n".join(lines)


def spread(values: Sequence[float]) -> str:
    """The least and the greatest."""
    return f"({min(values):,.0f} to {max(values):,.0f})"


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
