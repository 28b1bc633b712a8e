"""What an endpoint takes and gives: packets to send, messages received, and a count of both."""

from __future__ import annotations

from typing import Any

import msgspec

Packet = tuple[list[Any], int]
"""One message to send: C-contiguous arrays, memoryviews or bytes to be laid end to end, and their size in bytes.

The fragments are copied once, into the channel. Where it is full, that is later: do not change them after sending.
"""

Message = bytes | memoryview
"""One message received: read-only bytes of its own."""


def packet(*fragments: Any) -> Packet:
    """A packet of bytes-like objects."""
    views = [memoryview(fragment) for fragment in fragments]
    return [view.cast("B") for view in views if view.nbytes], sum(view.nbytes for view in views)


class Statistics(msgspec.Struct, frozen=True):
    """What passed an endpoint so far. Bytes are of whole messages, headers included.

    ``blocked`` counts the messages that did not fit at once and went to an outbox; ``outbox_bytes`` are there now,
    ``outbox_high`` were there at most.
    """

    sent_messages: int
    sent_bytes: int
    received_messages: int
    received_bytes: int
    blocked: int
    outbox_messages: int
    outbox_bytes: int
    outbox_high: int
