"""``ampsim``: the group of commands, and how an error leaves the program.

Results go to stdout, progress and messages to stderr. Exit codes: 0 done, 1 the run failed, 2 the request was wrong,
3 outside a tolerance, 130 interrupted. Command modules are imported only when called, so that ``--help`` is quick.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from ampsim import __version__
from ampsim.cli.base import Flags, Group
from ampsim.errors import AmpsimError, RunError, UsageError

COMMANDS = {
    "demo": "Train, simulate and compare the main job; write a report.",
    "run": "Train a job on worker processes of this machine.",
    "simulate": "Run the same job on a simulated system.",
    "sweep": "Simulate every point of a grid; go on after a kill.",
    "what-if": "Say what a faster resource would gain a run.",
    "reach": "Say when a job would reach its target on a system.",
    "show": "Print what came out of a run; draw it as text.",
    "compare": "Lay two runs side by side.",
    "trace": "Write a run for a timeline viewer.",
    "report": "Write one HTML page about one or more runs.",
    "calibrate": "Measure this machine and describe it as a system.",
    "validate": "Hold the simulator to this machine; the accuracy sheet.",
    "data": "Get data sets.",
    "hw": "List and show systems.",
    "workload": "List and show workloads.",
}
COMPLETE = "_AMPSIM_COMPLETE"  # what the scripts of click's completion set when they ask


class LazyGroup(Group):
    """Imports the module of a command only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"ampsim.cli.{name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _print_completion(context: click.Context, option: click.Parameter, shell: str | None) -> None:
    if shell and not context.resilient_parsing:
        from click.shell_completion import get_completion_class

        kind = get_completion_class(shell)
        assert kind is not None
        click.echo(kind(cli, {}, "ampsim", COMPLETE).source())
        context.exit()


@click.group(cls=LazyGroup)
@click.version_option(__version__, prog_name="ampsim")
@click.option(
    "--completion", type=click.Choice(["bash", "zsh", "fish"]), expose_value=False, is_eager=True,
    callback=_print_completion, help="Print the script that completes words in this shell.",
)  # fmt: skip
def cli() -> None:
    """Train on real cores, simulate hypothetical chips, compare the two."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; ends the process with one of the exit codes above."""
    flags = Flags()
    _open_streams()
    try:
        code = _invoke(list(sys.argv[1:] if arguments is None else arguments), flags)
        sys.stdout.flush()
    except (KeyboardInterrupt, click.Abort):
        _tell("interrupted")
        code = 130
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _reader_is_gone():
            code = 0  # as of `| head`: the reader has seen enough
        else:
            if flags.debug:
                traceback.print_exc()
            told = _explained(error)
            _tell(f"error: {told}")
            code = told.exit_code
    sys.exit(code)


def _invoke(arguments: list[str], flags: Flags) -> int:
    """Run a command line as ``click`` would, without its way of printing errors."""
    if asked := os.environ.get(COMPLETE):
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, "ampsim", COMPLETE, asked)
    try:
        with cli.make_context("ampsim", arguments, obj=flags) as context:
            cli.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as wanted:
        wanted.show()
        return wanted.exit_code
    return 0


def _explained(error: Exception) -> AmpsimError:
    """Any error as what, where and what to do."""
    if isinstance(error, AmpsimError):
        return error
    if isinstance(error, click.ClickException):
        message = error.format_message().rstrip(".")
        context = getattr(error, "ctx", None)
        do = f"see {context.command_path} -h" if context else None
        return UsageError(message[:1].lower() + message[1:], do=do)
    if isinstance(error, OSError):
        place = None if error.filename is None else str(error.filename)
        return RunError(f"the system refuses: {error.strerror or error}", place)
    what = f"{type(error).__name__}: {error}".rstrip(": ")
    return RunError(f"this was not foreseen: {what}", do="add --debug to see where it comes from")


def _open_streams() -> None:
    """Where a stream was closed (``2>&-``), what goes there is lost; no file and no socket takes its number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # until the end


def _tell(text: str) -> None:
    """A line on stderr, if there is somebody to read it."""
    from ampsim.cli.output import printable

    with contextlib.suppress(OSError):
        click.echo(printable(text), err=True)


def _reader_is_gone() -> bool:
    """Whether stdout is what broke; if so, it is closed for good, so that nothing complains at the end."""
    try:
        number = sys.stdout.fileno()
    except (OSError, ValueError):  # not a file at all, as in a notebook
        return False
    if not hasattr(select, "poll"):  # as on Windows
        return False
    watch = select.poll()
    watch.register(number, 0)
    if not any(event & (select.POLLERR | select.POLLHUP) for _, event in watch.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    return True
