"""How fast the arithmetic of a run went, beside what the chips could reach.

    arithmetic intensity  =  FLOP / bytes read and written            of an operation, in one direction
    rate reached          =  FLOP / time in its tasks
    roof                  =  min(peak rate, arithmetic intensity * memory bandwidth)

(Williams, Waterman, Patterson 2009). A task counts with its first node; bytes are those of the format of the chip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ampsim.result.analysis.hardware import REFERENCE_BYTES, Roof, hardware, roof
from ampsim.result.analysis.placement import UNKNOWN, operations
from ampsim.result.run import Run
from ampsim.result.schema import KINDS, Array
from ampsim.result.table import chunks


@dataclass(frozen=True)
class Roofline:
    """One row an operation, kind of task and roof: those with tasks, by time, the longest first.

    ``operation`` and ``kind`` and ``roof`` (-1: not known) are numbers, in ``operations``, ``KINDS`` and ``roofs``;
    ``tasks`` int64; ``seconds``, ``matmul`` and ``vector`` (FLOP) and ``bytes`` float64.
    """

    operations: tuple[str, ...]
    nodes: tuple[tuple[int, ...], ...]
    roofs: tuple[Roof, ...]
    operation: Array
    kind: Array
    roof: Array
    tasks: Array
    seconds: Array
    matmul: Array
    vector: Array
    bytes: Array

    @property
    def flop(self) -> Array:
        """FLOP of both sorts."""
        total: Array = self.matmul + self.vector
        return total

    @property
    def intensity(self) -> Array:
        """FLOP a byte; NaN without bytes."""
        return _ratio(self.flop, self.bytes)

    @property
    def rate(self) -> Array:
        """FLOP/s; NaN where no time passed."""
        return _ratio(self.flop, self.seconds)

    @property
    def shown(self) -> Array:
        """Rows that have a place on logarithmic axes."""
        return (self.flop > 0) & (self.bytes > 0) & (self.seconds > 0)

    @property
    def ceiling(self) -> Array:
        """FLOP/s of the roof over each row: its peak is that of products, or of the vector unit without any; NaN."""
        if not self.roofs:
            return np.full(len(self.rate), np.nan)
        matmul, vector, bandwidth = (np.asarray([getattr(r, n) for r in self.roofs])[self.roof]
                                     for n in ("matmul", "vector", "bandwidth"))  # fmt: skip
        peak = np.where(self.matmul > 0, matmul, vector)
        reach = np.where(np.isfinite(bandwidth), self.intensity * bandwidth, np.inf)
        found: Array = np.where(self.roof == UNKNOWN, np.nan, np.minimum(peak, reach))
        return found


def roofline(run: Run) -> Roofline:
    """Sums over tasks of equal operation, kind and roof."""
    names, node_operation, nodes = _numbered(operations(run))
    roofs, worker_roof = _roofs(run)
    # Number of the roof 0 is for workers without one.
    where = np.asarray(worker_roof, np.int64) + 1
    shape = (len(names), len(KINDS), len(roofs) + 1)
    size = int(np.prod(shape))
    count, sums = np.zeros(size, np.int64), {name: np.zeros(size) for name in ("seconds", "bytes", "matmul", "vector")}
    for node, kinds, worker, start, end, read, written, matmul, vector in chunks(
        run.tables["tasks"], "node", "kind", "worker", "start", "end", "read", "written", "matmul", "vector"
    ):
        category = (node_operation[node] * shape[1] + kinds) * shape[2] + where[worker]
        count += np.bincount(category, minlength=size)
        for total, values in zip(sums.values(), (end - start, read + written, matmul, vector), strict=True):
            total += np.bincount(category, values, size)
    seconds = sums["seconds"]
    found = np.flatnonzero(count)
    found = found[np.argsort(-seconds[found], kind="stable")]
    operation, kind, over = np.unravel_index(found, shape)
    scale = np.asarray([1.0, *(r.element / REFERENCE_BYTES for r in roofs)])[over]
    nbytes = sums["bytes"][found] * scale
    return Roofline(
        names, nodes, tuple(roofs), operation, kind, over - 1, count[found], seconds[found],
        sums["matmul"][found], sums["vector"][found], nbytes,
    )  # fmt: skip


def _ratio(above: Array, below: Array) -> Array:
    found: Array = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return found


def _numbered(found: Sequence[str]) -> tuple[tuple[str, ...], Array, tuple[tuple[int, ...], ...]]:
    """Distinct operations in order, the number of each node's, and the nodes of each."""
    number = {name: index for index, name in enumerate(dict.fromkeys(found))}
    mine = np.asarray([number[name] for name in found], np.int64)
    return tuple(number), mine, tuple(tuple(np.flatnonzero(mine == i).tolist()) for i in range(len(number)))


def _roofs(run: Run) -> tuple[list[Roof], list[int]]:
    """Roofs of the chips in use, and the number of each worker's; -1 where nothing is known."""
    system = hardware(run.config)
    found = [UNKNOWN] * run.workers
    chips = run.summary.get("chips")
    if system is None or not chips:
        return [], found
    groups = system.groups()
    used = sorted({groups[chip["name"]] for chip in chips if chip["name"] in groups})
    for chip in chips:
        for worker in chip["workers"]:
            if chip["name"] in groups and 0 <= worker < run.workers:
                found[worker] = used.index(groups[chip["name"]])
    return [roof(system.chips[group]) for group in used], found
