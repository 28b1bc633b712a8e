"""Row and column surgery on payloads, the same calls for arrays and for shapes.

Everything returned is C-contiguous, because the bits of a matrix product may depend on the layout of its operands.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from ampsim.ir.message import Array, Messages, Payload, Spec


def offsets(rows: Sequence[int]) -> list[int]:
    """Start of each message in the stacked payload, and the end: ``[0, r0, r0 + r1, ...]``."""
    return [0, *accumulate(rows)]


def cut_rows(payload: Payload, start: int, stop: int) -> Payload:
    """Rows ``start`` to ``stop`` (a view, or a shape)."""
    if payload is None:
        return None
    if isinstance(payload, Spec):
        return payload.with_rows(stop - start)
    return payload[start:stop]


def stack_rows(parts: Sequence[Payload]) -> Payload:
    """Parts one under the other; all of them arrays, all of them shapes, or all of them None."""
    first = parts[0]
    if len(parts) == 1 or first is None:
        return first
    if isinstance(first, Spec):
        return first.with_rows(sum(part.shape[0] for part in parts))  # type: ignore[union-attr,misc]
    return np.concatenate(parts)  # type: ignore[arg-type]


def stack_columns(parts: Sequence[Array | Spec]) -> Array | Spec:
    """Parts side by side; all have the same number of rows."""
    first = parts[0]
    if isinstance(first, Spec):
        return Spec((first.shape[0], sum(part.shape[1] for part in parts)), first.dtype)
    return np.concatenate(parts, axis=1)  # type: ignore[arg-type]


def cut_columns(payload: Array | Spec, start: int, stop: int) -> Array | Spec:
    """Columns ``start`` to ``stop``, copied."""
    if isinstance(payload, Spec):
        return Spec((payload.shape[0], stop - start), payload.dtype)
    return np.ascontiguousarray(payload[:, start:stop])


def zeros(like: Array | Spec, columns: int) -> Array | Spec:
    """Rows and dtype of ``like``, other columns, all zero."""
    shape = (like.shape[0], columns)
    return Spec(shape, like.dtype) if isinstance(like, Spec) else np.zeros(shape, like.dtype)


def add(parts: Sequence[Payload]) -> Payload:
    """The sum in the order given; empty parts count as zero."""
    filled = [part for part in parts if part is not None]
    if not filled:
        return None
    if len(filled) == 1 or isinstance(filled[0], Spec):
        return filled[0]
    result: Array = filled[0] + filled[1]
    for part in filled[2:]:
        result += part
    return result


def select(messages: Messages, chosen: Sequence[int]) -> Messages:
    """The messages at the positions ``chosen``, in that order."""
    if len(chosen) == len(messages.states) and all(i == j for i, j in enumerate(chosen)):
        return messages
    payload = messages.payload
    if payload is not None:
        at = offsets(messages.rows)
        payload = stack_rows([cut_rows(payload, at[i], at[i + 1]) for i in chosen])
    return Messages(
        messages.edge,
        messages.direction,
        [messages.states[i] for i in chosen],
        [messages.rows[i] for i in chosen],
        payload,
        messages.origin,
    )
