"""The data a job reads: flat arrays, and pure functions that cut instances out of them.

A data set is rebuilt in every worker process from its class, its arrays and its options, and from nothing else:

    Lists(arrays, hidden=128)  --- arrays --->  shared memory, mapped by all  ---+
          |                                                                      v
          +-- reference "ampsim.workloads.lists:Lists", options {"hidden": 128} -> Dataset.rebuild(...)

So a ragged set (trees, lists, graphs) is stored as one flat array and the offsets into it, and nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from ampsim.errors import UsageError
from ampsim.ir.message import Array, Spec
from ampsim.ir.reference import problem, reference, resolve


class Dataset(ABC):
    """Base of all data sets: an ordered collection of *instances*, each of which may be a minibatch of many rows.

    ``arrays`` maps names to numeric arrays; they are kept C-contiguous and read-only, because on the runtime all
    workers look at the same memory. ``options`` are plain JSON values. A subclass names its options in its
    constructor and hands both on:

        class Images(Dataset):
            def __init__(self, arrays, *, batch=100):
                super().__init__(arrays, batch=batch)

    Every method is a pure function of its arguments. Which instance is taken when is the schedule's business.
    Raises UsageError for arrays that are not numeric and options that are not plain values.
    """

    def __init__(self, arrays: Mapping[str, Array], **options: Any) -> None:
        self.arrays: dict[str, Array] = {name: _flat(name, array) for name, array in arrays.items()}
        try:
            # There and back, so that a rebuilt set has equal options: a tuple would come back as a list.
            self.options: dict[str, Any] = json.loads(json.dumps(options, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"the options of a data set must be plain JSON values: {error}", type(self).__qualname__
            ) from error

    @abstractmethod
    def __len__(self) -> int:
        """Number of instances."""

    @abstractmethod
    def rows(self, index: int) -> int:
        """Number of samples in the instance."""

    def structure(self, index: int) -> Any:
        """A small plain object that the functions of Cond, Isu and keys may read, such as a length. Default: None."""
        return None

    def states(self, field: str, index: int) -> list[tuple[int, ...]]:
        """Suffixes of the states that the Source of ``field`` emits for the instance, in order. Default: one, ``()``.

        The state of a message is ``(instance, *suffix)``.
        """
        return [()]

    def message_rows(self, field: str, index: int) -> list[int] | None:
        """Rows of the message of each state, in the order of :meth:`states`. Default: None, all have equally many."""
        return None

    def spec(self, field: str, index: int) -> Spec:
        """Shape and dtype of what :meth:`payload` would return. Raises KeyError if there is no such field."""
        raise KeyError(field)

    def payload(self, field: str, index: int) -> Array:
        """The payloads of all states of the instance, stacked on axis 0 in the order of :meth:`states`.

        C-contiguous; float32 or int64; a view of ``arrays`` wherever that is possible. Raises KeyError if there is no
        such field.
        """
        raise KeyError(field)

    @property
    def reference(self) -> str:
        """The class as ``"module:qualname"``, for :meth:`rebuild`.

        Raises UsageError if another process could not import it: it stands in a script or inside a function.
        """
        name = reference(type(self))
        wrong = problem(name)
        if wrong:
            raise UsageError(wrong, "the class of a data set", "define it at the top level of a module")
        return name

    @staticmethod
    def rebuild(reference: str, arrays: Mapping[str, Array], options: Mapping[str, Any]) -> Dataset:
        """The data set whose ``reference``, ``arrays`` and ``options`` these are; the arrays are not copied.

        Raises UsageError if ``reference`` names no data set class or its constructor does not take the options.
        """
        kind = resolve(reference)
        if not (isinstance(kind, type) and issubclass(kind, Dataset)):
            raise UsageError(f"{reference!r} is not a subclass of Dataset", do="give the 'module:name' of its class")
        try:
            return kind(arrays, **options)
        except TypeError as error:
            raise UsageError(f"{reference} cannot be rebuilt from its arrays and options: {error}") from error

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over class, options and the bytes of every array with its name, dtype and shape; for provenance."""
        digest = hashlib.sha256()
        described = {name: [array.dtype.str, list(array.shape)] for name, array in sorted(self.arrays.items())}
        header = [reference(type(self)), self.options, described]
        digest.update(json.dumps(header, sort_keys=True, separators=(",", ":")).encode())
        for _, array in sorted(self.arrays.items()):
            digest.update(array.reshape(-1).view(np.uint8).data)
        return digest.hexdigest()


def _flat(name: str, array: object) -> Array:
    """A read-only, C-contiguous view of ``array``; a copy only if it is not contiguous. Raises UsageError."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise UsageError(
            f"the array {name!r} of a data set must be a numpy array of numbers, not {found}",
            do="store ragged data as one flat array and the offsets into it",
        )
    view: Array = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
