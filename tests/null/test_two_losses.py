"""One label field scored twice: two sources may read the same field."""

from __future__ import annotations

from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.ir.graph import Graph
from ampsim.ir.nodes import Bcast, Linear, LogSoftmax, NllLoss, Relu, Source
from ampsim.job import Job, Recipe, Training


def test_an_auxiliary_head_learns_beside_the_main_one() -> None:
    images, labels, again = Source("images"), Source("labels"), Source("again", "labels")
    fork, main, side = Bcast("fork", ports=("main", "side")), NllLoss("main"), NllLoss("side")
    _ = images >> Linear("L1", 784, 16) >> Relu() >> fork
    _ = fork["main"] >> Linear("L2", 16, 10) >> LogSoftmax() >> main["prediction"]
    _ = fork["side"] >> Linear("L3", 16, 10) >> LogSoftmax() >> side["prediction"]
    _ = labels >> main["label"]
    _ = again >> side["label"]
    recipe = Recipe(
        "ampsim.workloads.images:load", {"name": "generated", "training": 200, "validation": 50, "batch": 10}
    )
    job = Job(Graph.of("two_heads", images, labels, again), recipe, Training(epochs=2, max_active_keys=3))
    assert Job.from_dict(job.to_dict()).hash == job.hash
    run = NullBackend().execute(Plan(job, 2))
    metrics = run.tables["metrics"]
    training = metrics["training"]
    assert {run.summary["nodes"][node] for node in metrics["node"]} == {"main", "side"}
    assert len(metrics["loss"][training]) == 2 * 2 * 20
    assert metrics["loss"][training][-8:].mean() < 0.5 * metrics["loss"][training][:8].mean()
