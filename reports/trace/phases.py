"""What the controller did: epochs, in them training and validation, in these admitting and draining."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ampsim.reports.trace.blocks import nanoseconds
from ampsim.result.analysis.segments import segments
from ampsim.result.schema import Array, Table

NAMES = ("training", "validation", "admitting", "draining")


def phases(tables: Mapping[str, Table]) -> tuple[Array, Array, Array, list[str]]:
    """Begin and end (ns) and label of nested slices, the outer one first, and the names of the labels."""
    instances = tables["instances"]
    if not len(instances["instance"]):
        none = np.zeros(0, np.int64)
        return none, none, none, list(NAMES)
    moments = nanoseconds(segments(tables))
    order = np.argsort(instances["instance"], kind="stable")
    admitted = nanoseconds(instances["admitted"][order])
    # The first instance of each segment: a segment begins with it, whatever came before at the same moment.
    first = np.searchsorted(np.maximum.accumulate(admitted), moments[:, 0], "left")
    first = np.minimum(np.maximum.accumulate(first), len(order) - 1)
    training, epoch = instances["training"][order][first], instances["epoch"][order][first]
    rows: list[tuple[int, int, int]] = []
    names = list(NAMES)
    for number, (begin, full, end) in enumerate(moments.tolist()):
        if not number or epoch[number] != epoch[number - 1]:
            last = number
            while last + 1 < len(epoch) and epoch[last + 1] == epoch[number]:
                last += 1
            names.append(f"epoch {int(epoch[number])}")
            rows.append((begin, int(moments[last, 2]), len(names) - 1))
        rows.append((begin, end, int(not training[number])))
        rows += [row for row in ((begin, full, 2), (full, end, 3)) if row[0] < row[1]]
    begins, ends, labels = np.asarray(rows, np.int64).T
    return begins, ends, labels, names
