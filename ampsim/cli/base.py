"""What all commands share: ``--debug`` and ``-q`` in any place, help on ``-h``, and close matches for a wrong name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import click

from ampsim.errors import UsageError

HELP = {"help_option_names": ["-h", "--help"]}


@dataclass
class Flags:
    """What was asked of the program itself; every command gets it as its context's object."""

    debug: bool = False
    quiet: bool = False

    def say(self, text: str) -> None:
        """A message for a person, on stderr, unless ``--quiet`` was given."""
        if not self.quiet:
            click.echo(text, err=True)


def _raise_flag(context: click.Context, option: click.Parameter, value: bool) -> None:
    if value:
        setattr(context.ensure_object(Flags), str(option.name), True)


def _flags() -> list[click.Parameter]:
    """Eager, so that they count even where the rest of the line cannot be read."""
    settings: dict[str, Any] = {
        "is_flag": True, "is_eager": True, "expose_value": False, "callback": _raise_flag,
    }  # fmt: skip
    return [
        click.Option(["-q", "--quiet"], help="No progress and no messages on stderr.", **settings),
        click.Option(["--debug"], help="Show the traceback of an error.", **settings),
    ]


class Command(click.Command):
    """A command that takes the program's flags after its own options as well as before them."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        settings["context_settings"] = {**HELP, **(settings.get("context_settings") or {})}
        super().__init__(*arguments, **settings)
        self.params.extend(_flags())


class Group(click.Group):
    """A group of such commands."""

    command_class = Command

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        settings["context_settings"] = {**HELP, **(settings.get("context_settings") or {})}
        super().__init__(*arguments, **settings)
        self.params.extend(_flags())

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As in click; but an unknown name is answered with the nearest one."""
        name = args[0]
        known = self.list_commands(ctx)
        if not name.startswith("-") and name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {ctx.command_path} {close[0]}?" if close else f"one of: {', '.join(known)}"
            raise UsageError(f"there is no command {name!r}", ctx.command_path, hint)
        return super().resolve_command(ctx, args)
