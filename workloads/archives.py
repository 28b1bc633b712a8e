"""Reading single files out of packages and folders, with every size bounded before anything is decompressed.

A file is asked for by its exact name and its exact size; nothing else in an archive is looked at. What is written is
counted while it is written, so an archive that lies about a size stops at that size, not when the disk is full.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Protocol

BROKEN = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, RuntimeError)
CHUNK = 1 << 20  # bytes


class Readable(Protocol):
    """An open file, as far as it is needed here."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""


class ArchiveError(Exception):
    """A file could not be read as it was asked for; the text says which and why."""


def copy(stream: Readable, target: Path, size: int) -> None:
    """Write exactly ``size`` bytes of ``stream`` to ``target``. Raises ArchiveError if there are fewer or more."""
    written = 0
    with target.open("wb") as out:
        while chunk := stream.read(min(CHUNK, size + 1 - written)):
            written += len(chunk)
            if written > size:
                raise ArchiveError(f"{target.name} is longer than the {size} bytes it should have")
            out.write(chunk)
    if written < size:
        raise ArchiveError(f"{target.name} has {written} bytes instead of {size}")


def from_zip(archive: Path, member: str, target: Path, size: int) -> None:
    """One member of a zip file, such as a wheel. Raises ArchiveError."""
    try:
        with zipfile.ZipFile(archive) as package:
            info = package.getinfo(member)
            if info.file_size != size:
                raise ArchiveError(f"{member} in {archive.name} has {info.file_size} bytes instead of {size}")
            with package.open(info) as stream:
                copy(stream, target, size)
    except KeyError:
        raise ArchiveError(f"{archive.name} has no {member}") from None
    except BROKEN as error:
        raise ArchiveError(f"{archive.name} cannot be read: {error}") from error


def from_tar(archive: Path, member: str, target: Path, size: int) -> None:
    """One member of a gzipped tar file; a link is refused. Raises ArchiveError."""
    try:
        with tarfile.open(archive, "r:gz") as package:
            stream = package.extractfile(member) if package.getmember(member).isreg() else None
            if stream is None:
                raise ArchiveError(f"{member} in {archive.name} is not a plain file")
            copy(stream, target, size)
    except KeyError:
        raise ArchiveError(f"{archive.name} has no {member}") from None
    except BROKEN as error:
        raise ArchiveError(f"{archive.name} cannot be read: {error}") from error


def from_folder(folder: Path, name: str, target: Path, size: int) -> None:
    """The file ``name`` of a folder, or ``name.gz``, decompressed. Raises ArchiveError."""
    plain, zipped = folder / name, folder / f"{name}.gz"
    try:
        if plain.is_file():
            with plain.open("rb") as stream:
                copy(stream, target, size)
        elif zipped.is_file():
            with gzip.open(zipped) as unzipped:
                copy(unzipped, target, size)
        else:
            raise ArchiveError(f"there is no {name} in {folder}")
    except BROKEN as error:
        raise ArchiveError(f"{name} in {folder} cannot be read: {error}") from error


def sha256(path: Path) -> str:
    """The checksum of a file, as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
