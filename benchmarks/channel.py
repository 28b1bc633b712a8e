"""Round trips of one array between two workers, in microseconds: the runtime's channel beside ``multiprocess.Pipe``.

    python benchmarks/channel.py [--rounds N] [--json]

Over the channel goes what a run sends: a parcel, encoded, written into the ring, found by the spinning receiver, copied
out and decoded into an array; and the same back. Over the pipe go the bytes alone. Both in one run, turn by turn, since
the machine may be busy with other things. "idle": one pair of workers; "crowded": two pairs on the same cores.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from multiprocess.connection import Client, Listener

from ampsim.ir.message import FORWARD, Messages
from ampsim.runtime.codec import Sent, decode, encode
from ampsim.runtime.endpoint import Endpoint
from ampsim.runtime.entry import Worker
from ampsim.runtime.mesh import make_mesh
from ampsim.runtime.pool import Pool

SIZES = (512, 65536)
TURNS = 5
AIMS = {512: 8.0, 65536: 15.0}


def play(worker: Worker) -> None:
    """The entry function: even workers time round trips to the next one, odd ones send back what comes."""
    endpoint = worker.endpoint
    assert endpoint is not None
    setting = json.loads(worker.config)
    rounds, address = setting["rounds"] // TURNS, f"{setting['folder']}/{worker.index // 2}"
    pipe = listen(endpoint, address) if worker.index % 2 else connect(endpoint, address)
    result: dict[str, list[int]] = {}
    for _ in range(TURNS):
        for size in SIZES:
            array = np.random.default_rng(size).standard_normal(size // 4).astype(np.float32)
            if worker.index % 2:
                answer_channel(endpoint, rounds)
                answer_pipe(pipe, rounds)
            else:
                result.setdefault(f"channel {size}", []).extend(time_channel(endpoint, worker.index + 1, array, rounds))
                result.setdefault(f"pipe {size}", []).extend(time_pipe(pipe, array.tobytes(), rounds))
    pipe.close()
    if result:
        worker.say(json.dumps(result).encode())


def listen(endpoint: Endpoint, address: str) -> Any:
    """A duplex ``multiprocess.Pipe`` is a pair of unix sockets with a Connection at either end: so is this."""
    with Listener(address, "AF_UNIX") as listener:
        endpoint.send(endpoint.index - 1, encode([], 0))
        return listener.accept()


def connect(endpoint: Endpoint, address: str) -> Any:
    take(endpoint)
    return Client(address, "AF_UNIX")


def take(endpoint: Endpoint) -> Sent:
    while not (found := endpoint.receive()):
        endpoint.wait()
    content = decode(found[0][1])
    assert isinstance(content, Sent)
    return content


def time_channel(endpoint: Endpoint, other: int, array: np.ndarray, rounds: int) -> list[int]:
    times = []
    for number in range(rounds):
        start = time.perf_counter_ns()
        endpoint.send(other, encode([Messages(3, FORWARD, [(number,)], [1], array)], number))
        back = take(endpoint)
        times.append(time.perf_counter_ns() - start)
        (messages,) = back.parcel
        assert (back.sent, messages.states) == (number, [(number,)])
        if number % 100 == 0:
            assert np.array_equal(messages.payload, array)
    return times


def answer_channel(endpoint: Endpoint, rounds: int) -> None:
    for _ in range(rounds):
        content = take(endpoint)
        endpoint.send(endpoint.index - 1, encode(content.parcel, content.sent))


def time_pipe(pipe: Any, content: bytes, rounds: int) -> list[int]:
    times = []
    for number in range(rounds):
        start = time.perf_counter_ns()
        pipe.send_bytes(content)
        back = pipe.recv_bytes()
        times.append(time.perf_counter_ns() - start)
        if number % 100 == 0:
            assert back == content
    return times


def answer_pipe(pipe: Any, rounds: int) -> None:
    for _ in range(rounds):
        pipe.send_bytes(pipe.recv_bytes())


def measure(pairs: int, rounds: int) -> dict[str, list[float]]:
    """Quartiles of all round trips, in microseconds, by what carried how many bytes; the first tenth left out."""
    with tempfile.TemporaryDirectory() as folder, make_mesh(2 * pairs) as mesh:
        config = json.dumps({"rounds": rounds, "folder": folder}).encode()
        with Pool(f"{Path(__file__).stem}:play", 2 * pairs, config, mesh=mesh) as pool:
            said = pool.finish(600)
    assert len(said) == pairs
    results = [json.loads(each.message) for each in said]
    found = {}
    for name in results[0]:
        times = np.concatenate([np.asarray(result[name])[rounds // 10 :] for result in results])
        found[name] = [round(float(value) / 1e3, 2) for value in np.percentile(times, [25, 50, 75])]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))  # where the workers find this module
    load = os.getloadavg()[0]
    found = {"idle": measure(1, options.rounds), "crowded": measure(2, options.rounds // 2)}
    if options.json:
        print(json.dumps({"unit": "us", "cores": os.cpu_count(), "load": load, "quartiles": found}))
        return
    print(f"round trip in microseconds, {os.cpu_count()} cores, load before {load:.2f}: median (quartiles)")
    print(f"{'':>8}{'bytes':>8}{'channel':>26}{'multiprocess.Pipe':>26}{'aim':>8}")
    for state, values in found.items():
        for size in SIZES:
            shown = [
                f"{middle:.1f} ({low:.1f}-{high:.1f})"
                for low, middle, high in (values[f"channel {size}"], values[f"pipe {size}"])
            ]
            aim = f"{AIMS[size]:g}" if state == "idle" else ""
            print(f"{state:>8}{size:>8}{shown[0]:>26}{shown[1]:>26}{aim:>8}")


if __name__ == "__main__":
    main()
