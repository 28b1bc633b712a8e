"""What the order of events may change, and what not.

Equal seeds give equal tables, to the bit and in every process. Another order among events of equal time (another tie
break) gives other times, but the same messages, bytes, FLOP and updates; with one instance in flight, the same loss.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim import testing
from ampsim.engine.plan import Plan
from ampsim.errors import UsageError
from ampsim.hw import Network, System, Transfer, Transport, load
from ampsim.hw.backend import SimBackend
from ampsim.hw.network.ties import Ties
from ampsim.job import Job
from ampsim.result.run import Run
from tests.sim.chains import MS, chain_system
from tests.sim.systems import MIB, system
from tests.sim.test_backend_laws import chaos, fingerprint

JOBS: list[Callable[..., Job]] = [
    testing.mlp,
    testing.diamond,
    testing.rnn,
    testing.regroup,
    partial(testing.rnn, cells=2),
]
SEEDS = st.integers(0, 2**63 - 1)


def run(
    make: Callable[..., Job],
    tie_break: int | None = None,
    mode: str = "shapes",
    sharing: str = "fifo",
    **training: Any,
) -> Run:
    """A job on four chips on which every task takes as long as any other, with a host behind one of them.

    So very much happens at the same time, and links are shared by what does.
    """
    hardware = chain_system(
        [(MS, MS)] * 4, matmul=1e21, vector=1e21, task_overhead=1e-5, topology={"kind": "line"},
        links={"bandwidth": 1e8, "latency": 1e-6, "duplex": "half"},
        host={"at": ["chip0"], "latency": 1e-6, "bandwidth": 1e8},
    )  # fmt: skip
    shared = System.from_dict(hardware.to_dict() | {"sharing": sharing})
    return SimBackend(shared, tie_break).execute(Plan(make(**training), 4, mode=mode))


# -- equal seeds -------------------------------------------------------------------------------------------------------


def everything() -> str:
    """One line for many runs: without a tie break and with some, of shapes and of numbers."""
    marks = [fingerprint(chaos())[:12]]
    for number, make in enumerate(JOBS):
        training: dict[str, Any] = {"epochs": 2, "max_active_keys": 5, "max_batch": 2, "min_update_frequency": 2}
        for tie_break in (None, 7):
            mode = "numeric" if number < 2 else "shapes"
            marks.append(fingerprint(run(make, tie_break, mode, **training))[:12])
    return " ".join(marks)


def test_equal_seeds_give_equal_event_logs_in_every_process_and_for_every_hash_seed() -> None:
    here = everything()
    assert everything() == here
    script = "from tests.sim.test_physics_order import everything; print(everything())"
    for seed in ("0", "4294967295"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        assert subprocess.check_output([sys.executable, "-c", script], env=environment, text=True).strip() == here


def test_the_seed_of_the_job_makes_another_run() -> None:
    assert fingerprint(run(testing.rnn, seed=1)) != fingerprint(run(testing.rnn, seed=2))


def test_a_tie_break_changes_the_order_of_events() -> None:
    """Else the laws below would say nothing: of ten seeds most give logs of their own, and the times differ."""
    runs = [run(testing.rnn, seed, max_active_keys=6) for seed in range(10)]
    assert len({fingerprint(found) for found in runs}) >= 5
    assert len({found.makespan for found in runs}) > 1
    assert [found.config["run"]["tie_break"] for found in runs] == list(range(10))
    assert "tie_break" not in run(testing.rnn).config["run"]


# -- other seeds -------------------------------------------------------------------------------------------------------


def conserved(found: Run) -> dict[str, Any]:
    """What no order may change."""
    tasks, messages, updates, edges = (found.tables[name] for name in ("tasks", "messages", "updates", "edges"))
    instances = found.tables["instances"]
    per_node = [(updates["node"] == node).sum().item() for node in range(len(found.summary["nodes"]))]
    states = messages["state"].tolist()
    names = zip(messages["edge"].tolist(), messages["direction"].tolist(), map(tuple, states), strict=True)
    return {
        "messages": sorted(names),
        "edges": {name: edges[name].tolist() for name in edges},
        "matmul": tasks["matmul"].sum().item(),
        "rows": [tasks["rows"][tasks["kind"] == kind].sum().item() for kind in range(3)],
        "updates": per_node,
        "gradients": updates["gradients"].sum().item(),
        "instances": instances["instance"].tolist(),
        "orders": instances["index"].tolist(),
        "parameters": found.summary["static_memory"],
    }


@settings(max_examples=15)
@given(
    st.sampled_from(JOBS), SEEDS, st.integers(1, 7), st.integers(1, 3), st.integers(1, 4),
    st.sampled_from(["fifo", "max_min"]),
)  # fmt: skip
def test_no_tie_break_changes_what_is_conserved(
    make: Callable[..., Job], seed: int, mak: int, batch: int, muf: int, sharing: str
) -> None:
    training: dict[str, Any] = {"max_active_keys": mak, "max_batch": batch, "min_update_frequency": muf}
    training["sharing"] = sharing
    fixed, drawn = run(make, **training), run(make, seed, **training)
    assert conserved(drawn) == conserved(fixed)
    own = [found.tables["links"]["bytes"].sum() for found in (fixed, drawn)]
    if batch == 1:  # what coalesces goes in one parcel, so that routes are counted once
        assert own[0] == own[1]


@settings(max_examples=10)
@given(st.sampled_from(JOBS), SEEDS, st.sampled_from(["muf", "instance"]))
def test_with_one_in_flight_no_tie_break_changes_what_is_learnt(
    make: Callable[..., Job], seed: int, update: str
) -> None:
    """The order of a loop's rounds in a sum may differ: equal up to rounding, and to the bit without loops."""
    training: dict[str, Any] = {"max_active_keys": 1, "update": update, "epochs": 2}
    fixed, drawn = run(make, None, "numeric", **training), run(make, seed, "numeric", **training)
    losses = [found.tables["metrics"] for found in (fixed, drawn)]
    orders = [np.lexsort((table["node"], table["instance"])) for table in losses]
    exact = make in (testing.mlp, testing.diamond)
    np.testing.assert_allclose(
        losses[1]["loss"][orders[1]], losses[0]["loss"][orders[0]], rtol=0 if exact else 1e-4, atol=0
    )
    for name, value in fixed.final.items():
        if exact:
            assert drawn.final[name].tobytes() == value.tobytes()


# -- the network alone -------------------------------------------------------------------------------------------------

SENDS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 8), st.integers(0, 8), st.integers(0, 3)), min_size=1, max_size=25
)


def carry(sends: list[tuple[int, int, int, int]], ties: Ties | None) -> tuple[Network, list[list[Any]]]:
    """Send (time in ms, source, destination, MiB) on a 3 x 3 torus; the deliveries, in order: number and time."""
    import simpy

    env, network = simpy.Environment(0), Network(system(9, "torus", dims=(3, 3)))
    transport, arrived = Transport(env, network, ties), []

    def start(event: Any) -> None:
        number, (_, source, destination, size) = event.value
        transport.send(source, destination, size * MIB, lambda item: arrived.append([item, env.now]), number)

    for number, send in enumerate(sends):
        event = env.timeout(send[0] * 10**12, (number, send))
        event.callbacks.append(start)
    env.run()
    return network, arrived


@settings(max_examples=50)
@given(SENDS, SEEDS)
def test_messages_of_one_pair_arrive_in_sending_order_whatever_the_tie_break(
    sends: list[tuple[int, int, int, int]], seed: int
) -> None:
    fixed, drawn = carry(sends, None), carry(sends, Ties(seed))
    assert [wire.carried for wire in drawn[0].wires] == [wire.carried for wire in fixed[0].wires]
    assert len(drawn[1]) == len(fixed[1]) == len(sends)
    for pair in {send[1:3] for send in sends}:
        sent = sorted((i for i, send in enumerate(sends) if send[1:3] == pair), key=lambda i: sends[i][0])
        assert [number for number, _ in drawn[1] if sends[number][1:3] == pair] == sent
    transfers = [Transfer(time * 10**12, a, b, size * MIB) for time, a, b, size in sends]
    run_alone = Network(system(9, "torus", dims=(3, 3))).run(transfers)
    assert [time for _, time in sorted(fixed[1])] == run_alone


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, True, "7"])
def test_what_is_no_seed_is_refused(seed: Any) -> None:
    with pytest.raises(UsageError, match="no seed"):
        SimBackend(load("fpga_ring_16"), seed).execute(Plan(testing.mlp(), 2))
