"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ampsim.errors import ConfigError, UsageError

_UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}

CallbackT = TypeVar("CallbackT", bound=Callable[..., Any])

set_option = click.option(
    "--set", "settings", multiple=True, metavar="A.B=C",
    help="Change one setting, e.g. training.epochs=3 or options.width=128; may be given again.",
)  # fmt: skip
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
report_option = click.option(
    "--report", "report_path", type=Path, metavar="FILE", help="Also write an HTML page; it may lie in the run folder."
)
live_option = click.option(
    "--live", is_flag=True, help="Show the run on a page that only this machine can open, until it ends."
)


def job_options(command: CallbackT) -> CallbackT:
    """What ``run`` and ``simulate`` have in common."""
    options = (
        click.option("--placement", metavar="UNIT=WORKER,...", help="Which unit goes where, e.g. 0=0,1=0,2=1."),
        set_option,
        click.option("--seed", type=int, metavar="N", help="Seed of everything random."),
        click.option(
            "--init", "init_folder", type=Path, metavar="FOLDER", help="Start from the final parameters of this run."
        ),
        click.option("-o", "--output", type=Path, metavar="FOLDER", help="Run folder.  [default: ./JOB-BACKEND-HASH]"),
        click.option("--force", is_flag=True, help="Replace an existing run folder."),
        report_option,
        json_option,
    )
    for option in reversed(options):  # click lists what was applied last first
        command = option(command)
    return command


def parse_settings(texts: tuple[str, ...]) -> dict[str, Any]:
    """``("training.epochs=3",)`` as ``{"training.epochs": 3}``; values are read as YAML 1.2."""
    from ampsim.strict_yaml import loads

    found: dict[str, Any] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            do = "write NAME=VALUE, e.g. training.epochs=3"
            raise ConfigError(f"{text!r} is not of the form NAME=VALUE", f"--set {text}", do)
        try:
            found[name] = loads(value).value if value.strip() else None
        except ConfigError as error:
            raise ConfigError(f"{value!r} cannot be read: {error.what}", f"--set {name}", error.do) from None
    return found


def parse_placement(text: str | None) -> dict[int, int] | None:
    """``"0=0,1=1"`` as ``{0: 0, 1: 1}``."""
    if text is None:
        return None
    found: dict[int, int] = {}
    for part in text.split(","):
        pair = re.fullmatch(r"\s*(\d{1,9})\s*=\s*(\d{1,9})\s*", part)
        if pair is None:
            raise UsageError(f"{part!r} places nothing", "--placement", "write UNIT=WORKER,..., e.g. 0=0,1=1")
        unit, worker = int(pair[1]), int(pair[2])
        if unit in found:
            raise UsageError(f"unit {unit} is placed twice", "--placement", "place it once")
        found[unit] = worker
    return found


def parse_seconds(text: str | None, option: str) -> float | None:
    """``20ms`` as 0.02."""
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)\s*(s|ms|us|ns|)\s*", text)
    value = float(found[1]) * _UNITS[found[2]] if found else float("inf")
    if not value < 1e9:
        raise UsageError(f"{text!r} is no time", option, "write seconds, or a number with s, ms, us or ns: 1.5, 20ms")
    return value


def output_folder(given: Path | None, job_name: str, backend: str, job_hash: str, force: bool) -> Path:
    """Where the run goes; checked before any work is done. Raises UsageError if it exists and may not be replaced."""
    from ampsim.result.folder import checked_folder

    plain = re.sub(r"[^\w.-]", "_", f"{job_name}-{backend}", flags=re.ASCII).lstrip("._")[:100]
    folder = given or Path(f"{plain}-{job_hash[:8]}")
    _refuse_existing(folder, force)
    checked_folder(folder, force=force)
    return folder


def check_file(path: Path, force: bool) -> None:
    """Refuse a file that could not be written, or must not be replaced, before any work is done."""
    from ampsim.result.aside import checked_target

    _refuse_existing(path, force)
    checked_target(path)
    if path.is_dir() or path.is_symlink():
        raise UsageError(f"{path} is a {'link' if path.is_symlink() else 'folder'}", str(path), "name a file")


def check_report(path: Path | None, beside: Path | None = None) -> None:
    """Refuse a report that could not be written, before any work is done. ``beside`` is a folder about to be made.

    An older page is replaced without asking; for this to be harmless, a report has to be called a page.
    """
    from ampsim.result.aside import checked_target

    if path is None:
        return
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"a report is an HTML page, and {path} is not called one", str(path), "end it in .html")
    if path.is_dir():
        raise UsageError(f"{path} is a folder", str(path), "name a file")
    if beside is None or path.absolute().parent != beside.absolute():
        checked_target(path)


def _refuse_existing(path: Path, force: bool) -> None:
    if path.exists() and not path.is_symlink() and not force:
        raise UsageError(f"{path} exists already", str(path), "choose another -o, or add --force to replace it")
