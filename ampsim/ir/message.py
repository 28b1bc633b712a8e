"""What travels on an edge: a state that says whose it is, and a payload.

A *state* is a plain tuple of ints; its first element is the instance. Messages of one edge and one direction that
travel or wait together are held stacked, as one :class:`Messages`: 32 small messages then cost one array and a few
list operations instead of 32 objects. Every payload has a leading row axis; stacking joins rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

State = tuple[int, ...]
Array = NDArray[Any]

FORWARD, BACKWARD = 0, 1
DIRECTIONS = ("forward", "backward")


class Spec(NamedTuple):
    """Shape and dtype: the whole payload in shapes mode. ``shape[0]`` counts rows."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    @property
    def nbytes(self) -> int:
        """Bytes an array of this shape and dtype would take."""
        return prod(self.shape) * self.dtype.itemsize

    def with_rows(self, rows: int) -> Spec:
        """The same columns and dtype with another number of rows."""
        return Spec((rows, *self.shape[1:]), self.dtype)


Payload = Array | Spec | None


def spec_of(payload: Array | Spec) -> Spec:
    """Shape and dtype of a payload in either mode."""
    return payload if isinstance(payload, Spec) else Spec(payload.shape, payload.dtype)


@dataclass(slots=True)
class Origin:
    """Where a parcel came from and when, in ticks of the backend's clock; -1 is the controller."""

    source: int = -1
    sent: int = 0
    arrived: int = 0


@dataclass(slots=True)
class Messages:
    """One or more messages of one edge and direction.

    ``states[i]`` owns the next ``rows[i]`` rows of ``payload``. A ``None`` payload is an empty answer on an edge that
    needs no gradient; its ``rows`` still say how many rows it answers.
    """

    edge: int
    direction: int
    states: Sequence[State]
    rows: Sequence[int]
    payload: Payload
    origin: Origin | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of payload, headers apart."""
        return 0 if self.payload is None else self.payload.nbytes


Parcel = list[Messages]
