"""The reference of a system file as a page, generated from the types: field, type, unit, default, bounds, meaning.

``docs/hardware_reference.md`` is its text:
``python -c "from ampsim.hw.files.manual import page; print(page(), end='')"``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec.inspect as types
from msgspec import NODEFAULT

from ampsim.hw.files.units import BANDWIDTH, BYTE_ENERGY, BYTES, FLOP_ENERGY, POWER, RATE, TIME
from ampsim.hw.system import System

BASE = {
    TIME: "s", BYTES: "bytes", BANDWIDTH: "bytes/s", RATE: "FLOP/s",
    FLOP_ENERGY: "J/FLOP", BYTE_ENERGY: "J/B", POWER: "W",
}  # fmt: skip
"""The base unit of each dimension: what a plain number is in."""

_PLURALS = {"quantity": "quantities", "whole number": "whole numbers", "number": "numbers", "word": "words"}
_INTRODUCTION = """\
# Every field of a system file

Generated from the types that read the file. What the fields do to a run is in [hardware.md](hardware.md), how messages
share links in [network.md](network.md); `ampsim hw schema` prints the same for editors.

A *quantity* is a number in the base unit that stands in the column, or a number with a unit: `300 GB/s`, `1.5 us`,
`64 GiB`, `4 pJ/bit`. A *word* begins with a letter and has letters, digits and `_ . -`, at most 64. In place of a
number marked so, `unlimited` may be written. A field without default is required. NaN and infinity are refused.
"""


def page() -> str:
    """The page as Markdown text."""
    parts = [_INTRODUCTION]
    for place, struct in structs(System):
        words = re.sub(r"`+", "`", " ".join((struct.cls.__doc__ or "").split("\n\n")[0].split()))
        fields = [f"| `{field.encode_name}` | " + " | ".join(_cells(field)) + " |" for field in struct.fields]
        if struct.tag_field is not None:
            fields.insert(0, f"| `{struct.tag_field}` | `{struct.tag}` | – | required | – | which topology |")
        head = "| field | type | unit | default | bounds | meaning |\n| --- | --- | --- | --- | --- | --- |"
        where = f" Its place: `{place}`." if place else ""
        parts.append("\n".join([f"## {_title(struct)}\n\n{words}{where}\n", head, *fields, ""]))
    return "\n".join(parts)


def structs(kind: type) -> Iterator[tuple[str, types.StructType]]:
    """Every struct with the path to it, ``kind`` first, then in the order in which they are met."""
    top = types.type_info(kind)
    assert isinstance(top, types.StructType)
    waiting, seen = [("", top)], set()
    while waiting:
        place, struct = waiting.pop(0)
        if struct.cls in seen:
            continue
        seen.add(struct.cls)
        yield place, struct
        for field in struct.fields:
            path = f"{place}.{field.encode_name}".lstrip(".")
            waiting += [(path + below, inner) for below, inner in _inner(field.type)]


def _title(struct: types.StructType) -> str:
    """``Topology torus``, ``Links``, ``Graph file``: by which a section can be linked."""
    if struct.cls is System:
        return "The file"
    if struct.tag is not None:
        return f"Topology {struct.tag}"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", struct.cls.__name__).capitalize()


def _inner(info: Any) -> Iterator[tuple[str, types.StructType]]:
    """The structs a value can be made of, and the path from it to them."""
    match info:
        case types.StructType():
            yield "", info
        case types.Metadata(type=inner):
            yield from _inner(inner)
        case types.VarTupleType(item_type=inner) | types.ListType(item_type=inner):
            yield from ((f"[]{below}", struct) for below, struct in _inner(inner))
        case types.DictType(value_type=inner):
            yield from ((f".NAME{below}", struct) for below, struct in _inner(inner))
        case types.UnionType(types=members):
            for member in members:
                yield from _inner(member)


def _cells(field: types.Field) -> list[str]:
    kind, unit, bounds = describe(field.type)
    return [kind, unit or "–", default(field), bounds or "–", _meaning(field.type)]


def _meaning(info: Any) -> str:
    """The outermost description, which is that of the field and not of its kind of number."""
    described = info.extra_json_schema if isinstance(info, types.Metadata) else None
    return str((described or {}).get("description", ""))


def default(field: types.Field) -> str:
    """What a field is that is left out, in words."""
    if field.required:
        return "required"
    if field.default_factory is not NODEFAULT or field.default in ((), {}, "", None):
        return "none"
    if isinstance(field.default, tuple):
        return f"[{', '.join(f'{value:g}' for value in field.default)}]"
    if isinstance(field.default, bool | int | float):
        return str(field.default).removesuffix(".0").lower()
    if isinstance(field.default, str):
        return f"`{field.default}`"
    return "as its fields say"


def describe(info: Any) -> tuple[str, str, str]:
    """Type, unit and bounds in words."""
    match info:
        case types.Metadata(type=inner, extra=extra):
            kind, unit, bounds = describe(inner)
            dimension = (extra or {}).get("dimension")
            return ("quantity", BASE[dimension], bounds) if dimension else (kind, unit, bounds)
        case types.UnionType(types=members):
            return _union([member for member in members if not isinstance(member, types.NoneType)])
        case types.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values), "", ""
        case types.StructType():
            return _link(info), "", ""
        case types.AnyType():
            return "any value", "", ""
        case types.VarTupleType(item_type=item) | types.ListType(item_type=item):
            kind, unit, bounds = describe(item)
            sizes = _sizes(info.min_length, info.max_length)
            return f"list of {_PLURALS.get(kind, kind)}", unit, "; each ".join(part for part in (sizes, bounds) if part)
        case types.DictType(value_type=value):
            return f"mapping to {describe(value)[0]}", "", _sizes(None, info.max_length)
        case types.BoolType():
            return "`true` or `false`", "", ""
        case types.IntType() | types.FloatType():
            return ("whole number" if isinstance(info, types.IntType) else "number"), "", _range(info)
        case types.StrType():
            return ("word", "", "") if info.pattern else ("text", "", f"{_count(info.max_length)} characters")
    raise TypeError(f"the page has no words for {info}")


def _union(members: list[Any]) -> tuple[str, str, str]:
    """Several types: a number and a word, or the kinds of a topology."""
    if len(members) > 2 and all(isinstance(member, types.StructType) for member in members):
        return "one of " + ", ".join(_link(member, str(member.tag)) for member in members), "", ""
    found = [describe(member) for member in sorted(members, key=lambda m: isinstance(m, types.LiteralType))]
    units, bounds = (next((texts[column] for texts in found if texts[column]), "") for column in (1, 2))
    return " or ".join(kind for kind, _, _ in found), units, bounds


def _link(struct: types.StructType, words: str | None = None) -> str:
    title = _title(struct)
    return f"[{words or title.lower()}](#{title.lower().replace(' ', '-')})"


def _sizes(least: int | None, most: int | None) -> str:
    if least == most:
        return f"{_count(most)} of them"
    return f"{_count(least)} to {_count(most)} of them" if least else f"at most {_count(most)} of them"


def _range(info: types.IntType | types.FloatType) -> str:
    """Of bounds that are themselves allowed, or not: ``1 to 64``, ``above 0 to 1``, ``above 0 to below 1``."""
    least = f"above {_count(info.gt)}" if info.gt is not None else _count(info.ge)
    most = f"below {_count(info.lt)}" if info.lt is not None else _count(info.le)
    return f"{least} to {most}"


def _count(value: float | None) -> str:
    """A bound for a reader: thousands apart, and powers of ten where they are large."""
    if value is None:
        return "any"
    return f"{value:,.12g}" if value < 10**6 else f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
