"""The run as an object: its scalars, how it shows itself, its report, its provenance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ampsim.errors import UsageError
from ampsim.result import notebook
from ampsim.result import run as run_module
from ampsim.result.checks import check
from ampsim.result.plain import canonical, decode, encode
from ampsim.result.provenance import config_hash, provenance
from ampsim.result.run import Run, register_renderer
from ampsim.result.schema import TABLES, TIMES, empty_tables
from tests.result.synthetic import make_run


def test_the_usual_scalars_are_properties() -> None:
    run = make_run(2)
    assert (run.job, run.backend, run.mode, run.workers) == ("pipeline", "sim", "numeric", 2)
    assert run.makespan == run.summary["makespan"] > 0
    assert run.throughput == run.summary["throughput"]
    assert len(run.utilization) == 2
    assert [row["epoch"] for row in run.epochs] == [0, 1, 2]
    assert run.time_to_target == run.summary["time_to_target"]
    assert "pipeline" in repr(run)


def test_without_reports_a_notebook_shows_names_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "_displays", [])
    page = make_run(names=lambda name: f"<script>alert('{name}')</script>")._repr_html_()
    assert "<script" not in page
    assert "makespan" in page


def test_a_run_without_a_clock_shows_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "_displays", [])
    run = make_run()
    run.summary |= {"throughput": None, "utilization": [None, None], "makespan": 0.0, "epochs": []}
    assert "–" in run._repr_html_()
    assert run._repr_mimebundle_() == {"text/plain": repr(run), "text/html": run._repr_html_()}


def test_figures_need_what_draws_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "_displays", [])
    for ask in (make_run().figures, lambda: make_run().figure("utilization")):
        with pytest.raises(UsageError, match="nothing is registered"):
            ask()


def test_a_report_needs_a_renderer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "_renderers", [])
    run = make_run()
    with pytest.raises(UsageError, match="no renderer"):
        run.report(tmp_path / "page.html")
    seen: list[object] = []

    def renderer(runs: Sequence[Run], path: Path) -> None:
        seen.extend((*runs, path))

    register_renderer(renderer)
    assert run.report(tmp_path / "page.html") == tmp_path / "page.html"
    assert seen == [run, tmp_path / "page.html"]


def test_provenance_says_what_is_needed_to_do_it_again() -> None:
    config = {"run": {"start_method": "spawn"}, "x": [1, 2.5]}
    found = provenance(config, 7)
    assert found["versions"]["ampsim"]
    assert found["versions"]["numpy"]
    assert (found["seed"], found["start_method"]) == (7, "spawn")
    assert found["host"]["cores"] >= 1
    assert found["utc"].endswith("+00:00")
    assert found["blas"] == [] or {"name", "version", "core_type", "threads"} == set(found["blas"][0])
    assert decode(encode(found)) == found


def test_the_hash_of_a_configuration_does_not_depend_on_order() -> None:
    assert config_hash({"a": 1, "b": [2.0]}) == config_hash({"b": (2.0,), "a": 1})
    assert config_hash({"a": 1}) != config_hash({"a": 1.5})
    assert canonical({"b": float("inf"), "a": None}) == b'{"a":null,"b":{"$float":"inf"}}'


def test_json_keeps_what_json_cannot_hold() -> None:
    value = {"x": [float("inf"), float("-inf"), 1e308, -0.0, 2**53 + 1, "\u202e</script>"], "y": {}}
    assert decode(encode(value)) == value
    for bad in ({"$float": 1.0}, {1: 2}, {"x": {1, 2}}, {"x": "\ud800"}, object()):
        with pytest.raises(UsageError):
            encode(bad)
    for raw in (b'{"$float": "1e5"}', b'{"$float": "inf", "x": 1}', b"[" * 10**6, b"nan"):
        with pytest.raises(ValueError, match=r"JSON|float"):
            decode(raw)


def test_the_schema_is_well_formed() -> None:
    check(empty_tables())
    for name, columns in TABLES.items():
        assert len({column.name for column in columns}) == len(columns), name
        assert all(column.meaning for column in columns)
    assert TIMES["messages"] == ("sent", "arrived")


@pytest.mark.parametrize("table, column, value", [("tasks", "start", float("nan")), ("messages", "task", 10**9)])
def test_a_column_that_lies_is_refused(table: str, column: str, value: float) -> None:
    run = make_run()
    run.tables[table][column][0] = value
    with pytest.raises(UsageError) as error:
        check(run.tables)
    assert error.value.where == f"{table}.{column}"


def test_missing_and_unknown_columns_are_refused() -> None:
    tables = empty_tables()
    del tables["tasks"]["rows"]
    with pytest.raises(UsageError, match="rows"):
        check(tables)
    tables = empty_tables() | {"more": {}}
    with pytest.raises(UsageError, match="more"):
        check(tables)
