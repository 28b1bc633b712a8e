"""Noticing that a run stands still."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ampsim.engine.waits import stalled_error
from ampsim.errors import Stalled

QUIET = 0.5  # seconds without a report before the workers are asked how they are


class StallWatch:
    """Asks every worker twice what it has done; a run in which nothing differs between the answers stands still.

    A snapshot is the answers of all workers to one question: tasks done, messages sent and received, and how many wait
    in an outbox. The second question is asked when the first has been answered by all. Suppose two snapshots are equal
    and no outbox held anything. Then nobody works: a worker answers between tasks, and runs what it can before it looks
    for the next question. And nothing is on its way: what had been sent before the first answers lies in the channels
    before the second question does, and is taken, and counted, no later. A worker that computes for long, or that was
    stopped, does not answer, and nothing is concluded.
    """

    def __init__(self, workers: int) -> None:
        self.groups: Sequence[str] = ()  # names of all Groups of the graph, for the error
        self.explain: Callable[[list[Any]], Sequence[str]] = lambda _: ()  # why, from what stands at each worker
        self._workers = workers
        self._question = 0
        self._answers: dict[int, Any] = {}
        self._before: list[Any] | None = None

    def reset(self) -> None:
        """Something moved."""
        self._before = None
        self._answers = {}

    def ask(self) -> int:
        """The number of the next question; answers to earlier ones no longer count."""
        self._question += 1
        self._answers = {}
        return self._question

    def answer(self, worker: int, body: Sequence[Any], in_flight: Sequence[int]) -> Stalled | None:
        """A worker's status, and the error to raise if the run stands still.

        ``body``: question, counts, waiting joins, where a given order stops (None: nowhere), and what
        ``explain`` is to be given of this worker.
        """
        question, counts, waiting, blocked, standing = body
        if question != self._question:
            return None
        self._answers[worker] = (counts, waiting, blocked, standing)
        if len(self._answers) < self._workers:
            return None
        snapshot = [self._answers[w][0] for w in range(self._workers)]
        # Asking and answering are messages too: one more received and one more sent by each worker every time.
        moved = [[tasks, sent - question, received - question, left] for tasks, sent, received, left in snapshot]
        same = moved == self._before
        self._before = moved
        if not same or any(left for *_, left in moved):
            return None
        answers = [self._answers[w] for w in range(self._workers)]
        lines = [f"worker {w}: {blocked}" for w, (_, _, blocked, _) in enumerate(answers) if blocked]
        lines += [f"worker {w}: {line}" for w, (_, waiting, _, _) in enumerate(answers) for line in waiting]
        why = self.explain([standing for *_, standing in answers])
        return stalled_error(lines, in_flight, why, self.groups)
