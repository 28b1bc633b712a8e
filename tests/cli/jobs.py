"""Small, quick jobs for the command line."""

from __future__ import annotations

SMALL = (
    "--set", "options.data=generated",
    "--set", "options.training=200",
    "--set", "options.validation=100",
    "--set", "options.width=16",
    "--set", "training.epochs=1",
)  # fmt: skip
JOB_YAML = """\
workload: mlp
options:
  data: generated
  training: 200
  validation: 100
  width: 16
training:
  epochs: 1
  target: null
"""
# A job of its own: two small layers on the shipped images.
JOB_PY = """\
import ampsim
from ampsim.ir.nodes import Linear, LogSoftmax, NllLoss, Relu, Source


def build(width=16, *, seed=0):
    images, labels, loss = Source("images"), Source("labels"), NllLoss("loss")
    images >> Linear("L1", 784, width) >> Relu() >> Linear("L2", width, 10) >> LogSoftmax() >> loss["prediction"]
    labels >> loss["label"]
    options = {"name": "generated", "training": 200, "validation": 100, "seed": seed}
    recipe = ampsim.Recipe("ampsim.workloads.images:load", options)
    return ampsim.Job(ampsim.Graph.of("own", images, labels), recipe)
"""
