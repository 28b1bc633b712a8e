"""All cases together: what the tolerances ask, what was found, and whether it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from statistics import median
from typing import NamedTuple

from ampsim.studies.validate.judge import TIMES, Judged
from ampsim.studies.validate.suite import Intervals, Tolerances

NOTHING = "nothing could be judged"


class Verdict(NamedTuple):
    """A rule: the ``value`` found (a share; None: there is none), what it is held to, and the case it comes from."""

    rule: str
    value: float | None
    bound: str
    held: bool
    detail: str = ""


def verdicts(rows: Sequence[Judged], tolerances: Tolerances) -> list[Verdict]:
    """Every rule that applies to these cases; rows that are not judged count in the first two alone."""
    cases = [row for row in rows if row.kind == "cases"]
    found = [_failed(rows)]
    if cases:
        found += _timed(cases, [row for row in cases if row.judged], tolerances)
    for kind, rule in (("memory", _memory), ("learning", _learning)):
        if mine := [row for row in rows if row.kind == kind]:
            found.append(rule(mine, tolerances))
    return found


def _timed(cases: Sequence[Judged], judged: Sequence[Judged], tolerances: Tolerances) -> Iterator[Verdict]:
    yield _unjudged(cases, tolerances)
    for name in TIMES:
        yield from _errors(name, judged, tolerances)
    yield _largest("utilization of a worker, worst error", judged, lambda row: row.utilization, tolerances.utilization)
    # A suite may have no gradients that are stale; every case has a time.
    yield _largest("staleness, largest distance", judged, lambda row: row.staleness, tolerances.staleness, needed=False)
    yield _ranked(judged, tolerances)
    if tolerances.intervals is not None:
        yield from _intervals(judged, tolerances.intervals)


def _failed(rows: Sequence[Judged]) -> Verdict:
    failed = [row.label for row in rows if row.errors]
    return Verdict("cases that failed", len(failed) / len(rows), "none", not failed, "; ".join(failed))


def _unjudged(cases: Sequence[Judged], tolerances: Tolerances) -> Verdict:
    """Those that failed have a rule of their own."""
    wide = [row.label for row in cases if row.figures and not row.judged]
    share = len(wide) / len(cases)
    return Verdict("cases listed, not judged", share, _most(tolerances.unjudged), share <= tolerances.unjudged,
                   "; ".join(wide))  # fmt: skip


def _errors(name: str, judged: Sequence[Judged], tolerances: Tolerances) -> Iterator[Verdict]:
    sizes = {row.label: abs(row.figures[name].error) for row in judged}
    bound = _most(tolerances.median)
    if not sizes:
        yield Verdict(f"{name}, median error", None, bound, False, NOTHING)
    else:
        middle = median(sizes.values())
        yield Verdict(f"{name}, median error", middle, bound, middle <= tolerances.median)
    yield _largest(f"{name}, worst error", judged, lambda row: row.figures[name].error, tolerances.worst)


def _largest(
    rule: str, judged: Sequence[Judged], value: Callable[[Judged], float | None], most: float, *, needed: bool = True
) -> Verdict:
    """The case with the largest value by size; without any, the rule holds only if none is ``needed``."""
    found = [(abs(size), row.label) for row in judged if (size := value(row)) is not None]
    if not found:
        return Verdict(rule, None, _most(most), not needed, NOTHING)
    worst, label = max(found, key=lambda pair: pair[0])
    return Verdict(rule, worst, _most(most), worst <= most, label)


def _ranked(judged: Sequence[Judged], tolerances: Tolerances) -> Verdict:
    """Of pairs of one job whose measured throughputs differ by enough: those whose faster one is predicted as such."""
    alike, wrong = 0, []
    for a, b in combinations(judged, 2):
        (x, y) = (row.figures["throughput"] for row in (a, b))
        low, high = sorted((x.measured, y.measured))
        if a.job != b.job or high / low - 1 <= tolerances.differ:
            continue
        if (x.measured < y.measured) == (x.predicted < y.predicted) and x.predicted != y.predicted:
            alike += 1
        else:
            wrong.append(f"{a.label} and {b.setting}")
    pairs, bound = alike + len(wrong), f"at least {_percent(tolerances.ranked)}"
    if not pairs:
        what = f"no two cases of one job differ by more than {_percent(tolerances.differ)}"
        return Verdict("pairs ranked as measured", None, bound, True, what)
    return Verdict("pairs ranked as measured", alike / pairs, bound, alike >= tolerances.ranked * pairs,
                   f"{alike} of {pairs}" + "".join(f"; not {pair}" for pair in wrong))  # fmt: skip


def _intervals(judged: Sequence[Judged], asked: Intervals) -> Iterator[Verdict]:
    found = [within for row in judged for within in row.intervals]
    inside, width = "measurements inside the interval", "width of the interval, median"
    bound = f"{_percent(asked.least)} to {_percent(asked.most)}"
    if not found:
        yield Verdict(inside, None, bound, False, "no prediction has an interval")
        yield Verdict(width, None, _most(asked.width), False, "no prediction has an interval")
        return
    hits = sum(within.inside for within in found)
    share, middle = hits / len(found), median(within.width for within in found)
    yield Verdict(inside, share, bound, asked.least <= share <= asked.most, f"{hits} of {len(found)}")
    yield Verdict(width, middle, _most(asked.width), middle <= asked.width)


def _memory(rows: Sequence[Judged], tolerances: Tolerances) -> Verdict:
    judged = [row for row in rows if row.judged]
    return _largest("memory, worst error", judged, lambda row: row.figures["memory"].error, tolerances.memory)


def _learning(rows: Sequence[Judged], tolerances: Tolerances) -> Verdict:
    """Within the tolerance, or the machine's own spread over the seeds if that is larger."""
    found = [(row.figures["time_to_target"], row.label) for row in rows if row.judged]
    bound = f"{_most(tolerances.time_to_target)}, or the spread"
    if not found:
        return Verdict("time to target, worst error", None, bound, False, NOTHING)
    over = [label for f, label in found if abs(f.error) > max(tolerances.time_to_target, f.spread)]
    worst = max(abs(f.error) for f, _ in found)
    return Verdict("time to target, worst error", worst, bound, not over, "; ".join(over))


def _most(share: float) -> str:
    return f"at most {_percent(share)}"


def _percent(share: float) -> str:
    return f"{100 * share:g} %"
