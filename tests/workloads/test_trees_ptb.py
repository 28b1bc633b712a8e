"""Trees written in brackets: what is written is read, and what is no tree is told with file, line and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.errors import ConfigError, UsageError
from ampsim.workloads.ptb import BadTree, banks, parse, split
from ampsim.workloads.sentences import draw
from ampsim.workloads.trees import load
from tests.workloads.test_trees import sentences

LINES = ["(3 (2 It) (4 (2 's) (4 good)))", "(1 (2 -LRB-) (1 bad))", "(2 word)"]


def test_a_tree_is_numbered_words_first_root_last() -> None:
    found = parse(LINES[0])
    assert found.words == ["It", "'s", "good"]
    assert found.labels == [2, 2, 4, 4, 3]
    assert found.children == [(1, 2), (0, 3)]
    assert parse(LINES[2]) == (["word"], [2], [])


@pytest.mark.parametrize(
    "line, words",
    [
        ("(3 (2 a)b) (4 c))", ["a)b", "c"]),
        ("(3 (2 \\/) (4 2\xa0é))", ["\\/", "2\xa0é"]),
        ("(3(2 a) (4 b))", ["a", "b"]),
        ("(3 (2 a)(4 b))", None),
        ("  (3\t(2   a)  (4 b)  )  \r", ["a", "b"]),
        ("(3 (2 4) (4 2))", ["4", "2"]),
        ("(3 (2 a(b) (4 c))", ["a(b", "c"]),
    ],
)
def test_blanks_and_brackets(line: str, words: list[str] | None) -> None:
    if words is None:  # a bracket inside a word ends nothing, so blanks are needed around nodes
        with pytest.raises(BadTree):
            parse(line)
    else:
        assert parse(line).words == words


@given(st.lists(st.text("abé)('-.\\/019", min_size=1, max_size=5), min_size=2, max_size=2))
def test_words_are_read_as_they_are_written(words: list[str]) -> None:
    """All but those that begin with a bracket, or hold what could be the end of a node."""
    line = f"(3 (2 {words[0]}) (4 {words[1]}))"
    if any(word[0] in "()" or "))" in word or word.endswith(")") for word in words):
        return
    assert parse(line).words == words


@pytest.mark.parametrize(
    "line, said",
    [
        ("", "there is no tree"),
        ("   ", "there is no tree"),
        ("word", "'word' at column 1"),
        (")", "')' at column 1 stands outside"),
        ("(2 a", "at column 3 is neither"),
        ("(2 (2 a) (2 b)", "1 nodes are not closed"),
        ("(2 (2 a) (2 b)))", "more behind the tree, from column 16"),
        ("(2 a) (2 b)", "more behind the tree, from column 7"),
        ("(2 (2 a))", "holds 1 nodes and 0 words"),
        ("(2 (2 a) (2 b) (2 c))", "holds 3 nodes and 0 words"),
        ("(2 (2 a) b)", "holds 1 nodes and 1 words"),
        ("(2 )", "holds 0 nodes and 0 words"),
        ("(5 a)", "the label '5' at column 1"),
        ("(-1 a)", "the label '-1' at column 1"),
        ("(x a)", "the label 'x'"),
        ("(\u0663 a)", "the label"),
        ("(22 a)", "the label '22'"),
        ("( a)", "is neither"),
        ("(2)", "is neither"),
        ("(2 " * 20_000 + "a)", "nodes are not closed"),
        ("(" * 20_000, "is neither"),
        (")" * 20_000, "stands outside"),
        ("(2 " + "a" * 100_000, "is neither"),
    ],
    ids=range(23),
)
def test_what_is_no_binary_tree_is_told(line: str, said: str) -> None:
    with pytest.raises(BadTree) as caught:
        parse(line)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 200


@given(st.text("() 0123456ab\t", max_size=40))
def test_any_line_is_a_tree_or_a_bad_one(line: str) -> None:
    try:
        found = parse(line)
    except BadTree:
        return
    assert len(found.labels) == 2 * len(found.words) - 1 == len(found.words) + len(found.children)


def test_a_chain_as_deep_as_a_line_is_long_is_read() -> None:
    depth = 5000
    found = parse("(2 (2 a) " * depth + "(2 b)" + ")" * depth)
    assert len(found.words) == depth + 1
    assert found.children[-1] == (0, 2 * depth - 1)


def test_what_was_drawn_is_read_back() -> None:
    drawn = draw(60, np.random.default_rng(0))
    read, nothing = banks([parse(line) for line in sentences(drawn)], [])
    assert len(nothing) == 0
    assert np.array_equal(read.labels, drawn.labels)
    assert np.array_equal(read.children, drawn.children)
    assert np.array_equal(read.offsets, drawn.offsets)
    assert len(set(read.words.tolist())) == len(set(drawn.words.tolist()))


# Folders --------------------------------------------------------------------------------------------------------------


def folder(path: Path, train: str | bytes, dev: str | bytes) -> str:
    for name, contents in (("train.txt", train), ("dev.txt", dev)):
        (path / name).write_bytes(contents.encode() if isinstance(contents, str) else contents)
    return str(path)


def lines(count: int, seed: int) -> str:
    return "\n".join(sentences(draw(count, np.random.default_rng(seed)))) + "\n"


def test_a_folder_is_read_and_words_are_numbered_alike(tmp_path: Path) -> None:
    train, dev = split(folder(tmp_path, "(3 (2 a) (4 b))\n\n(2 b)\n", "(1 (2 b) (1 c))"), 99, 99)
    assert (len(train), len(dev)) == (2, 1)
    assert (train.words.tolist(), dev.words.tolist()) == ([0, 1, 1], [1, 2])


def test_a_training_file_that_ends_with_the_other_loses_that_end(tmp_path: Path) -> None:
    train, dev = lines(20, 0), lines(6, 1)
    alone = split(folder(tmp_path, train, dev), 10**6, 10**6)[0]
    both, held_out = split(folder(tmp_path, train + dev, dev), 10**6, 10**6)
    assert (len(alone), len(both), len(held_out)) == (20, 20, 6)
    assert np.array_equal(alone.labels, both.labels)
    # Only a whole end is cut, and never all there is.
    assert len(split(folder(tmp_path, train + "".join(dev.splitlines(keepends=True)[:-1]), dev), 99, 99)[0]) == 25
    assert len(split(folder(tmp_path, dev, dev), 99, 99)[0]) == 6


def test_at_most_so_many_are_taken(tmp_path: Path) -> None:
    training, validation = load(folder(tmp_path, lines(20, 0), lines(6, 1)), trees=7, validation=4)
    assert validation is not None
    assert (len(training), len(validation)) == (7, 4)


def test_a_tree_that_is_not_one_is_told_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        split(folder(tmp_path, "(2 a)\n\n(2 (2 a))\n", "(2 a)"), 99, 99)
    assert caught.value.where == f"{tmp_path / 'train.txt'}, line 3"
    assert "holds 1 nodes" in caught.value.what


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    """Characters that Python counts as line ends stand in real text."""
    train, _ = split(folder(tmp_path, "(3 (2 a\u2028b) (4 c\x0b))\r\n(2 d)\n", "(2 a)"), 99, 99)
    assert train.sizes.tolist() == [2, 1]


@pytest.mark.parametrize(
    "train, said, where",
    [
        (b"(2 a)\n(2 \xff)\n", "not text in UTF-8", "line 2"),
        (b"", "holds no tree", "train.txt"),
        (b"\n \n\n", "holds no tree", "train.txt"),
    ],
)
def test_files_that_cannot_be_read_are_named(train: bytes, said: str, where: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        split(folder(tmp_path, train, "(2 a)"), 99, 99)
    assert said in caught.value.what
    assert where in str(caught.value.where)


def test_folders_and_files_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no folder here"):
        split(str(tmp_path / "nowhere"), 1, 1)
    (tmp_path / "train.txt").write_text("(2 a)")
    with pytest.raises(UsageError, match=r"there is no dev\.txt in"):
        split(str(tmp_path), 1, 1)
    (tmp_path / "dev.txt").mkdir()
    with pytest.raises(UsageError, match=r"dev\.txt cannot be read"):
        split(str(tmp_path), 1, 1)
