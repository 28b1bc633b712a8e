"""Memory: what does not fit is refused, and what is accepted never exceeds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.errors import CapacityError, OutOfMemory, RunError
from ampsim.hw import Ledger, Share, check_static
from ampsim.hw.memory.account import RUNNING, STATIC
from ampsim.hw.memory.residents import capacity
from ampsim.hw.memory.sizes import show
from tests.sim.systems import MIB, chips, system

KINDS = (*STATIC, *RUNNING)
SMALL = system(4, chips=[chips(3, memory_capacity=100), chips(1, prefix="big", memory_capacity="unlimited")])


def test_capacity_of_a_chip() -> None:
    assert [capacity(SMALL, chip) for chip in range(4)] == [100, 100, 100, None]


def test_static_memory_fits_exactly_and_not_one_byte_more() -> None:
    check_static(SMALL, {0: [Share("a", 40, 40, 20)], 1: [], 3: [Share("c", 10**15, 0, 0)]})
    with pytest.raises(CapacityError, match=r"chip0 +40 B +40 B +21 B +101 B +100 B +1 B"):
        check_static(SMALL, {0: [Share("a", 40, 40, 21)]})


def test_the_table_names_every_chip_and_what_would_fit() -> None:
    placed = {0: [Share("a", 50, 0, 0), Share("b", 60, 0, 0)], 1: [Share("c", 101, 0, 0)], 2: [Share("d", 100, 0, 0)]}
    with pytest.raises(CapacityError) as caught:
        check_static(SMALL, placed)
    text = str(caught.value)
    assert "2 of 3 chips" in text
    assert "chip2" not in text
    assert "chip0 could hold 1 of its 2 nodes (a), all need at least 2 such chips" in text
    assert "c alone needs 101 B of the 100 B of chip1" in text
    assert caught.value.exit_code == 2


def test_a_thousand_full_chips_give_a_short_table() -> None:
    many = system(1000, chips=[chips(1000, memory_capacity=1)])
    with pytest.raises(CapacityError) as caught:
        check_static(many, {chip: [Share("n", 2, 0, 0)] for chip in range(1000)})
    assert "and 980 more chips" in str(caught.value)
    assert len(str(caught.value)) < 3000


SHARES = st.lists(st.builds(Share, st.just("n"), *[st.integers(0, 60)] * 3), max_size=4)


@given(st.dictionaries(st.integers(0, 3), SHARES))
def test_accepted_means_it_fits(placed: dict[int, list[Share]]) -> None:
    fits = all((capacity(SMALL, chip) or 10**9) >= sum(s.total for s in shares) for chip, shares in placed.items())
    try:
        check_static(SMALL, placed)
        accepted = True
    except CapacityError:
        accepted = False
    assert accepted == fits


@given(
    st.one_of(st.none(), st.integers(0, 300)),
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(-100, 100))),
)
def test_a_ledger_is_never_negative_and_never_over(limit: int | None, steps: list[tuple[str, int]]) -> None:
    """Against a plain dictionary: refused exactly when it must be, and then unchanged."""
    ledger, model, peak = Ledger("chip0", limit), dict.fromkeys(KINDS, 0), 0
    for kind, nbytes in steps:
        after = model | {kind: model[kind] + nbytes}
        if after[kind] < 0:
            with pytest.raises(RunError, match="freed"):
                ledger.add(kind, nbytes)
        elif nbytes > 0 and limit is not None and sum(after.values()) > limit:
            with pytest.raises(OutOfMemory):
                ledger.add(kind, nbytes)
        else:
            ledger.add(kind, nbytes)
            model = after
        peak = max(peak, sum(model.values()))
        assert ledger.levels == model
        assert ledger.level == sum(model.values())
        assert ledger.peak == peak


def test_set_gives_the_level() -> None:
    ledger = Ledger("chip0", 100, {"parameters": 60})
    ledger.set("caches", 40)
    ledger.set("caches", 10)
    assert ledger.levels["caches"] == 10
    assert ledger.level == 70
    assert ledger.peak == 100
    with pytest.raises(OutOfMemory):
        ledger.set("caches", 41)
    assert ledger.level == 70


def test_out_of_memory_says_when_where_and_what_is_there() -> None:
    ledger = Ledger("chip7", 64 * MIB, {"parameters": 60 * MIB})
    ledger.add("queues", 4 * MIB)
    with pytest.raises(OutOfMemory) as caught:
        ledger.add("caches", 1, now=1_500_000_000)
    text = str(caught.value)
    for word in ("chip7 is out of memory", "parameters", "60 MiB", "queues", "64 MiB", "1.5e-06 s", "max_active_keys"):
        assert word in text
    assert "deferred" not in text
    assert caught.value.exit_code == 1


def test_a_ledger_that_starts_full_is_refused() -> None:
    with pytest.raises(OutOfMemory):
        Ledger("chip0", 100, {"parameters": 60, "gradients": 41})


@pytest.mark.parametrize(
    "nbytes,text", [(0, "0 B"), (9_999, "9999 B"), (64 * MIB, "64 MiB"), (10**9, "1 GB"), (123_456_789_123, "115 GiB")]
)
def test_show(nbytes: int, text: str) -> None:
    assert show(nbytes) == text
