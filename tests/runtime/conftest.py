"""The fork server stays for the life of the process; it is there before any test is watched for leaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ampsim.runtime.mesh import RingMesh, make_mesh
from ampsim.runtime.pipes import PipeMesh
from ampsim.runtime.start import warm_up

HERE = Path(__file__).parent
Make = Callable[..., RingMesh | PipeMesh]


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    if any(HERE in item.path.parents for item in session.items):
        warm_up()


@pytest.fixture(params=["rings", "pipes"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes meshes of either kind; all are closed at the end. ``capacity`` means nothing to pipes."""
    with ExitStack() as stack:

        def made(workers: int, capacity: int = 4096) -> RingMesh | PipeMesh:
            mesh = make_mesh(workers, capacity, rings=request.param == "rings")
            stack.callback(mesh.close)
            return mesh

        yield made
