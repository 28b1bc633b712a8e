"""10,605 rated sentences about films (Hutto and Gilbert 2014), as trees: real words and roots, cuts from a seed.

Twenty people rated every sentence from -4 to 4; the mean, cut at -2, -0.6, 0.6 and 2, is the label of the root. A word
in the lexicon of the same work is labelled by its own mean rating in the same way; other nodes have no label. The
sentences are of Pang and Lee's collection, on which the Stanford Sentiment Treebank was annotated, but no parser has
seen them: the trees are drawn by the split rule of the treebank.
"""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ampsim.errors import ConfigError, UsageError
from ampsim.workloads.spans import grow
from ampsim.workloads.store import read
from ampsim.workloads.treebank import UNLABELLED, Integers, Treebank
from ampsim.workloads.vocabulary import spelled

ARCHIVE, LEXICON = "hutto_ICWSM_2014.tar.gz", "vader_sentiment_lexicon.txt"
MEMBER = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
CUTS = (-2.0, -0.6, 0.6, 2.0)
WORD = re.compile(r"\w+(?:['-]\w+)*|\.\.+|''|[^\w\s]")


class Rated(NamedTuple):
    """Sentences as lists of words, and the mean rating of each."""

    sentences: list[list[str]]
    ratings: list[float]


def tokens(text: str) -> list[str]:
    """The words of a sentence, in lower case; a sign is a word, two or more full stops are one."""
    return WORD.findall(text.lower())


def classes(ratings: list[float]) -> Integers:
    """Labels 0 to 4 of ratings from -4 to 4; a rating on a cut belongs above it."""
    return np.searchsorted(CUTS, ratings, side="right").astype(np.int64)


def sentences(folder: Path | str | None = None) -> Rated:
    """All rated sentences, in the order of the file. Raises UsageError."""
    with tarfile.open(fileobj=io.BytesIO(read("vader", ARCHIVE, folder)), mode="r:gz") as archive:
        stream = archive.extractfile(MEMBER)
        text = stream.read().decode("utf-8") if stream else ""
    fields = [line.split("\t") for line in text.split("\n") if line.strip()]
    if not fields or any(len(line) != 3 for line in fields):
        raise UsageError(f"{MEMBER} is no table of three columns", ARCHIVE)
    return Rated([tokens(line[2]) for line in fields], [float(line[1]) for line in fields])


def lexicon(folder: Path | str | None = None) -> dict[str, float]:
    """The mean rating of each word of the lexicon. Raises UsageError."""
    # Some of the emoticons are in no encoding that fits the whole file; words are ASCII.
    lines = read("vader", LEXICON, folder).decode("latin-1").split("\n")
    return {line.split("\t")[0]: float(line.split("\t")[1]) for line in lines if "\t" in line}


def rated(trees: int, validation: int, seed: int, folder: Path | str | None = None) -> tuple[Treebank, Treebank]:
    """At most ``trees`` sentences for training and ``validation`` held out; ``seed`` says which ones, and the cuts.

    Words are numbered alike in both. Raises UsageError if the data are not there, ConfigError if none is left to train.
    """
    everything = planted(sentences(folder), lexicon(folder), np.random.default_rng([seed, 0]))
    if validation >= len(everything):
        what = f"validation is {validation}; there are {len(everything)} sentences, and some are needed for training"
        raise ConfigError(what, "options.validation")
    order = np.random.default_rng([seed, 1]).permutation(len(everything))
    return everything.chosen(order[validation : validation + trees]), everything.chosen(order[:validation])


def planted(found: Rated, known: dict[str, float], generator: np.random.Generator) -> Treebank:
    """A tree for each sentence; a root is labelled by the sentence, a leaf by the word if it is ``known``."""
    words = [word for sentence in found.sentences for word in sentence]
    sizes = np.array([len(sentence) for sentence in found.sentences], np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    numbers, *_ = spelled([words])
    bank = Treebank(numbers, np.full(2 * offsets[-1] - len(sizes), UNLABELLED), grow(sizes, generator), offsets)
    own = classes([known.get(word, 0.0) for word in words])
    bank.labels[bank.leaf] = np.where([word in known for word in words], own, UNLABELLED)
    bank.labels[bank.root] = classes(found.ratings)
    return bank
