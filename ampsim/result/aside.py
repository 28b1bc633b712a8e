"""Writing so that nothing half-written is ever seen under the final name: aside, synced, renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from ampsim.errors import AmpsimError, RunError, UsageError

_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
_REQUEST = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.EINVAL, errno.ENOENT, errno.ENOTDIR)


def checked_target(path: str | os.PathLike[str]) -> Path:
    """``path`` as an absolute path whose parent is an existing folder. Links are not resolved in its last part.

    Raises UsageError for a name that cannot be given to a file on every system, and for a missing parent.
    """
    text = os.fspath(path)
    name = Path(text).name
    reserved = name.partition(".")[0].lower() in _RESERVED
    if name in ("", ".", "..") or "\0" in text or reserved or len(name.encode(errors="replace")) > 250:
        raise UsageError(f"{text[:200]!r} is no name to write to", do="choose another name")
    target = Path(os.path.abspath(text))  # noqa: PTH100 - resolve() would follow a link in the last part
    if not target.parent.is_dir():
        raise UsageError(f"{target.parent} is no folder", str(target), "make it first, or choose another place")
    return target


@contextlib.contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """A sibling of ``target`` to write to; removed if it is still there at the end, as after an error.

    The caller renames it. An OSError inside becomes a UsageError (no permission, bad name) or a RunError (disk full).
    """
    aside = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}.tmp")
    try:
        yield aside
    except OSError as error:
        raise _translated(error, target) from error
    finally:
        with contextlib.suppress(OSError):
            if aside.is_dir() and not aside.is_symlink():
                shutil.rmtree(aside)
            else:
                aside.unlink()


def write_file(path: Path, data: bytes) -> None:
    """A new file, on disk when this returns."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_file(target: Path, data: bytes) -> None:
    """``data`` at ``target``, whole or not at all. A link there is replaced, not followed; a folder is refused."""
    if target.is_dir() and not target.is_symlink():
        raise UsageError(f"{target} is a folder", str(target), "name a file")
    with written_aside(target) as aside:
        write_file(aside, data)
        aside.replace(target)
        sync_folder(target.parent)


def replace_folder(aside: Path, target: Path) -> None:
    """Put ``aside`` in the place of ``target``; what was there is gone only when the new folder stands."""
    if not target.exists():
        aside.rename(target)
        return
    old = aside.with_suffix(".old")
    target.rename(old)
    try:
        aside.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old)


def sync_folder(folder: Path) -> None:
    """Make renames inside ``folder`` durable, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _translated(error: OSError, target: Path) -> AmpsimError:
    reason = error.strerror or str(error)
    kind = UsageError if error.errno in _REQUEST else RunError
    return kind(f"cannot write: {reason}", str(target), "check the place, its permissions and the free space")
