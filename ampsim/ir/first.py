"""A part of a data set, for a trial run."""

from __future__ import annotations

from typing import Any

from ampsim.ir.data import Dataset
from ampsim.ir.message import Array, Spec


class First(Dataset):
    """The first ``count`` instances of another set, at most all, in place: nothing is copied."""

    def __init__(self, whole: Dataset, count: int) -> None:
        super().__init__({})
        self._whole, self._count = whole, min(count, len(whole))

    def __len__(self) -> int:
        return self._count

    def rows(self, index: int) -> int:
        return self._whole.rows(index)

    def structure(self, index: int) -> Any:
        return self._whole.structure(index)

    def states(self, field: str, index: int) -> list[tuple[int, ...]]:
        return self._whole.states(field, index)

    def message_rows(self, field: str, index: int) -> list[int] | None:
        return self._whole.message_rows(field, index)

    def spec(self, field: str, index: int) -> Spec:
        return self._whole.spec(field, index)

    def payload(self, field: str, index: int) -> Array:
        return self._whole.payload(field, index)
