"""The rows of a sweep on disk: one line of JSON a point, written and synced when the point is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from ampsim.studies.lines import Line, Lines

NAME = "rows.jsonl"


class Row(Line, frozen=True, kw_only=True):
    """A point that is done: its ``key``, what the grid says of it, and its scalars or its error."""

    varied: dict[str, Any]
    scalars: dict[str, float | None] = msgspec.field(default_factory=dict)
    error: str | None = None
    where: str | None = None
    do: str | None = None
    seconds: float = 0.0
    ended: str = ""


class Rows(Lines[Row]):
    """The rows of a folder; see :class:`~ampsim.studies.lines.Lines`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / NAME, Row, "sweep", "row")
