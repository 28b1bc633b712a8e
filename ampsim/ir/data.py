"""The data a job reads, as flat arrays with a few pure functions over them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ampsim.ir.message import Array, Spec


class Dataset:
    """Base of all data sets; see the methods. An instance may be a minibatch of many rows."""

    def __init__(self, arrays: Mapping[str, Array], **options: Any) -> None:
        self.arrays = dict(arrays)
        self.options = options

    def __len__(self) -> int:
        raise TypeError

    def rows(self, index: int) -> int:
        raise TypeError

    def structure(self, index: int) -> Any:
        return None

    def states(self, field: str, index: int) -> list[tuple[int, ...]]:
        return [()]

    def spec(self, field: str, index: int) -> Spec:
        raise KeyError(field)

    def payload(self, field: str, index: int) -> Array:
        raise KeyError(field)
