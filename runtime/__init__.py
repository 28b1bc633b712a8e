"""The backend of real processes: channels through shared memory, worker processes and their supervision."""

from __future__ import annotations
