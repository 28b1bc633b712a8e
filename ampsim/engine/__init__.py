"""How a job proceeds: workers, controller, updates, and what they write down. No process, no socket, no clock."""

from __future__ import annotations
