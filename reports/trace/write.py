"""One trace of one run, as the name of the file asks."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ampsim.errors import UsageError
from ampsim.reports.text import name
from ampsim.reports.trace import chakra, chrome, perfetto
from ampsim.reports.trace.stream import Stream
from ampsim.result.aside import checked_target, sync_folder, written_aside
from ampsim.result.run import Run

FORMATS = {
    ".json": "Chrome JSON",
    ".json.gz": "Chrome JSON, compressed",
    ".perfetto-trace": "Perfetto",
    ".chakra": "a folder of Chakra execution traces",
}
"""What a trace can be called, and what it then is."""


@dataclass(frozen=True)
class Written:
    """What was written: ``counts`` of tracks, slices and so on, and what the window ``left_out``."""

    path: Path
    format: str
    counts: dict[str, int]
    left_out: dict[str, int]
    bytes: int


def suffix_of(path: str | os.PathLike[str]) -> str:
    """The one of :data:`FORMATS` that ``path`` ends in. Raises UsageError if there is none."""
    text = Path(path).name.lower()
    for suffix in sorted(FORMATS, key=len, reverse=True):
        if text.endswith(suffix):
            return suffix
    known = ", ".join(f"{suffix} ({meaning})" for suffix, meaning in FORMATS.items())
    raise UsageError(f"no trace is called {Path(path).name!r}", str(path), f"end it in one of {known}")


def write(run: Run, path: str | os.PathLike[str], *, begin: float | None = None, end: float | None = None) -> Written:
    """Write a trace of ``run`` between ``begin`` and ``end`` (s from its start) to ``path``, whole or not at all.

    What exists there is replaced: a file by a file, a folder of Chakra traces by another. Raises UsageError if the run
    has no clock, the name says no format, or the package for it is missing; RunError if the disk is full.
    """
    suffix = suffix_of(path)
    target = checked_target(path)
    if suffix == ".chakra":
        if begin is not None or end is not None:
            raise UsageError(
                "a Chakra trace is of a whole run: a part of one would wait for what is not in it",
                str(path),
                "leave out --from and --to",
            )
        counts = chakra.write(run, target)
        size = sum(file.stat().st_size for file in target.iterdir())
        return Written(target, FORMATS[suffix], counts, {}, size)
    if target.is_dir():
        raise UsageError(f"{target} is a folder", str(target), "name a file")
    stream = Stream(run, begin, end)
    writer = _WRITERS[suffix]
    with _whole(target, packed=suffix == ".json.gz") as file:
        counts = writer(stream, file, _about(run))
    return Written(target, FORMATS[suffix], counts, stream.left_out(), target.stat().st_size)


_WRITERS: dict[str, Callable[[Stream, IO[bytes], dict[str, Any]], dict[str, int]]] = {
    ".json": chrome.write,
    ".json.gz": chrome.write,
    ".perfetto-trace": perfetto.write,
}


@contextmanager
def _whole(target: Path, *, packed: bool) -> Iterator[IO[bytes]]:
    """A file to write to; it is at ``target`` when nothing failed, and what was there stays when something did."""
    with written_aside(target) as aside:
        with aside.open("xb") as file:
            if packed:
                # Without name and time in its head, so that the same run makes the same bytes.
                with gzip.GzipFile("", "wb", 6, file, 0) as smaller:
                    yield smaller  # type: ignore[misc]  # a GzipFile is an IO[bytes] in all but its declaration
            else:
                yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
        sync_folder(target.parent)


def _about(run: Run) -> dict[str, Any]:
    return {"job": name(run.job, 120), "backend": run.backend, "mode": run.mode, "workers": run.workers}
