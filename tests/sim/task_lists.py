"""Schedules with a backward pass in two halves, as bare task lists: B for the activations, W for the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ampsim.hw import Step

Half = tuple[str, int, int]
"""F, B or W, stage, microbatch."""


def zb_h1(stages: int, instances: int) -> list[list[Half]]:
    """1F1B whose stage s keeps s weight halves back: those fill what would be the bubble at the end."""
    found = []
    for s in range(stages):
        warm = min(instances, stages - 1 - s)
        halves = [("F", s, i) for i in range(warm)]
        for i in range(instances):
            halves += [("F", s, warm + i)] if warm + i < instances else []
            halves += [("B", s, i)] + ([("W", s, i - s)] if i >= s else [])
        found.append(halves + [("W", s, i) for i in range(max(instances - s, 0), instances)])
    return found


def zb_v(chips: int, instances: int) -> list[list[Half]]:
    """Chip c has stages c and 2p - 1 - c; with all halves of one length it takes the first that can run.

    In this order: forward of the later stage, forward of the earlier one, backward of the earlier, of the later,
    weights; with at most 2p activations, as 1F1B has. Time goes in steps of one half.
    """
    stages = 2 * chips
    done: dict[Half, int] = {}
    count = {(kind, s): 0 for kind in "FBW" for s in range(stages)}
    found: list[list[Half]] = [[] for _ in range(chips)]

    def ready(half: Half, now: int) -> bool:
        return half[2] < instances and all(done.get(before, now + 1) <= now for before in needs(half, stages))

    now = 0
    while sum(map(len, found)) < 3 * stages * instances:
        for chip in range(chips):
            early, late = chip, stages - 1 - chip
            kept = sum(count["F", s] - count["W", s] for s in (early, late))
            order = [("F", late), ("F", early), ("B", early), ("B", late), ("W", early), ("W", late)]
            for kind, s in order:
                half = (kind, s, count[kind, s])
                if ready(half, now) and not (kind == "F" and kept == 2 * chips):
                    done[half] = now + 1
                    count[kind, s] += 1
                    found[chip].append(half)
                    break
        now += 1
    return found


def needs(half: Half, stages: int) -> list[Half]:
    """What has to be done before: the stage before for F, the same F and the stage behind for B, the same B for W."""
    kind, s, i = half
    if kind == "F":
        return [("F", s - 1, i)] if s else []
    if kind == "B":
        return [("F", s, i)] + ([("B", s + 1, i)] if s + 1 < stages else [])
    return [("B", s, i)]


def steps(
    lists: Sequence[Sequence[Half]], seconds: Mapping[str, float], size: Callable[[Half], int] = lambda half: 0
) -> list[list[Step]]:
    """As steps of so many ``seconds`` each; ``size`` is what a half sends on (a weight half sends nothing)."""
    stages = 1 + max(s for halves in lists for _, s, _ in halves)
    return [
        [Step(name(h), seconds[h[0]], tuple(map(name, needs(h, stages))), size(h)) for h in halves] for halves in lists
    ]


def name(half: Half) -> str:
    """``F2@1``: the forward pass of instance 2 on stage 1."""
    return f"{half[0]}{half[2]}@{half[1]}"
