"""Parcels and notes come back equal; bytes that are neither are one clear error, whatever they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ampsim.errors import RunError
from ampsim.ir.message import BACKWARD, FORWARD, Array, Messages, Spec, State
from ampsim.runtime.codec import Note, Sent, decode, encode, note
from ampsim.runtime.packet import Packet

DTYPES = ("f4", "f8", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?")


def wire(packet: Packet) -> bytes:
    """The bytes of a packet as they arrive; its size must be right."""
    fragments, size = packet
    content = b"".join(memoryview(fragment).cast("B") for fragment in fragments)
    assert len(content) == size
    return content


def through(*messages: Messages, sent: int = 5) -> list[Messages]:
    decoded = decode(wire(encode(list(messages), sent)))
    assert isinstance(decoded, Sent)
    assert decoded.sent == sent
    return decoded.parcel


def same(one: Messages, other: Messages) -> bool:
    if (one.edge, one.direction, list(one.states), list(one.rows)) != (
        other.edge,
        other.direction,
        list(other.states),
        list(other.rows),
    ):
        return False
    if isinstance(one.payload, np.ndarray):
        assert isinstance(other.payload, np.ndarray)
        assert one.payload.dtype == other.payload.dtype
        assert one.payload.shape == other.payload.shape
        return one.payload.tobytes() == other.payload.tobytes()
    return one.payload == other.payload


states = st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4).map(tuple), max_size=8)
arrays = hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=9))
payloads = st.one_of(
    st.none(), arrays, st.builds(Spec, st.tuples(st.integers(0, 2**40), st.integers(1, 9)), st.just(np.dtype("f4")))
)


@st.composite
def messages(draw: Any) -> Messages:
    owned: list[State] = draw(states)
    rows = draw(st.lists(st.integers(0, 1000), min_size=len(owned), max_size=len(owned)))
    return Messages(
        draw(st.integers(0, 10**6)), draw(st.sampled_from([FORWARD, BACKWARD])), owned, rows, draw(payloads)
    )


@given(st.lists(messages(), max_size=5), st.integers(0, 2**63))
def test_a_parcel_comes_back_equal(parcel: list[Messages], sent: int) -> None:
    back = through(*parcel, sent=sent)
    assert len(back) == len(parcel)
    assert all(map(same, parcel, back))


def test_states_are_plain_tuples_of_ints_and_rows_a_list() -> None:
    (back,) = through(Messages(3, BACKWARD, [(7, 1), (8, 2)], (4, 4), np.zeros((8, 2), np.float32)))
    assert back.states == [(7, 1), (8, 2)]
    assert [type(state) for state in back.states] == [tuple, tuple]
    assert back.rows == [4, 4]
    assert back.origin is None


def test_arrays_are_contiguous_read_only_and_aligned_to_their_items() -> None:
    odd = np.arange(3, dtype=np.uint8)
    wide = np.arange(12.0).reshape(3, 4)
    one, two, three = through(
        Messages(0, 0, [(1,)], [3], odd), Messages(1, 0, [(1,)], [3], wide), Messages(2, 0, [(1,)], [4], wide.T)
    )
    for back, expected in ((one, odd), (two, wide), (three, wide.T)):
        assert isinstance(back.payload, np.ndarray)
        assert back.payload.flags.c_contiguous
        assert back.payload.flags.aligned
        assert not back.payload.flags.writeable
        assert np.array_equal(back.payload, expected)


def test_arrays_lie_on_64_byte_boundaries_of_the_message() -> None:
    content = wire(
        note("n", None, [np.full(3, 0x11, np.uint8), np.full(2, 0x22, np.uint8), np.full(1, 0x33, np.uint8)])
    )
    places = [content.index(bytes([value]) * count) for value, count in ((0x11, 3), (0x22, 2), (0x33, 1))]
    assert [place % 64 for place in places] == [0, 0, 0]
    assert len(content) % 64 == 0


def test_a_payload_is_not_copied_before_the_channel_copies_it() -> None:
    payload = np.zeros((4, 16), np.float32)
    fragments, _ = encode([Messages(0, 0, [(1,)], [4], payload)], 0)
    assert any(fragment is payload for fragment in fragments)


def test_equal_rows_are_one_number() -> None:
    equal = encode([Messages(0, 0, [(i,) for i in range(100)], [300] * 100, None)], 0)[1]
    unequal = encode([Messages(0, 0, [(i,) for i in range(100)], [*[300] * 99, 301], None)], 0)[1]
    assert equal < unequal - 200


@pytest.mark.parametrize("body", [None, 3, 1.5, "text", b"bytes", [1, [2, "x"]], {"a": [1], "b": {"c": None}}])
def test_a_note_comes_back_equal(body: Any) -> None:
    given_arrays: list[Array] = [np.arange(5), np.zeros((0, 3), np.float32), np.ones((2, 2), bool)]
    back = decode(wire(note("result", body, given_arrays)))
    assert isinstance(back, Note)
    assert (back.name, back.body) == ("result", body)
    assert [array.tolist() for array in back.arrays] == [array.tolist() for array in given_arrays]


@pytest.mark.parametrize("array", [np.array([object()]), np.array(["a"]), np.zeros(2, complex), np.zeros(2, ">f4")])
def test_what_does_not_travel_is_refused_by_its_sender(array: Array) -> None:
    with pytest.raises(TypeError, match="does not travel"):
        encode([Messages(0, 0, [(1,)], [1], array)], 0)
    with pytest.raises(TypeError, match="does not travel"):
        note("n", None, [array])


SAMPLE = wire(
    encode(
        [
            Messages(3, 0, [(1, 2), (3, 4)], [1, 2], np.arange(6, dtype=np.float32).reshape(3, 2)),
            Messages(4, 1, [(1,)], [3], Spec((3, 2), np.dtype("f8"))),
            Messages(5, 1, [(1,)], [3], None),
        ],
        77,
    )
)


def damaged(content: bytes) -> None:
    """Decodes or raises RunError; nothing else, and nothing larger than the message is made."""
    try:
        back = decode(content)
    except RunError:
        return
    if isinstance(back, Sent):
        assert sum(part.nbytes for part in back.parcel if isinstance(part.payload, np.ndarray)) <= len(content)


def test_every_truncation_is_an_error() -> None:
    for length in range(len(SAMPLE) - 40):  # the last array ends in zeros up to the boundary, and 24 bytes of data
        with pytest.raises(RunError, match="cannot be read"):
            decode(SAMPLE[:length])


@given(st.data())
@settings(max_examples=300)
def test_flipped_bits_never_crash(data: st.DataObject) -> None:
    content = bytearray(SAMPLE)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) * 8 - 1))
        content[place // 8] ^= 1 << place % 8
    damaged(bytes(content))


@given(st.binary(max_size=200))
def test_noise_never_crashes(content: bytes) -> None:
    damaged(content)


def test_a_shape_larger_than_the_message_is_refused_before_anything_is_made() -> None:
    huge = wire(note("n", None, [np.zeros(8, np.uint8)])).replace(b"\xa3|u1\x91\x08", b"\xa3|u1\x91\x7f")
    with pytest.raises(RunError, match="cannot be read"):
        decode(huge)
