"""How much memory a worker process really takes, as the kernel counts it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_FIELDS = {"VmRSS": "resident", "VmHWM": "peak", "RssShmem": "shared"}


def reset_peak() -> None:
    """Let the peak begin again from what is resident now; without effect where the kernel does not offer it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def resident() -> dict[str, int]:
    """Bytes ``resident`` now, at their ``peak``, and how many of those resident now are ``shared`` (rings and data).

    Empty where there is no such account.
    """
    found = {}
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name in _FIELDS:
                found[_FIELDS[name]] = int(value.split()[0]) * 1024
    return found
