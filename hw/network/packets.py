"""Store and forward by packets, and beside ports, which store nothing: end of sending, and head at the next link."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ampsim.hw.network.messages import Transit, Wire


def packets(transit: Transit, wire: Wire, start: int, end: int, packet: int) -> tuple[int, int]:
    """End of sending, and head at the next link, of a message of several packets of which the last may be short.

    Beside the tail, the last packet of full size (``body``) is followed: on a faster link it may come so late
    that a short last packet has to wait for it.
    """
    ticks = wire.pace.ticks
    last = transit.nbytes % packet or packet
    full, short = ticks(packet), ticks(last)
    body = transit.body + full
    end = max(end, body + short, transit.tail + short)
    transit.body = max(body, start + ticks(transit.nbytes - last)) + wire.latency
    return end, start + full + wire.latency


def stream(transit: Transit, wire: Wire, start: int, end: int, packet: int | None) -> tuple[int, int]:
    """The same where there are ports; ``packet`` is None for whole messages. ``transit.hop`` is that of the next link.

    A port passes bytes on as they come, and a link in front of a port does so, too. A link behind a port sends the
    first packet, or all, from when its head is there; it only must not end before what the port feeds it has come.
    """
    nbytes, ticks = transit.nbytes, wire.pace.ticks
    if packet is None or nbytes <= packet:
        end = max(end, transit.tail)
        head = end + wire.latency
    elif not wire.port:
        last = nbytes % packet or packet
        if transit.route[transit.hop - 2].port and transit.hop > 1:
            # It came byte by byte, so that its last byte can go when it comes: as if stored that much earlier.
            transit.body -= ticks(packet)
            transit.tail -= ticks(last)
        end, head = packets(transit, wire, start, end, packet)
    else:
        end = max(end, transit.tail)
        transit.body = start + ticks(nbytes - (nbytes % packet or packet)) + wire.latency
        head = start + wire.latency
    beside = wire.port or (transit.hop < transit.hops and transit.route[transit.hop].port)
    return end, start + wire.latency if beside else head
