"""How worker processes are started: by a fork server of our own or by spawn; never by a plain fork.

Three things differ from what ``multiprocess`` does by itself.

*Environment.* A BLAS library reads its number of threads once, when it is loaded, and the allocator its limits when the
process starts. Forked workers have what held when the *server* started. So the server is our own, not the one of the
package, which may be running already; it is started in the right environment, and the caller's is put back at once.

*The user's script.* ``multiprocess`` runs the main script again in every child, in case something in it has to be
unpickled; without a ``__name__`` guard that would start the run again, in every worker. Nothing of ours lives there:
functions are named ``module:qualname``. So children are not told of it, and scripts without a guard, notebooks and
scripts on standard input need no special care.

*Ctrl-C.* It reaches the whole process group. The controller owns it; the signal is blocked from before the fork until
the worker ignores it, so that there is no moment at which it prints a traceback.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import multiprocess
from multiprocess import forkserver, resource_tracker, spawn

from ampsim.errors import UsageError

METHODS = ("forkserver", "spawn")

ONE_THREAD = dict.fromkeys(
    (
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)
# By default glibc maps every array above 128 KiB anew and gives it back when it is freed, and the next one pays a page
# fault every 4 KiB: 10 to 80 % of the time of small models. Values the user has set are left alone.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),  # glibc accepts no more
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_TOP_PAD_": str(16 << 20),
}
# What a server was started with and a later caller may have changed.
_WATCHED = ("OPENBLAS_", "OMP_", "MKL_", "BLIS_", "MALLOC_", "GLIBC_", "NPY_", "LD_")

_PRELOAD = ["numpy", "threadpoolctl", "ampsim.runtime.entry", "ampsim.runtime.mesh", "ampsim.runtime.codec"]
_lock = threading.Lock()
server = forkserver.ForkServer()
server.set_forkserver_preload(_PRELOAD)
_server_settings: dict[str, str] = {}


def context(method: str) -> Any:
    """The ``multiprocess`` context of a start method. Raises UsageError for an unknown one."""
    if method not in METHODS:
        do = "plain fork would copy the threads' locks, but not the threads" if method == "fork" else None
        raise UsageError(f"no start method {method!r}: take one of {', '.join(METHODS)}", do=do)
    return multiprocess.get_context(method)


def warm_up(method: str = "forkserver") -> None:
    """Let the fork server import what workers need, while the caller goes on with other things."""
    if method == "forkserver":
        with _lock, _surroundings():
            _ensure_server()


def start(process: Any) -> None:
    """Start a process made by a :func:`context`. Raises OSError or EOFError if that fails."""
    with _lock, _surroundings():
        if process._start_method == "forkserver":
            _ensure_server()
        before = spawn.get_preparation_data, forkserver.connect_to_new_process
        spawn.get_preparation_data = _preparation
        forkserver.connect_to_new_process = server.connect_to_new_process
        try:
            process.start()
        finally:
            spawn.get_preparation_data, forkserver.connect_to_new_process = before


def leave() -> None:
    """In a worker whose controller has died: remove the server's socket, since nobody else will."""
    address = forkserver._forkserver._forkserver_address
    if address:
        with suppress(OSError):
            Path(address).unlink()
            Path(address).parent.rmdir()


_preparation_of_package = spawn.get_preparation_data


def _preparation(name: str) -> dict[str, Any]:
    data: dict[str, Any] = _preparation_of_package(name)
    return {key: value for key, value in data.items() if not key.startswith("init_main")}


def _ensure_server() -> None:
    """Have a server that was started under the present settings of the libraries."""
    present = {key: value for key, value in os.environ.items() if key.startswith(_WATCHED)}
    if present != _server_settings and server._forkserver_pid is not None and not multiprocess.active_children():
        server._stop()
    server.ensure_running()
    _server_settings.clear()
    _server_settings.update(present)


@contextmanager
def _surroundings() -> Iterator[None]:
    """The environment of the workers, without Ctrl-C."""
    resource_tracker.ensure_running()  # it unblocks the signal when it starts, so it has to be there before
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    wanted = {**KEEP_MEMORY, **_user(KEEP_MEMORY), **ONE_THREAD, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
    before = {key: os.environ.get(key) for key in wanted}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.environ.update(wanted)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _user(names: dict[str, str]) -> dict[str, str]:
    return {key: os.environ[key] for key in names if key in os.environ}
