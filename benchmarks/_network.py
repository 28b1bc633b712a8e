"""The network by itself: messages and collectives a second, and what a message on its way costs in memory."""

from __future__ import annotations

import time
import tracemalloc
from heapq import heapify, heapreplace
from typing import Any

import simpy

from ampsim.hw import Network, Start, System, Transfer, Transport, ring_all_reduce, run_collectives
from ampsim.hw.clock import FS, to_fs

MIB = 2**20
BANDWIDTH = 50 * 2.0**30
LATENCY = 500e-9
EVENTS = 200_000
MESSAGES = 128_000
CHIPS = 64
IN_FLIGHT = 20_000


def system(count: int, kind: str = "ring", **topology: Any) -> System:
    """Equal chips, 50 GiB/s and 500 ns."""
    chip = {"count": count, "matmul": 1e12, "vector": 1e11, "memory_bandwidth": 1e12, "memory_capacity": "unlimited"}
    links = {"bandwidth": BANDWIDTH, "latency": LATENCY}
    return System.from_dict({"name": "bench", "chips": [chip], "links": links, "topology": {"kind": kind} | topology})


def heap_events() -> float:
    """Events per second of plain heapq: 64 of them wait, the first is taken and put back later, nothing else."""
    heap = [(number, number, None) for number in range(CHIPS)]
    heapify(heap)
    start = time.process_time()
    for _ in range(EVENTS):
        now, number, item = heap[0]
        heapreplace(heap, (now + CHIPS, number, item))
    return EVENTS / (time.process_time() - start)


def messages(record: bool, buckets: bool = False) -> float:
    """Messages per second over links that nobody else uses, one hop each, their table made if ``record``.

    By Network.run, whose events wait in one heap, or (``buckets``) by run_collectives, which keeps those of a time
    together. Each chip of a ring sends to the next one whenever its link is free. The answer: every message takes
    a + n/B.
    """
    network = Network(system(CHIPS), record=record)
    duration = network.wires[0].pace.ticks(MIB)
    rounds = MESSAGES // CHIPS
    pairs = [(chip, (chip + 1) % CHIPS) for chip in range(CHIPS)]
    listed = [Transfer(turn * duration, *pair, MIB) for turn in range(rounds) for pair in pairs]
    start = time.process_time()
    arrivals = run_collectives(network, [], listed).arrivals if buckets else network.run(listed)
    rows = network.table()["link"]
    seconds = time.process_time() - start
    one = duration + to_fs(LATENCY)
    assert all(arrival == transfer.start + one for arrival, transfer in zip(arrivals, listed, strict=True))
    assert len(rows) == (MESSAGES if record else 0)
    assert sum(wire.carried for wire in network.wires) == MESSAGES * MIB
    return MESSAGES / seconds


def sent_in_simpy() -> float:
    """The same messages per second inside SimPy, as a simulated graph sends them."""
    network = Network(system(CHIPS))
    env = simpy.Environment(0)
    transport = Transport(env, network)
    left = [MESSAGES // CHIPS] * CHIPS

    def again(chip: int) -> None:
        left[chip] -= 1
        if left[chip]:
            transport.send(chip, (chip + 1) % CHIPS, MIB, again, chip)

    for chip in range(CHIPS):
        transport.send(chip, (chip + 1) % CHIPS, MIB, again, chip)
    start = time.process_time()
    env.run()
    seconds = time.process_time() - start
    assert env.now == MESSAGES // CHIPS * (network.wires[0].pace.ticks(MIB) + to_fs(LATENCY))
    return MESSAGES / seconds


def all_reduce(chips: int, fast: bool) -> tuple[float, list[int]]:
    """Seconds for a ring all-reduce of 64 MiB, its schedule and its rows included, and when each rank had finished."""
    network = Network(system(chips))
    start = time.process_time()
    finished = run_collectives(network, [Start(0, ring_all_reduce(chips, 64 * MIB))], fast=fast)
    seconds = time.process_time() - start
    form = 2 * (chips - 1) * (64 * MIB / chips / BANDWIDTH + LATENCY)
    assert abs(finished.times[0] / FS / form - 1) < 1e-9
    assert finished.refused == [None if fast else "event by event was asked for"]
    assert sum(wire.carried for wire in network.wires) == 2 * (chips - 1) * 64 * MIB
    return seconds, finished.ranks[0]


def bytes_in_flight() -> float:
    """Bytes of Python memory for one message on its way, in SimPy's queue."""
    env = simpy.Environment(0)
    transport = Transport(env, Network(system(CHIPS)))
    sizes = range(IN_FLIGHT)
    for size in range(CHIPS):  # routes are found and kept here
        transport.send(size, (size + 1) % CHIPS, 1, int, 0)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for size in sizes:
        transport.send(size % CHIPS, (size + 1) % CHIPS, size, int, size)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    env.run()
    assert transport.in_flight == 0
    return (after - before) / IN_FLIGHT
