"""Bytes in use at one worker, counted as they come and go."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Ledger:
    """Payload kept for the way back, rows of weight gradients not yet formed, and payload waiting in queues (bytes)."""

    caches: int = 0
    deferred: int = 0
    queues: int = 0
