"""Anonymous shared memory, allocated before anyone maps it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from ampsim.errors import RunError


def allocate(name: str, size: int, purpose: str) -> int:
    """The descriptor of a new memfd of ``size`` zero bytes, for this user only; the caller closes it.

    Raises RunError, naming the sizes, where the machine has not that much memory.
    """
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.fchmod(fd, 0o600)
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        os.close(fd)
        if error.errno not in (errno.ENOSPC, errno.ENOMEM):
            raise
        raise RunError(
            f"no room for {purpose}: {_mebibytes(size)} of shared memory are needed, {_available()} are available",
            do="free memory, take fewer workers, or make the channels smaller",
        ) from error
    return fd


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def _available() -> str:
    """Free memory as the kernel tells it."""
    try:
        values = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text("ascii").splitlines())
        return _mebibytes(int(values["MemAvailable"].split()[0]) * 1024)
    except (OSError, KeyError, ValueError):
        return "fewer"
