"""The worker's side of its process: what it is given, how it tells what went wrong, how it ends with its controller."""

from __future__ import annotations

import faulthandler
import gc
import importlib
import os
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

from ampsim.errors import AmpsimError, RunError
from ampsim.ir.message import Array
from ampsim.runtime.descriptor import Descriptor
from ampsim.runtime.endpoint import Endpoint
from ampsim.runtime.start import leave

SAID, FAILED = b"s", b"f"  # the first byte of what goes up the control pipe


class Failure(msgspec.Struct, frozen=True):
    """An exception of a worker: the name of its type, its text, and the traceback as printed.

    ``parts`` are what, where and do of one of ampsim's own errors, else None.
    """

    kind: str
    text: str
    traceback: str
    parts: tuple[str, str | None, str | None] | None = None


class Worker:
    """What an entry function is called with.

    ``config`` are the bytes the pool was given for this worker, ``endpoint`` is its end of the mesh and ``arrays`` the
    shared arrays, read-only; those are None and empty where the pool has none.
    """

    def __init__(
        self, index: int, count: int, config: bytes, endpoint: Endpoint | None, arrays: Mapping[str, Array], pipe: Any
    ) -> None:
        self.index = index
        self.count = count
        self.config = config
        self.endpoint = endpoint
        self.arrays = arrays
        self._pipe = pipe
        self._heard: deque[bytes] = deque()

    def say(self, message: bytes) -> None:
        """Tell the controller something over the control pipe: ``Pool.watch`` returns it as ``Said``. May block."""
        self._pipe.send_bytes(SAID + message)

    def heard(self) -> list[bytes]:
        """What ``Pool.say`` has sent since the last call."""
        found = []
        while self._heard:
            found.append(self._heard.popleft())
        return found

    def _watch(self) -> None:
        """Thread: listen on the control pipe; when the controller is gone, so are we, whatever we are computing."""
        try:
            while True:
                self._heard.append(self._pipe.recv_bytes())
        except (EOFError, OSError):
            leave()
            os._exit(1)


def main(
    name: str, index: int, count: int, config: bytes, mesh: Any, arrays: Any, spin: float, stack: Descriptor, pipe: Any
) -> None:
    """The target of every worker process: call the entry function ``name`` = ``module:qualname`` with a Worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    faulthandler.enable(stack.fd, all_threads=False)
    _keep_to_one_core(index, count)
    worker = Worker(index, count, config, None, {}, pipe)
    threading.Thread(target=worker._watch, name="watchdog", daemon=True).start()
    try:
        if mesh is not None:
            worker.endpoint = mesh.open(spin)
        if arrays is not None:
            worker.arrays = arrays.open()
        function = resolve(name)
        _check_threads()
        gc.collect()
        gc.freeze()  # what is imported stays: no need to look through it again and again
        function(worker)
    except BaseException as error:
        code = error.code if isinstance(error, SystemExit) else 1
        if code not in (None, 0):
            pipe.send_bytes(FAILED + msgspec.msgpack.encode(_failure(error)))
            sys.exit(1)


def _keep_to_one_core(index: int, count: int) -> None:
    """With a worker for every core, each has its own.

    The controller needs a core for a moment now and then, and a scheduler that is free to do so moves the worker that
    stood there to the other worker's core: list reduction on two cores ran up to a quarter slower. With fewer workers
    than cores there is room, and two runs beside each other must not meet on the same core.
    """
    cores = sorted(os.sched_getaffinity(0))
    if count == len(cores):
        os.sched_setaffinity(0, {cores[index]})


def resolve(name: str) -> Any:
    """The function ``module:qualname``. Raises what its import raises, or RunError where it is not there."""
    module, _, qualname = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise RunError(f"there is no function {qualname} in the module {module}")
    return found


def _check_threads() -> None:
    from threadpoolctl import threadpool_info

    for library in threadpool_info():
        if library["num_threads"] != 1:
            raise RunError(
                f"{library['internal_api']} has {library['num_threads']} threads in a worker, where it must have one",
                library["filepath"],
                "do not set the number of threads in code that workers import",
            )


def _failure(error: BaseException) -> Failure:
    parts = (error.what, error.where, error.do) if isinstance(error, AmpsimError) else None
    text = "".join(traceback.format_exception(error))
    try:
        return Failure(type(error).__name__, str(error), text, parts)
    except Exception:  # a broken __str__ must not hide that there was an error
        return Failure(type(error).__name__, "", text)
