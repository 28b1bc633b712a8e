"""Entry functions that the tests of the pool name as ``tests.runtime.entries:NAME``."""

from __future__ import annotations

import ctypes
import os
import signal
import time

import msgspec
import numpy as np

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
        memoryview(array)[0] = 1.0  # type: ignore[index]
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
