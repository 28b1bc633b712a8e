"""Runs made up on hardware: what a simulated run says of chips, links and energy."""

from __future__ import annotations

from typing import Any

from ampsim.result.run import Run
from tests.result.synthetic import make_run

GROUP: dict[str, Any] = {
    "count": 4, "matmul": 1e12, "vector": 1e11, "memory_bandwidth": 1e11, "memory_capacity": 1 << 20, "units": 1,
    "format": "fp32", "formats": {}, "prefix": "chip", "energy": None, "tile": [1, 1, 1],
}  # fmt: skip
PARTS = ("matmul", "vector", "memory", "off_chip", "link", "idle")


def on_system(workers: int = 3, *, units: int = 1, kind: str = "ring", chips: int = 4, **group: Any) -> Run:
    """A pipeline on a ring of ``chips`` chips; worker w is unit w, and its links are those of the ring."""
    run = make_run(workers, epochs=1)
    changed = {**GROUP, "units": units, "count": chips, **group}
    run.config["run"]["system"] = {
        "name": "made up", "chips": [changed], "topology": {"kind": kind}, "host": {"at": "all"}, "sources": {},
    }  # fmt: skip
    run.config["run"]["owner"] = [0, *range(workers), workers - 1]
    ring = [f"chip{a}->chip{b % chips}" for a in range(chips) for b in (a + 1, a - 1)]
    # The links of the pipeline come first, for its tables number them so.
    first = [f"chip{a // units}->chip{b // units}" for w in range(workers - 1) for a, b in ((w, w + 1), (w + 1, w))]
    run.summary["links"] = [*first, *(name for name in ring if name not in first), "host->chip0", "chip0.out"]
    used = -(-workers // units)
    run.summary["chips"] = [
        {
            "name": f"chip{chip}", "workers": list(range(workers))[chip * units : (chip + 1) * units], "format": "fp32",
            "capacity": 1 << 20, "peak": 1000 * (chip + 1), "off_chip": 0, "off_chip_peak": 0,
        }
        for chip in range(used)
    ]  # fmt: skip
    joules = [dict.fromkeys(PARTS, float(chip + 1)) for chip in range(used)]
    run.summary["energy"] = {
        "chips": [{**parts, "total": sum(parts.values())} for parts in joules],
        "total": sum(sum(parts.values()) for parts in joules),
    }
    return run
