"""The configuration as YAML text for people: block style, every string in quotes, so that no rule can misread it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def yaml_text(value: Any) -> str:
    """``value`` (plain JSON values; floats may be infinite) as YAML 1.2 that the strict loader reads back equal."""
    lines: list[str] = []
    _emit(value, "", lines)
    return "\n".join(lines) + "\n"


def _emit(value: Any, indent: str, lines: list[str]) -> None:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            _entry(f"{indent}{_key(key)}:", item, indent, lines)
    elif isinstance(value, list | tuple) and value:
        for item in value:
            _entry(f"{indent}-", item, indent, lines)
    else:
        lines.append(indent + _scalar(value))


def _entry(head: str, item: Any, indent: str, lines: list[str]) -> None:
    if isinstance(item, Mapping | list | tuple) and item and not _short(item):
        lines.append(head)
        _emit(item, indent + "  ", lines)
    else:
        lines.append(f"{head} {_flow(item)}")


def _short(value: Any) -> bool:
    """A list of numbers fits on one line."""
    return isinstance(value, list | tuple) and all(isinstance(item, int | float) for item in value)


def _flow(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_scalar(item) for item in value) + "]"
    return _scalar(value)


def _key(key: str) -> str:
    return key if key.isascii() and key.isidentifier() and key.lower() not in _WORDS else _scalar(key)


def _scalar(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else (".inf" if value > 0 else "-.inf")
    if isinstance(value, Mapping):
        return "{}"
    text = json.dumps(value, ensure_ascii=False)
    # JSON writes what is not ASCII as pairs of surrogates, which YAML refuses; YAML has an escape of its own.
    return "".join(c if " " <= c <= "~" else f"\\U{ord(c):08x}" for c in text)


_WORDS = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")
