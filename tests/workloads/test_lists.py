"""List reduction, recomputed list by list."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.errors import ConfigError
from ampsim.workloads.lists import Drawn, Lists, answers, bucket, draw, load


def reduce(word: int, digits: list[int]) -> int:
    """The definition, in the plainest words."""
    if word == 10:
        return sum(digits) // len(digits)
    if word == 11:
        return (sum(digits[0::2]) - sum(digits[1::2])) % 10
    if word == 12:
        return max(digits) - min(digits)
    return len(digits) % 10


def unpack(data: Lists) -> list[tuple[list[int], int]]:
    """Every list of a data set with its answer."""
    found = []
    for index in range(len(data)):
        columns = data.payload("tokens", index).reshape(data.structure(index), data.rows(index))
        found += list(zip(columns.T.tolist(), data.payload("labels", index).tolist(), strict=True))
    return found


def loaded(**options: int) -> tuple[Lists, Lists]:
    training, validation = load(**options)
    assert validation is not None
    return training, validation


@pytest.mark.parametrize(
    "word, digits, answer",
    [
        (10, [9, 8], 8),
        (10, [3], 3),
        (11, [1, 5], 6),
        (11, [9, 1, 9, 1, 9], 5),
        (12, [7, 3, 9], 6),
        (12, [4], 0),
        (13, [0] * 10, 0),
        (13, [0] * 7, 7),
    ],
)
def test_examples(word: int, digits: list[int], answer: int) -> None:
    padded = np.array([digits + [0] * (10 - len(digits))])
    drawn = Drawn(padded, np.array([len(digits)]), np.array([word - 10]))
    assert answers(drawn).tolist() == [answer]
    assert reduce(word, digits) == answer


@settings(max_examples=20)
@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 2**63 - 1))
def test_every_answer_is_right_and_no_list_is_lost(n: int, batch: int, seed: int) -> None:
    training, _ = load(n, 0, batch, 4, seed)
    found = unpack(training)
    assert len(found) == n
    for (word, *digits), answer in found:
        assert 10 <= word <= 13
        assert 1 <= len(digits) <= 10
        assert all(0 <= digit <= 9 for digit in digits)
        assert reduce(word, digits) == answer


@settings(max_examples=20)
@given(st.integers(1, 500), st.integers(1, 40))
def test_minibatches_are_of_one_length_and_full_but_for_the_last_of_each(n: int, batch: int) -> None:
    training, _ = load(n, 0, batch, 4)
    lengths = [training.structure(i) for i in range(len(training))]
    sizes = [training.rows(i) for i in range(len(training))]
    assert lengths == sorted(lengths)
    assert sum(sizes) == n
    for index, size in enumerate(sizes):
        last = index + 1 == len(sizes) or lengths[index + 1] != lengths[index]
        assert size == batch or (last and 1 <= size <= batch)


def test_states_count_tokens_in_time_major_order() -> None:
    drawn = Drawn(np.array([[1, 2, 0], [3, 4, 0]]), np.array([2, 2]), np.array([0, 3]))
    padded = Drawn(np.pad(drawn.digits, ((0, 0), (0, 7))), drawn.count, drawn.reduction)
    data = bucket(padded, 100, 5)
    assert len(data) == 1
    assert data.structure(0) == 3
    assert data.states("tokens", 0) == [(0,), (1,), (2,)]
    assert data.payload("tokens", 0).tolist() == [10, 13, 1, 3, 2, 4]
    assert data.states("h0", 0) == [(0,)]
    assert data.payload("h0", 0).shape == (2, 5)
    assert data.states("labels", 0) == [()]
    assert data.payload("labels", 0).tolist() == [1, 2]


def test_payloads_are_views_and_h0_is_zero() -> None:
    data, _ = loaded(training=300, validation=10, batch=20, hidden=6)
    for index in range(len(data)):
        for field in ("tokens", "labels"):
            assert np.shares_memory(data.payload(field, index), data.arrays[field])
        h0 = data.payload("h0", index)
        assert h0.dtype == np.float32
        assert not h0.any()
        assert not h0.flags.writeable
        assert h0.flags.c_contiguous


def test_lengths_words_and_digits_are_uniform() -> None:
    """Each count within five standard deviations of its mean; the seed is fixed."""
    n = 40_000
    drawn = draw(n, np.random.default_rng(0))
    valid = np.arange(10) < drawn.count[:, None]
    assert not drawn.digits[~valid].any()
    for values, kinds in ((drawn.count - 1, 10), (drawn.reduction, 4), (drawn.digits[valid], 10)):
        counts = np.bincount(values, minlength=kinds)
        assert len(counts) == kinds
        share = 1 / kinds
        assert np.abs(counts - len(values) * share).max() < 5 * np.sqrt(len(values) * share * (1 - share))


def test_the_default_is_the_published_size() -> None:
    training, validation = loaded()
    assert sum(training.rows(i) for i in range(len(training))) == 100_000
    assert sum(validation.rows(i) for i in range(len(validation))) == 10_000
    # Ten lengths, each with at most one minibatch that is not full.
    assert 1000 <= len(training) <= 1009
    tokens = training.arrays["tokens"].size
    assert tokens / 100_000 == pytest.approx(6.5, abs=0.05)


def test_a_seed_is_reproducible_and_sizes_do_not_disturb_each_other() -> None:
    training, validation = loaded(training=200, validation=100, batch=10, hidden=4, seed=7)
    same, fewer = loaded(training=200, validation=50, batch=10, hidden=4, seed=7)
    other, _ = loaded(training=200, validation=100, batch=10, hidden=4, seed=8)
    assert same.fingerprint == training.fingerprint
    assert other.fingerprint != training.fingerprint
    more, held_out = loaded(training=300, validation=100, batch=10, hidden=4, seed=7)
    assert held_out.fingerprint == validation.fingerprint
    assert len(more) > len(training)
    assert len(fewer) < len(validation)


def test_long_validation_lists_are_new() -> None:
    """Short lists recur, because there are so few; of those with five digits and more hardly any does."""
    training, validation = loaded()
    known = {tuple(words) for words, _ in unpack(training)}
    seen: Counter[int] = Counter()
    total: Counter[int] = Counter()
    for words, _ in unpack(validation):
        total[len(words)] += 1
        seen[len(words)] += tuple(words) in known
    assert seen[2] == total[2]  # all 40 lists of one digit are in the training set
    long = [length for length in total if length >= 6]
    assert sum(seen[length] for length in long) < 0.01 * sum(total[length] for length in long)


@pytest.mark.parametrize(
    "options", [{"training": 0}, {"validation": -1}, {"batch": 0}, {"hidden": 0}, {"seed": -1}, {"batch": True}]
)
def test_numbers_out_of_range_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(options))} is .*it must be an int from"):
        load(**options)
