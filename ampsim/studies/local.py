"""Processes of this machine as an Executor that leaves nothing behind.

The executor of the standard library, with three cares of our own: its processes are spawned, never forked with a BLAS
loaded; they ignore Ctrl-C, which is the sweep's to handle; and they end at once when the sweep does, however it ends,
because they watch a pipe whose other end only the sweep holds.
"""

from __future__ import annotations

import multiprocessing  # noqa: TID251 - the only one whose contexts concurrent.futures knows how to use
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing.connection import Connection  # noqa: TID251 - as above
from types import TracebackType
from typing import Any, Self


class Local:
    """So many processes, as a context; :meth:`submit` as of an Executor. Leaving it kills what is still at work."""

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self._lifeline: Connection | None = None
        self._pool: Executor | None = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop(kill=kind is not None)

    def submit(self, function: Callable[[str], str], text: str) -> Future[str]:
        """Start ``function(text)`` in one of the processes. Raises BrokenExecutor if one of them has died."""
        assert self._pool is not None
        return self._pool.submit(function, text)

    def renew(self) -> None:
        """All processes anew, after one has died."""
        self._stop(kill=True)
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        watched, self._lifeline = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(self.processes, context, _begin, (watched,))

    def _stop(self, *, kill: bool) -> None:
        assert self._lifeline is not None
        assert self._pool is not None
        if kill:
            self._lifeline.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._lifeline.close()


def _begin(lifeline: Any) -> None:
    """In each process, before its first task."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(lifeline,), daemon=True).start()


def _watch(lifeline: Any) -> None:
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)
