"""Deduction graphs: the law of the generator, and the answer found again by following the edges."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.errors import ConfigError
from ampsim.workloads.deduction import FEARS, IS, draw, load
from ampsim.workloads.graphs import Drawn, Graphs


def question(drawn: Drawn, number: int) -> tuple[list[int], list[tuple[int, int, int]], int]:
    """Annotations, edges (source, target, type) and answer of one graph."""
    one = drawn.take(np.array([number]))
    edges = list(zip(one.source.tolist(), one.target.tolist(), one.kinds.tolist(), strict=True))
    return one.nodes.tolist(), edges, int(one.answers[0])


def loaded(**options: Any) -> tuple[Graphs, Graphs]:
    training, validation = load(**options)
    assert validation is not None
    return training, validation


@settings(max_examples=30)
@given(st.integers(1, 20), st.integers(2, 12), st.integers(1, 12), st.integers(0, 2**63 - 1))
def test_every_question_is_answered_by_two_edges(n: int, kinds: int, persons: int, seed: int) -> None:
    drawn = draw(n, kinds, persons, np.random.default_rng(seed))
    assert len(drawn) == n
    for number in range(n):
        nodes, edges, answer = question(drawn, number)
        assert len(nodes) == kinds + persons
        assert len(edges) == persons + kinds
        assert sum(nodes) == 1
        asked = nodes.index(1)
        is_a = {source: target for source, target, kind in edges if kind == IS}
        fears = {source: target for source, target, kind in edges if kind == FEARS}
        assert answer == fears[is_a[asked]]
        # Persons and kinds are all there is, everybody is something, and nothing fears itself.
        assert (len(is_a), len(fears)) == (persons, kinds)
        assert sorted([*is_a, *fears]) == list(range(kinds + persons))
        assert set(is_a.values()) | set(fears.values()) <= set(fears)
        assert all(source != target for source, target in fears.items())


def even(values: Any, kinds: int) -> bool:
    """Whether ``kinds`` values occur equally often, within five standard deviations."""
    counts = np.bincount(np.asarray(values), minlength=kinds)
    share = 1 / kinds
    bound = 5 * np.sqrt(counts.sum() * share * (1 - share))
    return len(counts) == kinds and bool(np.abs(counts - counts.sum() * share).max() < bound)


def test_all_that_is_drawn_is_uniform() -> None:
    """Where the asked person and the answer stand, and which kind is feared by which."""
    n, kinds, persons = 20_000, 4, 4
    drawn = draw(n, kinds, persons, np.random.default_rng(0))
    nodes = drawn.nodes.reshape(n, kinds + persons)
    assert even(nodes.argmax(axis=1), kinds + persons)
    assert even(drawn.answers, kinds + persons)
    for node in range(kinds + persons):
        feared = drawn.target[(drawn.source == node) & (drawn.kinds == FEARS)]
        assert even(feared - (feared > node), kinds + persons - 1)


def test_kinds_are_drawn_with_replacement() -> None:
    """Two persons of four are of one kind in all but 4! / 4^4 of the graphs."""
    n = 20_000
    drawn = draw(n, 4, 4, np.random.default_rng(1))
    what = drawn.target[drawn.kinds == IS].reshape(n, 4)
    different = np.mean([len(set(row)) == 4 for row in what.tolist()])
    assert different == pytest.approx(24 / 256, abs=5 * np.sqrt(24 / 256 / n))


def test_the_default_graphs_have_54_nodes_and_none_comes_twice() -> None:
    training, validation = loaded(training=3000, validation=500)
    seen: Counter[bytes] = Counter()
    for data in (training, validation):
        for index in range(len(data)):
            union = data.structure(index)
            assert union.along.total == 54 * data.rows(index)
            assert union.along.counts == (27 * data.rows(index), 27 * data.rows(index))
        nodes = data.arrays["source"].reshape(len(data), 2, -1, 27)
        targets = data.arrays["target"].reshape(nodes.shape)
        both = np.concatenate([nodes, targets], axis=3).swapaxes(1, 2).reshape(-1, 108)
        seen.update(row.tobytes() for row in both)
    assert len(seen) == 3500


def test_features_mark_the_asked_person_in_the_first_column() -> None:
    training, _ = loaded(training=30, validation=10, kinds=4, persons=3, batch=4, hidden=6)
    for index in range(len(training)):
        h0 = training.payload("nodes", index)
        assert h0.dtype == np.float32
        assert h0.shape == (7 * training.rows(index), 6)
        assert not h0[:, 1:].any()
        assert (h0[:, 0].reshape(-1, 7).sum(axis=1) == 1).all()
        assert training.payload("answers", index).dtype == np.int64


def test_a_seed_is_reproducible_and_sizes_do_not_disturb_each_other() -> None:
    options = {"kinds": 4, "persons": 4}
    training, validation = loaded(training=40, validation=20, seed=7, **options)
    same, _ = loaded(training=40, validation=10, seed=7, **options)
    other, _ = loaded(training=40, validation=20, seed=8, **options)
    _, held_out = loaded(training=50, validation=20, seed=7, **options)
    assert same.fingerprint == training.fingerprint != other.fingerprint
    assert held_out.fingerprint == validation.fingerprint
    assert load(training=5, validation=0)[1] is None


@pytest.mark.parametrize(
    "options",
    [
        {"training": 0},
        {"validation": -1},
        {"kinds": 1},
        {"persons": 0},
        {"batch": 0},
        {"hidden": 0},
        {"steps": 0},
        {"seed": -1},
        {"kinds": 2.0},
    ],
)
def test_numbers_out_of_range_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(options))} is .*it must be an int from"):
        load(**options)
