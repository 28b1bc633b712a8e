"""A worker process at work: receive, choose, compute, send, by the wall clock."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from ampsim.engine.log import WorkerLog
from ampsim.engine.quiet import quiet
from ampsim.engine.task import Effects
from ampsim.engine.waits import Standing
from ampsim.engine.worker import WorkerState
from ampsim.errors import Stalled
from ampsim.ir.message import Array, Origin
from ampsim.result.load import Spent, spent
from ampsim.runtime.codec import Note, Sent, decode, encode, note
from ampsim.runtime.endpoint import Endpoint
from ampsim.runtime.entry import Worker
from ampsim.runtime.packet import Message, Packet
from ampsim.runtime.resident import reset_peak, resident
from ampsim.runtime.setup import rebuild

FREQUENCY = 10**9  # ticks a second
CONTROLLER = -1


class WorkerLoop:
    """Drives one WorkerState over an endpoint of the mesh until the controller says ``finish``.

    Times are nanoseconds since ``began`` on the monotonic clock, which all processes of a machine share.
    """

    def __init__(self, state: WorkerState, endpoint: Endpoint, began: int) -> None:
        self.state = state
        self.endpoint = endpoint
        self.controller = endpoint.size - 1
        self.log = WorkerLog(state, FREQUENCY)
        self.arrivals: list[tuple[int, int, int, int]] = []  # source, sent, arrived, bytes
        self._began = began
        self._tasks = 0
        self._finished = False

    def run(self, early: Sequence[tuple[int, Sent | Note]] = ()) -> None:
        """Work until the controller says that the run is over; ``early`` came before the start."""
        state, endpoint, clock, began = self.state, self.endpoint, time.monotonic_ns, self._began
        self.log.waited(0, clock() - began)
        for source, content in early:
            self._handle(source, content)
        messages = endpoint.receive()
        while True:
            for source, message in messages:
                self._handle(source, decode(message))
            if self._finished:
                state.policy.finish()
                return
            task = state.next_task()
            if task is None:
                messages = self._wait()
                continue
            start = clock() - began
            effects = state.run(task)
            end = clock() - began
            self._tasks += 1
            self.log.task(task, start, end, endpoint.outbox_bytes)
            self._send(effects)
            endpoint.pump()  # a busy worker, too, sends on what had no room
            messages = endpoint.receive()

    def _wait(self) -> list[tuple[int, Message]]:
        """What comes next. The wait until its last piece is here is written down as one."""
        endpoint, clock = self.endpoint, time.monotonic_ns
        start = clock()
        while True:
            endpoint.wait()
            end = clock()
            endpoint.pump()
            messages = endpoint.receive()
            if messages:
                self.log.waited(start - self._began, end - self._began)
                return messages

    def _handle(self, source: int, content: Sent | Note) -> None:
        now = time.monotonic_ns() - self._began
        if isinstance(content, Sent):
            self.arrivals.append((source, content.sent, now, sum(m.nbytes for m in content.parcel)))
            self.state.deliver(content.parcel, Origin(source, content.sent, now))
        elif content.name == "admit":
            self.state.admit(content.body[1], Origin(CONTROLLER, content.body[0], now))
        elif content.name == "update":
            self.state.update_now(content.body)
        elif content.name == "sync":
            sent, instance, groups = content.body
            self.state.synchronise(instance, groups, Origin(CONTROLLER, sent, now))
        elif content.name == "status":
            self.endpoint.send(self.controller, note("status", self._status(content.body)))
        elif content.name == "busy":
            self.endpoint.send(self.controller, note("busy", [self.log.busy(), now]))
        elif content.name == "finish":
            self._finished = True
        self._send(self.state.take_effects())

    def _send(self, effects: Effects) -> None:
        if effects.parcels:
            now = time.monotonic_ns() - self._began
            for destination, parcel in effects.parcels.items():
                self.endpoint.send(destination, encode(parcel, now))
        if effects.reports:
            self.endpoint.send(self.controller, note("report", [effects.completed, effects.metrics, effects.acks]))

    def _status(self, question: int) -> list[Any]:
        """For the supervisor: what was asked, whether anything moved, and what waits for what."""
        passed = self.endpoint.statistics()
        counts = [self._tasks, passed.sent_messages, passed.received_messages, passed.outbox_messages]
        blocked = None
        try:
            self.state.policy.finish()
        except Stalled as error:
            blocked = error.what
        return [question, counts, self.state.waiting(), blocked, msgspec.to_builtins(Standing.of(self.state))]


def serve(worker: Worker) -> None:
    """The entry function of a worker process: say ``ready``, wait for ``go``, work, hand in what was written down."""
    endpoint = worker.endpoint
    assert endpoint is not None
    reset_peak()
    before = resident()
    state = rebuild(worker.config, worker.arrays, worker.index)
    endpoint.send(endpoint.size - 1, note("ready"))
    early: list[tuple[int, Sent | Note]] = []
    began = None
    while began is None:
        endpoint.wait()
        for source, message in endpoint.receive():
            content = decode(message)
            if isinstance(content, Note) and content.name == "go":
                began = content.body
            else:
                early.append((source, content))
    loop = WorkerLoop(state, endpoint, began)
    at_start = spent()
    with quiet(numeric=False):
        loop.run(early)
    used = spent().since(at_start)
    endpoint.send(endpoint.size - 1, result_note(loop, {"before": before, "after": resident()}, used))
    while not endpoint.pump():
        endpoint.wait(0.01)


def result_note(loop: WorkerLoop, memory: dict[str, dict[str, int]], used: Spent) -> Packet:
    """Everything a worker wrote down, its final parameters, its resident memory and processor time, as one note."""
    arrays: dict[str, Array] = {
        f"table:{table}.{column}": array
        for table, columns in loop.log.tables().items()
        for column, array in columns.items()
    }
    arrays["arrivals"] = np.asarray(loop.arrivals, np.int64).reshape(-1, 4)
    arrays.update({f"final:{name}": value for name, value in loop.state.values().items()})
    body = {"names": list(arrays), "static": loop.state.static_memory(), "resident": memory, "spent": used}
    return note("result", body, list(arrays.values()))
