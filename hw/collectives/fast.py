"""A collective nobody interferes with: all ranks of a round at once, in numpy int64, to the bit as event by event.

    ready[rank] --> head at link 1 --> head at link 2 ... --> arrival --> ready[rank] of the next round

The messages of a round take their first links together, then their second ones, and so on; on each link they are served
by (head, source, sending order), as the network serves them. That is the whole truth if no message of a later round or
of a later hop comes to a link before one that was served here. Where several sources meet at a link this is looked at
as it goes along, and the fast path is given up when it is not so; nothing has been touched by then.

All latencies must be positive: then all that reaches a link at one time is known before that time.
"""

from __future__ import annotations

import numpy as np

from ampsim.hw.collectives.flow import Flow
from ampsim.hw.collectives.rows import Rows, Span
from ampsim.hw.collectives.tracks import MOST, Index, Irregular, Level, Tracks
from ampsim.hw.network.messages import Network
from ampsim.ir.message import Array


def advance(network: Network, flow: Flow) -> None:
    """Carry ``flow`` to its end: fills ``flow.done``, and the network's links and table.

    Raises Irregular, with the reason, when this cannot be done here; network and flow are then as they were.
    """
    if not network.plain:
        raise Irregular("its links are not simply served first come first served")
    tracks = Tracks(network, flow)
    _check_horizon(flow, tracks)
    rows = Rows(tracks, network)
    cut_through = network.system.switching == "cut_through"
    ready = np.array(flow.times, np.int64)
    sent = 0
    for one in flow.collective.rounds:
        pattern = tracks.pattern(one)
        head = tail = ready[pattern.source]
        for hop, (level, duration) in enumerate(zip(pattern.levels, tracks.durations(one), strict=True)):
            which = level.which
            came, early = head[which], tail[which] if hop and cut_through else None
            if level.most == 1 and level.own:
                start, end = _serve(tracks, level.links, duration, came, early)
            else:
                start, end = _serve_in_turn(tracks, level, duration, came, early, pattern.keys[which] + sent)
            if hop:  # not all messages go so far
                head, tail = head.copy(), tail.copy()
                tail[which] = end + level.latency
                head[which] = start + level.latency if cut_through else tail[which]
            else:
                tail = end + level.latency
                head = start + level.latency if cut_through else tail
            if rows.wanted:
                rows.spans.append(Span(one, pattern, level, sent, came, start, end))
        ready = ready.copy()  # what came is a window on it
        if pattern.once:
            ready[pattern.target] = np.maximum(ready[pattern.target], tail)
        else:
            np.maximum.at(ready, one.target, tail)
        sent += len(one.source)
    flow.done[:] = ready.tolist()
    tracks.commit()
    rows.hand_over()


def _serve(tracks: Tracks, links: Index, duration: Array, came: Array, early: Array | None) -> tuple[Array, Array]:
    """When each link, each met once, begins and ends to serve; ``early``: when the tail can be there at best."""
    start = np.maximum(came, tracks.free[links])
    end = start + duration
    if early is not None:
        np.maximum(end, early, out=end)
    tracks.free[links] = end
    tracks.busy[links] += end - start
    return start, end


def _serve_in_turn(
    tracks: Tracks, level: Level, duration: Array, came: Array, early: Array | None, keys: Array
) -> tuple[Array, Array]:
    """The same where messages meet at a link: all that are first at theirs, then all that are second, and so on.

    Raises Irregular when one of them came before the last that was served here.
    """
    numbers = level.numbers
    order = np.lexsort((keys, came, numbers))
    links = numbers[order]
    begins = np.flatnonzero(np.diff(links, prepend=-1))
    if not level.own:
        _check_order(tracks, links, begins, came[order], keys[order])
    place = np.arange(len(links)) - np.repeat(begins, np.diff(begins, append=len(links)))
    start, end = np.empty_like(came), np.empty_like(came)
    turns = np.split(order[np.argsort(place, kind="stable")], np.cumsum(np.bincount(place))[:-1])
    for turn in turns:
        tails = None if early is None else early[turn]
        start[turn], end[turn] = _serve(tracks, numbers[turn], duration[turn], came[turn], tails)
    return start, end


def _check_order(tracks: Tracks, links: Array, begins: Array, came: Array, keys: Array) -> None:
    """The first at each link came behind the last of those before; the last of these is remembered."""
    first = links[begins]
    before, key = tracks.last_head[first], tracks.last_key[first]
    behind = (came[begins] > before) | ((came[begins] == before) & (keys[begins] > key))
    if not behind.all():
        raise Irregular("messages of different rounds meet at a link in another order")
    ends = np.append(begins[1:], len(links)) - 1
    tracks.last_head[first], tracks.last_key[first] = came[ends], keys[ends]


def _check_horizon(flow: Flow, tracks: Tracks) -> None:
    """No time, and no sum, can exceed int64: as long as if the longest message of a round took each link in turn."""
    latest = max([*flow.times, *tracks.free.tolist()])
    for one, uses in flow.collective.distinct():
        for level, times in zip(tracks.pattern(one).levels, tracks.durations(one), strict=True):
            latest += uses * (level.most * int(times.max()) + int(level.latency.max()))
    if latest > MOST or flow.collective.carried > MOST:
        raise Irregular("it may last longer than int64 femtoseconds can hold")
