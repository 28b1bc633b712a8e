"""A file descriptor that travels to a worker as an argument of its process.

A bare number means nothing in the child: under forkserver it names another file, under spawn it is closed. While a
process is being started, and only then, ``multiprocess`` sends descriptors along; this class hooks into that.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from multiprocess.reduction import DupFd


class Descriptor:
    """Owns nothing: whoever holds the number closes it. In the child the number belongs to the receiver."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __reduce__(self) -> tuple[Callable[..., Descriptor], tuple[Any]]:
        return _arrived, (DupFd(self.fd),)


def _arrived(sent: Any) -> Descriptor:
    fd = sent.detach()
    os.set_inheritable(fd, False)  # spawn leaves it inheritable, and a program the worker starts would keep it
    return Descriptor(fd)
