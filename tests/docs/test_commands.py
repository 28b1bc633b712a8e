"""Every command line on a page, marked to run or not, names a command that exists and options that it takes."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from ampsim.cli.base import Flags
from ampsim.cli.main import COMMANDS, cli
from tests.docs.pages import PAGES, commands, sessions

EVERY = [(page.name, line, words) for page in PAGES for line, words in commands(page)]


def reached(words: list[str]) -> click.Command:
    """The command that a line would call, its options and arguments read and nothing done."""
    command: click.Command = cli
    context = cli.make_context("ampsim", ["workload"], obj=Flags())
    at = 0
    while isinstance(command, click.Group) and at < len(words) and not words[at].startswith("-"):
        found = command.get_command(context, words[at])
        assert found is not None, f"there is no command {words[at]!r}"
        command, at = found, at + 1
    if at < len(words) and not isinstance(command, click.Group) and "-h" not in words:
        command.make_context(command.name, words[at:], obj=Flags())
    return command


@pytest.mark.parametrize("page,line,words", EVERY, ids=[f"{page}-{line}" for page, line, _ in EVERY])
def test_the_command_exists_and_takes_its_options(page: str, line: int, words: list[str]) -> None:
    if words[0] == "COMMAND" or words[0] == "--completion":
        return
    try:
        reached(words)
    except click.MissingParameter:
        pass  # a command that is spoken of, not shown with all it needs
    except click.UsageError as error:
        pytest.fail(f"{page}:{line}: ampsim {' '.join(words)}: {error.format_message()}")


def test_every_command_is_shown_on_the_page_of_the_command_line() -> None:
    page = next(page for page in PAGES if page.name == "cli.md")
    shown = {words[0] for _, words in commands(page)}
    assert set(COMMANDS) <= shown


def test_sessions_are_cut_at_prompts() -> None:
    assert sessions("$ a\nb\nc\n$ d\n") == [("a", "b\nc\n"), ("d", "")]


def test_the_pages_are_found() -> None:
    assert {"README.md", "index.md", "cli.md"} <= {Path(page).name for page in PAGES}
    assert len(EVERY) > 30
