"""Small systems for tests, built from plain values."""

from __future__ import annotations

from typing import Any

from ampsim.hw import System

BANDWIDTH = 50 * 2.0**30
LATENCY = 500e-9
NS = 10**6  # femtoseconds in a nanosecond
MIB = 2**20


def chips(count: int, **changes: Any) -> dict[str, Any]:
    """A group of 1-TFLOP/s chips."""
    group: dict[str, Any] = {
        "count": count,
        "matmul": 1e12,
        "vector": 1e11,
        "memory_bandwidth": 1e12,
        "memory_capacity": 2**30,
    }
    return group | changes


def system(
    count: int,
    kind: str = "line",
    *,
    dims: tuple[int, ...] | None = None,
    bandwidth: float | str = BANDWIDTH,
    latency: float = LATENCY,
    duplex: str = "full",
    **more: Any,
) -> System:
    """``count`` equal chips in a topology of this kind."""
    topology: dict[str, Any] = {"kind": kind} | ({"dims": list(dims)} if dims else {})
    links = {"bandwidth": bandwidth, "latency": latency, "duplex": duplex}
    values = {"name": "test", "chips": [chips(count)], "links": links, "topology": topology}
    return System.from_dict(values | more)


def chain(hops: list[tuple[float, float]], back: tuple[float, float] = (BANDWIDTH, LATENCY), **more: Any) -> System:
    """Chips in a line whose links have the given (bandwidth, latency), one way each, and one link back."""
    count = len(hops) + 1
    edges: list[dict[str, Any]] = [
        {"between": [f"chip{i}", f"chip{i + 1}"], "bandwidth": b, "latency": a, "one_way": True}
        for i, (b, a) in enumerate(hops)
    ]
    ends = [f"chip{count - 1}", "chip0"]
    edges.append({"between": ends, "bandwidth": back[0], "latency": back[1], "one_way": True})
    values = {
        "name": "chain",
        "chips": [chips(count)],
        "links": {"bandwidth": BANDWIDTH, "latency": LATENCY},
        "topology": {"kind": "edges", "edges": edges},
    }
    return System.from_dict(values | more)
