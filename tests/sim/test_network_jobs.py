"""Jobs over every sort of network: the contract of a backend holds, and what is computed does not depend on it."""

from __future__ import annotations

from typing import Any

import pytest

from ampsim import testing
from ampsim.engine.plan import Plan
from ampsim.hw import System, load
from ampsim.hw.backend import SimBackend
from ampsim.result.run import Run
from ampsim.testing import check_backend

PORT: dict[str, Any] = {"bandwidth": 2e8, "overhead": 1e-6, "gap": 3e-6}
STORE: dict[str, Any] = {"switching": "store_and_forward"}
NETWORKS: list[dict[str, Any]] = [
    {"sharing": "max_min"},
    {"sharing": "max_min", "topology": {"kind": "fat_tree", "radix": 4, "levels": 3}, "chips": {"port": PORT}},
    {"topology": {"kind": "dragonfly", "groups": 2, "routers": 2, "chips": 2}, "chips": {"port": PORT}, **STORE},
    {"sharing": "max_min", "chips": {"port": PORT, "units": 2}, **STORE, "packet_bytes": 64},
]


def made(changes: dict[str, Any]) -> System:
    """The eight GPUs on slow links (100 MB/s), so that messages meet."""
    values = load("gpu_switch_8").to_dict()
    changes = dict(changes)
    group = values["chips"][0] | changes.pop("chips", {})
    values["links"] |= {"bandwidth": 1e8}
    return System.from_dict(values | changes | {"chips": [group]})


def run(changes: dict[str, Any], tie_break: int | None = None) -> Run:
    job = testing.diamond(max_active_keys=4, max_batch=1, min_update_frequency=3)
    return SimBackend(made(changes), tie_break).execute(Plan(job, 3))


@pytest.mark.parametrize("changes", NETWORKS[:2])
def test_the_contract_of_a_backend_is_kept(changes: dict[str, Any]) -> None:
    check_backend(lambda: SimBackend(made(changes)))


@pytest.mark.parametrize("changes", NETWORKS)
def test_what_is_sent_is_the_same_whatever_the_network(changes: dict[str, Any]) -> None:
    """Counts, bytes of every edge and FLOP; twice the same run to the bit; a drawn order changes none of it."""
    plain, found, again, drawn = run({}), run(changes), run(changes), run(changes, tie_break=7)
    for other in (found, drawn):
        for name in ("messages", "bytes"):
            assert other.tables["edges"][name].tolist() == plain.tables["edges"][name].tolist()
        assert other.summary["updates"] == plain.summary["updates"]
        assert other.summary["matmul"] == plain.summary["matmul"]
    assert found.makespan > 0
    for name, table in found.tables.items():
        for column, values in table.items():
            assert values.tobytes() == again.tables[name][column].tobytes()
