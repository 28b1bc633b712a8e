"""Minibatches of trees: both forms of messages tell of the same trees, and every row goes to its parent once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.errors import ConfigError
from ampsim.ir.rows import gather_rows, scatter_rows
from ampsim.workloads.sentences import draw
from ampsim.workloads.spans import grow
from ampsim.workloads.treebank import Treebank
from ampsim.workloads.trees import Trees, load


def bank(sizes: list[int], seed: int = 0) -> Treebank:
    """Trees of these sizes; every leaf is a word of its own, every node a label of its own."""
    leaves = sum(sizes)
    children = grow(np.array(sizes), np.random.default_rng(seed))
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    return Treebank(np.arange(1, leaves + 1), np.arange(2 * leaves - len(sizes)), children, offsets)


BANKS = st.builds(bank, st.lists(st.integers(1, 12), min_size=1, max_size=9), st.integers(0, 10**6))


def sentences(given_bank: Treebank) -> list[str]:
    """Every tree with its words and labels, written out from its arrays by recursion."""

    def written(tree: int, node: int) -> str:
        size = int(given_bank.sizes[tree])
        label = given_bank.labels[given_bank.first_node[tree] + node]
        if node < size:
            return f"({label} {given_bank.words[given_bank.offsets[tree] + node]})"
        left, right = given_bank.children[given_bank.first_inner[tree] + node - size].tolist()
        return f"({label} {written(tree, left)} {written(tree, right)})"

    return [written(tree, 2 * int(size) - 2) for tree, size in enumerate(given_bank.sizes)]


def walked(data: Trees, index: int) -> list[str]:
    """What a graph would make of an instance if it wrote instead of computing: the roots, in order of their labels.

    The messages are those of Source, Flatmap and Group; only the fields and the structure are looked at.
    """
    forest = data.structure(index)
    labels = split(data.payload("labels", index), data.message_rows("labels", index), len(data.states("labels", index)))
    tokens = split(data.payload("tokens", index), None, len(data.states("tokens", index)))
    arrived: dict[int, np.ndarray] = {}
    for (place,), words in zip(data.states("tokens", index), tokens, strict=True):
        arrived[place] = words.astype(str).astype(object)
    waiting: dict[tuple[int, int], np.ndarray] = {}
    roots: list[str] = []
    done: set[int] = set()
    while len(done) < len(forest.rows):
        place = next(place for place in arrived if place not in done)
        done.add(place)
        texts = [f"({label} {text})" for label, text in zip(labels[place].tolist(), arrived[place], strict=True)]
        one = np.array(texts, object)
        way = forest.up[place]
        many = gather_rows(one, [way.rows])
        assert isinstance(many, np.ndarray)
        for goal, part in zip(way.places, split(many, list(way.rows.counts), len(way.places)), strict=True):
            waiting[goal, place] = part
            if all((goal, below) in waiting for below in forest.down[goal].places):
                members = [waiting.pop((goal, below)) for below in forest.down[goal].places]
                together = forest.down[goal].rows
                assert [len(member) for member in members] == list(together.counts)
                row = np.arange(len(together))
                into = scatter_rows((row + 1).astype(np.int64), [together])
                assert isinstance(into, np.ndarray)
                assert (into > 0).all(), "every child row is filled, and by one message only"
                stacked = np.concatenate(members)[into - 1].reshape(-1, 2)
                arrived[goal] = np.array([f"{left} {right}" for left, right in stacked], object)
        rows = range(len(one))
        roots += [one[row] for row in rows if row not in set(way.rows.index.tolist())]
    assert not waiting
    return sorted(roots, key=lambda text: int(text[1:].split(" ")[0]))


def split(stacked: np.ndarray, rows: list[int] | None, messages: int) -> list[np.ndarray]:
    """The payloads of single messages."""
    counts = [len(stacked) // messages] * messages if rows is None else rows
    assert sum(counts) == len(stacked)
    return np.split(stacked, np.cumsum(counts)[:-1]) if messages else []


@settings(max_examples=40)
@given(BANKS, st.integers(1, 5))
def test_both_forms_tell_of_the_same_trees(given_bank: Treebank, batch: int) -> None:
    wanted = sentences(given_bank)
    for by in ("level", "node"):
        data = Trees.of(given_bank, batch, by)
        assert len(data) == -(-len(given_bank) // batch)
        assert [data.rows(i) for i in range(len(data))] == [
            len(wanted[i : i + batch]) for i in range(0, len(wanted), batch)
        ]
        assert [text for index in range(len(data)) for text in walked(data, index)] == wanted


@settings(max_examples=40)
@given(BANKS, st.integers(1, 5), st.sampled_from(["level", "node"]))
def test_every_row_is_a_child_once_except_roots(given_bank: Treebank, batch: int, by: str) -> None:
    data = Trees.of(given_bank, batch, by)
    for index in range(len(data)):
        forest = data.structure(index)
        sent = Counter((place, row) for place, way in enumerate(forest.up) for row in way.rows.index.tolist())
        assert set(sent.values()) <= {1}
        nodes, roots = sum(forest.rows), data.rows(index)
        assert len(sent) == nodes - roots
        taken = [target for place, way in sorted(forest.down.items()) for target in way.rows.index.tolist()]
        assert len(taken) == len(sent)
        for place, way in forest.down.items():
            assert sorted(way.rows.index.tolist()) == list(range(2 * forest.rows[place]))
            assert way.rows.total == 2 * forest.rows[place]
            assert all(place in forest.up[below].places for below in way.places)
        # The same number of rows is said to leave as is said to arrive, for every pair of places.
        out = {(p, q): n for p, way in enumerate(forest.up) for q, n in zip(way.places, way.rows.counts, strict=True)}
        into = {(p, q): n for q, way in forest.down.items() for p, n in zip(way.places, way.rows.counts, strict=True)}
        assert out == into


@settings(max_examples=25)
@given(BANKS, st.integers(1, 5))
def test_a_level_is_all_nodes_of_one_height(given_bank: Treebank, batch: int) -> None:
    data = Trees.of(given_bank, batch, "level")
    heights = {int(label): int(h) for label, h in zip(given_bank.labels, given_bank.heights, strict=True)}
    for index in range(len(data)):
        forest = data.structure(index)
        parts = split(data.payload("labels", index), data.message_rows("labels", index), len(forest.rows))
        for level, labels in enumerate(parts):
            assert len(labels) == forest.rows[level] > 0
            assert {heights[label] for label in labels.tolist()} == {level}
            assert labels.tolist() == sorted(labels.tolist()), "tree by tree"
        assert forest.leaves == (0,)
        assert all(below < level for level, way in forest.down.items() for below in way.places)
        assert all(way.places[-1] == level - 1 for level, way in forest.down.items())


def test_a_small_forest_by_level() -> None:
    """A tree ((0 1) 2) and a tree of one word: three levels, and the second root goes nowhere."""
    given_bank = Treebank(
        np.array([5, 6, 7, 8]), np.array([0, 1, 2, 3, 4, 9]), np.array([[0, 1], [3, 2]]), np.array([0, 3, 4])
    )
    data = Trees.of(given_bank, 2, "level")
    forest = data.structure(0)
    assert (forest.rows, forest.leaves) == ((4, 1, 1), (0,))
    assert data.states("tokens", 0) == [(0,)]
    assert data.states("labels", 0) == [(0,), (1,), (2,)]
    assert data.message_rows("labels", 0) == [4, 1, 1]
    assert data.payload("labels", 0).tolist() == [0, 1, 2, 9, 3, 4]
    assert forest.up[0].places == (1, 2)
    assert (forest.up[0].rows.counts, forest.up[0].rows.index.tolist()) == ((2, 1), [0, 1, 2])
    assert forest.up[2].places == ()
    assert forest.down[2].places == (0, 1)
    assert forest.down[2].rows.index.tolist() == [1, 0], "the word stands right of the pair"


def test_the_same_forest_by_node() -> None:
    given_bank = Treebank(
        np.array([5, 6, 7, 8]), np.array([0, 1, 2, 3, 4, 9]), np.array([[0, 1], [3, 2]]), np.array([0, 3, 4])
    )
    data = Trees.of(given_bank, 2, "node")
    forest = data.structure(0)
    assert data.states("tokens", 0) == [(0,), (1,), (2,), (5,)]
    assert data.states("labels", 0) == [(node,) for node in range(6)]
    assert data.message_rows("labels", 0) is None
    assert [way.places for way in forest.up] == [(3,), (3,), (4,), (4,), (), ()]
    assert {node: way.places for node, way in forest.down.items()} == {3: (0, 1), 4: (3, 2)}


@pytest.mark.parametrize("by", ["level", "node"])
def test_payloads_fit_their_specs_and_words_are_views(by: str) -> None:
    data, _ = load(trees=30, validation=0, batch=4, by=by, vocabulary=50)
    for index in range(len(data)):
        for field in ("tokens", "labels"):
            payload = data.payload(field, index)
            assert payload.shape == data.spec(field, index).shape
            assert payload.dtype == np.int64
            assert payload.flags.c_contiguous
        assert np.shares_memory(data.payload("tokens", index), data.arrays["words"])
    with pytest.raises(KeyError):
        data.spec("images", 0)


def test_structures_are_worked_out_once() -> None:
    data, _ = load(trees=10, validation=0, batch=5)
    assert data.structure(1) is data.structure(1)


def test_a_rebuilt_set_is_the_same() -> None:
    data, _ = load(trees=12, validation=0, batch=5, by="node")
    again = Trees.rebuild(data.reference, data.arrays, data.options)
    assert again.fingerprint == data.fingerprint
    assert [again.states("tokens", i) for i in range(len(again))] == [
        data.states("tokens", i) for i in range(len(data))
    ]


# Loading --------------------------------------------------------------------------------------------------------------


def test_training_and_validation_are_streams_of_their_own() -> None:
    (short, held_out), (long, more) = (load(trees=n, validation=m, vocabulary=300) for n, m in ((40, 10), (80, 5)))
    assert held_out is not None
    assert more is not None
    assert (len(short), len(held_out), len(long), len(more)) == (40, 10, 80, 5)
    shared = len(short.arrays["offsets"])
    # The trees of a smaller set are not those of a larger one, but validation does not depend on training, ...
    again = load(trees=40, validation=10, vocabulary=300)[1]
    assert again is not None
    assert again.fingerprint == held_out.fingerprint
    # ... and training does not on validation.
    assert load(trees=40, validation=3, vocabulary=300)[0].fingerprint == short.fingerprint
    assert shared == 41
    assert load(trees=5, validation=0)[1] is None


@pytest.mark.parametrize(
    "options, named",
    [
        ({"trees": 0}, "trees"),
        ({"validation": -1}, "validation"),
        ({"batch": 0}, "batch"),
        ({"vocabulary": 0}, "vocabulary"),
        ({"by": "depth"}, "by"),
        ({"seed": -1}, "seed"),
        ({"data": "no/such/folder"}, "data"),
    ],
)
def test_options_out_of_range_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(**{"trees": 5, "validation": 2, **options})
    assert caught.value.where == f"options.{named}"


def test_generated_banks_of_no_trees_are_empty() -> None:
    empty = draw(0, np.random.default_rng(0))
    assert (len(empty), len(empty.labels), len(empty.children)) == (0, 0, 0)
