"""The rows of a sweep on disk: one line of JSON a point, written and synced when the point is done.

The file only grows, and one process writes to it. What a kill can leave is one line without its end; it is cut off when
the file is opened again, so that the point is done once more. Nothing else is ever rewritten.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from ampsim.errors import RunError, UsageError
from ampsim.result.aside import sync_folder

fcntl: Any = None  # as on Windows, where two sweeps in one folder are the user's care
with contextlib.suppress(ImportError):
    fcntl = importlib.import_module("fcntl")

NAME = "rows.jsonl"
_HEAD = {"kind": "ampsim sweep", "version": 1}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A point that is done: its ``key``, what the grid says of it, and its scalars or its error."""

    key: str
    varied: dict[str, Any]
    scalars: dict[str, float | None] = {}
    error: str | None = None
    where: str | None = None
    do: str | None = None
    seconds: float = 0.0
    ended: str = ""


class Rows:
    """The rows of a folder. ``done`` maps keys to rows; of several with one key the last counts.

    Entering opens the file (made if it is not there), takes it for this process alone, and cuts off what a kill left
    unfinished. Raises UsageError for a folder of something else, a file of a newer version or with a damaged line, and
    a sweep that is still at work there.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.done: dict[str, Row] = {}
        self._file: Any = None

    def __enter__(self) -> Self:
        new = not self.path.exists()
        if self.path.is_symlink():
            raise UsageError("the rows of a sweep are no link", str(self.path), "choose another folder")
        self._file = self.path.open("a+b", buffering=0)
        try:
            self._lock()
            self._read()
        except BaseException:
            self._file.close()
            raise
        if new:
            sync_folder(self.path.parent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, row: Row) -> None:
        """Write one row; it is on disk when this returns. Raises RunError if it cannot be written."""
        self._write(msgspec.json.encode(row))
        self.done[row.key] = row

    def _write(self, line: bytes) -> None:
        data = line + b"\n"
        try:
            while data:
                data = data[self._file.write(data) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            what = f"a row cannot be written: {error.strerror or error}"
            raise RunError(what, str(self.path), "mend it and start the sweep again: what is done is kept") from error

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            do = "wait for it, or choose another folder"
            raise UsageError("another sweep is writing to this folder", str(self.path.parent), do) from None

    def _read(self) -> None:
        self._file.seek(0)
        data = self._file.read()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            self._file.truncate(len(whole))
        if not whole:
            self._write(msgspec.json.encode(_HEAD))
            return
        head, *lines = whole.splitlines()
        self._check(head)
        decoder = msgspec.json.Decoder(Row)
        for number, line in enumerate(lines, 2):
            try:
                row = decoder.decode(line)
            except msgspec.DecodeError as error:
                do = "take the line out, and its point is done again"
                raise UsageError(f"the row cannot be read: {error}", f"{self.path}:{number}", do) from None
            self.done[row.key] = row

    def _check(self, head: bytes) -> None:
        try:
            found = msgspec.json.decode(head)
        except msgspec.DecodeError:
            found = None
        if not isinstance(found, dict) or found.get("kind") != _HEAD["kind"]:
            raise UsageError("these are not the rows of a sweep", str(self.path), "choose another folder")
        if found.get("version") != _HEAD["version"]:
            what = f"the rows are of version {found.get('version')}, and this program knows {_HEAD['version']}"
            raise UsageError(what, str(self.path), "use a newer ampsim, or another folder")
