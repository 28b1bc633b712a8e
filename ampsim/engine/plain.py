"""Optimizers and schedules as plain values: ``{"name": "step", "every": 1000, "factor": 0.5}``, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from typing import Any

from ampsim.engine.optimizer import OPTIMIZERS, Optimizer
from ampsim.engine.rates import RATE_SCHEDULES, RateSchedule
from ampsim.errors import ConfigError


def optimizer_to_dict(optimizer: Optimizer) -> dict[str, Any]:
    """Its name and its settings, those of its schedule inside."""
    schedule = optimizer.schedule and _to_dict(optimizer.schedule, RATE_SCHEDULES)
    return {**_to_dict(optimizer, OPTIMIZERS), "schedule": schedule}


def optimizer_from_dict(data: str | Mapping[str, Any]) -> Optimizer:
    """``"adam"`` or ``{"name": "adam", "rate": 0.001}`` as an optimizer. Raises ConfigError."""
    values: dict[str, Any] = {"name": data} if isinstance(data, str) else dict(data)
    schedule = values.get("schedule")
    if isinstance(schedule, str | Mapping):
        values["schedule"] = schedule_from_dict(schedule)
    found: Optimizer = _from_dict(values, OPTIMIZERS, "optimizer", "training.optimizer")
    return found


def schedule_from_dict(data: str | Mapping[str, Any]) -> RateSchedule:
    """``{"name": "step", "every": 1000, "factor": 0.5}`` as a schedule of a rate. Raises ConfigError."""
    values: dict[str, Any] = {"name": data} if isinstance(data, str) else dict(data)
    found: RateSchedule = _from_dict(values, RATE_SCHEDULES, "schedule", "training.optimizer.schedule")
    return found


def hint(name: object, known: Iterable[str]) -> str:
    """What to do about an unknown name: all there are, and the one that was meant, if one comes close."""
    names = list(known)
    close = get_close_matches(name, names, n=1) if isinstance(name, str) else []
    others = f"one of: {', '.join(names)}" if names else "leave it out"
    return f"{others}; did you mean {close[0]}?" if close else others


def _to_dict(thing: Any, kinds: Mapping[str, type[Any]]) -> dict[str, Any]:
    name = next(key for key, kind in kinds.items() if type(thing) is kind)
    return {"name": name, **{f.name: getattr(thing, f.name) for f in fields(thing)}}


def _from_dict(values: dict[str, Any], kinds: Mapping[str, type[Any]], what: str, where: str) -> Any:
    name = values.pop("name", None)
    kind = kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        found = f"the {what} has no name" if name is None else f"unknown {what} {name!r}"
        raise ConfigError(found, f"{where}.name", hint(name, kinds))
    known: dict[str, Field[Any]] = {f.name: f for f in fields(kind)}
    for setting in values:
        if setting not in known:
            what = f"the {what} {name} has no setting {setting!r}"
            raise ConfigError(what, f"{where}.{setting}", hint(setting, known))
    for setting, entry in known.items():
        if setting not in values and entry.default is MISSING:
            raise ConfigError(f"the {what} {name} needs {setting!r}", f"{where}.{setting}", f"set {where}.{setting}")
    return kind(**values)
