"""YAML without surprises: YAML 1.2 scalars, no aliases, no tags, no repeated keys, bounded size and depth.

PyYAML follows YAML 1.1, where ``1e12`` is a string, ``010`` is eight, ``12:30`` is 750 and ``no`` is false;
it lets a repeated key win silently and shares aliased values without bound. Here only PyYAML's scanner and
parser are used; the values are built from its events by the rules of YAML 1.2's core schema. What is wrong
becomes one ConfigError with file, line and path (``system.yaml:12: links[3].bandwidth``). No message repeats
more than a few characters of the document.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from ampsim.errors import ConfigError

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_VALUES = 100_000
MAX_DIGITS = 40

Key = str | int
Steps = tuple[Key, ...]
T = TypeVar("T")

# The C parser reads a file of the largest size in a tenth of a second, the Python one in ten seconds.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


class PathError(ConfigError):
    """A value that is wrong for what it means; ``steps`` leads to it, and a Document adds file and line."""

    def __init__(self, what: str, steps: Steps = (), do: str | None = None, where: str | None = None) -> None:
        super().__init__(what, where or dotted(steps) or None, do)
        self.steps = steps


@dataclass(frozen=True)
class Document:
    """A parsed file: its plain ``value``, and the line (from 1) at which the value of each path starts."""

    name: str
    value: Any
    lines: dict[Steps, int] = field(repr=False)

    def where(self, steps: Steps) -> str:
        """``name:line: path``, with the line of the deepest part of the path that exists."""
        known = steps
        while known and known not in self.lines:
            known = known[:-1]
        place = f"{self.name}:{self.lines.get(known, 1)}"
        return f"{place}: {dotted(steps)}" if steps else place

    def error(self, what: str, steps: Steps = (), do: str | None = None) -> PathError:
        """An error about the value at ``steps``, ready to raise."""
        return PathError(what, steps, do, self.where(steps))

    def convert(self, kind: type[T], value: Any = None) -> T:
        """The document (or ``value``, a rewritten form of it) as a ``kind``, typically a msgspec Struct.

        A PathError raised while a Struct checks itself gets file and line. Raises ConfigError.
        """
        try:
            return convert(kind, self.value if value is None else value)
        except PathError as error:
            raise self.error(error.what, error.steps, error.do) from None


def convert(kind: type[T], value: Any) -> T:
    """Plain values as a ``kind`` by msgspec's strict rules. Raises PathError."""
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        what, steps = _narrow(kind, value, str(error))
    except RecursionError:
        what, steps = "the value is nested too deeply", ()
    unknown = re.match(r"Object contains unknown field `(.*)`$", what, re.DOTALL)
    if unknown:
        steps = (*steps, unknown.group(1))
        what = f"unknown field {short(unknown.group(1))}"
    do = "remove it, or check its spelling and place" if unknown else None
    raise PathError(short(what, 200, quote=False), steps, do)


def load(path: str | Path) -> Document:
    """Read and parse a file of at most 1 MiB. Raises ConfigError."""
    path = Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigError("this is no regular file", str(path), "give the path of a YAML file")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot read the file: {reason}", short(str(path), 200, quote=False)) from None
    return loads(raw, str(path))


def loads(text: str | bytes, name: str = "<text>") -> Document:
    """Parse YAML text (bytes: UTF-8); ``name`` stands for the file in errors. Raises ConfigError."""
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"the file is larger than {MAX_BYTES} bytes", name, "write less into one file")
    try:
        decoded = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError("this is not UTF-8 text", f"{name}:{line}", "give a YAML file") from None
    return _Builder(name).build(decoded)


def dotted(steps: Steps) -> str:
    """``("links", 3, "bandwidth")`` as ``links[3].bandwidth``."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[\w-]{1,60}", step):
            text += f".{step}" if text else step
        else:
            text += f"[{short(step)}]"
    return text


def short(text: object, limit: int = 60, quote: bool = True) -> str:
    """``text`` cut to ``limit`` characters, printable on one line, in quotes unless told otherwise."""
    raw = str(text)
    cut = raw if len(raw) <= limit else raw[: limit - 3] + "..."
    return repr(cut) if quote else "".join(c if c.isprintable() else "?" for c in cut)


class _Builder:
    """Builds the value of one document from parser events, without recursion."""

    def __init__(self, name: str) -> None:
        self.lines: dict[Steps, int] = {}
        self.name = name
        self.root: list[Any] = []
        self.open: list[tuple[Any, Steps]] = [(self.root, ())]
        self.key: list[str | None] = [None]  # of each open container: the key that waits for its value

    def build(self, text: str) -> Document:
        documents = 0
        try:
            for event in yaml.parse(text, Loader=_Loader):
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        raise self.error(event, "a second document begins", "keep one document per file")
                elif isinstance(event, yaml.NodeEvent):
                    self.node(event)
                elif isinstance(event, yaml.CollectionEndEvent):
                    self.open.pop()
                    self.key.pop()
        except yaml.MarkedYAMLError as error:
            mark: Any = error.problem_mark or error.context_mark
            what = short(error.problem or "a syntax error", 120, quote=False)
            line = mark.line + 1 if mark else 1
            raise ConfigError(f"this is not YAML: {what}", f"{self.name}:{line}") from None
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            what = str(getattr(error, "reason", "it cannot be parsed"))
            raise ConfigError(f"this is not YAML text: {short(what, 120, quote=False)}", self.name) from None
        if not self.root:
            raise ConfigError("the file is empty", self.name)
        return Document(self.name, self.root[0], self.lines)

    def node(self, event: Any) -> None:
        container, path = self.open[-1]
        mapping = isinstance(container, dict)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self.error(event, "aliases and anchors are not allowed", "write the value out")
        if event.tag not in (None, "!"):
            raise self.error(event, f"tags are not allowed ({short(event.tag)})", "remove the tag")
        if mapping and self.key[-1] is None:
            self.take_key(event, container, path)
            return
        key: Key | None = self.key[-1] if mapping else len(container)
        here = path if container is self.root else (*path, key if key is not None else "")
        self.lines.setdefault(here, event.start_mark.line + 1)  # in a mapping, the line of the key
        if len(self.lines) > MAX_VALUES:
            raise self.error(event, f"the file has more than {MAX_VALUES} values", "write less into one file")
        value = self.value(event, here)
        if mapping:
            container[self.key[-1]] = value
            self.key[-1] = None
        else:
            container.append(value)
        if isinstance(value, dict | list):
            if len(self.open) > MAX_DEPTH:
                raise self.error(event, f"the file is nested deeper than {MAX_DEPTH} levels", steps=())
            self.open.append((value, here))
            self.key.append(None)

    def take_key(self, event: Any, container: dict[str, Any], path: Steps) -> None:
        line = event.start_mark.line + 1
        if not isinstance(event, yaml.ScalarEvent):
            raise self.error(event, "a key must be a plain word", steps=path)
        if event.value in container:
            what = f"the key {short(event.value)} is repeated"
            raise self.error(event, what, "keep one of them", (*path, event.value))
        self.key[-1] = event.value
        self.lines[(*path, event.value)] = line

    def value(self, event: Any, here: Steps) -> Any:
        if isinstance(event, yaml.MappingStartEvent):
            return {}
        if isinstance(event, yaml.SequenceStartEvent):
            return []
        if event.style or event.tag == "!":
            return event.value
        return self.scalar(event, here)

    def scalar(self, event: Any, here: Steps) -> Any:
        text = event.value
        if text in _WORDS:
            return _WORDS[text]
        integer = _INT.fullmatch(text) is not None
        if not integer and not _FLOAT.fullmatch(text):
            return text
        if len(text) > MAX_DIGITS:
            raise self.error(event, f"a number has more than {MAX_DIGITS} characters", steps=here)
        if not integer:
            return float(text)
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)

    def error(self, event: Any, what: str, do: str | None = None, steps: Steps | None = None) -> ConfigError:
        if steps is None:
            container, path = self.open[-1]
            key: Key | None = self.key[-1] if isinstance(container, dict) else len(container)
            steps = path if container is self.root or key is None else (*path, key)
        place = f"{self.name}:{event.start_mark.line + 1}"
        return ConfigError(what, f"{place}: {dotted(steps)}" if steps else place, do)


def _split(message: str) -> tuple[str, list[Key | None]]:
    """From msgspec's ``... - at `$.chips[0].measured[...].rows` `` as text and steps; None: some key of a dict."""
    what, _, path = message.partition(" - at `")
    found = re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]|\[\.\.\.\]", path)
    return what, [name or (int(index) if index else None) for name, index in found]


def _narrow(kind: type[Any], value: Any, message: str) -> tuple[str, Steps]:
    """What is wrong and where. msgspec does not name the key of a dict: halve the dict down to one."""
    what, path = _split(message)
    steps: list[Key] = []
    for position, step in enumerate(path):
        if step is not None:
            steps.append(step)
            continue
        keys = list(_at(value, steps))
        while len(keys) > 1:
            half = keys[: len(keys) // 2]
            try:
                msgspec.convert(_with_only(value, steps, half), kind, strict=True)
                wrong = False
            except msgspec.ValidationError as error:
                wrong = _split(str(error))[1][: position + 1] == path[: position + 1]
            keys = half if wrong else keys[len(half) :]
        value = _with_only(value, steps, keys)
        steps.append(keys[0])
    return what, tuple(steps)


def _at(value: Any, steps: list[Key]) -> Any:
    for step in steps:
        value = value[step]
    return value


def _with_only(value: Any, steps: list[Key], keys: list[str]) -> Any:
    """A copy of ``value`` in which the dict at ``steps`` has only ``keys``."""
    if not steps:
        return {key: value[key] for key in keys}
    copy = value.copy()
    copy[steps[0]] = _with_only(value[steps[0]], steps[1:], keys)
    return copy
