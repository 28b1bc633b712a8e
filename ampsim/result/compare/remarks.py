"""What to know before a comparison is believed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ampsim.result.load import disturbed, load_of
from ampsim.result.run import Run


def remarks(a: Run, b: Run) -> list[str]:
    """Sentences about runs that are not alike, or not to be trusted; none where all is as it should be."""
    return [*_work(a, b), *_kinds(a, b), *(said for name, run in (("A", a), ("B", b)) for said in _load(name, run))]


def _work(a: Run, b: Run) -> Iterator[str]:
    if a.job != b.job:
        yield f"different jobs: A is {a.job}, B is {b.job}; what has the same name is compared"
    elif a.summary["nodes"] != b.summary["nodes"] or a.summary["edges"] != b.summary["edges"]:
        yield "different graphs: what has the same name is compared"
    rows = [_rows(run) for run in (a, b)]
    if rows[0] != rows[1]:
        yield f"different amounts of work: {rows[0]:,} rows in A, {rows[1]:,} in B; compare throughput, not makespan"


def _rows(run: Run) -> int:
    return int(np.sum(run.tables["instances"]["rows"]))


def _kinds(a: Run, b: Run) -> Iterator[str]:
    for name, run in (("A", a), ("B", b)):
        if not run.makespan:
            yield f"{name} has no clock: only counts are compared"
    shapes = [name for name, run in (("A", a), ("B", b)) if run.mode == "shapes"]
    if shapes:
        yield f"{' and '.join(shapes)} computed shapes only: there are no losses to compare"
    hosts = [run.provenance.get("host") for run in (a, b) if run.backend == "runtime"]
    if len(hosts) == 2 and hosts[0] != hosts[1]:
        yield "measured on different machines: see host in the provenance of each run"


def _load(name: str, run: Run) -> Iterator[str]:
    """Other programs on the machine while a run was measured."""
    load = load_of(run)
    if load and disturbed(run):
        others, steal = load.others or 0.0, load.steal or 0.0
        yield (
            f"{name} was disturbed: other processes took {others:.2f} of {load.cores} cores, "
            f"the host of the machine {steal:.2f}; measure it again"
        )
