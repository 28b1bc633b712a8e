"""The reference of job files, studies and suites as a page, generated from the types that read them.

``docs/yaml_reference.md`` is its text:
``python -c "from ampsim.studies.manual import page; print(page(), end='')"``.
"""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import MISSING, fields
from dataclasses import Field as DataclassField
from typing import Any

from msgspec.inspect import Field

from ampsim.engine.optimizer import OPTIMIZERS
from ampsim.hw.files.manual import default, describe, structs
from ampsim.job import Training
from ampsim.studies.study import Study
from ampsim.studies.validate.suite import Suite

_INTRODUCTION = """\
# Every field of a job file, a study and a suite

Generated from the types that read the files. Files are YAML 1.2; an unknown field ends the command with exit code 2,
and with file, line and path. What the fields are for is in [cli.md](cli.md#job) (job files), [sweeps.md](sweeps.md)
(studies) and [validation.md](validation.md) (suites). A system file is in
[hardware_reference.md](hardware_reference.md). A *word* has letters, digits and `_ . -`.
"""
_JOB = """\
## Job file

What `ampsim run` and its like take as JOB.

| field | type | default | bounds |
| --- | --- | --- | --- |
| `workload` | text | required | a workload, or `file.py:function` beside the job file |
| `options` | mapping to any value | none | those of the workload ([workloads.md](workloads.md)), or of the function |
| `training` | [training](#training) | as the workload has it | – |
"""


def page() -> str:
    """The page as Markdown text."""
    return "\n".join([_INTRODUCTION, _JOB, _training(), *_optimizers(), *_file(Study), *_file(Suite)])


def _words(kind: type) -> str:
    """A docstring as Markdown: references as plain code, the lines joined."""
    text = re.sub(r":\w+:`([^`]+)`", r"`\1`", inspect.cleandoc(kind.__doc__ or "")).replace("``", "`")
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _training() -> str:
    rows = [
        f"| `{field.name}` | {str(field.type).replace('|', 'or').replace('None', '`null`')} | {_shown(field)} |"
        for field in fields(Training)
    ]
    return "\n".join(
        [f"## Training\n\n{_words(Training)}\n", "| field | type | default |\n| --- | --- | --- |", *rows, ""]
    )


def _optimizers() -> list[str]:
    """The sections of what may stand as ``optimizer``."""
    parts = []
    for name, kind in OPTIMIZERS.items():
        rows = [f"| `{field.name}` | {_shown(field)} |" for field in fields(kind)]
        head = f"## Optimizer {name}\n\n{_words(kind)}\n\n| field | default |\n| --- | --- |\n| `name` | `{name}` |"
        parts.append("\n".join([head, *rows, ""]))
    return parts


def _shown(field: DataclassField[Any]) -> str:
    """The default of a field of a dataclass, as YAML has it."""
    if field.default_factory is not MISSING:
        made = field.default_factory()
        return "none" if made == {} else f"`{made}`"
    if field.default is MISSING:
        return "required"
    plain = field.default is None or isinstance(field.default, bool)
    return f"`{json.dumps(field.default) if plain else field.default}`"


def _left_out(field: Field) -> str:
    """The default of a field of a struct; one that is made anew each time is written out."""
    made = field.default_factory() if callable(field.default_factory) else None
    return f"`{json.dumps(made)}`" if made and isinstance(made, dict) else default(field)


def _file(kind: type) -> list[str]:
    """The sections of a file that is read into a struct."""
    parts = []
    for place, struct in structs(kind):
        title = struct.cls.__name__
        where = f" Its place: `{place}`." if place else ""
        rows = []
        for field in struct.fields:
            words, _, bounds = describe(field.type)
            bounds = "–" if bounds in ("", "any of them") else bounds.removeprefix("any of them; ")
            rows.append(f"| `{field.encode_name}` | {words} | {_left_out(field)} | {bounds} |")
        head = "| field | type | default | bounds |\n| --- | --- | --- | --- |"
        parts.append("\n".join([f"## {title}\n\n{_words(struct.cls)}{where}\n", head, *rows, ""]))
    return parts
