"""Small studies: a job that is counted in a few milliseconds, on four chips in a ring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SETTINGS = {
    "options.data": "none",
    "options.training": 400,
    "options.validation": 100,
    "options.width": 16,
    "training.epochs": 1,
    "training.target": None,
}
STUDY: dict[str, Any] = {
    "job": "mlp",
    "system": "fpga_ring_16",
    "settings": SETTINGS,
    "grid": {"training.max_active_keys": [1, 4], "workers": [1, 2], "system.links.bandwidth": ["1 Gbit/s", 1e9]},
}
YAML = """\
job: mlp
system: fpga_ring_16
settings: {options.data: none, options.training: 400, options.validation: 100, options.width: 16, training.epochs: 1}
grid:
  training.max_active_keys: [1, 4]
  workers: [1, 2]
"""
# A job whose function ends the process, raises, or works, as its option says.
JOB_PY = """\
import os
import ampsim


def build(ends=0, *, seed=0):
    job = ampsim.workload("mlp", data="none", training=400, validation=100, width=16)
    if ends == 1 and os.environ.get("AMPSIM_TEST_ENDS"):
        os._exit(9)
    return job.with_training(epochs=1, target=None)
"""


def written(folder: Path, text: str = YAML) -> Path:
    """The study as a file."""
    path = folder / "study.yaml"
    path.write_text(text)
    return path
