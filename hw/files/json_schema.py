"""The JSON Schema of a system file, for editors: generated from the types, kept to the words of draft 7."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from ampsim.hw.files import units
from ampsim.hw.system import System

PATH = Path(__file__).parent.parent / "system.schema.json"
"""Where the generated schema is kept; catalogue files refer to it."""


def build() -> dict[str, Any]:
    """The schema as plain values."""
    schema = _draft_7(msgspec.json.schema(System))
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "ampsim system", **schema}


def text() -> str:
    """The schema as the text of the shipped file."""
    return json.dumps(build(), indent=2, ensure_ascii=False) + "\n"


def _draft_7(node: Any) -> Any:
    """``node`` with ``definitions`` for ``$defs``, without ``discriminator``, and quantities as number or string."""
    if isinstance(node, list):
        return [_draft_7(item) for item in node]
    if not isinstance(node, dict):
        return node.replace("#/$defs/", "#/definitions/") if isinstance(node, str) else node
    plain = {
        "definitions" if key == "$defs" else key: _draft_7(item) for key, item in node.items() if key != "discriminator"
    }
    dimension = plain.pop("x-dimension", None)
    if not isinstance(dimension, str):
        return plain
    outer = {key: plain.pop(key) for key in ("description", "default") if key in plain}
    names = "|".join(re.escape(name).replace("\\", "") for name in units.UNITS[dimension])
    quantity = {"type": "string", "pattern": rf"^\s*\+?[0-9.]+([eE][-+]?[0-9]+)?\s*({names})\s*$"}
    return {**outer, "anyOf": [plain, quantity]}
