"""The public face: every name has one home, arrives when it is asked for, and nothing else shows."""

from __future__ import annotations

import ast
import importlib

import pytest

import ampsim
from tests.packaging.tree import ROOT


def typed_names() -> dict[str, str]:
    """What type checkers see: public name -> module, from the imports below `if TYPE_CHECKING`."""
    tree = ast.parse((ROOT / "ampsim" / "__init__.py").read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: f"{node.module}" for node in imported for alias in node.names}


@pytest.mark.parametrize("name", sorted(ampsim.__all__))
def test_a_public_name_is_what_its_home_calls_so(name: str) -> None:
    home = importlib.import_module(typed_names()[name])
    assert getattr(ampsim, name) is getattr(home, name)


def test_type_checkers_see_the_same_names() -> None:
    assert sorted(typed_names()) == sorted(ampsim.__all__)


def test_the_face_shows_its_names_and_no_other() -> None:
    assert set(ampsim.__all__) <= set(dir(ampsim))
    assert [name for name in ampsim.__all__ if name.startswith("_")] == []
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = ampsim.no_such_name
