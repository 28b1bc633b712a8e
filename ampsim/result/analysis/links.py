"""What crossed each link, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ampsim.result.analysis.groups import Groups
from ampsim.result.schema import Array, Table
from ampsim.result.table import chunks


@dataclass(frozen=True)
class LinkTotals:
    """Of each link: bytes and parcels (int64), and seconds in which at least one parcel was on it."""

    bytes: Array
    parcels: Array
    occupied: Array


def link_totals(tables: Mapping[str, Table], links: int) -> LinkTotals:
    """Sums over the whole run."""
    table = tables["links"]
    nbytes, parcels, occupied = np.zeros(links, np.int64), np.zeros(links, np.int64), np.zeros(links)
    each = Groups.by(table, table["link"], links)
    for link in range(links):
        start, end, size = each.take(link, "start", "end", "bytes")
        nbytes[link], parcels[link] = size.sum(), len(size)
        occupied[link] = _covered(start, end)
    return LinkTotals(nbytes, parcels, occupied)


def _covered(start: Array, end: Array) -> float:
    """Length of the union of intervals."""
    order = np.argsort(start, kind="stable")
    reach = np.maximum.accumulate(end[order])
    before = np.append(-np.inf, reach)[: len(order)]
    return float(np.maximum(reach - np.maximum(start[order], before), 0.0).sum())


def link_load(tables: Mapping[str, Table], links: int, edges: Array) -> Array:
    """Bytes per second on each link within each bin of ``edges`` (s, equally spaced): float64 (links, bins).

    The bytes of a parcel are spread evenly over its time on the link; what takes no time falls into one bin.
    """
    bins = len(edges) - 1
    width = float(edges[-1] - edges[0]) / bins
    load, change = np.zeros(links * bins), np.zeros(links * (bins + 1))
    for link, start, stop, size in chunks(tables["links"], "link", "start", "end", "bytes"):
        begin = np.clip((start - edges[0]) / width, 0, bins)
        end = np.clip((stop - edges[0]) / width, begin, bins)
        first = np.minimum(begin.astype(np.int64), bins - 1)
        last = np.minimum(end.astype(np.int64), bins - 1)
        rate = size / np.where(last > first, end - begin, 1.0)
        within = np.where(last == first, size, rate * (first + 1 - begin))
        row = link.astype(np.int64) * bins
        load += np.bincount(row + first, within, links * bins)
        wide = last > first
        load += np.bincount((row + last)[wide], (rate * (end - last))[wide], links * bins)
        # Whole bins in between: a rate that sets in after the first and ends before the last.
        far = last > first + 1
        row = link.astype(np.int64) * (bins + 1)
        change += np.bincount((row + first + 1)[far], rate[far], links * (bins + 1))
        change -= np.bincount((row + last)[far], rate[far], links * (bins + 1))
    steps = change.reshape(links, bins + 1)
    between = np.cumsum(steps, axis=1)[:, :-1]
    between[np.abs(between) < 1e-9 * np.abs(steps).max(axis=1, keepdims=True, initial=1.0)] = 0.0  # rounding
    return (load.reshape(links, bins) + between) / width
