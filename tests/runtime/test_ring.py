"""A ring is a queue: what is written comes out whole, once and in order, however it wraps and is cut."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import mmap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ampsim.errors import RunError
from ampsim.runtime.packet import Message, Packet, packet
from ampsim.runtime.ring import DATA, RingReader, RingWriter, ring_bytes


class Ring:
    """Both ends of a ring in memory of this process, at an odd place of it."""

    def __init__(self, capacity: int, base: int = 192) -> None:
        self.capacity, self.base = capacity, base
        self.memory = mmap(-1, base + ring_bytes(capacity) + 64)
        self.words = memoryview(self.memory).cast("Q")
        self.writer = RingWriter(self.memory, self.words, base, capacity)
        self.reader = RingReader(self.memory, self.words, base, capacity)

    def read(self) -> list[bytes]:
        found: list[tuple[int, Message]] = []
        self.reader.drain(found, 3)
        assert all(source == 3 for source, _ in found)
        return [bytes(message) for _, message in found]

    def close(self) -> None:
        self.words.release()
        self.memory.close()


@contextmanager
def ring(capacity: int) -> Iterator[Ring]:
    made = Ring(capacity)
    try:
        yield made
    finally:
        made.close()


def message(size: int, serial: int = 0) -> Packet:
    """A message in three fragments whose bytes tell where they belong."""
    content = (np.arange(size) * 7 + serial).astype(np.uint8)
    return packet(content[: size // 3].tobytes(), content[size // 3 : size // 2].copy(), content[size // 2 :].copy())


def content(size: int, serial: int = 0) -> bytes:
    return (np.arange(size) * 7 + serial).astype(np.uint8).tobytes()


@pytest.mark.parametrize("size", [0, 1, 7, 8, 55, 56, 57, 64, 120, 248, 249, 511, 512, 513, 5120, 5121])
def test_every_size_comes_through_up_to_ten_times_the_ring(size: int) -> None:
    with ring(512) as r:
        for lap in range(5):
            got = []
            for _ in range(1000):
                written = r.writer.try_write(message(size, lap))
                got += r.read()
                if written:
                    break
            assert got == [content(size, lap)]
            assert r.read() == []


def test_a_full_ring_takes_nothing_until_something_is_read() -> None:
    with ring(512) as r:
        written = 0
        while r.writer.try_write(message(100, written)):
            written += 1
        assert written == 4
        assert not r.writer.has_room()
        assert r.read() == [content(100, serial) for serial in range(4)]
        assert r.writer.has_room()
        assert r.writer.try_write(message(100, 4))
        assert r.read() == [content(100, 4)]


def test_arrays_of_any_shape_go_in_as_they_lie() -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    with ring(1024) as r:
        assert r.writer.try_write(([b"head", array], 4 + array.nbytes))
        assert r.read() == [b"head" + array.tobytes()]


def test_what_has_been_read_does_not_change_when_the_ring_goes_on() -> None:
    with ring(512) as r:
        kept = []
        for serial in range(20):
            while not r.writer.try_write(message(200, serial)):
                kept += r.read()
        kept += r.read()
        assert kept == [content(200, serial) for serial in range(20)]


def test_a_reader_that_starts_late_finds_what_was_written() -> None:
    with ring(512) as r:
        r.writer.try_write(message(50))
        r.reader = RingReader(r.memory, r.words, r.base, r.capacity)
        assert r.read() == [content(50)]


def test_nothing_is_written_outside_the_ring() -> None:
    with ring(512) as r:
        for serial in range(100):
            while not r.writer.try_write(message(serial * 3, serial)):
                r.read()
        assert not any(r.memory[: r.base])
        assert not any(r.memory[r.base + DATA + r.capacity :])


@pytest.mark.parametrize("capacity", [0, 64, 448, 513, 1000])
def test_a_capacity_that_cannot_work_is_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match="multiple of 64"):
        ring_bytes(capacity)


@pytest.mark.parametrize("word", [1 << 40, 600 << 2, (1 << 30) << 2 | 3, 1 << 12 | 2, 40 << 2 | 2])
def test_a_corrupt_record_is_an_error_and_no_crash(word: int) -> None:
    with ring(512) as r:
        r.writer.try_write(message(10))
        r.words[(r.base + DATA) >> 3] = word
        with pytest.raises(RunError, match="corrupt"):
            r.read()


@given(st.lists(st.integers(0, 3000), max_size=40), st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_any_messages_read_at_any_time_are_the_messages_written(sizes: list[int], draw: object) -> None:
    with ring(576) as r:
        got: list[bytes] = []
        for serial, size in enumerate(sizes):
            while not r.writer.try_write(message(size, serial)):
                got += r.read()
            if draw.random() < 0.3:  # type: ignore[attr-defined]
                got += r.read()
        got += r.read()
        assert got == [content(size, serial) for serial, size in enumerate(sizes)]


class RingMachine(RuleBasedStateMachine):
    """The ring beside a deque. A message that is only partly in the ring is in neither yet."""

    def __init__(self) -> None:
        super().__init__()
        self.ring = Ring(704)
        self.model: deque[bytes] = deque()
        self.serial = 0
        self.pending: int | None = None

    @rule(size=st.one_of(st.integers(0, 400), st.integers(0, 8000)))
    def write(self, size: int) -> None:
        if self.pending is None:
            self.serial += 1
            self.pending = size
        before = len(self.model)
        if self.ring.writer.try_write(message(self.pending, self.serial)):
            self.model.append(content(self.pending, self.serial))
            self.pending = None
        assert len(self.model) <= before + 1

    @rule()
    def read(self) -> None:
        got = self.ring.read()
        assert got == list(self.model)
        self.model.clear()

    @invariant()
    def bounded(self) -> None:
        used = self.ring.writer.published - self.ring.reader.tail
        assert 0 <= used <= self.ring.capacity
        assert used % 64 == 0

    @invariant()
    def empty_means_room(self) -> None:
        if self.ring.writer.published == self.ring.reader.tail and self.pending is not None:
            before = self.ring.writer.published
            self.write(0)
            assert self.ring.writer.published > before or self.pending is None

    def teardown(self) -> None:
        self.ring.close()


TestRingMachine = RingMachine.TestCase
