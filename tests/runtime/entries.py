"""Entry functions that the tests of the pool name as ``tests.runtime.entries:NAME``."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import time

import msgspec
import numpy as np
from threadpoolctl import threadpool_info

from ampsim.errors import NonFinite
from ampsim.runtime.entry import Worker
from ampsim.runtime.packet import packet


def ready(worker: Worker) -> None:
    """Tell the controller that we are there."""
    worker.say(b"ready")


def nothing(worker: Worker) -> None:
    """Return at once."""


def tell(worker: Worker) -> None:
    """What a worker is given."""
    total = {name: float(array.sum()) for name, array in worker.arrays.items()}
    worker.say(msgspec.msgpack.encode([worker.index, worker.count, worker.config, total]))


def cores(worker: Worker) -> None:
    """On which cores a worker may run."""
    worker.say(msgspec.msgpack.encode(sorted(os.sched_getaffinity(0))))


def sleep(worker: Worker) -> None:
    """Do nothing for a very long time."""
    ready(worker)
    time.sleep(600)


def compute(worker: Worker) -> None:
    """Be busy in Python for ever."""
    ready(worker)
    while True:
        sum(range(1000))


def multiply(worker: Worker) -> None:
    """Be busy in BLAS for ever."""
    a = np.ones((1500, 1500), np.float32)
    ready(worker)
    while True:
        a @ a


def wait(worker: Worker) -> None:
    """Wait for messages for ever."""
    assert worker.endpoint is not None
    ready(worker)
    while True:
        worker.endpoint.wait()
        worker.endpoint.receive()


def echo(worker: Worker) -> None:
    """Send every message back, until an empty one comes."""
    assert worker.endpoint is not None
    while True:
        for source, message in worker.endpoint.receive():
            worker.endpoint.send(source, packet(message))
            if not message:
                while not worker.endpoint.pump():
                    worker.endpoint.wait(0.01)
                return
        worker.endpoint.wait()


def repeat(worker: Worker) -> None:
    """Say back what the control pipe brings."""
    while True:
        for message in worker.heard():
            worker.say(message)
            if message == b"end":
                return
        time.sleep(0.001)


def throw(worker: Worker) -> None:
    """Raise an exception of Python."""
    raise ValueError("the sky is falling")


def throw_ours(worker: Worker) -> None:
    """Raise one of our own."""
    raise NonFinite("the loss is nan", "L1, instance 7", "lower the rate")


def leave(worker: Worker) -> None:
    """End without a word."""
    os._exit(7)


def crash(worker: Worker) -> None:
    """Read the address 0."""
    ctypes.string_at(0)


def kill(worker: Worker) -> None:
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def write_shared(worker: Worker) -> None:
    """Try to write into what is shared."""
    array = worker.arrays["x"]
    try:
        array[0] = 1.0
    except ValueError:
        worker.say(b"refused")
    try:
        array.flags.writeable = True
    except ValueError:
        worker.say(b"refused")
    try:
        memoryview(array.data)[:1] = b"1"
    except TypeError:
        worker.say(b"refused")


def flood(worker: Worker) -> None:
    """Send 200 messages to everyone before looking at anything; then all of theirs must come, in order."""
    end = worker.endpoint
    assert end is not None
    others = [other for other in range(worker.count) if other != worker.index]
    for serial in range(200):
        for other in others:
            end.send(other, packet(msgspec.msgpack.encode([worker.index, serial]), bytes(serial * 50)))
    due = dict.fromkeys(others, 0)
    while not end.pump() or any(count < 200 for count in due.values()):
        end.wait(0.05)
        for source, message in end.receive():
            serial = due[source]
            head = msgspec.msgpack.encode([source, serial])
            assert bytes(message) == head + bytes(serial * 50)
            due[source] += 1
    worker.say(b"whole")


def starve(worker: Worker) -> None:
    """Ask for more memory than we may have."""
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    bytearray(1 << 33)


def quit_badly(worker: Worker) -> None:
    """Leave with an exit code."""
    sys.exit(3)


def quit_well(worker: Worker) -> None:
    """Leave without one."""
    sys.exit(0)


def say_and_leave(worker: Worker) -> None:
    """Say much and be gone."""
    for number in range(50):
        worker.say(bytes([number]))
    os._exit(7)


def tell_config(worker: Worker) -> None:
    """What we were configured with."""
    worker.say(worker.config)


def stubborn(worker: Worker) -> None:
    """Ignore polite requests to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready(worker)
    while True:
        time.sleep(600)


def environment(worker: Worker) -> None:
    """The number of threads of each library, and the environment."""
    threads = [library["num_threads"] for library in threadpool_info()]
    worker.say(json.dumps([threads, dict(os.environ)]).encode())


def chatter(worker: Worker) -> None:
    """Send messages of all sizes to everyone, for ever."""
    end = worker.endpoint
    assert end is not None
    ready(worker)
    size = 1
    while True:
        for other in range(end.size):
            if other != worker.index and end.outbox_bytes < 1 << 20:
                end.send(other, packet(bytes(size)))
        size = size * 3 % 20011
        end.pump()
        end.wait(0)
        end.receive()


def say_long(worker: Worker) -> None:
    """Say something that takes for ever to be heard."""
    ready(worker)
    worker.say(bytes(1 << 26))


def main_module(worker: Worker) -> None:
    """Whether the caller's script is here."""
    main = sys.modules["__main__"]
    mine = [name for name in ("Pool", "make_mesh") if hasattr(main, name)]
    worker.say(b"a script" if mine else b"no script")
