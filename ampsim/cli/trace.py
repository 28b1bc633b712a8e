"""``ampsim trace``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from ampsim.cli.base import Command, Flags
from ampsim.cli.options import check_file, json_option
from ampsim.errors import UsageError

_UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


@click.command("trace", cls=Command)
@click.argument("run", type=Path)
@click.option(
    "-o", "--output", type=Path, required=True, metavar="FILE",
    help="NAME.json, .json.gz, .perfetto-trace; or NAME.chakra, a folder of execution traces.",
)  # fmt: skip
@click.option("--from", "begin", metavar="TIME", help="Leave out what ended before, e.g. 1.5 or 20ms.")
@click.option("--to", "end", metavar="TIME", help="Leave out what began later.")
@click.option("--force", is_flag=True, help="Replace an existing trace.")
@json_option
@click.pass_obj
def command(
    flags: Flags, run: Path, output: Path, begin: str | None, end: str | None, force: bool, as_json: bool
) -> None:
    """Write a run as a trace for a timeline viewer."""
    from ampsim.reports.trace import FORMATS, write
    from ampsim.reports.trace.write import suffix_of
    from ampsim.studies.execute import load_run

    folder = suffix_of(output) == ".chakra"
    if folder and output.is_dir():
        if not force:
            raise UsageError(f"{output} exists already", str(output), "choose another -o, or add --force to replace it")
    else:
        check_file(output, force)
    window = _seconds(begin, "--from"), _seconds(end, "--to")
    written = write(load_run(run), output, begin=window[0], end=window[1])
    counts = ", ".join(f"{count:,} {what}" for what, count in written.counts.items())
    flags.say(f"{FORMATS[suffix_of(output)]}: {counts}; {written.bytes / 1e6:,.1f} MB")
    if any(written.left_out.values()):
        missing = ", ".join(f"{count:,} {what}" for what, count in written.left_out.items())
        flags.say(f"left out, because they lie outside of --from and --to: {missing}")
    if as_json:
        found = {
            "trace": str(output), "format": written.format, "bytes": written.bytes, "counts": written.counts,
            "left_out": written.left_out,
        }  # fmt: skip
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(f"trace: {output}")


def _seconds(text: str | None, option: str) -> float | None:
    """``20ms`` as 0.02."""
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)\s*(s|ms|us|ns|)\s*", text)
    value = float(found[1]) * _UNITS[found[2]] if found else float("inf")
    if not value < 1e9:
        raise UsageError(f"{text!r} is no time", option, "write seconds, or a number with s, ms, us or ns: 1.5, 20ms")
    return value
