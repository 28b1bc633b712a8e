"""How long waiting workers look again before they sleep."""

from __future__ import annotations

from typing import Any

import pytest

from ampsim.engine.plan import Plan
from ampsim.runtime import crew
from ampsim.runtime.endpoint import SPIN, SPIN_CROWDED
from ampsim.testing import mlp


class Asked(Exception):
    """What a pool was asked for; nothing is started."""


@pytest.mark.parametrize("cores,spin", [(1, SPIN_CROWDED), (2, SPIN), (3, SPIN)])
def test_with_more_workers_than_cores_they_sleep_sooner(
    cores: int, spin: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who looks again keeps others from its core."""

    def pool(*_: Any, **options: Any) -> None:
        raise Asked(options["spin"])

    monkeypatch.setattr(crew, "Pool", pool)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)))
    with pytest.raises(Asked) as asked, crew.Crew(Plan(mlp(), 2), "forkserver"):
        pass
    assert asked.value.args == (spin,)
    assert SPIN_CROWDED < SPIN
