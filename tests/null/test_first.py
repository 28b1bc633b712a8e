"""The first instances of a set are those of the whole, method by method."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import ampsim
from ampsim.ir.data import Dataset
from ampsim.ir.first import First
from ampsim.ir.nodes import Source

OWN = {"reference", "rebuild", "fingerprint"}  # what travels to another process; a part never does


def asked() -> list[str]:
    return [name for name in vars(Dataset) if not name.startswith("_") and name not in OWN]


def test_every_question_that_a_set_answers_is_passed_on() -> None:
    assert set(asked()) <= set(vars(First))
    for name in asked():
        assert inspect.signature(vars(First)[name]) == inspect.signature(vars(Dataset)[name])


@pytest.mark.parametrize("name", ["mlp", "list_reduction", "tree_lstm", "ggsnn_babi15", "ggsnn_qm9"])
def test_a_part_answers_as_the_whole(name: str) -> None:
    options: dict[str, Any] = {
        "mlp": {"data": "generated", "training": 500, "validation": 100},
        "list_reduction": {"lists": 500, "validation": 100},
        "tree_lstm": {"trees": 30, "validation": 5, "vocabulary": 200, "batch": 3},
        "ggsnn_babi15": {"questions": 60, "validation": 10},
        "ggsnn_qm9": {"data": "generated", "training": 80, "validation": 20},
    }
    job = ampsim.workload(name, **options[name])
    whole = job.data.load().training
    part = First(whole, 3)
    fields = [node.data_field for node in job.graph.nodes if isinstance(node, Source)]
    assert len(part) == 3
    for index in range(3):
        assert part.rows(index) == whole.rows(index)
        assert part.structure(index) is whole.structure(index) or part.structure(index) == whole.structure(index)
        for field in fields:
            assert part.states(field, index) == whole.states(field, index)
            assert part.message_rows(field, index) == whole.message_rows(field, index)
            assert part.spec(field, index) == whole.spec(field, index)
            assert np.array_equal(part.payload(field, index), whole.payload(field, index))


def test_no_more_than_there_is() -> None:
    whole = ampsim.workload("mlp", data="generated", training=200, validation=100).data.load().training
    assert len(First(whole, 10**9)) == len(whole)
