"""Measuring this machine from inside worker processes, under the conditions of a run.

All workers measure at the same time, so that what cores share (cache, memory, clock rate) is shared here as well.
"""

from __future__ import annotations

import time
from typing import Any

import msgspec
import numpy as np

from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.ir.first import First
from ampsim.ir.message import BACKWARD, Array, Messages
from ampsim.job import Data
from ampsim.runtime.codec import Note, decode, encode, note
from ampsim.runtime.endpoint import Endpoint
from ampsim.runtime.entry import Worker
from ampsim.runtime.setup import rebuild_plan

SIZES = (512, 1 << 16, 1 << 19)  # bytes of payload
ROUNDS = 300


class Measured(msgspec.Struct, frozen=True):
    """What one worker found. Times in seconds.

    ``tasks``: operation, rows, and the quartiles of the service time. ``parcels``: for each size the medians of one
    end's sending, one end's receiving, and the round trip. ``controller``: round trips to the controller.
    """

    tasks: list[tuple[str, int, float, float, float]]
    overhead: float  # between two tasks: choosing, admitting, writing down
    parcels: list[tuple[int, float, float, float]]
    controller: float
    matmul: float  # FLOP/s
    vector: float  # FLOP/s
    memory: float  # bytes/s


def serve(worker: Worker) -> None:
    """The entry function: tasks of the job by themselves, then parcels between pairs of workers, then the rest."""
    endpoint = worker.endpoint
    assert endpoint is not None
    told = msgspec.json.decode(worker.config)
    plan = rebuild_plan(told["plan"].encode(), worker.arrays, 0)
    tasks, overhead = _tasks(plan, told["seconds"])
    parcels = _parcels(endpoint, worker.index, _meet(endpoint))
    controller = _controller(endpoint) if worker.index == 0 else 0.0
    _meet(endpoint)
    result = Measured(tasks, overhead, parcels, controller, *_rates())
    worker.say(msgspec.msgpack.encode(result))


def _meet(endpoint: Endpoint) -> int:
    """Wait until every worker is here: each says so to the controller, which answers when all have.

    A partner may hear the answer first, and begin: gives the number of parcels that have come meanwhile.
    """
    endpoint.send(endpoint.size - 1, note("here"))
    return _await(endpoint, "on")


def _await(endpoint: Endpoint, name: str) -> int:
    parcels = 0
    while True:
        heard = False
        for _, message in endpoint.receive():
            content = decode(message)
            if isinstance(content, Note):
                heard = heard or content.name == name
            else:
                parcels += 1
        if heard:
            return parcels
        endpoint.wait()


def _tasks(plan: Plan, seconds: float) -> tuple[list[tuple[str, int, float, float, float]], float]:
    """Run the job alone, with as many instances as fit into the time; its service times, and the time between tasks."""
    _, first, _ = _times(plan, 6)
    per_instance = max(first / 6, 1e-6)
    times, _, overhead = _times(plan, int(min(max(seconds / per_instance, 6), len(plan.data.training))))
    found = []
    for (operation, rows), values in sorted(times.items()):
        steady = values[len(values) // 5 :]
        low, middle, high = np.percentile(steady, [25, 50, 75]).tolist()
        found.append((operation, rows, low, middle, high))
    return found, overhead


def _times(plan: Plan, instances: int) -> tuple[dict[tuple[str, int], list[float]], float, float]:
    """Service times by operation and rows, the seconds it all took, and the seconds between two tasks."""
    training, validation = plan.data
    data = Data(First(training, instances), First(validation, 6) if validation is not None else None)
    job = plan.job.with_training(epochs=1, target=None, validate_every=None)
    backend = NullBackend(time.monotonic_ns)
    start = time.monotonic()
    run = backend.execute(Plan(job, mode=plan.mode, given_data=data))
    taken = time.monotonic() - start
    idle = run.summary["makespan"] * (1 - run.summary["utilization"][0])
    return backend.logs[0].service_times(), taken, idle / len(run.tables["tasks"]["kind"])


def _parcels(endpoint: Endpoint, index: int, early: int) -> list[tuple[int, float, float, float]]:
    """Ping-pong with the neighbour: even workers begin. A last worker without a partner measures nothing.

    ``early`` parcels have been taken in already; their times are lost, and no round is.
    """
    partner = index ^ 1
    if partner >= endpoint.size - 1:
        return []
    results = []
    for size in SIZES:
        payload = np.zeros((max(size // 512, 1), 128), np.float32)
        parcel = [Messages(0, BACKWARD, [(0,)], [len(payload)], payload)]
        sending, receiving, trips = [], [], []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            if index % 2 == 0:
                sent = _send(endpoint, partner, parcel)
                received = _receive(endpoint)
            else:
                received = 0.0 if early else _receive(endpoint)
                early = 0
                sent = _send(endpoint, partner, parcel)
            trips.append(time.perf_counter() - start)
            sending.append(sent)
            receiving.append(received)
        send, receive, trip = (float(np.median(values[ROUNDS // 5 :])) for values in (sending, receiving, trips))
        results.append((payload.nbytes, send, receive, trip))
    return results


def _send(endpoint: Endpoint, partner: int, parcel: list[Messages]) -> float:
    start = time.perf_counter()
    endpoint.send(partner, encode(parcel, 0))
    taken = time.perf_counter() - start
    while not endpoint.pump():
        endpoint.wait(0)
    return taken


def _receive(endpoint: Endpoint) -> float:
    """Seconds that taking one parcel in keeps this end busy, waiting apart."""
    while True:
        endpoint.wait()
        start = time.perf_counter()
        received = endpoint.receive()
        if received:
            for _, message in received:
                decode(message)
            return time.perf_counter() - start


def _controller(endpoint: Endpoint) -> float:
    """Median round trip of a note to the controller and back."""
    trips = []
    for _ in range(100):
        start = time.perf_counter()
        endpoint.send(endpoint.size - 1, note("ping"))
        _await(endpoint, "pong")
        trips.append(time.perf_counter() - start)
    return float(np.median(trips))


def _rates() -> tuple[float, float, float]:
    """FLOP/s of a square product and of an elementwise pass, bytes/s of an in-place pass over 64 MiB."""
    a: Array = np.full((768, 768), 0.5, np.float32)
    matmul = 2 * 768**3 / _best(lambda: a @ a)
    x: Array = np.full(78_400, 0.5, np.float32)
    vector = x.size / _best(lambda: np.maximum(x, 0.25, out=x))
    big: Array = np.full(16 << 20, 0.5, np.float32)
    memory = 2 * big.nbytes / _best(lambda: np.multiply(big, 0.5, out=big))
    return matmul, vector, memory


def _best(call: Any) -> float:
    times = []
    for _ in range(15):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.median(times))
