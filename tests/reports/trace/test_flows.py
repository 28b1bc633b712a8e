"""Arrows: who sent what to whom, and over which links."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from ampsim.reports.trace.arrows import arrows
from ampsim.reports.trace.blocks import BEGIN, END, STEP
from ampsim.reports.trace.flows import hops, parcels, senders
from ampsim.reports.trace.stream import Stream
from ampsim.result.run import Run
from tests.reports.trace.test_stream import RUNS
from tests.result.synthetic import make_run


@settings(max_examples=25)
@given(RUNS)
def test_the_sender_is_the_task_that_ended_when_the_message_was_sent_and_had_its_instance(run: Run) -> None:
    tasks, messages = run.tables["tasks"], run.tables["messages"]
    found = senders(run.tables)
    assert ((found < 0) == (messages["source"] < 0)).all()
    mine = np.flatnonzero(found >= 0)
    assert (tasks["worker"][found[mine]] == messages["source"][mine]).all()
    assert (tasks["end"][found[mine]] == messages["sent"][mine]).all()  # this scheduler sends at once
    first = {int(task): int(row) for row, task in reversed(list(enumerate(messages["task"].tolist())))}
    for row in mine:
        assert messages["state"][first[int(found[row])], 0] == messages["state"][row, 0]


def test_a_worker_that_went_on_before_it_sent_sent_for_the_task_with_that_instance() -> None:
    run = make_run(2, mak=2)
    tasks, messages = run.tables["tasks"], run.tables["messages"]
    wanted = senders(run.tables)
    for row in np.flatnonzero((wanted >= 0) & (tasks["kind"][messages["task"]] == 0)).tolist():
        later = tasks["start"][(tasks["worker"] == messages["source"][row]) & (tasks["start"] >= messages["sent"][row])]
        if len(later):
            messages["sent"][row] = later.min()  # another task may have ended there by now, of another instance
    assert (senders(run.tables) == wanted).all()


@settings(max_examples=25)
@given(RUNS)
def test_a_parcel_is_what_went_together_and_every_row_of_links_is_on_the_way_of_one(run: Run) -> None:
    tasks, messages, links = (run.tables[name] for name in ("tasks", "messages", "links"))
    found = parcels(run.tables, senders(run.tables))
    worker = tasks["worker"][messages["task"]]
    far = (messages["source"] >= 0) & (messages["source"] != worker)
    assert ((found.of_message >= 0) == far).all()
    assert found.bytes.sum() == messages["bytes"][far].sum()
    on = hops(run.tables, found, run.workers)
    assert len(on) == len(links["link"])
    assert sorted(on.tolist()) == list(range(len(found.sent)))  # one link from neighbour to neighbour
    for row, parcel in enumerate(on.tolist()):
        assert (links["source"][row], links["destination"][row]) == (found.source[parcel], found.destination[parcel])
        assert links["start"][row] == found.sent[parcel]
        assert links["end"][row] == found.arrived[parcel]


def test_a_parcel_that_no_task_took_leaves_its_pair_without_steps_but_not_the_others() -> None:
    run = make_run(3, instances=4, epochs=1)
    links = run.tables["links"]
    extra = {name: np.append(column, column[:1]) for name, column in links.items()}
    run.tables["links"] = extra
    found = parcels(run.tables, senders(run.tables))
    on = hops(run.tables, found, run.workers)
    pair = (extra["source"] == extra["source"][0]) & (extra["destination"] == extra["destination"][0])
    assert (on[pair] == -1).all()
    assert (on[~pair] >= 0).all()


@settings(max_examples=25)
@given(RUNS)
def test_every_arrow_leaves_a_task_crosses_links_and_ends_at_the_task_that_took(run: Run) -> None:
    stream = Stream(run)
    found = stream.arrows
    messages, sender = run.tables["messages"], senders(run.tables)
    wanted = {
        (int(sender[row]), int(messages["task"][row]))
        for row in np.flatnonzero(sender >= 0)
        if stream.tasks.begin[sender[row]] < stream.tasks.begin[messages["task"][row]]
    }
    ends: dict[int, dict[int, int]] = {}
    for task in range(len(stream.tasks.begin)):
        for place in range(found.tasks.first[task], found.tasks.last[task]):
            ends.setdefault(int(found.tasks.flow[place]), {})[int(found.tasks.role[place])] = task
    assert {(each[BEGIN], each[END]) for each in ends.values()} == wanted
    assert found.count == len(ends) == len(wanted)
    assert (found.links.role == STEP).all()
    tasks, links = run.tables["tasks"], run.tables["links"]
    for row in range(len(links["link"])):
        for flow in found.links.flow[found.links.first[row] : found.links.last[row]].tolist():
            assert tasks["worker"][ends[flow][BEGIN]] == links["source"][row]
            assert tasks["worker"][ends[flow][END]] == links["destination"][row]


def test_arrows_of_a_run_without_messages_are_none() -> None:
    run = make_run(1)
    for name, column in run.tables["messages"].items():
        run.tables["messages"][name] = column[:0]
    stream = Stream(run)
    assert arrows(run.tables, 1, stream.tasks, stream.links).count == 0
