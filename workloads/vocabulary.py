"""Words as numbers: those that the training set uses more than once, the most frequent first; 0 is any other word.

A word that occurs once says little, and without such words the unknown one would never be trained.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from ampsim.workloads.treebank import Integers, Treebank

UNKNOWN = 0


def numbered(training: Treebank, held_out: Treebank, most: int) -> tuple[Treebank, Treebank]:
    """Both banks, their words from any numbers from 0 to 0 .. ``most``; what is known follows from ``training`` alone.

    Words that occur equally often keep their order.
    """
    top = max((int(bank.words.max(initial=0)) for bank in (training, held_out)), default=0)
    count = np.bincount(training.words, minlength=top + 1)
    ranked = np.argsort(-count, kind="stable")
    known = ranked[count[ranked] > 1][:most]
    number = np.full(top + 1, UNKNOWN, np.int64)
    number[known] = np.arange(1, len(known) + 1)
    one, other = (replace(bank, words=number[bank.words]) for bank in (training, held_out))
    return one, other


def spelled(words: Sequence[Iterable[str]]) -> list[Integers]:
    """Words as numbers from 0, in the order in which they first occur; equal words have equal numbers throughout."""
    seen: dict[str, int] = {}
    return [np.array([seen.setdefault(word, len(seen)) for word in part], np.int64) for part in words]
