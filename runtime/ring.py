"""A ring of bytes in shared memory: one writer, one reader, whole messages in sending order.

::

    base      +0    head: bytes ever published     } the writer's lines
              +8    hungry: the writer has more    }
              +128  tail: bytes ever consumed      } the reader's line
              +256  data: ``capacity`` bytes of records, each on a 64-byte boundary

    record    one word ``length << 2 | tag``, then the bytes
              WHOLE  a message
              START  ``length`` is that of a long message; PART records with its bytes follow
              PAD    the rest of the lap is empty

Head and tail are aligned 64-bit words, each written by one element store of a ``memoryview('Q')``, which is a single
``mov``; ``struct`` writes byte by byte, and the other side reads halves of two numbers. The order "data, then head"
and "copy out, then tail" is kept by x86, which never reorders stores with stores nor loads with loads; glibc ends its
non-temporal copies with a fence. On other machines a pipe stands in (:mod:`ampsim.runtime.pipes`).

A message of up to half the ring is written at once or not at all. A longer one streams through in parts; one
``bytearray`` on the reader's side collects it.
"""

from __future__ import annotations

from mmap import mmap
from typing import Any

import numpy as np

from ampsim.errors import RunError
from ampsim.runtime.packet import Message, Packet

LINE = 64
DATA = 256
_HUNGRY, _TAIL = 1, 16  # in words from the ring's base
_WHOLE, _START, _PART, _PAD = 0, 1, 2, 3


def ring_bytes(capacity: int) -> int:
    """Bytes a ring of ``capacity`` bytes of records takes: a multiple of 64. ``capacity`` likewise, 512 at least."""
    if capacity < 512 or capacity % LINE:
        raise ValueError(f"a ring's capacity is a multiple of {LINE}, at least 512: {capacity}")
    return DATA + capacity


class RingWriter:
    """The writing end, over the ``ring_bytes(capacity)`` bytes at ``base`` of a shared mapping of zeros."""

    __slots__ = ("_at", "_capacity", "_data", "_head", "_map", "_part", "_parts", "_tail", "_whole", "_word", "_words")

    def __init__(self, mapping: mmap, words: memoryview, base: int, capacity: int) -> None:
        self._map, self._words = mapping, words
        self._word = base >> 3
        self._data = base + DATA
        self._capacity = capacity
        self._whole = capacity // 2
        self._part = capacity // 4
        self._head = self._tail = words[self._word]
        self._at = self._head % capacity
        self._parts: list[memoryview] = []  # what is left of a long message

    def try_write(self, message: Packet) -> bool:
        """Write the message; False where it does not fit (now): call again with the same message.

        The bytes of a long message leave with each call as far as there is room. Then no other message may come first.
        """
        fragments, size = message
        step = (size + 71) & -64
        if step > self._whole:
            return self._stream(fragments, size)
        capacity = self._capacity
        lap = self._at + step
        if lap > capacity:
            if not self._next_lap():
                return False
            lap = step
        head = self._head + step
        if head - self._tail > capacity and not self._room(step):
            return False
        words, mapping = self._words, self._map
        start = self._data + lap - step
        words[start >> 3] = size << 2  # | _WHOLE
        start += 8
        for fragment in fragments:
            end = start + (len(fragment) if fragment.__class__ is bytes else fragment.nbytes)
            mapping[start:end] = fragment
            start = end
        self._at = lap if lap < capacity else 0
        self._head = words[self._word] = head
        return True

    def _room(self, size: int) -> bool:
        """Whether ``size`` bytes are free, after a look at the reader's tail."""
        self._tail = self._words[self._word + _TAIL]
        return self._head + size - self._tail <= self._capacity

    def has_room(self) -> bool:
        """Whether the reader has freed anything since the writer last looked."""
        return self._words[self._word + _TAIL] != self._tail

    @property
    def published(self) -> int:
        """Bytes ever published."""
        return self._head

    def set_hungry(self, hungry: bool) -> None:
        """Tell the reader whether the writer waits for room."""
        self._words[self._word + _HUNGRY] = hungry

    def _stream(self, fragments: list[Any], size: int) -> bool:
        if not self._parts:
            if not self._room(LINE):
                return False
            self._parts = [memoryview(each).cast("B") for each in fragments if memoryview(each).nbytes]
            self._parts.reverse()
            self._record(size << 2 | _START, LINE)
        while self._parts:
            if not self._put_part(sum(part.nbytes for part in self._parts)):
                return False
        return True

    def _put_part(self, left: int) -> bool:
        """Send the next part of a long message, a quarter of the ring at most; False where it has no room."""
        length = min(left, self._part - 8)
        lap = self._capacity - self._at
        if lap < LINE * 2:
            if not self._next_lap():
                return False
            lap = self._capacity
        length = min(length, lap - 8)
        step = (length + 71) & -64
        if not self._room(step):
            return False
        start = self._data + self._at + 8
        end = start + length
        while start < end:
            part = self._parts.pop()
            if part.nbytes > end - start:
                self._parts.append(part[end - start :])
                part = part[: end - start]
            self._map[start : start + part.nbytes] = part
            start += part.nbytes
        self._record(length << 2 | _PART, step)
        return True

    def _next_lap(self) -> bool:
        """Leave the rest of this lap empty; False where the reader is not through with it."""
        pad = self._capacity - self._at
        if not self._room(pad):
            return False
        self._record(pad << 2 | _PAD, pad)
        return True

    def _record(self, word: int, step: int) -> None:
        """Publish ``step`` bytes that begin with ``word``."""
        self._words[(self._data + self._at) >> 3] = word
        self._at = (self._at + step) % self._capacity
        self._head += step
        self._words[self._word] = self._head


class RingReader:
    """The reading end of the same bytes."""

    __slots__ = (
        "_at",
        "_capacity",
        "_data",
        "_filled",
        "_long",
        "_map",
        "_tail",
        "_words",
        "bytes",
        "head",
        "hungry",
        "tail",
    )

    def __init__(self, mapping: mmap, words: memoryview, base: int, capacity: int) -> None:
        self._map, self._words = mapping, words
        self._data = base + DATA
        self._capacity = capacity
        self.head = base >> 3  # the words to look at from outside: there is something if words[head] != tail
        self.hungry = self.head + _HUNGRY
        self._tail = self.head + _TAIL
        self.tail = words[self._tail]
        self.bytes = 0  # of messages read so far
        self._at = self.tail % capacity
        self._long: bytearray | None = None
        self._filled = 0

    def drain(self, found: list[tuple[int, Message]], source: int) -> None:
        """Append (source, message) for all messages that are here now, copied out.

        What comes during the call is left for the next: a fast writer must not keep the reader here. Raises RunError
        where the ring is corrupt.
        """
        words, mapping, data = self._words, self._map, self._data
        head = words[self.head]
        tail, at = self.tail, self._at
        while tail != head:
            start = data + at
            word = words[start >> 3]
            length = word >> 2
            step = (length + 71) & -64
            if word & 3:
                step = self._other(word & 3, length, start + 8, step, found, source)
            else:
                found.append((source, mapping[start + 8 : start + 8 + length]))
                self.bytes += length
            tail += step
            at += step
            if at >= self._capacity:
                if at > self._capacity:
                    raise RunError(f"a ring is corrupt: a record of {step} bytes reaches past its end")
                at = 0
            if tail > head:
                raise RunError(f"a ring is corrupt: a record of {step} bytes, {head - tail + step} published")
        self._at = at
        self.tail = words[self._tail] = tail

    def _other(
        self, tag: int, length: int, start: int, step: int, found: list[tuple[int, Message]], source: int
    ) -> int:
        """Take a record that is no whole message; the bytes to go on by."""
        if tag == _PAD:
            return length
        if tag == _START:
            self._long = bytearray(length)
            self._filled = 0
            return LINE
        message = self._collect(start, length)
        if message is not None:
            found.append((source, message))
            self.bytes += len(message)
        return step

    def _collect(self, start: int, length: int) -> memoryview | None:
        """Add a part to the long message; the message when it is whole."""
        if self._long is None or self._filled + length > len(self._long):
            raise RunError(f"a ring is corrupt: a part of {length} bytes that belongs to no message")
        np.frombuffer(self._long, np.uint8)[self._filled : self._filled + length] = np.frombuffer(
            self._map, np.uint8, length, start
        )
        self._filled += length
        if self._filled < len(self._long):
            return None
        message, self._long = self._long, None
        return memoryview(message).toreadonly()  # as the others are
