"""What watching a run costs: throughput of the same run unwatched, with the live page, and with two pages following it.

    python -m benchmarks.live [--rounds 12] [--json]

The machine's speed drifts, so every round runs all three, each time in another order, and ratios are taken within a
round. Beside them stands what does not depend on the neighbours: processor time of the listener and of the threads that
answer, as a share of the time of the run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import ampsim
from ampsim.engine.controller import Controller
from ampsim.reports.live import Live
from ampsim.reports.live.server import Server

spent = {"listener": 0.0, "answers": 0.0, "wall": 0.0}


class Measured(Live):
    """Counts the processor time of its own calls."""

    def __call__(self, controller: Controller, now: float) -> None:
        """As ever."""
        began = time.thread_time()
        super().__call__(controller, now)
        spent["listener"] += time.thread_time() - began


def _answer(self: Server, request: Any, client_address: Any, plain: Any = Server._answer) -> None:
    began = time.thread_time()
    plain(self, request, client_address)
    spent["answers"] += time.thread_time() - began


WAYS = ("unwatched", "page", "followed")
READERS = 2


def follow(url: str, stop: threading.Event) -> None:
    """What a page does, in a thread: ask for news until the end. Reading JSON here costs what a browser's would."""
    seen = -1
    while not stop.is_set():
        with urllib.request.urlopen(f"{url}state?seen={seen}&page={threading.get_ident()}", timeout=60) as answer:
            found = json.loads(answer.read())
        seen = found["version"]
        if found["over"]:
            return


def once(way: str, execute: Callable[[Any], Any]) -> float:
    """Training rows a second of wall time (run) or of wall time while simulating."""
    stop = threading.Event()
    with Measured("bench") if way != "unwatched" else nullcontext() as live:
        readers = (
            [threading.Thread(target=follow, args=(live.url, stop)) for _ in range(READERS)]
            if way == "followed"
            else []
        )
        for reader in readers:
            reader.start()
        began = time.perf_counter()
        value = execute(live)
        spent["wall"] += (time.perf_counter() - began) * (live is not None)
        stop.set()
    for reader in readers:
        reader.join()
    return float(value)


def main() -> None:
    """Print both ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    words = parser.parse_args()
    job = ampsim.workload("mlp", data="generated", training=5000, validation=500, width=200)
    job = job.with_training(epochs=words.epochs, target=None)

    def run(live: Any) -> float:
        found = ampsim.run(job, workers=2, progress=live).throughput
        assert found
        return float(found)

    def simulate(live: Any) -> float:
        began = time.perf_counter()
        ampsim.simulate(job, "fpga_ring_16", progress=live)
        return 1.0 / (time.perf_counter() - began)

    results = {}
    Server._answer = _answer  # type: ignore[method-assign]
    for name, execute in (("run", run), ("simulate", simulate)):
        once("unwatched", execute)
        spent.update(dict.fromkeys(spent, 0.0))
        rounds: list[dict[str, float]] = []
        for number in range(words.rounds):
            order = WAYS[number % 3 :] + WAYS[: number % 3]
            rounds.append({way: once(way, execute) for way in order})
        for way in WAYS[1:]:
            ratios = sorted(found[way] / found["unwatched"] for found in rounds)
            quarters = statistics.quantiles(ratios, n=4)
            results[f"{name}, {way}"] = {"ratio": statistics.median(ratios), "quartiles": [quarters[0], quarters[2]]}
        results[name] = {part: spent[part] / spent["wall"] for part in ("listener", "answers")}
    if words.json:
        print(json.dumps(results))
        return
    for name, found in results.items():
        if "ratio" not in found:
            told = ", ".join(f"{part} {100 * share:.2f} %" for part, share in found.items())
            print(f"{name:22} processor time: {told} of the time watched")
            continue
        low, high = found["quartiles"]
        print(f"{name:22} {found['ratio']:.3f} of unwatched (quartiles {low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
