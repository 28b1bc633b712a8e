"""What the words on the page mean, with formulas: those of :mod:`ampsim.result.metrics` that a page speaks of."""

from __future__ import annotations

from ampsim.result.metrics import WORDS

TERMS = tuple(
    (word.name, f"{word.meaning[:1].upper()}{word.meaning[1:]}.".replace("`", "")) for word in WORDS if word.on_page
)
