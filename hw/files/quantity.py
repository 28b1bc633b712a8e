"""Strings with units inside a document, found by the types of the schema: ``"300 GB/s"`` becomes 3e11 and back."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec.inspect as types

from ampsim.errors import ConfigError
from ampsim.hw.files import units
from ampsim.strict_yaml import PathError, Steps

Leaf = Callable[[Any, str, Steps], Any]
"""What becomes of a quantity: its value, its dimension (one of ``hw.files.units``) and the path to it."""


def to_numbers(value: Any, kind: Any) -> Any:
    """A copy of ``value`` (plain YAML values of a ``kind``) with every quantity as a number in base units.

    Values of a wrong form are left for the schema to refuse. Raises PathError for a bad quantity.
    """
    return rewrite(value, kind, lambda found, dimension, _: units.parse(found, dimension))


def to_strings(value: Any, kind: Any) -> Any:
    """The reverse of :func:`to_numbers`: a copy with every quantity as a string with its unit."""
    return rewrite(value, kind, lambda found, dimension, _: _show(found, dimension))


def rewrite(value: Any, kind: Any, leaf: Leaf) -> Any:
    """A copy of ``value`` in which every quantity is what ``leaf`` makes of it; words in its place are left alone."""
    return _rewrite(value, _info(kind), leaf, ())


@cache
def _info(kind: Any) -> Any:
    return types.type_info(kind)


def _show(value: Any, dimension: str) -> Any:
    return units.format(value, dimension) if isinstance(value, int | float) else value


def _rewrite(value: Any, info: Any, leaf: Leaf, steps: Steps) -> Any:
    if isinstance(info, types.Metadata):
        if info.extra and "dimension" in info.extra:
            return _quantity(value, info.extra["dimension"], leaf, steps)
        return _rewrite(value, info.type, leaf, steps)
    if isinstance(info, types.UnionType):
        return _union(value, info, leaf, steps)
    if isinstance(info, types.StructType) and isinstance(value, dict):
        known = {field.encode_name: field.type for field in info.fields}
        return {k: _rewrite(v, known[k], leaf, (*steps, k)) if k in known else v for k, v in value.items()}
    if isinstance(info, types.DictType) and isinstance(value, dict):
        return {k: _rewrite(v, info.value_type, leaf, (*steps, k)) for k, v in value.items()}
    if isinstance(info, types.VarTupleType) and isinstance(value, list | tuple):
        return [_rewrite(v, info.item_type, leaf, (*steps, i)) for i, v in enumerate(value)]
    return value


def _quantity(value: Any, dimension: str, leaf: Leaf, steps: Steps) -> Any:
    try:
        return leaf(value, dimension, steps)
    except ConfigError as error:
        raise PathError(error.what, steps, error.do) from None


def _union(value: Any, info: types.UnionType, leaf: Leaf, steps: Steps) -> Any:
    """The member of the union that ``value`` is meant for: a literal word, a tagged struct, or what is left."""
    for member in info.types:
        if isinstance(member, types.LiteralType) and isinstance(value, str) and value in member.values:
            return value
        if isinstance(member, types.NoneType) and value is None:
            return value
    if isinstance(value, dict):
        structs = [member for member in info.types if isinstance(member, types.StructType)]
        tagged = [member for member in structs if member.tag == value.get(member.tag_field or "")]
        return _rewrite(value, tagged[0], leaf, steps) if tagged else value
    wanted = types.VarTupleType if isinstance(value, list | tuple) else types.Metadata
    for member in info.types:
        if isinstance(member, wanted):
            return _rewrite(value, member, leaf, steps)
    return value
