"""Trees in the format of the Penn Treebank, one a line; so comes the Stanford Sentiment Treebank.

    (3 (2 It) (4 (2 's) (4 good)))

A word ends at a ``)`` before another one, a blank or the end of the line, so a word may hold a ``)`` elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ampsim.errors import ConfigError, UsageError
from ampsim.workloads.treebank import LABELS, Treebank
from ampsim.workloads.vocabulary import spelled

FILES = ("train.txt", "dev.txt")
# Blanks are those of ASCII: others, such as the one that does not break, stand inside words of the treebank.
TOKEN = re.compile(r"[ \t\r]*(?:\(([^ \t\r()]+)(?=[ \t\r(])|(\))|([^ \t\r()][^ \t\r]*?)(?=\)(?:[) \t\r]|$)))")


class Parsed(NamedTuple):
    """One tree, numbered as in a Treebank."""

    words: list[str]
    labels: list[int]
    children: list[tuple[int, int]]


class BadTree(ValueError):
    """A line is no binary tree with labels; the text says why."""


def parse(line: str) -> Parsed:
    """The tree of a line. Raises BadTree."""
    words: list[str] = []
    leaves: list[int] = []
    inner: list[tuple[int, tuple[int, int]]] = []
    # Open nodes: label and what has been found inside. Inner nodes are -1, -2, .. until the leaves have been counted.
    open_nodes: list[tuple[int, list[int], list[str]]] = []
    root: int | None = None
    at, end = 0, len(line.rstrip(" \t\r"))
    while at < end:
        found = TOKEN.match(line, at, end)
        if found is None:
            raise BadTree(f"{line[at : at + 20]!r} at column {at + 1} is neither '(label', a word nor ')'")
        label, closing, word = found.groups()
        column = found.start(found.lastindex or 0) + (0 if label else 1)  # that of the bracket before a label
        if root is not None:
            raise BadTree(f"there is more behind the tree, from column {column}")
        at = found.end()
        if label is not None:
            open_nodes.append((_label(label, column), [], []))
            continue
        if not open_nodes:
            raise BadTree(f"{(word or closing)!r} at column {column} stands outside of a tree")
        value, below, own = open_nodes[-1]
        if word is not None:
            own.append(word)
            continue
        if len(own) == 1 and not below:
            number = len(words)
            words += own
            leaves.append(value)
        elif len(below) == 2 and not own:
            inner.append((value, (below[0], below[1])))
            number = -len(inner)
        else:
            what = f"{len(below)} nodes and {len(own)} words"
            raise BadTree(f"the node that ends at column {column} holds {what} instead of two nodes or one word")
        open_nodes.pop()
        if open_nodes:
            open_nodes[-1][1].append(number)
        else:
            root = number
    if root is None:
        raise BadTree(f"{len(open_nodes)} nodes are not closed" if open_nodes else "there is no tree")
    size = len(words)
    children = [tuple(size - 1 - child if child < 0 else child for child in pair) for _, pair in inner]
    return Parsed(words, leaves + [value for value, _ in inner], children)  # type: ignore[arg-type]


def _label(text: str, column: int) -> int:
    if len(text) != 1 or text not in "01234":
        raise BadTree(f"the label {text!r:.40} at column {column} is none of 0 to {LABELS - 1}")
    return int(text)


def parsed(lines: Iterable[tuple[int, str]], name: str) -> list[Parsed]:
    """The trees of numbered lines. Raises UsageError, naming file and line."""
    found = []
    for number, line in lines:
        try:
            found.append(parse(line))
        except BadTree as error:
            raise UsageError(
                str(error), f"{name}, line {number}", "one binary tree a line, such as (3 (2 a) (4 b))"
            ) from error
    return found


def split(folder: str, trees: int, validation: int) -> tuple[Treebank, Treebank]:
    """At most the first ``trees`` of ``train.txt`` and the first ``validation`` of ``dev.txt`` of a folder.

    Where ``train.txt`` ends with all of ``dev.txt``, as a widespread copy does, that end is cut off. Words are numbered
    alike in both. Raises UsageError if there is no such folder or file, or a line is no tree.
    """
    place = Path(folder)
    if not place.is_dir():
        do = "'generated', 'vader', or a folder with train.txt and dev.txt in PTB format"
        raise ConfigError(f"data is {folder!r:.200}, which is no folder here", "options.data", do)
    train, dev = (_lines(place / name) for name in FILES)
    if len(train) > len(dev) and [line for _, line in train[-len(dev) :]] == [line for _, line in dev]:
        train = train[: -len(dev)]
    one = parsed(train[:trees], str(place / FILES[0]))
    other = parsed(dev[:validation], str(place / FILES[1]))
    return banks(one, other)


def banks(*parts: Sequence[Parsed]) -> tuple[Treebank, Treebank]:
    """Two lists of trees as banks, their words numbered alike."""
    words = spelled([[word for tree in part for word in tree.words] for part in parts])
    one, other = (_bank(part, numbers) for part, numbers in zip(parts, words, strict=True))
    return one, other


def _bank(trees: Sequence[Parsed], words: np.ndarray) -> Treebank:
    labels = [label for tree in trees for label in tree.labels]
    children = [pair for tree in trees for pair in tree.children]
    sizes = [len(tree.words) for tree in trees]
    return Treebank(
        words,
        np.array(labels, np.int64),
        np.array(children, np.int64).reshape(-1, 2),
        np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]),
    )


def _lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a file that are not blank, with their numbers. Raises UsageError."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise UsageError(f"there is no {path.name} in {path.parent}", "options.data") from None
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read: {error.strerror}", str(path)) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(f"{path.name} is not text in UTF-8", f"{path}, line {line}") from error
    # Not splitlines(): it cuts at characters that may stand inside a line.
    found = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip(" \t\r")]
    if not found:
        raise UsageError(f"{path.name} holds no tree", str(path))
    return found
