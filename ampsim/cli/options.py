"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ampsim.errors import ConfigError, UsageError

Command = TypeVar("Command", bound=Callable[..., Any])


def job_options(command: Command) -> Command:
    """``--set``, ``--seed``, ``-o``, ``--force``, ``--json`` and ``--report``."""
    for option in (
        click.option("--set", "settings", multiple=True, metavar="A.B=C", help="Change one, e.g. training.epochs=3."),
        click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of everything random."),
        click.option("-o", "--output", type=Path, help="Run folder; left out: JOB-BACKEND-HASH in this folder."),
        click.option("--force", is_flag=True, help="Replace an existing run folder."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table."),
        click.option("--report", "report_path", type=Path, help="Also write an HTML report to this file."),
        click.option("--placement", help="Unit to worker, e.g. 0=0,1=0,2=1."),
    ):
        command = option(command)
    return command


def parse_settings(texts: tuple[str, ...]) -> dict[str, Any]:
    """``("training.epochs=3",)`` as ``{"training.epochs": 3}``; values are read as YAML 1.2 scalars."""
    from ampsim.strict_yaml import loads

    found: dict[str, Any] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise ConfigError(f"{text!r} is not of the form NAME=VALUE", f"--set {text}")
        found[name] = loads(value, f"--set {name}").value
    return found


def parse_placement(text: str | None) -> dict[int, int] | None:
    """``"0=0,1=1"`` as ``{0: 0, 1: 1}``."""
    if text is None:
        return None
    try:
        pairs = [part.split("=") for part in text.split(",")]
        return {int(unit): int(worker) for unit, worker in pairs}
    except ValueError as error:
        raise UsageError(f"{text!r} is no placement", "--placement", "write unit=worker, e.g. 0=0,1=1") from error


def output_folder(given: Path | None, job_name: str, backend: str, job_hash: str, force: bool) -> Path:
    """Where the run goes; checked before any work is done. Raises UsageError if it exists and may not be replaced."""
    folder = given or Path(f"{job_name}-{backend}-{job_hash[:8]}")
    if folder.exists() and not force:
        raise UsageError(f"{folder} exists already", str(folder), "choose another -o, or --force to replace it")
    if not folder.resolve().parent.is_dir():
        raise UsageError(f"{folder.resolve().parent} is no folder", str(folder), "make it first, or choose another -o")
    return folder


def check_report(path: Path | None) -> None:
    """Refuse a report path that could not be written, before any work is done."""
    if path is not None and (path.is_dir() or not path.resolve().parent.is_dir()):
        raise UsageError(f"a report cannot be written to {path}", str(path), "name a file in an existing folder")
