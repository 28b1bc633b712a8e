"""Every backend keeps the contract that users can hold their own backend to."""

from __future__ import annotations

import pytest

from ampsim.hw import load
from ampsim.hw.backend import SimBackend
from ampsim.runtime.backend import RuntimeBackend
from ampsim.testing import check_backend


def test_the_simulator_keeps_the_contract() -> None:
    check_backend(lambda: SimBackend(load("gpu_switch_8")))


@pytest.mark.slow
def test_the_runtime_keeps_the_contract() -> None:
    check_backend(RuntimeBackend)
