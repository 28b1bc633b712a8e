"""Parcels and notes as bytes: a msgpack header, then the arrays as they lie in memory, each on a 64-byte boundary.

::

    u32 length of the header | u32 kind | header | zeros | array | zeros | array ...

A *parcel* is what a task sends; a *note* is everything else that controller and workers tell one another: a name, plain
values, and arrays. No pickle: only numbers, text and the dtypes listed here cross a wire, and every length is compared
with the bytes that are there before anything is made of it.

Decoded arrays are C-contiguous, read-only views of the one message they came in; they keep it alive, and nothing else.
Nobody may write into a payload: within one worker, and in the other backends, it is the sender's own array.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NoReturn

import msgspec
import numpy as np

from ampsim.errors import RunError
from ampsim.ir.message import Array, Messages, Parcel, Spec, State
from ampsim.runtime.packet import Message, Packet

_NAMES = ("f4", "f8", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?")
_DTYPES = {dtype.str: dtype for dtype in map(np.dtype, _NAMES)}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_SPEC = "spec "  # before a dtype: no bytes follow
_SPECS = {_SPEC + code: dtype for code, dtype in _DTYPES.items()}
_PARCEL, _NOTE = 0, 1
_array = np.ndarray  # shape, dtype, buffer, offset: a view that numpy checks against the length of the buffer
_prefix = struct.Struct("<II")
_SHORT = 512
_PREFIXES = [_prefix.pack(length, _PARCEL) for length in range(_SHORT)]
_PADS = [bytes(-length % 64) for length in range(64)]

_Count = Annotated[int, msgspec.Meta(ge=0)]
_Shape = tuple[_Count, ...]
_Part = tuple[_Count, _Count, list[State], _Count | list[_Count], str, _Shape]
_encode = msgspec.msgpack.Encoder().encode
_decode_parcel: Callable[[Message], tuple[int, list[Any]]] = msgspec.msgpack.Decoder(tuple[int, list[_Part]]).decode
_decode_note = msgspec.msgpack.Decoder(tuple[str, Any, list[tuple[str, _Shape]]]).decode


class Sent(msgspec.Struct, frozen=True):
    """A parcel and when it was sent, in ticks of the sender's clock."""

    parcel: Parcel
    sent: int


class Note(msgspec.Struct, frozen=True):
    """A control message: its name, plain values (numbers, text, bytes, lists, dicts) and arrays."""

    name: str
    body: Any
    arrays: list[Array]


def encode(parcel: Parcel, sent: int) -> Packet:
    """A parcel as a packet. Refers to the payloads; copies only those that are not C-contiguous.

    Raises TypeError for a dtype that does not travel.
    """
    headers: list[Any] = []
    fragments: list[Any] = [b""]
    size = 0
    for messages in parcel:
        payload, rows = messages.payload, messages.rows
        equal: int | Sequence[int] = rows
        if rows and (len(rows) == 1 or rows.count(rows[0]) == len(rows)):
            equal = rows[0]
        if payload is None:
            headers.append((messages.edge, messages.direction, messages.states, equal, "", ()))
            continue
        try:
            code = _CODES[payload.dtype]
        except KeyError:
            _refuse(payload.dtype)
        if payload.__class__ is Spec:
            code = _SPEC + code
        else:
            nbytes = payload.nbytes
            if nbytes & 63 or not nbytes or not payload.flags.c_contiguous:  # type: ignore[union-attr]
                nbytes = _lay(payload, fragments)  # type: ignore[arg-type]
            else:
                fragments.append(payload)
            size += nbytes
        headers.append((messages.edge, messages.direction, messages.states, equal, code, payload.shape))
    return _finish(_PARCEL, _encode((sent, headers)), fragments, size)


def note(name: str, body: Any = None, arrays: Sequence[Array] = ()) -> Packet:
    """A control message as a packet. Raises TypeError for what msgpack or :func:`encode` does not take."""
    fragments: list[Any] = [b""]
    size = sum(_lay(array, fragments) for array in arrays)
    headers = [(_CODES.get(array.dtype) or _refuse(array.dtype), array.shape) for array in arrays]
    return _finish(_NOTE, _encode((name, body, headers)), fragments, size)


def decode(message: Message) -> Sent | Note:
    """What :func:`encode` or :func:`note` made a packet of. Raises RunError where it is neither."""
    try:
        length, kind = _prefix.unpack_from(message)
        end = 8 + length
        if kind == _PARCEL:
            parcel: Parcel = []
            payload: Array | Spec | None
            sent, parts = _decode_parcel(message[8:end])
            for edge, direction, states, rows, code, shape in parts:
                if rows.__class__ is int:
                    rows = [rows] * len(states)
                elif len(rows) != len(states):
                    raise ValueError(f"{len(states)} states and {len(rows)} numbers of rows")
                if code in _DTYPES:
                    at = (end + 63) & -64
                    payload = _array(shape, _DTYPES[code], message, at)  # TypeError if it would reach past the end
                    end = at + payload.nbytes
                else:
                    payload = Spec(shape, _SPECS[code]) if code else None
                parcel.append(Messages(edge, direction, states, rows, payload))
            return Sent(parcel, sent)
        if kind == _NOTE:
            name, body, headers = _decode_note(message[8:end])
            arrays = []
            for code, shape in headers:
                at = (end + 63) & -64
                arrays.append(_array(shape, _DTYPES[code], message, at))
                end = at + arrays[-1].nbytes
            return Note(name, body, arrays)
        raise ValueError(f"kind {kind}")
    except (ValueError, TypeError, KeyError, OverflowError, MemoryError, struct.error) as error:
        raise RunError(f"a message of {len(message)} bytes between workers cannot be read: {error}") from error


def _lay(array: Array, fragments: list[Any]) -> int:
    """Add an array and the zeros up to the next boundary; the bytes of both."""
    size = array.nbytes
    if not size:
        return 0
    fragments.append(array if array.flags.c_contiguous else np.ascontiguousarray(array))
    if size & 63:
        fragments.append(_PADS[size & 63])
        return (size + 63) & -64
    return size


def _finish(kind: int, header: bytes, fragments: list[Any], size: int) -> Packet:
    """Put prefix and header before the arrays."""
    length = len(header)
    if length < _SHORT and kind == _PARCEL:
        fragments[0] = _PREFIXES[length] + header + _PADS[(length + 8) & 63]
    else:
        fragments[0] = _prefix.pack(length, kind) + header + _PADS[(length + 8) & 63]
    return fragments, size + ((length + 71) & -64)


def _refuse(dtype: np.dtype[Any]) -> NoReturn:
    raise TypeError(f"an array of dtype {dtype} does not travel between workers; {', '.join(_DTYPES)} do")
