"""The numbers that options of data sets may have."""

from __future__ import annotations

from ampsim.errors import ConfigError

MOST = 10**8  # samples, rows, columns: far above what fits into memory, far below what overflows
LARGEST_SEED = 2**63 - 1


def whole(least: int, most: int = MOST, **given: object) -> None:
    """Check that every value is an int in ``[least, most]``. Raises ConfigError, naming the option, if one is not."""
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ConfigError(f"{name} is {value!r}; it must be an int from {least} to {most}", f"options.{name}")


def seeded(seed: object) -> None:
    """Check a seed. Raises ConfigError."""
    whole(0, LARGEST_SEED, seed=seed)
