"""Every command line of ampsim that a page shows, or says in words, is carried out and ends well.

Blocks marked `run` are carried out by test_pages.py, which compares what they print. All other lines are carried out
here, each in a folder of its own that holds what the line reads: files as the page or examples/ have them, and runs of
a small job by the names that pages use. Words in capitals stand for anything of their kind.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from functools import cache
from itertools import pairwise
from pathlib import Path

import click
import pytest
from _pytest.mark.structures import ParameterSet

from ampsim.cli.base import Flags
from ampsim.errors import AmpsimError
from ampsim.workloads import store
from tests.docs.pages import PAGES, ROOT, blocks, commands
from tests.docs.test_commands import reached
from tests.docs.test_pages import called

NOT_RUN = {
    r"calibrate": "runs every workload for 35 s; a line with a job does the same with one",
    r"validate( --.*)?": "the suite that ships: a quarter of an hour of a quiet machine; a suite of one's own is run",
    r"data get mnist --from .*": "reads 55 MB that one has to have; tests/workloads reads less",
}
"""What is shown and not carried out, as patterns of whole lines, and why."""

STANDS_FOR = {
    "JOB": "mlp", "SYSTEM": "fpga_ring_16", "NAME_OR_FILE": "fpga_ring_16", "RUN": "ring", "A": "predicted",
    "B": "measured", "STUDY": "study.yaml", "NAME": "mlp",
}  # fmt: skip
RUNS = {"ring": "fpga_ring_16", "predicted": "fpga_ring_16", "measured": "fpga_ring_16"}
FILES = {
    "study.yaml": ROOT / "examples" / "study.yaml",
    "host.yaml": ROOT / "hw" / "catalog" / "host.yaml",
    "mine.yaml": ROOT / "hw" / "catalog" / "cpu_fat_tree_16.yaml",
}
QUICK = {"compare", "report", "hw", "workload", "--completion", "-h", "--help", "show", "trace"}
WRITES = ("-o", "--output", "--report")
REACH = ROOT / "docs" / "reach.md"
SMALL = {"options.data": "generated", "options.width": 32, "options.training": 400, "training.epochs": 1}


def lines() -> dict[str, str]:
    """Every complete line that test_pages.py does not run, with the place where it stands first."""
    found: dict[str, str] = {}
    for page in PAGES:
        ran = {
            block.line + offset
            for block in blocks(page)
            for offset in range(block.text.count("\n") + 1)
            if block.runs
        }  # fmt: skip
        for number, words in commands(page):
            if number not in ran and words[0] != "COMMAND" and complete(words):
                found.setdefault(" ".join(words), f"{page.stem}:{number}")
    return found


def complete(words: list[str]) -> bool:
    """Whether this is a line to type, not the bare name of a command that wants arguments."""
    if words[0].startswith("-"):
        return True
    try:
        command = reached(words)
        if words[-1] == command.name:  # nothing of it has been read yet
            command.make_context(command.name, [], obj=Flags())
    except (click.UsageError, click.exceptions.NoArgsIsHelpError):
        return False  # test_commands.py says which of them may be
    return True


def left_out(line: str) -> bool:
    return any(re.fullmatch(pattern, line) for pattern in NOT_RUN)


def filled(words: list[str]) -> list[str]:
    """The words with something in place of those in capitals; `reach` gets a job that is small and has a target."""
    return ["digits.yaml" if words[0] == "reach" and word == "JOB" else STANDS_FOR.get(word, word) for word in words]


def cases() -> list[ParameterSet]:
    """One line for each thing to do: of lines that differ in capitals and ``--force`` only, the longest."""
    longest: dict[str, str] = {}
    for line in lines():
        key = " ".join(filled([word for word in line.split() if word != "--force"]))
        if not left_out(line) and len(line) >= len(longest.get(key, "")):
            longest[key] = line
    return [
        pytest.param(line, place, marks=[] if line.split()[0] in QUICK else pytest.mark.slow, id=f"{place}-{line}")
        for line, place in lines().items()
        if line in longest.values()
    ]


@cache
def small_run(folder: Path) -> None:
    """A run of two workers that lines about runs can read."""
    import ampsim

    job = ampsim.load_job("mlp", {**SMALL, "training.target": None})
    ampsim.simulate(job, "fpga_ring_16", workers=2).save(folder)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    small_run(folder)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with mnist5k in it: the checkout's own, or one filled by `ampsim data get mnist5k`."""
    for folder in (Path(os.environ.get("AMPSIM_DATA", ROOT / "data")), tmp_path_factory.mktemp("data")):
        if not store.present("mnist5k", folder):
            try:
                store.get("mnist5k", folder)
            except AmpsimError as error:
                pytest.skip(f"mnist5k cannot be had: {error.what}")
        return folder
    raise AssertionError


def prepare(words: list[str], place: str, folder: Path, run: Path) -> list[str]:
    """The words with capitals filled in, and what they read put into the folder."""
    page = next(page for page in PAGES if page.stem == place.partition(":")[0])
    words = filled(words)
    for before, word in zip(["", *words], words, strict=False):
        if before in WRITES:
            continue
        shown = [block.text for block in blocks(REACH if word == "digits.yaml" else page) if block.title == word]
        if shown:
            (folder / word).write_text(shown[0], encoding="utf-8")
        elif word in RUNS:
            shutil.copytree(run, folder / word, dirs_exist_ok=True)
        elif source := FILES.get(word):
            shutil.copy(source, folder / word)
    (folder / "examples").symlink_to(ROOT / "examples")
    return words


@pytest.mark.timeout(600)
@pytest.mark.parametrize("line,place", cases())
def test_the_line_is_carried_out(
    line: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_folder: Path, data: Path
) -> None:
    words = next(words for page in PAGES for _, words in commands(page) if " ".join(words) == line)
    words = prepare(words, place, tmp_path, run_folder)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AMPSIM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AMPSIM_DATA", str(data))
    monkeypatch.setenv("HOME", str(tmp_path))
    code, said = called(shlex.join(["ampsim", *words]))
    judged = "--tolerance" in words or words[0] == "validate"
    assert code in ((0, 3) if judged else (0,)), f"{place}: ampsim {line}\n{said}"
    for before, word in pairwise(words):
        assert before not in WRITES or Path(word).exists(), f"{place}: ampsim {line} wrote no {word}"


def test_what_is_not_run_is_little_and_stands_on_a_page() -> None:
    assert len(NOT_RUN) <= 4
    for pattern, reason in NOT_RUN.items():
        assert any(re.fullmatch(pattern, line) for line in lines()), pattern
        assert len(reason) > 20
    assert sum(map(left_out, lines())) < len(lines()) / 5
