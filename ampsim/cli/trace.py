"""``ampsim trace``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ampsim.cli.base import Command, Flags
from ampsim.cli.options import check_file, json_option, parse_seconds
from ampsim.errors import UsageError


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
    window = parse_seconds(begin, "--from"), parse_seconds(end, "--to")
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
