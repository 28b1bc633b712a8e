"""Every point of a study, once: on any Executor, a row as each is done, and on from there after a kill."""

from __future__ import annotations

import datetime
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec

from ampsim.errors import RunError, UsageError
from ampsim.result.analysis.pareto import front
from ampsim.result.aside import checked_target, replace_file
from ampsim.result.text import yaml_text
from ampsim.studies.local import Local
from ampsim.studies.pareto import objectives
from ampsim.studies.point import Answer, Point, answer, key_of
from ampsim.studies.rows import NAME, Row, Rows
from ampsim.studies.study import Study, load_study, study_of
from ampsim.studies.sweep_page import PAGE, TABLE, csv_text, write_page

STUDY = "study.yaml"
AHEAD = 2
"""Points handed out for each process: one at work, one waiting for it."""


class Progress(NamedTuple):
    """How far a sweep is: runs ``done`` of ``total``, by now and earlier, ``failed`` of them."""

    done: int
    total: int
    failed: int


@dataclass(frozen=True)
class Sweep:
    """A finished sweep: ``rows`` in the order of the grid, ``best`` the indices of the Pareto optimal ones among them.

    ``computed`` runs are new, the others were done before. ``folder`` holds study.yaml, rows.jsonl, table.csv and
    pareto.html.
    """

    study: Study
    rows: tuple[Row, ...]
    best: tuple[int, ...]
    computed: int
    folder: Path

    @property
    def failed(self) -> tuple[Row, ...]:
        """Rows that hold an error."""
        return tuple(row for row in self.rows if row.error is not None)


class _Todo(NamedTuple):
    key: str
    varied: dict[str, Any]
    point: Point


class _Submits(Protocol):
    def submit(self, function: Callable[[str], str], text: str, /) -> Future[str]: ...


def sweep(
    study: Study | Mapping[str, Any] | str | Path,
    folder: str | os.PathLike[str],
    *,
    executor: Executor | None = None,
    jobs: int | None = None,
    retry: bool = False,
    progress: Callable[[Progress], object] | None = None,
    say: Callable[[str], object] = str,
) -> Sweep:
    """Simulate every point of ``study`` that has no row in ``folder`` yet; then write the table and the figure.

    ``study`` is a Study, what its file would hold, or the file.
    ``executor`` is any of :mod:`concurrent.futures` or like it, which is given functions of one text and is not shut
    down; left out: ``jobs`` processes of this machine (left out: one a core). ``retry`` does points again that failed.
    A point that fails is a row with its error. May be killed at any time: started again with the same folder, it goes
    on with what is missing. Raises ConfigError for a wrong study, UsageError for a folder of something else, RunError
    when a row cannot be written or a foreign executor breaks.
    """
    if not isinstance(study, Study):
        study = study_of(study) if isinstance(study, Mapping) else load_study(study)
    target = _checked(folder)
    with Rows(target) as rows:
        replace_file(target / STUDY, yaml_text(_plain(study)).encode())
        todo = _todo(study)
        runs = {one.key: one for one in todo}
        missing = [one for one in runs.values() if _missing(rows, one.key, retry)]
        before = len(runs) - len(missing)
        if before:
            say(f"{before:,} of {len(runs):,} runs are done already")
        failed = sum(rows.done[key].error is not None for key in runs.keys() - {one.key for one in missing})
        with closing(_answers(missing, executor, jobs or os.cpu_count() or 1)) as answers:
            for done, (one, found) in enumerate(answers, before + 1):
                rows.append(_row(one, found))
                failed += found.error is not None
                if progress:
                    progress(Progress(done, len(runs), failed))
        ordered = [msgspec.structs.replace(rows.done[one.key], varied=one.varied) for one in todo]
    best = front([objectives(study.objectives, row.scalars, row.varied) for row in ordered],
                 list(study.objectives.values()))  # fmt: skip
    result = Sweep(study, tuple(ordered), tuple(best), len(missing), target)
    _write(result)
    return result


def _checked(folder: str | os.PathLike[str]) -> Path:
    """The folder of a sweep, made if it is not there. Raises UsageError for what is another thing."""
    target = checked_target(folder)
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise UsageError(f"{target} is no folder", str(target), "choose another folder")
    if target.is_dir() and any(target.iterdir()) and not (target / NAME).is_file():
        do = "choose another folder, or an empty one"
        raise UsageError(f"{target} is not the folder of a sweep, so nothing is written to it", str(target), do)
    try:
        target.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder cannot be made: {error.strerror}", str(target), "choose another place") from error
    return target


def _todo(study: Study) -> list[_Todo]:
    """All points. Those that come to the same (a factor of 1, the bandwidth there is) have one key, and are one run."""
    return [_Todo(key_of(point), varied, point) for varied, point in study.points()]


def _missing(rows: Rows, key: str, retry: bool) -> bool:
    row = rows.done.get(key)
    return row is None or (retry and row.error is not None)


def _row(one: _Todo, found: Answer) -> Row:
    ended = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    parts = {name: getattr(found, name) for name in ("scalars", "error", "where", "do", "seconds")}
    return Row(key=one.key, varied=one.varied, ended=ended, **parts)


# -- handing out ------------------------------------------------------------------------------------------------------


def _answers(todo: Iterable[_Todo], executor: Executor | None, jobs: int) -> Generator[tuple[_Todo, Answer]]:
    """Points with their answers, as they come."""
    waiting = deque(todo)
    if not waiting:
        return
    if executor is not None:
        try:
            yield from _handed_out(waiting, executor, AHEAD * (os.cpu_count() or 1) + 64)
        except BrokenExecutor as error:
            do = "mend it and start the sweep again: what is done is kept"
            raise RunError(f"the executor broke: {error}".rstrip(": "), type(executor).__name__, do) from error
        return
    with Local(min(jobs, len(waiting))) as local:
        while waiting:
            suspects: list[_Todo] = []
            try:
                yield from _handed_out(waiting, local, AHEAD * jobs, suspects)
            except BrokenExecutor:
                local.renew()
            # One of those in hand has killed its process, and nobody knows which: each alone will tell.
            for one in suspects:
                yield one, _alone(one, local)


def _handed_out(
    waiting: deque[_Todo], executor: _Submits, most: int, in_hand: list[_Todo] | None = None
) -> Iterator[tuple[_Todo, Answer]]:
    """Keep ``most`` points in the executor's hands. If it breaks, ``in_hand`` is what it had."""
    futures: dict[Future[str], _Todo] = {}
    try:
        while waiting or futures:
            while waiting and len(futures) < most:
                future = executor.submit(answer, _text(waiting[0].point))
                futures[future] = waiting.popleft()
            for future in wait(futures, return_when=FIRST_COMPLETED).done:
                text = future.result()
                yield futures.pop(future), msgspec.json.decode(text, type=Answer)
    except BrokenExecutor:
        if in_hand is not None:
            in_hand.extend(futures.values())
        raise
    finally:
        for future in futures:
            future.cancel()


def _alone(one: _Todo, local: Local) -> Answer:
    try:
        text = local.submit(answer, _text(one.point)).result()
    except BrokenExecutor:
        local.renew()
        do = "give it more memory, or look whether the job's own code ends the process"
        return Answer(error="the process that computed this point died", do=do)
    return msgspec.json.decode(text, type=Answer)


def _text(point: Point) -> str:
    return msgspec.json.encode(point).decode()


# -- what is left behind ----------------------------------------------------------------------------------------------


def _plain(study: Study) -> dict[str, Any]:
    return {name: value for name, value in msgspec.to_builtins(study).items() if value not in (None, {})}


def _write(result: Sweep) -> None:
    replace_file(result.folder / TABLE, csv_text(result).encode())
    write_page(result, result.folder / PAGE)
