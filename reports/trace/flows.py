"""Messages as arrows: from the task that sent, over the links on the way, to the task that took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ampsim.result.schema import Array, Table

NONE = -1


@dataclass(frozen=True)
class Parcels:
    """What tasks sent to other workers: all messages of one (source, destination, sent) travel as one parcel.

    ``of_message`` gives the parcel of each message, or -1: it stayed on its worker, or the controller sent it.
    """

    source: Array
    destination: Array
    sent: Array
    arrived: Array
    bytes: Array
    of_message: Array


def senders(tables: Mapping[str, Table]) -> Array:
    """For each message the row of the task that sent it, or -1 where the controller did: int64.

    That is the last task of the sending worker that had ended when the message was sent: of those that took a message
    of the same instance if there is one, for a worker may have gone on with another task before it sent.
    """
    tasks, messages = tables["tasks"], tables["messages"]
    taker, source = messages["task"], messages["source"]
    instance = messages["state"][:, 0]
    same = _latest((tasks["worker"][taker], instance, tasks["end"][taker], taker), (source, instance, messages["sent"]))
    none = np.zeros(len(tasks["end"]), np.int64)
    any_one = _latest(
        (tasks["worker"], none, tasks["end"], np.arange(len(none))),
        (source, np.zeros(len(source), np.int64), messages["sent"]),
    )
    return np.where(source < 0, NONE, np.where(same >= 0, same, any_one))


def _latest(events: tuple[Array, Array, Array, Array], queries: tuple[Array, Array, Array]) -> Array:
    """For each query (worker, key, time) the value of the last event of that worker and key up to that time, or -1."""
    count = len(events[0])
    worker, key, time = (np.concatenate((a, b)) for a, b in zip(events[:3], queries, strict=True))
    asks = np.arange(len(worker)) >= count
    order = np.lexsort((asks, time, key, worker))
    worker, key, asked = worker[order], key[order], asks[order]
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (worker[1:] != worker[:-1]) | (key[1:] != key[:-1])
    place = np.arange(len(order))
    group = np.maximum.accumulate(np.where(fresh, place, 0))
    last = np.maximum.accumulate(np.where(asked, NONE, place))
    value = np.full(len(order), NONE, np.int64)
    known = last >= group
    value[known] = np.append(events[3], 0)[np.minimum(order[last[known]], count)]
    found = np.empty(len(queries[0]), np.int64)
    found[order[asked] - count] = value[asked]
    return found


def parcels(tables: Mapping[str, Table], sender: Array) -> Parcels:
    """The parcels of a run, in order of (source, destination, sent)."""
    messages = tables["messages"]
    source, taken = messages["source"].astype(np.int64), tables["tasks"]["worker"][messages["task"]].astype(np.int64)
    rows = np.flatnonzero((sender >= 0) & (source != taken))
    order = rows[np.lexsort((messages["sent"][rows], taken[rows], source[rows]))]
    keys = (source[order], taken[order], messages["sent"][order])
    fresh = np.zeros(len(order), np.bool_)
    fresh[:1] = True
    for key in keys:
        fresh[1:] |= key[1:] != key[:-1]
    first = np.flatnonzero(fresh)
    of_message = np.full(len(source), NONE, np.int64)
    of_message[order] = np.cumsum(fresh) - 1
    total = np.add.reduceat(messages["bytes"][order], first) if len(first) else np.zeros(0, np.int64)
    latest = np.maximum.reduceat(messages["arrived"][order], first) if len(first) else np.zeros(0)
    return Parcels(keys[0][first], keys[1][first], keys[2][first], latest, total, of_message)


def hops(tables: Mapping[str, Table], found: Parcels, workers: int) -> Array:
    """For each row of ``links`` its parcel, or -1: int64.

    Parcels of one pair of workers keep their order on every link. Where more or fewer crossed a link than were taken
    by tasks, or one would have been on it before it was sent or after it arrived, nothing is said.
    """
    links = tables["links"]
    result = np.full(len(links["link"]), NONE, np.int64)
    pair = found.source * workers + found.destination
    inner = np.flatnonzero((links["source"] >= 0) & (links["destination"] >= 0))
    between = links["source"][inner].astype(np.int64) * workers + links["destination"][inner]
    order = np.lexsort((links["end"][inner], links["start"][inner], links["link"][inner], between))
    rows, between = inner[order], between[order]
    fresh = np.ones(len(rows), np.bool_)
    fresh[1:] = (between[1:] != between[:-1]) | (links["link"][rows][1:] != links["link"][rows][:-1])
    first = np.flatnonzero(fresh)
    size = np.diff(np.append(first, len(rows)))
    rank = np.arange(len(rows)) - np.repeat(first, size)
    begin, end = np.searchsorted(pair, between, "left"), np.searchsorted(pair, between, "right")
    fits = np.flatnonzero(end - begin == np.repeat(size, size))
    parcel = begin[fits] + rank[fits]
    # Sums of link times may differ in their last bits from times that were written down.
    slack = 1e-12 + 1e-12 * found.arrived[parcel]
    rows = rows[fits]
    inside = (links["start"][rows] >= found.sent[parcel] - slack) & (
        links["end"][rows] <= found.arrived[parcel] + slack
    )
    result[rows[inside]] = parcel[inside]
    return result
