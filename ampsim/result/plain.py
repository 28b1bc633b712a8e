"""Plain JSON values and back, without loss: no NaN turned into null, no numpy scalar left over."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from ampsim.errors import UsageError

TAG = "$float"  # JSON has no infinity, and a link without a limit has an infinite bandwidth


def plain(value: Any, where: str = "") -> Any:
    """``value`` in dicts, lists, strings, ints, finite floats, booleans and None; non-finite floats are tagged.

    Raises UsageError, naming the place, for anything else.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise UsageError("a text holds half a character and cannot be written as UTF-8", where or "/")
        return str(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {TAG: repr(float(value))}
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or key == TAG:
                raise UsageError(f"{str(key)[:60]!r} cannot be a name in a JSON file", where or "/")
        return {key: plain(item, f"{where}/{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}/{number}") for number, item in enumerate(value)]
    raise UsageError(f"a {type(value).__name__} cannot be written as JSON", where or "/")


def restored(value: Any) -> Any:
    """The inverse of :func:`plain`. Raises ValueError for a tag that holds no number."""
    if isinstance(value, dict):
        if TAG in value:
            if len(value) != 1 or value[TAG] not in ("inf", "-inf", "nan"):
                raise ValueError("a tagged float is damaged")
            return float(value[TAG])
        return {key: restored(item) for key, item in value.items()}
    return [restored(item) for item in value] if isinstance(value, list) else value


def encode(value: Any) -> bytes:
    """Indented JSON of :func:`plain`, ending in a newline."""
    return msgspec.json.format(msgspec.json.encode(plain(value)), indent=2) + b"\n"


def decode(raw: bytes) -> Any:
    """The inverse of :func:`encode`. Raises ValueError."""
    try:
        return restored(msgspec.json.decode(raw))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"this is not JSON: {error}") from None


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: what is hashed."""
    return msgspec.json.encode(plain(value), order="sorted")
