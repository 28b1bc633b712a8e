"""Reading a run folder that may be damaged or made to do harm.

Nothing is unpickled; no path in a file is followed; no file is opened through a link; declared sizes are compared
with real ones before memory is taken; every byte is covered by the manifest's SHA-256.

Large tables stay on disk. Their files are hashed and their values checked like all others, a part at a time, and are
then held open: what is read later is what was checked, or an error.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ampsim.errors import UsageError
from ampsim.result.checks import check
from ampsim.result.folder import CONFIG, FILES, KIND, MANIFEST, PARAMETERS, RESULT
from ampsim.result.plain import decode
from ampsim.result.schema import TABLES, VERSION, Array, Column
from ampsim.result.summary import check_summary
from ampsim.result.table import READS_PARTS, OpenFile, RunTable, Stored

MAX_MANIFEST = 1 << 20
MAX_RESULT = 256 << 20
MAX_HEADER = 4096  # of one .npy member
IN_MEMORY = 8 << 20
"""Bytes of a table's file up to which it is read whole."""
_LOCAL = 30  # bytes of the local header of a member, before its name and extra field

Parts = tuple[dict[str, Any], dict[str, RunTable], dict[str, Array], dict[str, Array]]


class Damaged(UsageError):
    """A file of a run folder is not what was saved; ``where`` is its path."""

    def __init__(self, what: str, path: Path) -> None:
        super().__init__(what, str(path), "take the run from where it was saved, or repeat it")


def load(folder: Path) -> Parts:
    """Contents of result.json, tables, initial and final parameters. Raises UsageError naming the file and why."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", str(folder), "give the folder of a run")
    if not (folder / MANIFEST).exists():
        raise UsageError(f"{folder} is no run folder: it has no {MANIFEST}", str(folder), "give the folder of a run")
    if (folder / "tables").is_symlink():
        raise Damaged("tables is a link", folder / "tables")
    files = _manifest(folder / MANIFEST)
    result = _result(folder, files)
    tables = {name: _table(folder, files, name) for name in TABLES}
    parameters = _parameters(folder, files)
    with _sealed(folder, files, CONFIG):
        pass
    try:
        check(tables)
        check_summary(result["summary"], tables)
    except UsageError as error:
        raise Damaged(f"{error.what} ({error.where})", folder) from None
    return result, tables, _below("initial/", parameters), _below("final/", parameters)


def _below(prefix: str, parameters: dict[str, Array]) -> dict[str, Array]:
    return {name[len(prefix) :]: value for name, value in parameters.items() if name.startswith(prefix)}


def _manifest(path: Path) -> dict[str, dict[str, Any]]:
    with _opened(path) as (file, size):
        if size > MAX_MANIFEST:
            raise Damaged(f"the manifest is {size} bytes long", path)
        raw = file.read()
    try:
        value = decode(raw)
    except ValueError as error:
        raise Damaged(str(error), path) from None
    if not isinstance(value, dict) or value.get("kind") != KIND:
        raise Damaged("this is not the manifest of a run", path)
    if value.get("schema") != VERSION:
        what = f"the folder has schema {str(value.get('schema'))[:20]}, this ampsim reads {VERSION}"
        raise UsageError(what, str(path), "use the ampsim that wrote it, or a newer one")
    files = value.get("files")
    if not isinstance(files, dict) or sorted(files) != sorted(FILES) or not all(map(_is_entry, files.values())):
        raise Damaged("the manifest does not list the files of a run, each with its bytes and SHA-256", path)
    return files


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or sorted(entry) != ["bytes", "sha256"]:
        return False
    size, digest = entry["bytes"], entry["sha256"]
    return type(size) is int and size >= 0 and isinstance(digest, str) and bool(re.fullmatch("[0-9a-f]{64}", digest))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[io.BufferedReader, int]]:
    """A regular file and its size; links, pipes and devices are refused without waiting for them."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if path.is_symlink():
            raise Damaged("this is a link", path)
        handle = os.open(path, flags)
    except OSError as error:
        raise Damaged(f"cannot be read: {error.strerror}", path) from None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise Damaged("this is no regular file", path)
        yield file, status.st_size


@contextmanager
def _sealed(folder: Path, files: dict[str, dict[str, Any]], name: str) -> Iterator[io.BufferedReader]:
    """An open file at its start that has been found to be the one in the manifest."""
    with _opened(folder / name) as (file, size):
        _verify(file, size, files[name], folder / name)
        yield file


def _verify(file: io.BufferedReader, size: int, entry: dict[str, Any], path: Path) -> None:
    """Hash the file in parts; it is at its start afterwards."""
    if size != entry["bytes"]:
        raise Damaged(f"the file has {size} bytes instead of {entry['bytes']}", path)
    if hashlib.file_digest(file, "sha256").hexdigest() != entry["sha256"]:
        raise Damaged("the content is not what was saved: its SHA-256 differs from the manifest", path)
    file.seek(0)


def _result(folder: Path, files: dict[str, dict[str, Any]]) -> dict[str, Any]:
    path = folder / RESULT
    if files[RESULT]["bytes"] > MAX_RESULT:
        raise Damaged(f"the file is larger than {MAX_RESULT} bytes", path)
    with _sealed(folder, files, RESULT) as file:
        raw = file.read()
    try:
        value = decode(raw)
    except ValueError as error:
        raise Damaged(str(error), path) from None
    wanted = ["config", "provenance", "summary"]
    if not isinstance(value, dict) or sorted(value) != wanted or not all(isinstance(value[n], dict) for n in wanted):
        raise Damaged("the file does not hold summary, config and provenance", path)
    return value


def _parameters(folder: Path, files: dict[str, dict[str, Any]]) -> dict[str, Array]:
    """Safetensors hold no code, and offsets are checked against the length; so memory is bounded by the file."""
    import safetensors.numpy
    from safetensors import SafetensorError

    path = folder / PARAMETERS
    with _sealed(folder, files, PARAMETERS) as file:
        raw = file.read()
    try:
        loaded = safetensors.numpy.load(raw)
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise Damaged(f"these are no parameters: {str(error)[:200]}", path) from None
    strange = [name for name in loaded if not name.startswith(("initial/", "final/"))]
    if strange:
        raise Damaged(f"a parameter is neither initial nor final: {strange[0][:60]!r}", path)
    return loaded


def _table(folder: Path, files: dict[str, dict[str, Any]], name: str) -> RunTable:
    file_name, columns = f"tables/{name}.npz", TABLES[name]
    path = folder / file_name
    with _opened(path) as (file, size):
        # Held before it is hashed: a change from now on is found.
        held = OpenFile(path, file.fileno()) if READS_PARTS and size > IN_MEMORY else None
        _verify(file, size, files[file_name], path)
        try:
            with zipfile.ZipFile(file) as archive:
                members = _members(archive, columns, size)
                if held:
                    return RunTable({c.name: _stored(held, archive, members[c.name], c, size) for c in columns})
                return RunTable({c.name: _column(archive, members[c.name], c) for c in columns})
        except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, RuntimeError, OSError) as error:
            raise Damaged(f"this is no table of a run: {str(error)[:200]}", path) from None


def _members(archive: zipfile.ZipFile, columns: tuple[Column, ...], size: int) -> dict[str, zipfile.ZipInfo]:
    """Members by column, once it is sure that they are those of the schema and no larger than the file."""
    members = archive.infolist()
    wanted = sorted(f"{column.name}.npy" for column in columns)
    if sorted(member.filename for member in members) != wanted:
        raise ValueError("its columns are not those of the schema")
    if any(m.compress_type != zipfile.ZIP_STORED or m.file_size != m.compress_size for m in members):
        raise ValueError("a column is compressed, which could expand without bound")
    if sum(member.file_size for member in members) > size:
        raise ValueError("the columns claim more bytes than the file has")
    return {member.filename.removesuffix(".npy"): member for member in members}


def _column(archive: zipfile.ZipFile, member: zipfile.ZipInfo, column: Column) -> Array:
    """One array; its header is checked against the schema and the member's size before anything is allocated."""
    raw = archive.read(member)  # stored: as many bytes as the file really has, CRC checked
    shape, dtype, begin = _header(raw[: MAX_HEADER + 16], len(raw), column)
    return np.frombuffer(raw, dtype, offset=begin).reshape(shape).copy()


def _stored(held: OpenFile, archive: zipfile.ZipFile, member: zipfile.ZipInfo, column: Column, size: int) -> Stored:
    """Where one array lies in the file, checked likewise."""
    with archive.open(member) as stream:  # the local header is found to fit the directory
        raw = stream.read(MAX_HEADER + 16)
    local = np.zeros(_LOCAL, np.uint8)
    held.read(member.header_offset, local)
    name_length, extra_length = local[26:].view("<u2").tolist()
    first = member.header_offset + _LOCAL + name_length + extra_length
    if first + member.file_size > size:
        raise ValueError(f"column {column.name} ends behind the end of the file")
    shape, dtype, begin = _header(raw, member.file_size, column)
    return Stored(held, first + begin, dtype, shape)


def _header(raw: bytes, size: int, column: Column) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, dtype and length of the header of an array of ``size`` bytes in all, of which ``raw`` is the beginning."""
    stream = io.BytesIO(raw)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"column {column.name} has the array format {version}")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream, max_header_size=MAX_HEADER)
    plausible = len(shape) == column.axes and all(type(length) is int and length >= 0 for length in shape)
    if dtype != np.dtype(column.dtype) or fortran or not plausible:
        raise ValueError(f"column {column.name} declares shape {shape} and dtype {dtype}")
    declared = dtype.itemsize
    for length in shape:
        declared *= length
    if declared != size - stream.tell():
        raise ValueError(f"column {column.name} declares {declared} bytes and has {size - stream.tell()}")
    return shape, dtype, stream.tell()
