"""A study says exactly what is varied; what is wrong is said with line and path, before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ampsim.errors import ConfigError
from ampsim.studies.point import key_of, override, resolve
from ampsim.studies.study import load_study, study_of
from tests.studies.grids import STUDY, YAML, written


def test_points_are_every_combination_and_the_last_name_varies_fastest() -> None:
    study = study_of(STUDY)
    varied = [tuple(values.values()) for values, _ in study.points()]
    assert study.size == len(varied) == 8
    assert varied[:3] == [(1, 1, "1 Gbit/s"), (1, 1, 1e9), (1, 2, "1 Gbit/s")]


def test_a_point_is_a_job_and_a_system() -> None:
    study = study_of({**STUDY, "speedup": {"chip": 2}, "overrides": {"chips[*].tile": [1, 1, 1]}})
    job, system, _ = resolve(study.point({"training.max_active_keys": 4, "system.links.bandwidth": "1 Gbit/s"}))
    assert job.training.max_active_keys == 4
    assert system.links.bandwidth == 1.25e8
    assert system.chips[0].tile == (1, 1, 1)
    assert system.chips[0].matmul == 2e12


def test_points_that_come_to_the_same_have_one_key_and_others_have_not() -> None:
    study = study_of(STUDY)
    keys = {key_of(point) for _, point in study.points()}
    assert len(keys) == 8
    same = study_of({**STUDY, "grid": {"speedup.link": [1, 2], "system.links.bandwidth": ["1 Gbit/s", 1.25e8]}})
    assert len({key_of(point) for _, point in same.points()}) == 2


def test_files_are_found_beside_the_study(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("workload: mlp\noptions: {data: none}\n")
    study = load_study(written(tmp_path, "job: mine.yaml\nsystem: host\ngrid: {workers: [1, 2]}\n"))
    assert study.job == str(tmp_path / "mine.yaml")


def test_sections_of_a_system_can_be_varied_whole() -> None:
    study = study_of({**STUDY, "grid": {"system.topology": [{"kind": "ring"}, {"kind": "torus", "dims": [4, 4]}]}})
    assert [resolve(point).system.topology.__class__.__name__ for _, point in study.points()] == ["Ring", "Torus"]


def test_shapes_leave_out_a_target_that_only_came_with_the_job() -> None:
    study = study_of({**STUDY, "settings": {"options.data": "none"}})
    assert all(resolve(point).job.training.target is None for _, point in study.points())


WRONG = [
    ("job: mlp\n", "study.yaml:1", "missing required field `system`"),
    (YAML.replace("grid:", "grids:"), "study.yaml:4: grids", "unknown field 'grids'"),
    (YAML.replace("workers: [1, 2]", "workers: []"), "study.yaml:6: grid.workers", "length"),
    (YAML.replace("workers: [1, 2]", "worker: [1, 2]"), "study.yaml:6: grid.worker", "cannot be varied"),
    (YAML.replace("workers: [1, 2]", "workers: [1, 1]"), "study.yaml:6: grid.workers[1]", "repeated"),
    (YAML.replace("workers: [1, 2]", "workers: [1, many]"), "study.yaml:6: grid.workers[1]", "Expected `int"),
    (YAML.replace("[1, 4]", "[1, many]"), "study.yaml:5: grid['training.max_active_keys'][1]", "'many'"),
    (YAML.replace("workers: [1, 2]", "system.links.colour: [red]"), "study.yaml:6: grid", "unknown field"),
    (YAML.replace("workers: [1, 2]", "system.rods.bandwidth: [1]"), "study.yaml:6: grid", "no 'rods'"),
    (YAML.replace("workers: [1, 2]", "system.links.bandwidth: [1, 1 Gb/s]"), "study.yaml:6: grid", "no unit"),
    (YAML.replace("workers: [1, 2]", "speedup.rod: [1, 2]"), "study.yaml:6: grid", "no resource 'rod'"),
    (YAML.replace("workers: [1, 2]", "placement: [best]"), "study.yaml:6: grid", "placement"),
    (YAML.replace("workers: [1, 2]", "system: [fpga_ring_16, nowhere]"), "study.yaml:6: grid.system[1]", "nowhere"),
    (YAML.replace("job: mlp", "job: mpl"), "study.yaml:1: job", "no workload 'mpl'"),
    (YAML.replace("options.width", "options.depths"), "study.yaml:3: settings", "depths"),
    (YAML + "objectives: {throughput: max, colour: min}\n", "study.yaml:7: objectives.colour", "neither a scalar"),
    (YAML + "objectives: {throughput: max}\n", "study.yaml:7: objectives", "length"),
    (YAML + "mode: fast\n", "study.yaml:7: mode", "fast"),
    ("- a\n- b\n", "study.yaml:1", "a study is a mapping"),
]


@pytest.mark.parametrize("text,where,what", WRONG, ids=[f"{where} {what}" for _, where, what in WRONG])
def test_what_is_wrong_is_said_with_line_and_path(tmp_path: Path, text: str, where: str, what: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_study(written(tmp_path, text))
    assert where in str(error.value.where)
    assert what in error.value.what


def test_the_first_point_is_blamed_on_what_was_too_much_of_it(tmp_path: Path) -> None:
    text = YAML.replace("grid:", "overrides: {links.latency: 1 ns, links.bandwidth: much}\ngrid:")
    with pytest.raises(ConfigError, match="much") as error:
        load_study(written(tmp_path, text))
    assert "study.yaml:4: overrides['links.bandwidth']" in str(error.value.where)


def test_too_many_points_are_refused_before_they_are_counted_out() -> None:
    grid = {f"training.{name}": list(range(1, 1001)) for name in ("epochs", "max_active_keys", "max_batch")}
    with pytest.raises(ConfigError, match="more than 1,000,000"):
        study_of({**STUDY, "grid": grid})


@pytest.mark.parametrize("path", ["links", "chips[9].matmul", "chips[*]", "name.first", "links..x", "chips[x].matmul"])
def test_a_path_leads_somewhere_or_is_an_error(path: str) -> None:
    values = {"name": "a", "links": {"bandwidth": 1}, "chips": [{"matmul": 1}, {"matmul": 2}]}
    if path in ("links", "chips[*]"):
        override(values, path, {})
        assert values["links"] == {} or values["chips"] == [{}, {}]
    else:
        with pytest.raises(ConfigError):
            override(values, path, 3)
