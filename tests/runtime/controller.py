"""A controller to be interrupted: ``python -m tests.runtime.controller METHOD WORKERS``.

Prints the ids of its workers when the run has begun, and runs for ever.
"""

from __future__ import annotations

import sys

from ampsim.engine.controller import Controller
from ampsim.runtime.crew import Crew
from ampsim.studies.execute import run
from tests.agreement.jobs import small_rnn

crews: list[Crew] = []
told: list[bool] = []
enter = Crew.__enter__


def entered(crew: Crew) -> Crew:
    """Remember the crew."""
    crews.append(crew)
    return enter(crew)


def progress(controller: Controller, now: float) -> None:
    """Say once who the workers are."""
    if not told:
        told.append(True)
        sys.stdout.write(" ".join(map(str, crews[0]._pool.pids)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    Crew.__enter__ = entered  # type: ignore[assignment,method-assign]
    job = small_rnn(epochs=10_000, max_active_keys=4)
    run(job, workers=int(sys.argv[2]), start_method=sys.argv[1], progress=progress)
