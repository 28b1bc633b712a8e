"""Systems that come with ampsim, and where their numbers come from."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ampsim.errors import UsageError
from ampsim.hw.system import System
from ampsim.strict_yaml import Steps, dotted, short

FOLDER = Path(__file__).parent.parent / "catalog"
_EXEMPT = ("name", "description", "sources")


def catalogue() -> tuple[str, ...]:
    """The names of all shipped systems, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def load(name_or_path: str | Path) -> System:
    """A shipped system by its name, or the system in a file (a path with a ``/`` or ending in .yaml or .yml).

    Raises UsageError for an unknown name, with the nearest ones, and ConfigError for a file that is wrong.
    """
    text = str(name_or_path)
    names = catalogue()
    if text in names:
        return System.from_yaml(FOLDER / f"{text}.yaml")
    if isinstance(name_or_path, Path) or "/" in text or text.endswith((".yaml", ".yml")):
        return System.from_yaml(name_or_path)
    near = difflib.get_close_matches(text, names, n=3, cutoff=0.5)
    do = f"did you mean {' or '.join(near)}?" if near else f"one of: {', '.join(names)}"
    raise UsageError(
        f"there is no system called {short(text)}", do=f"{do} (a file is given by its path, ending in .yaml)"
    )


def uncovered(values: dict[str, Any]) -> list[str]:
    """Paths of the fields in a system file (its plain values) for which ``sources`` says nothing.

    A source is filed under the path of the field or of something that contains it; ``chips[*].vector``
    stands for the field in every group.
    """
    covered = set(values.get("sources", {}))
    return [dotted(steps) for steps in _leaves(values, ()) if not covered & set(_holders(steps))]


def _leaves(value: Any, steps: Steps) -> Iterator[Steps]:
    if isinstance(value, dict):
        for key, item in value.items():
            if steps or key not in _EXEMPT:
                yield from _leaves(item, (*steps, key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            yield from _leaves(item, (*steps, index))
    else:
        yield steps


def _holders(steps: Steps) -> Iterator[str]:
    for length in range(1, len(steps) + 1):
        path = dotted(steps[:length])
        yield path
        yield re.sub(r"\[\d+\]", "[*]", path)
