"""The pages of the documentation, taken apart: what the tests of this folder look at."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", *DOCS]


class Block(NamedTuple):
    """A fenced block: its language, what else stands behind the fence, its text, and the line it begins at."""

    language: str
    info: str
    text: str
    line: int

    @property
    def title(self) -> str | None:
        """The file the block is the contents of."""
        found = re.search(r'title="([^"]+)"', self.info)
        return found[1] if found else None

    @property
    def runs(self) -> bool:
        """Whether the commands of the block are carried out, not only looked up."""
        return self.language == "console" and "run" in self.info.split()


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    found: list[Block] = []
    lines: list[str] = []
    fence, start = "", 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```") and not fence:
            fence, start, lines = line, number, []
        elif line == "```" and fence:
            language, _, info = fence[3:].partition(" ")
            found.append(Block(language, info, "\n".join(lines) + "\n", start))
            fence = ""
        elif fence:
            lines.append(line)
    assert not fence, f"{page.name}:{start}: this block has no end"
    return found


def commands(page: Path) -> Iterator[tuple[int, list[str]]]:
    """Every command line of ampsim on a page, in a block or in words, as (line, words after ``ampsim``)."""
    for block in blocks(page):
        for offset, line in enumerate(block.text.splitlines(), 1):
            if block.language in ("", "console") and re.match(r"(\$ )?ampsim [a-z-]", line):
                yield block.line + offset, _words(line.removeprefix("$ "))
    prose = re.sub(
        r"^```.*?^```$",
        lambda found: "\n" * found[0].count("\n"),
        page.read_text("utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    for number, line in enumerate(prose.splitlines(), 1):
        for found in re.finditer(r"`(ampsim [a-z-][^`]*)`", line):
            yield number, _words(found[1])


def _words(line: str) -> list[str]:
    """A line as a shell would cut it, without comment; ``[--from FOLDER]`` stands for an option that is given."""
    line = re.sub(r" [|>] .*", "", line).replace("[", " ").replace("]", " ").replace("...", "")
    return shlex.split(line, comments=True)[1:]


def sessions(text: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output that is written below it."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]
