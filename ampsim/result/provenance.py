"""Where a run comes from: versions, source, machine, command and configuration."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from ampsim.result.plain import canonical

PACKAGES = ("numpy", "simpy", "networkx", "msgspec", "multiprocess", "safetensors", "threadpoolctl")


def provenance(config: Mapping[str, Any], seed: int | None) -> dict[str, Any]:
    """Plain values that say how to get this run again. ``config`` is hashed as canonical JSON.

    What cannot be found out is None; nothing here fails a run.
    """
    settings = config.get("run")
    start = settings.get("start_method") if isinstance(settings, Mapping) else None
    return {
        "versions": dict(versions()),
        "git": git(),
        "host": {"cpu": cpu_model(), "cores": os.cpu_count(), "usable_cores": usable_cores(), "system": system()},
        "blas": blas(),
        "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE"),
        "start_method": start,
        "utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(sys.argv),
        "seed": seed,
        "config_sha256": config_hash(config),
    }


def config_hash(config: Mapping[str, Any]) -> str:
    """SHA-256 of the configuration as JSON with sorted keys."""
    return hashlib.sha256(canonical(config)).hexdigest()


@functools.cache
def versions() -> Mapping[str, str | None]:
    """Of ampsim, Python and the packages that can change a result."""
    # Not imported, for this floor is below the face; but the package above a loaded module is always loaded.
    version = getattr(sys.modules["ampsim"], "__version__", None)
    found: dict[str, str | None] = {"ampsim": version, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


@functools.cache
def git() -> dict[str, Any] | None:
    """Commit and whether files differ from it, if ampsim runs from a checkout; as it was when first asked."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain")
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def _git(root: Path, *words: str) -> str | None:
    # Variables such as GIT_DIR would make git speak of another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(root), *words],
            capture_output=True, text=True, timeout=5, check=True, env=environment, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


@functools.cache
def cpu_model() -> str | None:
    """The processor's name for itself."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() == "model name":
                    return value.strip()
    except OSError:
        pass
    return platform.processor() or None


def usable_cores() -> int | None:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def system() -> str:
    """Operating system, its release, and the machine's architecture; not its name."""
    return f"{platform.system()} {platform.release()} {platform.machine()}"


def blas() -> list[dict[str, Any]]:
    """Each BLAS that is loaded: name, version, core type, threads now."""
    import threadpoolctl

    return [
        {
            "name": library.get("internal_api"),
            "version": library.get("version"),
            "core_type": library.get("architecture"),
            "threads": library.get("num_threads"),
        }
        for library in threadpoolctl.threadpool_info()
        if library.get("user_api") == "blas"
    ]
