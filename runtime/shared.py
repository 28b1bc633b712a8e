"""Arrays that all processes of a run read in place: the dataset, in one memfd.

The creator fills it, then seals it: from then on nobody, by whatever means, gets a mapping he can write through. The
creator keeps the one he has, for data that are drawn anew between epochs, when no instance is in flight.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from mmap import MAP_SHARED, PROT_READ, PROT_WRITE, mmap
from typing import NamedTuple, Self

import numpy as np

from ampsim.ir.message import Array
from ampsim.runtime.descriptor import Descriptor
from ampsim.runtime.memory import allocate

_FUTURE_WRITE = 0x0010  # F_SEAL_FUTURE_WRITE of linux/fcntl.h; the module fcntl does not have it yet
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | _FUTURE_WRITE


class _Place(NamedTuple):
    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int


class ArraysTicket(NamedTuple):
    """What a process needs to map the arrays; may be an argument of the process."""

    places: tuple[_Place, ...]
    size: int
    memory: Descriptor

    def open(self) -> SharedArrays:
        """The arrays, read-only, in the process that received the ticket; takes the descriptor over."""
        try:
            mapping = mmap(self.memory.fd, self.size, MAP_SHARED, PROT_READ)
        finally:
            os.close(self.memory.fd)
        return SharedArrays(mapping, self.places)


class SharedArrays(Mapping[str, Array]):
    """Named C-contiguous arrays in shared memory, each on a 64-byte boundary, as read-only views.

    An array that is still in use after :meth:`close` keeps the mapping alive.
    """

    def __init__(self, mapping: mmap, places: tuple[_Place, ...]) -> None:
        self._arrays = {}
        for place in places:
            array = self._arrays[place.name] = _view(mapping, place)
            array.flags.writeable = False

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def close(self) -> None:
        """Let the mapping go."""
        self._arrays = {}


class ArrayStore:
    """The creator's side: copies arrays into shared memory, hands out tickets, may fill them anew.

    Raises TypeError for arrays of objects, RunError where the memory is not there.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        places, size = [], 0
        for name, array in arrays.items():
            if array.dtype.hasobject:
                raise TypeError(f"array {name!r} holds Python objects; only plain numbers can be shared")
            places.append(_Place(name, array.dtype.str, array.shape, size))
            size += -(-array.nbytes // 64) * 64
        self._places, self._size = tuple(places), max(size, 64)
        self._memory = allocate("ampsim-arrays", self._size, f"{len(places)} arrays of the dataset")
        try:
            mapping = mmap(self._memory, self._size, MAP_SHARED, PROT_READ | PROT_WRITE)
            self._writable = {place.name: _view(mapping, place) for place in places}
            for name, array in arrays.items():
                self._writable[name][...] = array
            with suppress(OSError):  # a kernel before 5.1 has no such seal; the mappings are read-only even so
                fcntl.fcntl(self._memory, fcntl.F_ADD_SEALS, _SEALS)
        except BaseException:
            os.close(self._memory)
            raise
        self.arrays = SharedArrays(mapping, self._places)

    def ticket(self) -> ArraysTicket:
        """For a worker, to be passed as an argument of its process."""
        return ArraysTicket(self._places, self._size, Descriptor(self._memory))

    def fill(self, name: str, values: Array) -> None:
        """Overwrite an array, in all processes. Only while nobody reads it: that is the caller's to know.

        Raises ValueError where shape or dtype differ.
        """
        target = self._writable[name]
        if values.shape != target.shape or values.dtype != target.dtype:
            raise ValueError(
                f"array {name!r} is {target.dtype}{target.shape}; {values.dtype}{values.shape} does not fit"
            )
        target[...] = values

    def close(self) -> None:
        """Let memory and descriptor of this process go. Twice is no error."""
        if self._memory >= 0:
            os.close(self._memory)
            self._memory = -1
            self._writable = {}
            self.arrays.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _view(mapping: mmap, place: _Place) -> Array:
    return np.ndarray(place.shape, np.dtype(place.dtype), mapping, place.offset)
