"""What the place that stdout leads to can show: how much, which characters, and whether in colour."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass

from ampsim.cli.output import printable, wide

FANCY = "▁▂▃▄▅▆▇─┬·…"
LEAST = 40  # columns; on fewer a line is wrapped by the terminal


@dataclass(frozen=True)
class Screen:
    """``columns`` of text; ``lines``, None where output goes on for ever; ``encoding``; ``colours``: 0, 16 or 256."""

    columns: int
    lines: int | None
    encoding: str
    colours: int

    @classmethod
    def of_stdout(cls, *, plain: bool = False) -> Screen:
        """Of this process. ``plain`` asks for ASCII. ``NO_COLOR`` and ``TERM=dumb`` are kept to."""
        terminal = sys.stdout.isatty()
        size = shutil.get_terminal_size((100, 24))
        name = os.environ.get("TERM", "")
        dull = not terminal or bool(os.environ.get("NO_COLOR")) or name in ("", "dumb")
        many = "256" in name or "direct" in name or bool(os.environ.get("COLORTERM"))
        return cls(
            max(size.columns, LEAST),
            size.lines if terminal else None,
            "ascii" if plain else getattr(sys.stdout, "encoding", None) or "ascii",
            0 if dull else 256 if many else 16,
        )

    @property
    def fancy(self) -> bool:
        """Whether blocks and lines can be printed."""
        try:
            FANCY.encode(self.encoding)
        except (UnicodeEncodeError, LookupError):
            return False
        return True

    def text(self, words: str) -> str:
        """Words on one line, without what would steer the terminal or could not be printed."""
        encoding = self.encoding if self.fancy else "ascii"
        return printable(words.replace("\n", "?")).encode(encoding, "replace").decode(encoding)

    def fitted(self, words: str, columns: int) -> str:
        """Words cut to at most so many columns."""
        words = self.text(words)
        if wide(words) <= columns:
            return words
        dots = "…" if self.fancy else "~"
        while words and wide(words) > columns - 1:
            words = words[:-1]
        return words + dots
