"""Help on every command, quickly; completion; the version."""

from __future__ import annotations

import json
import subprocess

import click
import pytest

import ampsim as face
from ampsim.cli.main import COMMANDS, cli
from tests.cli.conftest import Ampsim
from tests.packaging.tree import start, start_python


def every_command() -> list[tuple[str, ...]]:
    context = click.Context(cli)
    found: list[tuple[str, ...]] = [()]
    for name in COMMANDS:
        command = cli.get_command(context, name)
        found.append((name,))
        if isinstance(command, click.Group):
            found += [(name, inner) for inner in command.list_commands(context)]
    return found


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_helps(words: tuple[str, ...], flag: str, ampsim: Ampsim) -> None:
    done = ampsim(*words, flag)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith(" ".join(["Usage: ampsim", *words]))
    assert {"-q, --quiet", "--debug", "-h, --help"} <= {line.strip().partition("  ")[0] for line in lines}
    assert max(map(len, lines)) <= 80
    assert not any(line.endswith("...") for line in lines[1:]), "a description is cut"


def test_every_option_is_described() -> None:
    context = click.Context(cli)
    for words in every_command():
        command: click.Command | None = cli
        for word in words:
            assert isinstance(command, click.Group)
            command = command.get_command(context, word)
        assert command is not None
        silent = [p.name for p in command.params if isinstance(p, click.Option) and not p.help]
        assert silent == [], words


def test_what_the_group_says_of_a_command_is_short() -> None:
    for words in COMMANDS.values():
        assert words.endswith(".")
        assert len(words) <= 60


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("run", "--help"), ("simulate", "-h")], ids=" ".join)
def test_help_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    code = (
        "import sys, json\nfrom ampsim.cli.main import main\n"
        f"try:\n    main({list(words)!r})\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'numpy', 'networkx', 'simpy', 'plotly', 'multiprocess', 'msgspec', 'yaml', 'tqdm', 'safetensors'}\n"
        "print(json.dumps(sorted(heavy & set(sys.modules))), file=sys.stderr)\n"
    )
    done = start_python("-c", code)
    assert done.returncode == 0
    assert json.loads(done.stderr) == []


def test_nothing_asked_is_answered_with_help(ampsim: Ampsim) -> None:
    done = ampsim()
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: ampsim")


def test_the_version(ampsim: Ampsim) -> None:
    assert ampsim("--version").out == f"ampsim, version {face.__version__}\n"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_prints_a_script(shell: str, ampsim: Ampsim) -> None:
    done = ampsim("--completion", shell)
    assert (done.code, done.err) == (0, "")
    assert "_AMPSIM_COMPLETE" in done.out


def test_completion_of_bash_is_a_script_and_knows_the_commands(ampsim: Ampsim) -> None:
    script = ampsim("--completion", "bash").out
    checked = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    done = start_python(
        *("-c", "from ampsim.cli.main import main; main()"),
        _AMPSIM_COMPLETE="bash_complete", COMP_WORDS="ampsim si", COMP_CWORD="1",
    )  # fmt: skip
    assert done.stdout == "plain,simulate\n"


def test_the_program_is_installed() -> None:
    import sys
    from pathlib import Path

    program = Path(sys.executable).parent / "ampsim"
    if not program.exists():
        pytest.skip("the package is not installed beside this interpreter")
    done = start(program, "--version")
    assert done.stdout == f"ampsim, version {face.__version__}\n"
