"""What lies between tasks: counted things at known costs give the costs back, and ways what both ends leave of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ampsim.result.schema import Array
from ampsim.studies.calibrate.between import SMALL, Between, between
from ampsim.studies.calibrate.observe import FEATURES, Observed
from tests.calibrate.known import a_part, observed

COSTS = {"tasks": 12e-6, "gathered": 2e-6, "parcels": 20e-6, "messages": 5e-6, "bytes": 5e-10, "reports": 15e-6,
         "cold": 30e-6}  # fmt: skip
PARCEL, MESSAGE, BYTE = COSTS["parcels"], COSTS["messages"], COSTS["bytes"]
LATENCY, HOST, HANDLING = 40e-6, 25e-6, 10e-6


def runs(number: int = 12, **more: Any) -> list[Observed]:
    """Runs in which all things were done in drawn numbers."""
    draw = np.random.default_rng(5)
    return [a_run(draw.uniform(0.2, 1, len(FEATURES)) * [900, 900, 400, 800, 2e7, 300, 90], **more)
            for _ in range(number)]  # fmt: skip


def a_run(counts: Array, structure: float = 0.0, met: int = 50, **more: Any) -> Observed:
    messaging = float(counts @ list(COSTS.values())) + met * structure
    sizes = np.array([100.0, 1000.0, SMALL, 10 * SMALL])
    across = np.column_stack([sizes, LATENCY + 2 * (PARCEL + MESSAGE + BYTE * sizes)])
    values: dict[str, Any] = {
        "counts": counts, "messaging": messaging, "met": met, "together": np.array([0.0, 1.0]), "across": across,
        "up": np.full(5, COSTS["reports"] + HOST + HANDLING), "down": np.full(5, PARCEL + HOST),
    }  # fmt: skip
    return observed([((a_part("A", 1),), 1, 0, 1e-3)], **values | more)


def found(seen: list[Observed], structure: float = 0.0) -> Between:
    return between(seen, [structure] * len(seen))


def test_every_cost_comes_back() -> None:
    known = found(runs())
    names = ("choosing", "gathering", "parcel", "message", "byte", "report", "cold")
    assert {name: getattr(known, name) for name in names} == pytest.approx(
        dict(zip(names, COSTS.values(), strict=True)), rel=0.01
    )
    assert known.spread < 0.01


def test_ways_are_what_both_ends_leave_of_them() -> None:
    known = found(runs())
    assert known.latency == pytest.approx(LATENCY, rel=0.02)
    assert known.host_latency == pytest.approx(HOST, rel=0.02)
    assert known.handling == pytest.approx(HANDLING, rel=0.05)


def test_looking_up_structures_is_no_messaging() -> None:
    assert found(runs(structure=7e-6), 7e-6).choosing == pytest.approx(COSTS["tasks"], rel=0.01)


def test_a_way_that_is_shorter_than_its_ends_takes_no_time() -> None:
    quick = [run._replace(across=np.array([[1000.0, 1e-6]]), down=np.full(3, 1e-6), up=np.full(3, 1e-6))
             for run in runs()]  # fmt: skip
    known = found(quick)
    assert (known.latency, known.host_latency, known.handling) == (0.0, 0.0, 0.0)


def test_one_worker_has_no_ways_to_others() -> None:
    known = found([run._replace(across=np.zeros((0, 2))) for run in runs()])
    assert (known.latency, known.latency_spread) == (0.0, 0.0)


def test_spreads_are_relative() -> None:
    down = np.array([1.0, 2.0, 3.0, 4.0, 5.0]) * 1e-4
    assert found([run._replace(down=down) for run in runs(3)]).host_spread == pytest.approx(2 / 3, rel=0.01)
    noisy = [run._replace(messaging=run.messaging * (1 + 0.2 * (-1) ** n)) for n, run in enumerate(runs(40))]
    assert 0.1 < found(noisy).spread < 0.3
