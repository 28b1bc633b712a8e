"""What a worker may do with its time, in the order in which figures and tables show it."""

from __future__ import annotations

CAUSES = (
    "busy",
    "messaging",
    "starved by admission",
    "waiting for input",
    "blocked by a link",
    "out of memory",
    "synchronisation",
    "drained",
)
BUSY, MESSAGING, ADMISSION, INPUT, LINK, MEMORY, SYNCHRONISATION, DRAINED = range(len(CAUSES))
