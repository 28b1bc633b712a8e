"""One seed, one result: whatever the hash seed of Python, the process, and the folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.jobs import SMALL
from tests.packaging.tree import ROOT, start_python

CODE = "from ampsim.cli.main import main; main()"
EXACT = (*SMALL, "--set", "training.max_active_keys=1", "--set", "training.target=null")


def files(folder: Path, *words: str, hash_seed: int) -> dict[str, str]:
    """SHA-256 of every file of the run, by name."""
    folder.mkdir()
    command = ("-c", CODE, *words, "-o", "run", "-q")
    done = start_python(*command, cwd=folder, PYTHONPATH=str(ROOT), PYTHONHASHSEED=str(hash_seed))
    assert (done.returncode, done.stderr) == (0, "")
    manifest: dict[str, Any] = json.loads((folder / "run" / "manifest.json").read_text())
    return {name: entry["sha256"] for name, entry in manifest["files"].items() if name != "result.json"}


def test_a_simulation_is_the_same_to_the_last_byte(tmp_path: Path) -> None:
    words = ("simulate", "list_reduction", "--set", "options.lists=600", "--set", "options.validation=200", "-s",
             "wafer_mesh", "--set", "options.hidden=8", "--set", "training.epochs=1", "--seed")  # fmt: skip
    first = files(tmp_path / "a", *words, "5", hash_seed=1)
    assert first == files(tmp_path / "b", *words, "5", hash_seed=2)
    assert first != files(tmp_path / "c", *words, "6", hash_seed=1)


def test_one_worker_with_one_instance_in_flight_repeats_itself(tmp_path: Path) -> None:
    words = ("run", "mlp", *EXACT, "-w", "1")
    first = files(tmp_path / "a", *words, hash_seed=1)
    second = files(tmp_path / "b", *words, hash_seed=2)
    # The clock shows in the tables of times, not in what was learnt, counted and set.
    same = ("parameters.safetensors", "config.yaml", "tables/edges.npz", "tables/staleness.npz")
    assert [name for name in same if first[name] != second[name]] == []
