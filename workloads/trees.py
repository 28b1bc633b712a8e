"""Trees of words in minibatches: an instance is a forest, walked level by level or node by node."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from ampsim.errors import ConfigError
from ampsim.ir.data import Dataset
from ampsim.ir.message import Array, Spec
from ampsim.workloads.forest import Forest, by_level, by_node
from ampsim.workloads.limits import seeded, whole
from ampsim.workloads.sentences import Language, draw
from ampsim.workloads.treebank import Treebank
from ampsim.workloads.vocabulary import numbered

FORMS = ("level", "node")
INT64 = np.dtype(np.int64)


class Trees(Dataset):
    """Minibatches of ``batch`` consecutive trees; the structure of an instance is its Forest.

    By level there is one message for all nodes of one height in the minibatch, by node one for each node, numbered
    through the minibatch. Fields, all int64:
    ``tokens``, words of the leaves in their order: state ``(0,)`` by level, ``(node,)`` for each leaf by node;
    ``labels``, of all nodes, -1 where there is none: state ``(level,)`` or ``(node,)``.

    Arrays: those of a Treebank, and the ``heights`` of all nodes. Raises ConfigError for an unknown form.
    """

    def __init__(self, arrays: Mapping[str, Array], *, batch: int = 1, by: str = "level") -> None:
        super().__init__(arrays, batch=batch, by=by)
        whole(1, batch=batch)
        if by not in FORMS:
            raise ConfigError(f"by is {by!r}; it must be 'level' or 'node'", "options.by")
        self._batch, self._by_level = batch, by == "level"
        self._bank = Treebank(*(self.arrays[name] for name in ("words", "labels", "children", "offsets")))
        self._leaves: list[int] = self._bank.offsets[self._starts()].tolist()
        self._nodes: list[int] = self._bank.first_node[self._starts()].tolist()
        # Worked out once and used in every epoch; bounded, since with one tree an instance there are many.
        self._forest = lru_cache(maxsize=1 << 14)(self._grown)

    @classmethod
    def of(cls, bank: Treebank, batch: int, by: str) -> Trees:
        """The data set of a treebank whose words have been numbered."""
        arrays = {name: getattr(bank, name) for name in ("words", "labels", "children", "offsets", "heights")}
        return cls(arrays, batch=batch, by=by)

    def _starts(self) -> list[int]:
        """The first tree of each minibatch, and the number of trees."""
        return [*range(0, len(self._bank), self._batch), len(self._bank)]

    def __len__(self) -> int:
        return len(self._leaves) - 1

    def rows(self, index: int) -> int:
        return min(self._batch, len(self._bank) - index * self._batch)

    def structure(self, index: int) -> Forest:
        return self._forest(index)

    def _grown(self, index: int) -> Forest:
        part = self._bank.part(index * self._batch, (index + 1) * self._batch)
        if not self._by_level:
            return by_node(part)
        return by_level(part, self.arrays["heights"][self._nodes[index] : self._nodes[index + 1]])

    def states(self, field: str, index: int) -> list[tuple[int, ...]]:
        forest = self._forest(index)
        return [(place,) for place in (forest.leaves if field == "tokens" else range(len(forest.rows)))]

    def message_rows(self, field: str, index: int) -> list[int] | None:
        return None if field == "tokens" or not self._by_level else list(self._forest(index).rows)

    def spec(self, field: str, index: int) -> Spec:
        bounds = {"tokens": self._leaves, "labels": self._nodes}[field]
        return Spec((bounds[index + 1] - bounds[index],), INT64)

    def payload(self, field: str, index: int) -> Array:
        bounds, name = {"tokens": (self._leaves, "words"), "labels": (self._nodes, "labels")}[field]
        found: Array = self.arrays[name][bounds[index] : bounds[index + 1]]
        order = self._forest(index).order
        return found if field == "tokens" or order is None else found[order]


def load(
    data: str = "generated",
    trees: int = 8544,
    validation: int = 1101,
    batch: int = 1,
    by: str = "level",
    vocabulary: int = 19_500,
    seed: int = 0,
) -> tuple[Trees, Trees | None]:
    """Training and validation trees, their words numbered by what occurs in training (0: unknown).

    ``data`` is ``generated``, ``vader`` or a folder with PTB-format files; of the latter two at most ``trees`` and
    ``validation`` are taken. ``validation=0`` gives None. Raises UsageError.
    """
    whole(1, trees=trees, batch=batch, vocabulary=vocabulary)
    whole(0, validation=validation)
    seeded(seed)
    training, held_out = _banks(data, trees, validation, vocabulary, seed)
    training, held_out = numbered(training, held_out, vocabulary)
    return Trees.of(training, batch, by), Trees.of(held_out, batch, by) if len(held_out) else None


def _banks(data: str, trees: int, validation: int, words: int, seed: int) -> tuple[Treebank, Treebank]:
    if data == "generated":
        # One stream a purpose: changing the size of one set leaves the other as it is.
        language = Language(words)
        banks = (draw(count, np.random.default_rng([seed, i]), language) for i, count in enumerate((trees, validation)))
        return next(banks), next(banks)
    if data == "vader":
        from ampsim.workloads.snippets import rated

        return rated(trees, validation, seed)
    from ampsim.workloads.ptb import split

    return split(data, trees, validation)
