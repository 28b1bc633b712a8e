"""Batches that nobody forms: throughput against the number of instances in flight.

    python examples/dynamic_batching.py [--questions 2000] [--json] [-o figure.html]

One question of bAbI 15 is an instance, a graph of 54 nodes. What waits for the same node goes as one task, so the more
instances are in flight the more rows a task has; no padding, no buckets, and a node still updates itself after 100
gradients of its own. One worker process of this machine.

What has to hold, and is asserted: the same number of updates whatever is in flight, and more rows a task with 64 in
flight than with one.
"""

from __future__ import annotations

from typing import Any

from study import Figure, Line, finish, options, table

import ampsim

IN_FLIGHT = (1, 2, 4, 8, 16, 32, 64)
GRADIENTS = 100


def measure(questions: int, in_flight: int) -> dict[str, Any]:
    """One pass over the questions."""
    job = ampsim.workload("ggsnn_babi15", questions=questions, batch=1, validation=1).with_training(
        max_active_keys=in_flight,
        max_batch=in_flight,
        update="muf",
        min_update_frequency=GRADIENTS,
        gradient="mean",
        target=None,
        validate_every=None,
    )
    run = ampsim.run(job, workers=1)
    tasks = run.tables["tasks"]
    rows = tasks["rows"][(tasks["kind"] == 0) & (tasks["rows"] > 0)]
    return {
        "in_flight": in_flight,
        "throughput": run.throughput,
        "rows": float(rows.mean()),
        "tasks": len(tasks["kind"]) / questions,
        "updates": run.summary["updates"],
    }


def main() -> None:
    """One row for each number of instances in flight."""
    arguments = options(__doc__, questions=2000).parse_args()
    out = table(arguments)
    rows = [measure(arguments.questions, in_flight) for in_flight in IN_FLIGHT]
    print("in flight  questions/s  over one  rows a task  tasks a question  updates", file=out)
    for row in rows:
        row["ratio"] = row["throughput"] / rows[0]["throughput"]
        print(f"{row['in_flight']:9} {row['throughput']:12,.0f} {row['ratio']:9.1f} {row['rows']:12.1f}"
              f" {row['tasks']:17.1f} {row['updates']:8}", file=out)  # fmt: skip
    assert len({row["updates"] for row in rows}) == 1
    assert rows[-1]["rows"] > rows[0]["rows"]
    lines = [Line("questions/s", IN_FLIGHT, [row["throughput"] for row in rows])]
    title = "bAbI 15, a question an instance: throughput against instances in flight"
    finish(arguments, rows, Figure(title, "instances in flight (mak)", "questions/s", lines))


if __name__ == "__main__":
    main()
