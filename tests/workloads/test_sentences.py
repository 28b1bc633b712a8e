"""Generated trees: the proportions that were measured, and labels that follow from words and tree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.workloads.sentences import INTENSIFIER, NEGATOR, Language, acted_on, draw
from ampsim.workloads.spans import cut, grow, measured
from ampsim.workloads.treebank import Integers, Treebank

PLAIN = Language(negators=0.0, intensifiers=0.0, temperature=1.0)


def shares(labels: Integers) -> list[float]:
    found: list[float] = (np.bincount(labels, minlength=5) / len(labels)).tolist()
    return found


@pytest.fixture(scope="module")
def bank() -> Treebank:
    return draw(4000, np.random.default_rng(0))


def same(a: Treebank, b: Treebank) -> bool:
    names = ("words", "labels", "children", "offsets")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


def test_leaves_and_heights_are_those_of_the_treebank(bank: Treebank) -> None:
    assert bank.sizes.mean() == pytest.approx(19.1, abs=0.4)
    assert bank.sizes.std() == pytest.approx(9.25, abs=0.3)
    assert (bank.sizes.min(), bank.sizes.max() <= 52) == (2, True)
    height = bank.heights[bank.root]
    assert height.mean() == pytest.approx(9.65, abs=0.2)
    assert height.std() == pytest.approx(3.65, abs=0.15)
    assert 20 <= height.max() <= 35


def test_labels_in_the_plain_form_are_those_of_the_table() -> None:
    bank = draw(4000, np.random.default_rng(1), PLAIN)
    assert shares(bank.labels) == pytest.approx([0.025, 0.110, 0.692, 0.136, 0.037], abs=0.006)
    assert shares(bank.labels[bank.root]) == pytest.approx([0.06, 0.20, 0.43, 0.23, 0.08], abs=0.025)
    assert shares(bank.labels[bank.leaf]) == pytest.approx(measured()["p_leaf_label"].tolist(), abs=0.003)


def test_labels_of_leaves_keep_their_proportions_among_the_words(bank: Treebank) -> None:
    assert shares(bank.labels[bank.leaf]) == pytest.approx(measured()["p_leaf_label"].tolist(), abs=0.003)
    language = Language()
    mass = [language.mass[language.kinds == kind].sum() for kind in range(7)]
    wanted = [*measured()["p_leaf_label"], 0.01, 0.02]
    wanted[2] -= 0.03
    assert mass == pytest.approx(wanted, abs=1e-4)
    # Along the ranks as well: what is learnt of frequent words is of the same kind as what is rare.
    for part in (slice(0, 200), slice(200, 2000), slice(2000, None)):
        share = language.mass[part][language.kinds[part] == 2].sum() / language.mass[part].sum()
        assert share == pytest.approx(wanted[2], abs=0.02)


def test_words_follow_zipf(bank: Treebank) -> None:
    count = np.bincount(bank.words, minlength=19_500)
    assert len(count) == 19_500
    for ranks in (slice(0, 1), slice(1, 10), slice(10, 100), slice(100, 1000), slice(1000, None)):
        assert count[ranks].sum() / count.sum() == pytest.approx(Language().mass[ranks].sum(), rel=0.03)


def test_a_word_has_one_label(bank: Treebank) -> None:
    label = bank.labels[bank.leaf]
    for word in range(300):
        assert len(set(label[bank.words == word].tolist())) == 1


def test_what_acts_and_what_is_drawn(bank: Treebank) -> None:
    """Every inner node, one by one: beside a word that acts the label is forced, elsewhere the table allows it."""
    language = Language()
    kind = {node: int(language.kinds[word]) for node, word in zip(bank.leaf.tolist(), bank.words.tolist(), strict=True)}
    label = bank.labels.tolist()
    forced = 0
    for node, (left, right) in zip(bank.inner.tolist(), bank.below.tolist(), strict=True):
        a, b = kind.get(left), kind.get(right)
        if a == NEGATOR:
            wanted = 4 - label[right]
        elif b == NEGATOR:
            wanted = 4 - label[left]
        elif a == INTENSIFIER:
            wanted = [0, 0, 2, 4, 4][label[right]]
        elif b == INTENSIFIER:
            wanted = [0, 0, 2, 4, 4][label[left]]
        else:
            assert language.parents[label[left], label[right], label[node]] > 0
            continue
        forced += 1
        assert label[node] == wanted
    assert 0.02 < forced / len(bank.inner) < 0.08


def test_the_table_decides_the_rest_with_its_temperature(bank: Treebank) -> None:
    language = Language()
    np.testing.assert_allclose(language.parents.sum(axis=2), 1)
    table = measured()["p_parent_label_given_left_right_00_to_44"].reshape(5, 5, 5)
    np.testing.assert_allclose(language.parents, table**2 / (table**2).sum(axis=2, keepdims=True))
    left, right = bank.below.T
    kind = np.zeros(len(bank.labels), np.int64)
    kind[bank.leaf] = language.kinds[bank.words]
    free = (kind[left] < NEGATOR) & (kind[right] < NEGATOR)
    for pair in ((2, 2), (1, 2), (2, 3), (3, 2)):
        chosen = free & (bank.labels[left] == pair[0]) & (bank.labels[right] == pair[1])
        found = shares(bank.labels[bank.inner[chosen]])
        assert found == pytest.approx(language.parents[pair].tolist(), abs=0.02)


def test_a_negator_goes_before_an_intensifier_and_left_before_right() -> None:
    def forced(left: int, right: int, kinds: tuple[int, int]) -> int:
        arrays = [np.array([value]) for value in (left, right, *kinds)]
        return int(acted_on(arrays[0], arrays[1], (arrays[2], arrays[3]))[0])

    assert forced(2, 3, (NEGATOR, -1)) == 1
    assert forced(3, 2, (-1, INTENSIFIER)) == 4
    assert forced(2, 2, (NEGATOR, INTENSIFIER)) == 2
    assert forced(2, 1, (INTENSIFIER, -1)) == 0
    assert forced(0, 1, (0, 1)) == -1


def test_one_seed_one_bank() -> None:
    first, again, other = (draw(50, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert same(first, again)
    assert not same(first, other)


def best_guess(bank: Treebank, language: Language) -> float:
    """Share of nodes that the best possible reader of words and tree names right: exact, from the leaves upwards."""
    chances = np.zeros((len(bank.labels), 5))
    chances[bank.leaf, language.own(bank.words)] = 1
    kind = np.full(len(bank.labels), -1)
    kind[bank.leaf] = language.kinds[bank.words]
    for node, (left, right) in zip(bank.inner.tolist(), bank.below.tolist(), strict=True):
        found = np.einsum("a,b,abc->c", chances[left], chances[right], language.parents)
        for which, moved in ((INTENSIFIER, np.eye(5)[[0, 0, 2, 4, 4]]), (NEGATOR, np.eye(5)[::-1])):
            found = chances[left] @ moved if kind[right] == which else found
            found = chances[right] @ moved if kind[left] == which else found
        chances[node] = found
    return float((chances.argmax(axis=1) == bank.labels).mean())


def test_labels_can_be_learnt() -> None:
    """From words and tree 88 % of the labels can be known; that all are neutral is right for 78 %."""
    language = Language()
    bank = draw(1000, np.random.default_rng(2), language)
    assert best_guess(bank, language) == pytest.approx(0.880, abs=0.008)
    assert (bank.labels == 2).mean() == pytest.approx(0.776, abs=0.012)


# Shapes of trees ------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=20), st.integers(0, 2**32))
def test_grown_trees_are_trees_in_postorder(sizes: list[int], seed: int) -> None:
    children = grow(np.array(sizes), np.random.default_rng(seed)).tolist()
    assert len(children) == sum(sizes) - len(sizes)
    for size in sizes:
        own, children = children[: size - 1], children[size - 1 :]
        assert sorted(child for pair in own for child in pair) == list(range(2 * size - 2)), "each child once, no root"
        seen: list[int] = []

        def words(node: int, own: list[list[int]] = own, size: int = size, seen: list[int] = seen) -> list[int]:
            """The words below a node, left to right; notes inner nodes when they are complete."""
            if node < size:
                return [node]
            found = [word for child in own[node - size] for word in words(child)]
            seen.append(node)
            return found

        assert words(2 * size - 2) == list(range(size)), "a node's words stand side by side, in order"
        assert seen == list(range(size, 2 * size - 1))


@pytest.mark.parametrize("size, left, right", [(3, 0.774, 0.226), (5, 0.578, 0.149), (20, 0.373, 0.199)])
def test_cuts_have_the_chances_that_were_measured(size: int, left: float, right: float) -> None:
    found = cut(np.full(20_000, size), np.random.default_rng(0))
    assert (found.min(), found.max()) == (1, size - 1)
    assert (found == 1).mean() == pytest.approx(left, abs=0.015)
    assert (found == size - 1).mean() == pytest.approx(right, abs=0.015)


def test_two_words_are_cut_between_them() -> None:
    assert set(cut(np.full(100, 2), np.random.default_rng(0)).tolist()) == {1}


# The flat arrays ------------------------------------------------------------------------------------------------------


def tree(bank: Treebank, number: int) -> tuple[list[int], list[int], list[list[int]]]:
    leaf, node, inner = (offsets[number] for offsets in (bank.offsets, bank.first_node, bank.first_inner))
    size = bank.sizes[number]
    return (
        bank.words[leaf : leaf + size].tolist(),
        bank.labels[node : node + 2 * size - 1].tolist(),
        bank.children[inner : inner + size - 1].tolist(),
    )


def test_parts_and_choices_hold_the_same_trees() -> None:
    bank = draw(20, np.random.default_rng(5))
    part, chosen = bank.part(7, 12), bank.chosen(np.array([11, 3, 3]))
    assert (len(part), len(chosen), len(bank.part(18, 99))) == (5, 3, 2)
    assert [tree(part, i) for i in range(5)] == [tree(bank, i) for i in range(7, 12)]
    assert [tree(chosen, i) for i in range(3)] == [tree(bank, i) for i in (11, 3, 3)]
    assert np.shares_memory(part.words, bank.words)


def test_numbers_among_all_nodes_agree_with_those_within_a_tree() -> None:
    bank = draw(30, np.random.default_rng(6))
    nodes = np.concatenate([bank.leaf, bank.inner])
    assert sorted(nodes.tolist()) == list(range(len(bank.labels)))
    whose = np.searchsorted(bank.first_node, np.arange(len(bank.labels)), side="right") - 1
    assert (whose[bank.below] == whose[bank.inner][:, None]).all()
    assert (bank.below < bank.inner[:, None]).all(), "children before parents"
    assert set(bank.root.tolist()) == set(range(len(bank.labels))) - set(bank.below.reshape(-1).tolist())
    assert (bank.heights[bank.leaf] == 0).all()
    assert (bank.heights[bank.inner] == bank.heights[bank.below].max(axis=1) + 1).all()


def test_no_trees_are_a_bank_as_well() -> None:
    bank = draw(3, np.random.default_rng(0))
    for empty in (bank.part(0, 0), bank.chosen(np.zeros(0, np.int64))):
        assert (len(empty), len(empty.words), empty.children.shape) == (0, 0, (0, 2))


def test_a_tree_may_be_one_leaf() -> None:
    bank = Treebank(np.array([7, 8]), np.array([3, 1]), np.zeros((0, 2), np.int64), np.array([0, 1, 2]))
    assert bank.heights.tolist() == [0, 0]
    assert bank.root.tolist() == [0, 1]
    assert tree(bank.part(1, 2), 0) == ([8], [1], [])
