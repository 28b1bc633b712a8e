"""What PyTorch 2.13 reached on the reference machine, two cores to itself: a peer that stays below is no peer.

A comparison counts only if the PyTorch side reaches 0.9 of these figures in the same run; otherwise the machine was
busy or the peer slow, and the ratio says nothing.
"""

from __future__ import annotations

ENOUGH = 0.9

# Training instances per second; for each workload and form the best of one thread, two threads and two processes.
REFERENCE = {
    ("mlp", "batched"): 16_300,
    ("list_reduction", "batched"): 115_700,
    ("tree_lstm", "one at a time"): 410,
    ("tree_lstm", "batched"): 2_770,
    ("ggsnn_babi15", "one at a time"): 3_720,
    ("ggsnn_babi15", "batched"): 38_600,
    ("ggsnn_qm9, h100", "one at a time"): 1_410,
    ("ggsnn_qm9, h100", "batched"): 3_620,
    ("ggsnn_qm9, h100", "dense"): 1_630,
    ("ggsnn_qm9, h200", "batched"): 1_160,
}


def enough(workload: str, form: str, instances_per_second: float) -> bool | None:
    """Whether a figure counts; None where there is nothing to compare it with."""
    wanted = REFERENCE.get((workload, form))
    return None if wanted is None else instances_per_second >= ENOUGH * wanted
