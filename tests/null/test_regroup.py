"""Group, Ungroup and Flatmap in whole jobs: the form of the messages changes nothing that is computed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ampsim.engine.assemble import replay_order
from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.errors import GraphError, RunError, Stalled
from ampsim.ir.graph import Graph
from ampsim.ir.message import State
from ampsim.ir.nodes import Group, Source
from ampsim.ir.rows import Rows
from ampsim.ir.verify import verify
from ampsim.job import Job
from ampsim.result.run import Run
from ampsim.testing import bag, bags, items
from tests.null.bags import all_into_one, job, steps

FORMS = ("whole", "items", "stacked", "halves")
ONE_BY_ONE: dict[str, Any] = {"epochs": 2, "update": "instance", "gradient": "sum"}


def execute(made: Job, workers: int = 2, **settings: Any) -> Run:
    return NullBackend().execute(Plan(made, workers, **settings))


def distance(a: Run, b: Run) -> float:
    return max(float(np.abs(a.final[name] - b.final[name]).max()) for name in a.final)


@pytest.mark.parametrize("form", FORMS[1:])
@pytest.mark.parametrize("settings", [{}, {"max_batch": 64}, {"max_batch": 64, "max_active_keys": 4}], ids=str)
def test_all_forms_of_one_model_train_alike(form: str, settings: dict[str, Any]) -> None:
    wanted = execute(job("whole", **ONE_BY_ONE, **settings))
    assert distance(execute(job(form, **ONE_BY_ONE, **settings)), wanted) < 1e-5


def test_copies_of_a_message_add_up_their_gradients() -> None:
    """Three copies added count three times: the model of ``thrice`` is that of ``whole`` with the sum times three."""
    once, thrice = (execute(job(form, **{**ONE_BY_ONE, "epochs": 1}, shuffle=False)) for form in ("whole", "thrice"))
    first = [run.tables["metrics"]["loss"][0] for run in (once, thrice)]
    data = bags()[0]
    x = data.payload("x", 0)
    for factor, loss in zip((1, 3), first, strict=True):
        inner = np.tanh(x @ once.initial["inner/W"]).sum(axis=0) * factor
        scores = np.maximum(inner, 0) @ once.initial["top/W"]
        wanted = -scores[data.payload("labels", 0)[0]] + np.log(np.exp(scores).sum())
        assert loss == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("make", [lambda **t: job("thrice", **t), steps], ids=["thrice", "steps"])
def test_gradients_are_those_of_finite_differences(make: Any) -> None:
    """One step of SGD from one instance, against the loss nudged in every weight."""
    made = make(epochs=1, update="instance", gradient="sum", shuffle=False, options={"instances": 1, "seed": 3})
    trained = execute(made)

    def loss(values: dict[str, np.ndarray]) -> float:
        nested: dict[str, dict[str, np.ndarray]] = {}
        for path, value in values.items():
            node, _, name = path.rpartition("/")
            nested.setdefault(node, {})[name] = value
        run = NullBackend().execute(Plan(made, values=nested))
        return float(run.tables["metrics"]["loss"][run.tables["metrics"]["training"]].sum())

    rate, step = made.training.optimizer.rate, 1e-2
    for path, value in trained.initial.items():
        gradient = (value - trained.final[path]) / rate
        for at in list(np.ndindex(value.shape))[:4]:
            sides = []
            for sign in (1, -1):
                moved = {name: array.copy() for name, array in trained.initial.items()}
                moved[path][at] += sign * step
                sides.append(loss(moved))
            assert gradient[at] == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=2e-3, rel=2e-2), path


@pytest.mark.parametrize("form", ["items", "halves", "thrice", "steps"])
def test_shapes_walk_the_same_path_and_replay_gives_the_same_bits(form: str) -> None:
    settings: dict[str, Any] = {"epochs": 2, "max_active_keys": 4, "max_batch": 8, "min_update_frequency": 3}
    made = steps(**settings) if form == "steps" else job(form, **settings)
    run = execute(made)
    shapes = execute(made, mode="shapes")
    for column in ("edge", "direction", "messages", "bytes"):
        np.testing.assert_array_equal(run.tables["edges"][column], shapes.tables["edges"][column])
    again = NullBackend().execute(replace(Plan(made, 2), order=replay_order(run)))
    assert distance(run, again) == 0


def test_a_group_is_one_task_for_many_instances() -> None:
    run = execute(job("items", epochs=1, max_active_keys=12, max_batch=64), workers=1)
    tasks, node = run.tables["tasks"], run.summary["nodes"].index("sum")
    forward = (tasks["node"] == node) & (tasks["kind"] == 0)
    assert tasks["rows"][forward].max() > 5, "no more rows than one bag can have"


def members_too_many(state: State, size: int) -> list[State]:
    """One more than will ever come."""
    return [*items(state, size), (state[0], size)]


def members_unknown(state: State, size: int) -> list[State]:
    """None of those that come."""
    return [(state[0], i + 100) for i in range(size)]


def rows_of_another(state: State, size: int) -> Rows:
    """Of a bag with one row more."""
    return all_into_one(state, size + 1)


def broken(**changes: Any) -> Job:
    made = job("items", epochs=1)
    group = next(node for node in made.graph.nodes if isinstance(node, Group))
    for name, value in changes.items():
        setattr(group, name, value)
    return made


def here(name: str) -> str:
    return f"{__name__}:{name}"


def test_a_group_that_never_completes_is_named_with_what_it_misses() -> None:
    with pytest.raises(Stalled, match=r"sum misses a forward message on in for \(0, "):
        execute(broken(members=here("members_too_many")), workers=1)


def test_a_message_that_is_no_member_is_an_error() -> None:
    with pytest.raises(RunError, match="which is no member of group"):
        execute(broken(members=here("members_unknown")), workers=1)


def test_rows_that_do_not_fit_are_an_error() -> None:
    with pytest.raises(RunError, match="its Rows say"):
        execute(broken(rows=here("rows_of_another")), workers=1)
    made = job("halves", epochs=1)
    made.graph.nodes[made.graph.index("halves")].rows = here("rows_of_another")  # type: ignore[attr-defined]
    with pytest.raises(RunError, match="tell of 1 messages"):
        execute(made, workers=1)


def test_rows_that_do_not_fold_are_an_error() -> None:
    made = broken(rows="", fold=7)
    made.graph.nodes[made.graph.index("top")].width_in = 28  # type: ignore[attr-defined]
    with pytest.raises(RunError, match="side by side in groups of 7"):
        execute(made, workers=1)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"fold": 0}, "Group.fold is 0"),
        ({"into": ""}, "is not of the form 'module:name'"),
        ({"members": "tests.null.bags:nothing"}, "cannot be imported"),
        ({"key": bag}, "leave key out"),
    ],
    ids=["fold", "into", "members", "key"],
)
def test_verify_names_what_is_wrong(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(GraphError) as caught:
        verify(broken(**changes).graph)
    assert any(said in line for line in caught.value.violations), caught.value.violations


def test_the_json_form_gives_the_same_graph() -> None:
    for form in (*FORMS, "thrice"):
        graph = job(form).graph
        assert Graph.from_dict(graph.to_dict()).to_dict() == graph.to_dict()
    assert isinstance(graph.nodes[0], Source)
