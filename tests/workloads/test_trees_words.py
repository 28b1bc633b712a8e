"""Numbers of words, and rated sentences as trees; the data are small made-up ones."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ampsim.errors import ConfigError, UsageError
from ampsim.workloads.published import PUBLISHED
from ampsim.workloads.snippets import ARCHIVE, LEXICON, MEMBER, classes, lexicon, rated, sentences, tokens
from ampsim.workloads.store import VARIABLE
from ampsim.workloads.treebank import Treebank
from ampsim.workloads.trees import load
from ampsim.workloads.vocabulary import numbered, spelled

NONE = np.zeros((0, 2), np.int64)


def leaves(words: list[int]) -> Treebank:
    """Trees of one leaf each."""
    return Treebank(np.array(words, np.int64), np.zeros(len(words), np.int64), NONE, np.arange(len(words) + 1))


# Vocabulary -----------------------------------------------------------------------------------------------------------


def test_words_are_known_that_the_training_set_uses_twice() -> None:
    training, held_out = numbered(leaves([7, 3, 3, 5, 5, 5, 9]), leaves([5, 3, 7, 9, 11, 0]), 100)
    assert training.words.tolist() == [0, 2, 2, 1, 1, 1, 0]
    assert held_out.words.tolist() == [1, 2, 0, 0, 0, 0]


def test_the_most_frequent_words_are_kept() -> None:
    training, _ = numbered(leaves([4, 4, 8, 8, 8, 2, 2]), leaves([]), 2)
    assert training.words.tolist() == [2 if word == 2 else 1 if word == 8 else 0 for word in [4, 4, 8, 8, 8, 2, 2]]


def test_what_is_held_out_does_not_change_what_is_known() -> None:
    one, other = (numbered(leaves([1, 1, 2, 2, 2]), leaves(words), 10)[0] for words in ([], [1] * 50))
    assert one.words.tolist() == other.words.tolist() == [2, 2, 1, 1, 1]


def test_equal_words_have_equal_numbers() -> None:
    first, second = spelled([["a", "b", "a"], ["c", "b"]])
    assert (first.tolist(), second.tolist()) == ([0, 1, 0], [2, 1])


@pytest.mark.parametrize("vocabulary", [1, 50, 19_500])
def test_no_number_is_beyond_the_vocabulary(vocabulary: int) -> None:
    training, validation = load(trees=200, validation=50, vocabulary=vocabulary)
    assert validation is not None
    for data in (training, validation):
        assert 0 <= data.arrays["words"].min() <= data.arrays["words"].max() <= vocabulary
    assert (training.arrays["words"] == 0).any() or vocabulary <= 50
    count = np.bincount(training.arrays["words"])[1:]
    assert (np.diff(count) <= 0).all()
    assert count[-1] > 1


# Rated sentences ------------------------------------------------------------------------------------------------------

FILMS = [(2.5, "A good, GOOD film."), (-3.0, "It's bad..."), (-0.6, "''Well-made''"), (0.0, "é plot"), (0.6, "ok")]


@pytest.fixture
def vader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with five rated sentences and a lexicon of three words."""
    table = "".join(f"{i}\t{rating}\t{text}\r\n" for i, (rating, text) in enumerate(FILMS, 1)).encode()
    return put(tmp_path, monkeypatch, table)


def put(path: Path, monkeypatch: pytest.MonkeyPatch, table: bytes) -> Path:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        info = tarfile.TarInfo(MEMBER)
        info.size = len(table)
        tar.addfile(info, io.BytesIO(table))
    words = b"good\t1.9\t0.9\t[2]\nbad\t-2.5\t0.6\t[-2]\n:\xde\t1.0\t1\t[1]\n"
    contents = {ARCHIVE: packed.getvalue(), LEXICON: words}
    (path / "vader").mkdir(exist_ok=True)
    files = []
    for file in PUBLISHED["vader"].files:
        (path / "vader" / file.name).write_bytes(contents[file.name])
        checksum = hashlib.sha256(contents[file.name]).hexdigest()
        files.append(replace(file, size=len(contents[file.name]), sha256=checksum))
    monkeypatch.setitem(PUBLISHED, "vader", replace(PUBLISHED["vader"], files=tuple(files)))
    monkeypatch.setenv(VARIABLE, str(path))
    return path


def test_words_are_lower_case_and_signs_stand_alone() -> None:
    assert tokens("It's a well-made  film, (not bad)...") == [
        *("it's", "a", "well-made", "film", ",", "(", "not", "bad", ")", "...")
    ]
    assert tokens("''Café!''") == ["''", "café", "!", "''"]


@pytest.mark.parametrize(
    "rating, label", [(-4, 0), (-2.01, 0), (-2, 1), (-0.6, 2), (0, 2), (0.6, 3), (1.99, 3), (2, 4)]
)
def test_ratings_are_cut_and_a_cut_belongs_above(rating: float, label: int) -> None:
    assert classes([rating]).tolist() == [label]


def test_sentences_and_lexicon_are_read(vader: Path) -> None:
    found = sentences(vader)
    assert found.ratings == [2.5, -3.0, -0.6, 0.0, 0.6]
    assert found.sentences[:2] == [["a", "good", ",", "good", "film", "."], ["it's", "bad", "..."]]
    assert lexicon(vader)["bad"] == -2.5


def test_roots_and_known_words_have_labels_and_nothing_else(vader: Path) -> None:
    bank, nothing = rated(10, 0, 0, vader)
    assert (len(bank), len(nothing)) == (5, 0)
    at = int(np.flatnonzero(bank.sizes == 6)[0])
    node = int(bank.first_node[at])
    assert bank.labels[node : node + 6].tolist() == [-1, 3, -1, 3, -1, -1]
    assert bank.labels[node + 6 : node + 11].tolist() == [-1, -1, -1, -1, 4]
    assert sorted(bank.labels[bank.root].tolist()) == [0, 2, 2, 3, 4]
    only_word = int(np.flatnonzero(bank.sizes == 1)[0])
    assert bank.labels[bank.first_node[only_word]] == 3, "a sentence of one word is rated as a sentence"


def test_the_seed_says_what_is_held_out(vader: Path) -> None:
    pairs = [rated(10, 2, seed, vader) for seed in (0, 0, 1, 2, 3)]
    assert {(len(one), len(other)) for one, other in pairs} == {(3, 2)}
    assert np.array_equal(pairs[0][0].words, pairs[1][0].words)
    assert any(not np.array_equal(pairs[0][0].sizes, one.sizes) for one, _ in pairs)
    assert len(rated(2, 2, 0, vader)[0]) == 2


def test_the_workload_reads_them(vader: Path) -> None:
    training, validation = load("vader", trees=3, validation=2, batch=3)
    assert validation is not None
    assert (len(training), len(validation)) == (1, 1)
    assert training.rows(0) == 3
    with pytest.raises(ConfigError, match="validation is 5; there are 5 sentences"):
        load("vader", validation=5)


def test_data_that_are_not_there_say_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(UsageError, match=r"(?s)vader is not here.*ampsim data get vader"):
        load("vader")


def test_a_table_of_another_kind_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, monkeypatch, b"1\t2\n")
    with pytest.raises(UsageError, match="no table of three columns"):
        load("vader")
