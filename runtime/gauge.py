"""Measuring this machine, the controller's side: start the workers, let them meet, gather what they found."""

from __future__ import annotations

import msgspec

from ampsim.engine.plan import Plan
from ampsim.runtime.codec import Note, decode, note
from ampsim.runtime.measure import Measured
from ampsim.runtime.mesh import make_mesh
from ampsim.runtime.pool import Pool, Said
from ampsim.runtime.setup import describe
from ampsim.runtime.shared import ArrayStore

ENTRY = "ampsim.runtime.measure:serve"


def gauge(plan: Plan, workers: int, seconds: float, start_method: str = "forkserver") -> list[Measured]:
    """Let ``workers`` processes measure at the same time, about ``seconds`` of it on the tasks of the plan's job.

    Raises RunError if one of them fails.
    """
    text, arrays = describe(plan)
    config = msgspec.json.encode({"plan": text.decode(), "seconds": seconds})
    found: dict[int, Measured] = {}
    here = 0
    with (
        ArrayStore(arrays) as store,
        make_mesh(workers) as mesh,
        Pool(ENTRY, workers, config, mesh=mesh, arrays=store, method=start_method) as pool,
    ):
        while len(found) < workers:
            for event in pool.watch(1.0, mesh.controller):
                if isinstance(event, Said):
                    found[event.worker] = msgspec.msgpack.decode(event.message, type=Measured)
                elif not event.well or event.worker not in found:
                    raise event.error("calibration")
            for worker, message in mesh.controller.receive():
                content = decode(message)
                if isinstance(content, Note) and content.name == "ping":
                    mesh.controller.send(worker, note("pong"))
                else:
                    here += 1
                    if here % workers == 0:
                        for other in range(workers):
                            mesh.controller.send(other, note("on"))
    return [found[worker] for worker in range(workers)]
