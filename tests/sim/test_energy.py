"""Energy: every FLOP, every byte and every second is paid for once, and the parts add up."""

from __future__ import annotations

from typing import Any

import pytest

from ampsim import testing
from ampsim.errors import ConfigError
from ampsim.hw import System
from ampsim.hw.energy import PARTS
from ampsim.result.run import Run
from tests.sim.chains import MS, NBYTES, chain_job, chain_system, simulate
from tests.sim.systems import chips, system

PRICES = {"matmul": 1e-12, "vector": 3e-12, "memory": 5e-12, "link": 7e-12, "idle": 11.0, "off_chip": 13e-12}
LINK = {"bandwidth": 1e7, "latency": 1e-6}


def run(job: Any, chips: int, **changes: Any) -> Run:
    return simulate(job, chain_system([(MS, 2 * MS)] * chips, links=LINK, **({"energy": PRICES} | changes)), chips)


@pytest.mark.parametrize("make", [testing.mlp, testing.rnn, testing.diamond])
def test_energy_is_conserved(make: Any) -> None:
    """In all = the sum over chips = the sum over parts = what the tables say, each counted once."""
    found = run(make(max_active_keys=3), 3)
    energy, tables = found.summary["energy"], found.tables
    assert len(energy["chips"]) == len(found.summary["chips"]) == 3
    assert energy["total"] == pytest.approx(sum(chip["total"] for chip in energy["chips"]), rel=1e-12)
    for chip in energy["chips"]:
        assert chip["total"] == pytest.approx(sum(chip[part] for part in PARTS), rel=1e-12)
    tasks, links = tables["tasks"], tables["links"]
    wanted = {
        "matmul": 1e-12 * tasks["matmul"].sum(),
        "vector": 3e-12 * tasks["vector"].sum(),
        "memory": 5e-12 * (tasks["read"].sum() + tasks["written"].sum()),
        "link": 7e-12 * links["bytes"][links["source"] >= 0].sum(),
        "off_chip": 0.0,
        "idle": 3 * 11.0 * found.makespan,
    }
    for part, joules in wanted.items():
        assert sum(chip[part] for chip in energy["chips"]) == pytest.approx(joules, rel=1e-12), part


def test_each_chip_pays_for_its_own_work_and_for_what_it_sends() -> None:
    """Three chips in a line: the middle one sends both ways, and a message between the ends takes two links."""
    found = run(chain_job(3, 5), 3)
    tasks, chips = found.tables["tasks"], found.summary["energy"]["chips"]
    for number, chip in enumerate(chips):
        assert chip["matmul"] == pytest.approx(1e-12 * tasks["matmul"][tasks["worker"] == number].sum(), rel=1e-12)
    sent = [chip["link"] / 7e-12 for chip in chips]
    assert sent == pytest.approx([5 * NBYTES, 2 * 5 * NBYTES, 5 * NBYTES], rel=1e-12)


def test_every_link_on_the_way_is_paid() -> None:
    job = chain_job(2, 4)
    values = chain_system([(MS, MS)] * 3, links=LINK, energy=PRICES)
    from ampsim.engine.plan import Plan
    from ampsim.hw.backend import SimBackend

    found = SimBackend(values).execute(Plan(job, 3, {0: 0, 1: 2}, "shapes"))
    assert [chip["link"] / 7e-12 for chip in found.summary["energy"]["chips"]] == pytest.approx(
        [2 * 4 * NBYTES, 0, 2 * 4 * NBYTES], rel=1e-12
    )


def test_a_port_is_no_link() -> None:
    """What a chip may send at once is a limit, not a wire: it costs time and no energy."""
    free, limited = (run(chain_job(3, 5), 3, **change) for change in ({}, {"port": {"bandwidth": 2e6}}))
    assert limited.makespan > free.makespan
    chips = [found.summary["energy"]["chips"] for found in (free, limited)]
    for before, after in zip(*chips, strict=True):
        assert after["link"] == before["link"] > 0


@pytest.mark.parametrize(
    "part,amount", [("matmul", "matmul"), ("vector", "vector"), ("link", "link"), ("idle", "idle")]
)
def test_a_price_is_a_factor(part: str, amount: str) -> None:
    job = chain_job(2, 3)
    plain, dear = (run(job, 2, energy=PRICES | {part: PRICES[part] * k}).summary["energy"] for k in (1, 4))
    for before, after in zip(plain["chips"], dear["chips"], strict=True):
        assert after[amount] == pytest.approx(4 * before[amount], rel=1e-12)
        assert after["total"] - before["total"] == pytest.approx(3 * before[amount], rel=1e-9)


def test_a_format_has_prices_of_its_own_and_fewer_bytes() -> None:
    formats = {"int8": {"matmul": 1e12, "vector": 1e12, "bytes": 1, "matmul_energy": "0.25 pJ/FLOP"}}
    job = chain_job(2, 3)
    wide, narrow = run(job, 2), run(job, 2, format="int8", formats=formats)
    for before, after in zip(wide.summary["energy"]["chips"], narrow.summary["energy"]["chips"], strict=True):
        assert after["matmul"] == pytest.approx(before["matmul"] / 4, rel=1e-12)
        assert after["vector"] == pytest.approx(before["vector"], rel=1e-12)
        assert after["memory"] == pytest.approx(before["memory"] / 4, rel=1e-12)
        assert after["link"] == pytest.approx(before["link"] / 4, rel=1e-12)


def test_energy_that_is_not_stated_is_not_zero() -> None:
    job = chain_job(2, 2)
    assert run(job, 2, energy=None).summary["energy"] == {"chips": [None, None], "total": None}
    values = chain_system([(MS, MS)] * 2, energy=PRICES).to_dict()
    values["chips"][1]["energy"] = None
    half = simulate(job, System.from_dict(values), 2).summary["energy"]
    assert half["chips"][0]["total"] > 0
    assert half["chips"][1] is None
    assert half["total"] is None


def test_units_of_energy() -> None:
    stated = {"matmul": "0.5 pJ/FLOP", "vector": "2 pJ/FLOP", "memory": "4 pJ/bit", "link": "1 pJ/B", "idle": "75 W"}
    made = System.from_dict(system(2).to_dict() | {"chips": [chips(2, energy=stated)]})
    energy = made.chips[0].energy
    assert energy is not None
    assert (energy.matmul, energy.vector, energy.memory, energy.link) == (5e-13, 2e-12, 32e-12, 1e-12)
    assert energy.idle == 75.0
    assert System.from_text(made.to_yaml()) == made


def test_off_chip_memory_needs_a_price_where_the_others_have_one() -> None:
    prices = {name: price for name, price in PRICES.items() if name != "off_chip"}
    level = {"capacity": "1 GiB", "bandwidth": "1 GB/s"}
    with pytest.raises(ConfigError, match="off-chip memory is missing"):
        System.from_dict(system(2).to_dict() | {"chips": [chips(2, energy=prices, off_chip=level)]})
