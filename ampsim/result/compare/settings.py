"""Which settings of two runs, or of several, differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from ampsim.result.run import Run

LEFT_OUT = ("graph", "owner")  # a graph is told by the facts
MISSING = "-"


class Setting(NamedTuple):
    """A setting that differs, by its place in config.yaml, with both values as texts; a dash where there is none."""

    name: str
    a: str
    b: str


def settings(a: Run, b: Run) -> list[Setting]:
    """Settings of the jobs and of the runs that differ. Of two systems with different names, no more than the names."""
    return [Setting(name, *texts) for name, texts in varied([a, b]).items()]


def varied(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Settings that are not the same in all runs, with the text of each run; systems as in :func:`settings`."""
    sides = [dict(_flat("", _known(run))) for run in runs]
    if len({side.get("system.name") for side in sides}) > 1:
        sides = [_without_system(side) for side in sides]
    found = {name: [side.get(name, MISSING) for side in sides] for name in dict.fromkeys(chain(*sides))}
    return {name: texts for name, texts in found.items() if len(set(texts)) > 1}


def _known(run: Run) -> dict[str, Any]:
    job, own = run.config.get("job", {}), run.config.get("run", {})
    found = {key: value for key, value in {**job, **own}.items() if key not in LEFT_OUT}
    # The worker of each node by number: names differ between backends that place alike.
    return found | {"placement": own["owner"]} if "owner" in own else found


def _without_system(side: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in side.items() if not key.startswith("system.") or key == "system.name"}


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    """Leaves by their path, such as ``training.optimizer.rate``."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), item)
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from _flat(f"{prefix}.{number}", item)
    else:
        yield prefix, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:g}" if isinstance(value, float) and math.isfinite(value) else str(value)
