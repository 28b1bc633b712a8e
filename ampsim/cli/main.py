"""``ampsim``: the group of commands, and how an error leaves the program.

Results go to stdout, progress and messages to stderr. Exit codes: 0 done, 1 the run failed, 2 the request was wrong,
3 outside a tolerance, 130 interrupted. Command modules are imported only when called, so that ``--help`` is quick.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from ampsim import __version__
from ampsim.errors import AmpsimError

COMMANDS = {
    "demo": "Train, simulate and compare the main job; write a report.",
    "run": "Train a job on worker processes of this machine.",
    "simulate": "Run the same job on a simulated system.",
    "compare": "Lay two runs side by side.",
    "report": "Write one HTML page about one or more runs.",
    "calibrate": "Measure this machine and describe it as a system.",
    "data": "Get data sets.",
    "hw": "List and show systems.",
    "workload": "List and show workloads.",
}


class LazyGroup(click.Group):
    """Imports the module of a command only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"ampsim.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ampsim")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@click.pass_context
def cli(context: click.Context, debug: bool, quiet: bool) -> None:
    """Train on real cores, simulate hypothetical chips, compare the two."""
    context.obj = {"debug": debug, "quiet": quiet}


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; ends the process with one of the exit codes above."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    try:
        code = cli.main(given, prog_name="ampsim", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        code = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except AmpsimError as error:
        if debug:
            raise
        click.echo(f"error: {error}", err=True)
        code = error.exit_code
    except OSError as error:
        if debug:
            raise
        click.echo(f"error: {error.strerror or error}\n  where: {error.filename or 'the system'}", err=True)
        code = 1
    sys.exit(code if isinstance(code, int) else 0)
