"""Queues: open ones, the closed ring of max_active_keys, and the laws that hold whatever the distributions are.

The closed ring is tested on links and on a real graph: instances are its tokens, admission closes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim import testing
from ampsim.engine.placement import units_of
from ampsim.engine.plan import Plan
from ampsim.hw import ChipCost, Network, System, Transfer, Transport
from ampsim.hw.backend import SimBackend, Simulation
from ampsim.hw.clock import FS
from ampsim.job import Data, Job
from ampsim.result.run import Run
from tests.sim.chains import MS, Blank, chain_job, chain_system, completions, simulate
from tests.sim.systems import chain, system

# -- 17: open queues ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law, expected", [("exponential", 4.0), ("constant", 2.0)])
def test_17_open_queue(law: str, expected: float) -> None:
    """M/M/1: Wq = rho / (1 - rho) S; M/D/1: half of it. rho = 0.8, S = 1: 4.0 and 2.0, 3 sigma at 2e5 customers."""
    rng, customers, rate = np.random.default_rng(7), 200_000, 10**9
    sizes = rng.exponential(rate, customers) if law == "exponential" else np.full(customers, rate)
    starts = np.cumsum(rng.exponential(FS / 0.8, customers))
    transfers = [Transfer(int(s), 0, 1, int(n)) for s, n in zip(starts, sizes, strict=True)]
    arrivals = Network(system(2, bandwidth=float(rate), latency=0.0), record=False).run(transfers)
    waits = [a - t.start - t.nbytes * FS // rate for a, t in zip(arrivals, transfers, strict=True)]
    sigma = 0.1 if law == "exponential" else 0.05
    assert sum(waits) / customers / FS == pytest.approx(expected, abs=3 * sigma)


# -- 18: the closed ring, X = min(N / sum S, 1 / max S) or N / ((N + K - 1) S) -----------------------------------------


def rounds(hardware: System, tokens: int, sizes: Callable[[], int], seconds: float) -> float:
    """Rounds per second of tokens that go round a ring of four links, each hop of a size of its own."""
    env = simpy.Environment(0)
    transport, done = Transport(env, Network(hardware, record=False)), [0]

    def arrive(at: int) -> None:
        done[0] += at == 0
        transport.send(at, (at + 1) % 4, sizes(), arrive, (at + 1) % 4)

    for _ in range(tokens):
        transport.send(0, 1, sizes(), arrive, 1)
    env.run(until=100 * FS)
    before = done[0]
    env.run(until=int((100 + seconds) * FS))
    return (done[0] - before) / seconds


@pytest.mark.parametrize("tokens, expected", [(1, 0.2), (2, 0.4), (3, 0.5), (5, 0.5)])
def test_18_ring_of_links(tokens: int, expected: float) -> None:
    """S = 1, 1, 2, 1: N = 1: 0.2, 2: 0.4, from 3 on 0.5."""
    ring = chain([(1e9, 0.0), (1e9, 0.0), (0.5e9, 0.0)], back=(1e9, 0.0))
    assert rounds(ring, tokens, lambda: 10**9, 1000) == pytest.approx(expected, abs=1e-3 * tokens)


def test_18_exponential_ring_of_links() -> None:
    """K = 4, N = 4, S = 1: 4 / 7 = 0.571429; 3 sigma of 1.1e4 rounds."""
    rng = np.random.default_rng(3)
    ring = chain([(1e9, 0.0)] * 3, back=(1e9, 0.0))
    found = rounds(ring, 4, lambda: int(rng.exponential(1e9)), 20_000)
    assert found == pytest.approx(4 / 7, rel=3 / np.sqrt(1.1e4))


def passes(services: Sequence[float], tokens: int, instances: int, **more: Any) -> Simulation:
    """A closed ring: forward passes only, ``tokens`` at a time, over a chain whose chip s takes ``services[s]``."""
    stages = len(services)
    job = chain_job(stages, 1, max_active_keys=tokens)
    data = Data(*(Blank({}, instances=count, rows=64, width=16) for count in (1, instances)))
    placement = {unit: unit for unit in units_of(job.graph)}
    plan = Plan(job, stages, placement, "shapes", evaluate=True, given_data=data)
    plan.check()
    return Simulation(plan, chain_system([(service, MS) for service in services], **more))


@pytest.mark.parametrize("tokens, expected", [(1, 0.2), (2, 0.4), (3, 0.5), (4, 0.5), (9, 0.5)])
def test_18_max_active_keys_on_a_real_graph(tokens: int, expected: float) -> None:
    """S = 1, 1, 2, 1 s: mak = 1: 0.2, 2: 0.4, from 3 on 0.5 instances a second."""
    done = completions(passes([1.0, 1.0, 2.0, 1.0], tokens, 20 * tokens).run())
    assert (len(done) - 2 * tokens) / (done[-1] - done[2 * tokens - 1]) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=20)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 9))
def test_18_any_chain_and_any_max_active_keys(services: list[int], tokens: int) -> None:
    """N instances take max(sum S, N max S), once the ring is full."""
    done = completions(passes([service * MS for service in services], tokens, 6 * tokens).run())
    period = max(sum(services), tokens * max(services)) * MS
    np.testing.assert_allclose(done[3 * tokens :] - done[2 * tokens : -tokens], period, rtol=1e-9)


@pytest.mark.parametrize("forward, backward", [(1, 1), (1, 2), (3, 1)])
@pytest.mark.parametrize("mak", range(1, 9))
def test_18_training_with_equal_stages(mak: int, forward: int, backward: int) -> None:
    """Training visits each of p stages twice: X = min(N / p (F + B), 1 / (F + B))."""
    run = simulate(chain_job(4, 80, max_active_keys=mak), chain_system([(forward * MS, backward * MS)] * 4), 4)
    done = completions(run)
    measured = 48 / (done[71] - done[23])  # 48 is a multiple of every period
    service = (forward + backward) * MS
    assert measured == pytest.approx(min(mak / (4 * service), 1 / service), rel=1e-9)


@pytest.mark.parametrize("mak", range(1, 7))
def test_18_training_is_bounded_by_the_slowest_stage(mak: int) -> None:
    """Backward goes first, so unequal stages may stay below min(N / sum S, 1 / max S), but never above."""
    services = [(MS, MS), (MS, 2 * MS), (2 * MS, 4 * MS), (MS, MS)]
    done = completions(simulate(chain_job(4, 120, max_active_keys=mak), chain_system(services), 4))
    bound = min(mak / (13 * MS), 1 / (6 * MS))
    measured = 60 / (done[99] - done[39])
    assert measured <= bound * (1 + 1e-9)
    if mak == 1 or mak >= 4:
        assert measured == pytest.approx(bound, rel=1e-9)


class Exponential(ChipCost):
    """Layers take an exponential time, all else none."""

    def draw_from(self, rng: np.random.Generator) -> Exponential:
        """By these random numbers, of mean 1 s."""
        self.rng = rng
        return self

    def chip_time(self, parts: Iterable[Any], messages: int = 0, held: int = 0, woken: bool = False) -> int:
        layer = any(part.operation.startswith("Linear") for part in parts)
        return int(self.rng.exponential(FS)) if layer else 0


@pytest.mark.parametrize("tokens, expected", [(1, 1 / 4), (4, 4 / 7), (9, 9 / 12)])
def test_18_exponential_tasks_on_a_real_graph(tokens: int, expected: float) -> None:
    """X = N / ((N + K - 1) S): K = 4, S = 1 s; N = 4: 0.571429. 3 sigma of 1,900 instances."""
    simulation = passes([1.0] * 4, tokens, 2000)
    rng = np.random.default_rng(11)
    for unit, kind in zip(simulation.units, simulation.system.chip_kinds, strict=True):
        unit.cost = Exponential(kind).draw_from(rng)
    done = completions(simulation.run())
    assert 1900 / (done[-1] - done[99]) == pytest.approx(expected, rel=3 / np.sqrt(1900))


# -- 19: conservation, and the laws of utilization and of Little, from the tables of a run -----------------------------

JOBS: list[Callable[..., Job]] = [testing.mlp, testing.diamond, testing.rnn, testing.regroup]
DIRECT = {"bandwidth": 2e8, "latency": 3e-6}


def some_run(make: Callable[..., Job], mak: int, batch: int, kind: str = "line") -> Run:
    """A job on three chips that are linked somehow."""
    job = make(max_active_keys=mak, max_batch=batch, min_update_frequency=2)
    hardware = chain_system([(MS, MS)] * 3, links=DIRECT, task_overhead=2e-6, topology={"kind": kind})
    return SimBackend(hardware).execute(Plan(job, 3, mode="shapes"))


some = given(st.sampled_from(JOBS), st.integers(1, 7), st.integers(1, 4), st.sampled_from(["line", "ring", "full"]))


@settings(max_examples=10)
@some
def test_19_bytes_on_links_are_bytes_times_hops(make: Callable[..., Job], mak: int, batch: int, kind: str) -> None:
    """Sum over links = sum over parcels of bytes times hops, exactly; both ways of counting come from other tables."""
    run = some_run(make, mak, batch, kind)
    hardware = System.from_dict(run.config["run"]["system"])
    messages, tasks, links = run.tables["messages"], run.tables["tasks"], run.tables["links"]
    source, destination = messages["source"], tasks["worker"][messages["task"]]
    hops = np.array([[len(hardware.paths.find(a, b)) for b in range(3)] for a in range(3)])
    between = source >= 0
    moved = (messages["bytes"] * hops[source, destination])[between].sum()
    own = (links["source"] >= 0) & (links["destination"] >= 0)
    assert links["bytes"][own].sum() == moved > 0


@settings(max_examples=10)
@some
def test_19_utilization_law(make: Callable[..., Job], mak: int, batch: int, kind: str) -> None:
    """U = X S at every chip: tasks a second times their mean length; at every link: bytes a second over bandwidth."""
    run = some_run(make, mak, batch, kind)
    tasks, makespan = run.tables["tasks"], run.makespan
    for worker, utilization in enumerate(run.summary["utilization"]):
        own = tasks["worker"] == worker
        if not own.any():
            assert utilization == 0
            continue
        rate, service = own.sum() / makespan, (tasks["end"] - tasks["start"])[own].mean()
        assert utilization == pytest.approx(rate * service, rel=1e-9)
    links = run.tables["links"]
    for link in np.unique(links["link"][links["source"] >= 0]):
        own = (links["link"] == link) & (links["source"] >= 0) & (links["destination"] >= 0)
        busy = (links["end"] - links["start"])[own].sum()
        assert busy == pytest.approx(links["bytes"][own].sum() / 2e8, rel=1e-9)


def mean_number(begin: Any, end: Any, until: float) -> float:
    """The mean number present from 0 to ``until``: the area under the steps up and down."""
    times = np.concatenate([begin, end])
    change = np.concatenate([np.ones(len(begin)), -np.ones(len(end))])
    order = np.argsort(times, kind="stable")
    present = np.cumsum(change[order])
    width = np.diff(np.append(times[order], until))
    return float((present * width).sum() / until)


@settings(max_examples=10)
@some
def test_19_littles_law(make: Callable[..., Job], mak: int, batch: int, kind: str) -> None:
    """L = X W, of instances in flight and of the messages at each chip; L is the area under a curve of steps."""
    run = some_run(make, mak, batch, kind)
    instances, messages, tasks = (run.tables[name] for name in ("instances", "messages", "tasks"))
    pairs = [(instances["admitted"], instances["completed"])]
    end, worker = tasks["end"][messages["task"]], tasks["worker"][messages["task"]]
    pairs += [(messages["arrived"][worker == w], end[worker == w]) for w in np.unique(worker)]
    for begin, left in pairs:
        number = mean_number(begin, left, run.makespan)
        assert number == pytest.approx(len(begin) / run.makespan * (left - begin).mean(), rel=1e-9)
    assert 0 < mean_number(*pairs[0], run.makespan) <= mak
