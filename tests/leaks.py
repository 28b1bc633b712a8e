"""What a process holds on to for too long: children, descriptors, threads, names in /dev/shm."""

from __future__ import annotations

import gc
import os
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import psutil

SHM = Path("/dev/shm")
# How long children and threads that have been told to end may take. Reached only by a test that fails.
PATIENCE = 5.0


class Snapshot(NamedTuple):
    """What this process held at one moment. ``children`` are (pid, start time) of all descendants."""

    children: frozenset[tuple[int, float]]
    descriptors: dict[int, str]
    threads: frozenset[threading.Thread]
    names: frozenset[str]

    @classmethod
    def take(cls) -> Snapshot:
        """The present."""
        children = frozenset((child.pid, child.create_time()) for child in _children())
        return cls(children, _descriptors(), frozenset(threading.enumerate()), _names())

    def leaks(self, patience: float = PATIENCE) -> list[str]:
        """What has been added since and is still there, one line each.

        The forkserver and the resource tracker, one of each per process, stay by design and do not count.
        """
        gc.collect()
        lines = []
        singletons, tolerated = _singletons()
        fresh = [c for c in _children() if (c.pid, c.create_time()) not in self.children]
        _, alive = psutil.wait_procs([c for c in fresh if c.pid not in singletons], timeout=patience)
        lines += [f"process {child.pid}: {_command(child)}" for child in alive]
        for thread in threading.enumerate():
            if thread not in self.threads:
                thread.join(patience)
                if thread.is_alive():
                    lines.append(f"thread {thread.name}")
        for number, target in _descriptors().items():
            if self.descriptors.get(number) != target and number not in tolerated:
                lines.append(f"descriptor {number}: {target}")
        lines += [f"/dev/shm/{name}" for name in sorted(_names() - self.names) if not _foreign(name)]
        return lines


def _children() -> list[psutil.Process]:
    """All living descendants; one that has ended and waits to be collected counts, it is a leak too."""
    return [child for child in psutil.Process().children(recursive=True) if child.is_running()]


def _command(child: psutil.Process) -> str:
    try:
        return f"{child.status()} {' '.join(child.cmdline())}"
    except psutil.Error:
        return "ended meanwhile"


def _descriptors() -> dict[int, str]:
    """Number and target of every open descriptor; the one that lists them is gone when it is looked at."""
    found = {}
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            found[number] = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            continue
    return found


def _names() -> frozenset[str]:
    return frozenset(os.listdir(SHM)) if SHM.is_dir() else frozenset()


def _singletons() -> tuple[set[int], set[int]]:
    """Process ids and descriptors of the forkserver and the resource tracker of either package."""
    processes: set[int] = set()
    descriptors: set[int] = set()
    for package in ("multiprocess", "multiprocessing"):
        server = getattr(sys.modules.get(f"{package}.forkserver"), "_forkserver", None)
        tracker = getattr(sys.modules.get(f"{package}.resource_tracker"), "_resource_tracker", None)
        for owner, process, descriptor in (
            (server, "_forkserver_pid", "_forkserver_alive_fd"),
            (tracker, "_pid", "_fd"),
        ):
            for name, into in ((process, processes), (descriptor, descriptors)):
                value = getattr(owner, name, None)
                if value is not None:
                    into.add(value)
    return processes, descriptors


def _foreign(name: str) -> bool:
    """Whether only processes outside this tree have the file open or mapped: another test run, say."""
    path = str(SHM / name)
    ours = {os.getpid(), *(child.pid for child in _children())}
    holders = set()
    for process in psutil.process_iter():
        try:
            held = {file.path for file in process.open_files()}
            if path not in held:
                held = {region.path for region in process.memory_maps(grouped=True)}
            if path in held:
                holders.add(process.pid)
        except (psutil.Error, OSError):
            continue
    return bool(holders) and not holders & ours
