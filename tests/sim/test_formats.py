"""Number formats: a chip computes in one, and its rates and bytes are those of that format."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ampsim import testing
from ampsim.errors import ConfigError
from ampsim.hw import ChipCost, System, chip_time
from ampsim.ir.work import Work
from tests.sim.chains import MS, NBYTES, chain_job, chain_system, simulate
from tests.sim.systems import NS, chips, system
from tests.sim.test_cost import Piece, kind

HALF: dict[str, Any] = {"format": "bf16", "formats": {"bf16": {"matmul": 2e12, "vector": 4e11, "bytes": 2}}}
BYTE: dict[str, Any] = {"format": "int8", "formats": {"int8": {"matmul": 4e12, "vector": 1e11, "bytes": 1}}}
LINK = {"bandwidth": 1e7, "latency": 0.0}
HEAVY = Piece("x", 1, Work(((1000, 1000, 1000),), 1e8))
MOVED = Piece("x", 1, Work(read=10**9, written=10**9))


def test_fp32_is_what_a_chip_computes_in_unless_told_otherwise() -> None:
    plain = kind()
    assert plain.format == "fp32"
    more = kind(formats=HALF["formats"])
    assert chip_time(more, [HEAVY, MOVED]) == chip_time(plain, [HEAVY, MOVED])
    assert ChipCost(more).stored(10) == 10


def test_each_format_has_its_rates_and_its_bytes() -> None:
    """1 ms + 1 ms of products and of elementwise work in fp32, 2 ms for 2 GB."""
    assert chip_time(kind(), [HEAVY]) == 3_000_000 * NS
    assert chip_time(kind(**HALF), [HEAVY]) == (1_000_000 + 250_000) * NS
    assert chip_time(kind(**BYTE), [HEAVY]) == (500_000 + 1_000_000) * NS
    assert [chip_time(kind(**f), [MOVED]) for f in ({}, HALF, BYTE)] == [n * NS for n in (2_000_000, 10**6, 500_000)]


@pytest.mark.parametrize("element,nbytes,stored", [(1, 4, 1), (1, 5, 2), (2, 4, 2), (3, 4, 3), (4, 7, 7), (8, 4, 8)])
def test_bytes_are_scaled_and_rounded_up(element: int, nbytes: int, stored: int) -> None:
    formats = {"mine": {"matmul": 1e12, "vector": 1e12, "bytes": element}}
    assert ChipCost(kind(format="mine", formats=formats)).stored(nbytes) == stored


@pytest.mark.parametrize("narrow_format,element", [(HALF, 2), (BYTE, 1)])
def test_every_byte_of_a_run_shrinks_and_the_run_itself_stays_the_same(
    narrow_format: dict[str, Any], element: int
) -> None:
    """Parameters, caches, queues and parcels; what the graph does is counted as on every other backend."""
    job = chain_job(2, 6, max_active_keys=3, min_update_frequency=2)
    services = [(MS, 2 * MS)] * 2
    wide, narrow = (simulate(job, chain_system(services, links=LINK, **f), 2) for f in ({}, narrow_format))
    for name in ("parameters", "gradients", "optimizer"):
        sizes = [[static[name] for static in run.summary["static_memory"]] for run in (wide, narrow)]
        assert [4 * size for size in sizes[1]] == [element * size for size in sizes[0]]
    assert set(narrow.tables["links"]["bytes"].tolist()) == {NBYTES * element // 4}
    for table in ("messages", "edges"):
        assert np.array_equal(narrow.tables[table]["bytes"], wide.tables[table]["bytes"])
    assert narrow.summary["matmul"] == wide.summary["matmul"]
    highest = [run.tables["memory"]["caches"].max() for run in (wide, narrow)]
    assert 4 * highest[1] == element * highest[0]
    assert narrow.summary["chips"][0]["format"] == narrow_format["format"]
    assert narrow.makespan < wide.makespan  # the links carry fewer bytes; the chips are measured


def test_a_message_travels_in_the_format_of_its_sender() -> None:
    job = chain_job(2, 1)
    group = {"measured": {}, "memory_bandwidth": "unlimited"}
    values = chain_system([(MS, MS)] * 2, links=LINK).to_dict()
    values["chips"][0] |= HALF | group
    run = simulate(job, System.from_dict(values), 2)
    links = run.tables["links"]
    sent = dict(zip(links["source"].tolist(), links["bytes"].tolist(), strict=True))
    assert sent == {0: NBYTES // 2, 1: NBYTES}
    # It lies in the queue of chip 1 in the format of chip 1: the least it can have held is the parcel and its cache.
    assert run.summary["chips"][1]["peak"] >= sum(run.summary["static_memory"][1].values()) + 2 * NBYTES


def test_formats_change_no_number_of_the_training() -> None:
    job = testing.mlp(epochs=1)
    services = [(MS, MS)] * 3
    runs = [simulate(job, chain_system(services, **f), 3, mode="numeric") for f in ({}, BYTE)]
    for name, value in runs[0].final.items():
        assert np.array_equal(value, runs[1].final[name]), name


@pytest.mark.parametrize(
    "changes,where,word",
    [
        ({"format": "fp8"}, "chips[0].format", "no format 'fp8'"),
        ({"formats": {"fp32": HALF["formats"]["bf16"]}}, "chips[0].formats.fp32", "matmul and vector of the chip"),
        ({"formats": {"bf16": {"matmul": 1e12, "vector": 1e12, "bytes": 0}}}, "chips[0].formats", ">= 1"),
        ({"units": 0}, "chips[0].units", ">= 1"),
        ({"units": 1000}, "chips", "execution units"),
        ({"off_chip": {"capacity": 1}}, "chips[0].off_chip", "bandwidth"),
        ({"energy": {"matmul": "1 pJ"}}, "chips[0].energy.matmul", "no unit of energy of a FLOP"),
    ],
)
def test_groups_that_contradict_themselves_are_refused(changes: dict[str, Any], where: str, word: str) -> None:
    with pytest.raises(ConfigError, match=word) as caught:
        System.from_dict(system(100).to_dict() | {"chips": [chips(100, **changes)]})
    assert str(caught.value.where).startswith(where)
