"""A file of results that grows: one line of JSON each, on disk when it is written, read back after a kill.

The file only grows, and one process writes to it. What a kill can leave is one line without its end; it is cut off when
the file is opened again, so that what it was about is done once more. Nothing else is ever rewritten.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import msgspec

from ampsim.errors import RunError, UsageError
from ampsim.result.aside import sync_folder

fcntl: Any = None  # as on Windows, where two of them in one folder are the user's care
with contextlib.suppress(ImportError):
    fcntl = importlib.import_module("fcntl")

_VERSION = 1


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What is done, by its ``key``."""

    key: str


LineT = TypeVar("LineT", bound=Line)


class Lines(Generic[LineT]):
    """The lines of a file. ``done`` maps keys to lines; of several with one key the last counts.

    ``of`` says what they are results of (``sweep``), ``noun`` what one of them is called (``row``). Entering opens the
    file (made if it is not there), takes it for this process alone, and cuts off what a kill left unfinished. Raises
    UsageError for a file of something else, of a newer version or with a damaged line, and when another process is at
    work on it.
    """

    def __init__(self, path: Path, kind: type[LineT], of: str, noun: str) -> None:
        self.path = path
        self.done: dict[str, LineT] = {}
        self._decoder = msgspec.json.Decoder(kind)
        self._of, self._noun = of, noun
        self._file: Any = None

    def __enter__(self) -> Self:
        new = not self.path.exists()
        if self.path.is_symlink():
            raise UsageError(f"the {self._noun}s of a {self._of} are no link", str(self.path), "choose another folder")
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

    def append(self, line: LineT) -> None:
        """Write one line; it is on disk when this returns. Raises RunError if it cannot be written."""
        self._write(msgspec.json.encode(line))
        self.done[line.key] = line

    def clear(self) -> None:
        """Begin anew: what was there is gone."""
        self._file.truncate(0)
        self.done.clear()
        self._head()

    def look(self) -> None:
        """Read what is there, without taking the file, in the middle of another process's work too."""
        try:
            data = self.path.read_bytes()
        except OSError as error:
            what = f"the {self._noun}s cannot be read: {error.strerror}"
            raise UsageError(what, str(self.path), f"name the folder of a {self._of}") from None
        self._take(data[: data.rfind(b"\n") + 1])

    def _write(self, line: bytes) -> None:
        data = line + b"\n"
        try:
            while data:
                data = data[self._file.write(data) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            what = f"a {self._noun} cannot be written: {error.strerror or error}"
            do = f"mend it and start the {self._of} again: what is done is kept"
            raise RunError(what, str(self.path), do) from error

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            do = "wait for it, or choose another folder"
            raise UsageError(f"another {self._of} is writing to this folder", str(self.path.parent), do) from None

    def _read(self) -> None:
        self._file.seek(0)
        data = self._file.read()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            self._file.truncate(len(whole))
        if whole:
            self._take(whole)
        else:
            self._head()

    def _head(self) -> None:
        self._write(msgspec.json.encode({"kind": f"ampsim {self._of}", "version": _VERSION}))

    def _take(self, whole: bytes) -> None:
        head, *lines = whole.splitlines() or [b""]
        self._check(head)
        for number, line in enumerate(lines, 2):
            try:
                found = self._decoder.decode(line)
            except msgspec.DecodeError as error:
                do = "take the line out, and what it was about is done again"
                what = f"the {self._noun} cannot be read: {error}"
                raise UsageError(what, f"{self.path}:{number}", do) from None
            self.done[found.key] = found

    def _check(self, head: bytes) -> None:
        try:
            found = msgspec.json.decode(head)
        except msgspec.DecodeError:
            found = None
        if not isinstance(found, dict) or found.get("kind") != f"ampsim {self._of}":
            what = f"these are not the {self._noun}s of a {self._of}"
            raise UsageError(what, str(self.path), "choose another folder")
        if found.get("version") != _VERSION:
            what = f"the {self._noun}s are of version {found.get('version')}, and this program knows {_VERSION}"
            raise UsageError(what, str(self.path), "use a newer ampsim, or another folder")
