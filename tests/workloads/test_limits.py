"""Numbers of options: whole, in range, and named when they are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.errors import ConfigError
from ampsim.workloads.limits import LARGEST_SEED, MOST, seeded, whole


@given(st.integers(0, MOST))
def test_a_number_in_range_passes(value: int) -> None:
    whole(0, rows=value)


@given(st.one_of(st.integers(max_value=-1), st.integers(min_value=MOST + 1), st.booleans(), st.floats(), st.text()))
def test_anything_else_is_named(value: object) -> None:
    with pytest.raises(ConfigError, match=r"rows is .*; it must be an int from 0 to") as caught:
        whole(0, batch=1, rows=value)
    assert caught.value.where == "options.rows"


def test_a_seed_may_be_larger_than_a_size() -> None:
    seeded(LARGEST_SEED)
    for seed in (-1, LARGEST_SEED + 1, None):
        with pytest.raises(ConfigError, match="seed is"):
            seeded(seed)
