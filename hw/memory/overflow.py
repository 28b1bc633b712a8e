"""What a full memory cost, written down as it happens: one row for each time."""

from __future__ import annotations

import numpy as np

from ampsim.hw.clock import FS
from ampsim.ir.message import Array
from ampsim.ir.work import Work
from ampsim.result.schema import OVERFLOWS

_NUMBER = {name: number for number, name in enumerate(OVERFLOWS)}
_NOTHING = Work()
NOBODY = -1


class OverflowLog:
    """The rows of the table ``overflow`` of a run; times in femtoseconds."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int, int, int, float, float, int]] = []

    def add(
        self,
        worker: int,
        kind: str,
        start: int,
        end: int,
        nbytes: int = 0,
        work: Work = _NOTHING,
        instance: int = NOBODY,
    ) -> None:
        """``kind`` is one of ``ampsim.result.schema.OVERFLOWS``; ``work`` what is computed once more."""
        self._rows.append((worker, _NUMBER[kind], start, end, nbytes, work.matmul, work.vector, instance))

    def table(self) -> dict[str, Array]:
        """All rows as columns, times in seconds, in the order in which they were written."""
        columns = list(zip(*self._rows, strict=True)) if self._rows else [()] * 8
        worker, kind, start, end, nbytes, matmul, vector, instance = columns
        return {
            "worker": np.asarray(worker, np.int32),
            "kind": np.asarray(kind, np.int8),
            "start": np.asarray([time / FS for time in start], np.float64),
            "end": np.asarray([time / FS for time in end], np.float64),
            "bytes": np.asarray(nbytes, np.int64),
            "matmul": np.asarray(matmul, np.float64),
            "vector": np.asarray(vector, np.float64),
            "instance": np.asarray(instance, np.int64),
        }
