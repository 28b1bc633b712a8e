"""The writers: the same trace in every format, whole or not at all."""

from __future__ import annotations

import gzip
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.errors import RunError, UsageError
from ampsim.reports.trace import chrome, write
from ampsim.reports.trace.chrome import microseconds, whole
from tests.reports.trace.reading import Trace, check, read
from tests.reports.trace.test_stream import RUNS
from tests.result.synthetic import make_run

FORMATS = ("x.json", "x.json.gz", "x.perfetto-trace")
HOSTILE = ("</script>", 'quotes " and \\', "\u202eright to left", "\ud800 alone", "\0", "x" * 10_000, "π ± ✓")


def same(a: Trace, b: Trace) -> None:
    assert a.names == b.names
    assert [key[:2] for key in a.slices] == [key[:2] for key in b.slices]
    assert list(a.slices.values()) == list(b.slices.values())
    for key, series in a.levels.items():
        changes = [now for before, now in zip([(0, None), *series], series, strict=False) if now[1] != before[1]]
        assert changes == [now for before, now in zip([(0, None), *b.levels[key]], b.levels[key], strict=False)
                           if now[1] != before[1]]  # fmt: skip


def test_every_format_holds_the_same_and_stands_before_a_strict_reader(tmp_path: Path) -> None:
    run = make_run(3, latency=6000)
    found = []
    for name in FORMATS:
        written = write(run, tmp_path / name)
        found.append(read(written.path))
        check(found[-1])
        assert written.bytes == (tmp_path / name).stat().st_size
        assert written.counts["slices"] == sum(len(track) for track in found[-1].slices.values())
        assert written.counts["flows"] == len(found[-1].flows)
    for other in found[1:]:
        same(found[0], other)
    for flow, ends in found[0].flows.items():
        assert [(end[2][:2], end[3]) for end in ends] == [(end[2][:2], end[3]) for end in found[2].flows[flow]]
    assert max(len(ends) for ends in found[0].flows.values()) == 3  # task, link, task


@settings(max_examples=25)
@given(RUNS)
def test_slices_nest_and_arrows_end_inside_slices_in_any_run(tmp_path_factory: pytest.TempPathFactory, run) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("trace")
    traces = [read(write(run, folder / name).path) for name in ("x.json", "x.perfetto-trace")]
    for trace in traces:
        check(trace)
    same(*traces)


def test_runs_of_both_backends_have_the_same_tracks(tmp_path: Path) -> None:
    names = []
    for backend in ("runtime", "sim"):
        for suffix in ("json", "perfetto-trace"):
            run = make_run(2, backend=backend, compute=100 if backend == "sim" else 5000)
            names.append(read(write(run, tmp_path / f"{backend}.{suffix}").path).names)
    assert all(found == names[0] for found in names)
    assert ("chip0", "chip0 tasks") in names[0]
    assert ("links", "chip0 -> chip1") in names[0]
    assert ("controller", "instances in flight") in names[0]


def test_the_same_run_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in FORMATS:
        data = []
        for _ in range(2):
            write(make_run(2), tmp_path / name)
            data.append((tmp_path / name).read_bytes())
        assert data[0] == data[1]
    assert gzip.decompress((tmp_path / "x.json.gz").read_bytes()) == (tmp_path / "x.json").read_bytes()


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", FORMATS)
def test_names_may_hold_anything(tmp_path: Path, name: str, hostile: str) -> None:
    trace = read(write(make_run(2, names=lambda text: f"{text} {hostile}"), tmp_path / name).path)
    check(trace)
    for group, title in trace.names:
        assert "\u202e" not in group + title
        assert len(title) < 200


@pytest.mark.parametrize("name", FORMATS)
def test_a_trace_is_replaced_whole_or_not_at_all(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / name
    target.write_bytes(b"older")
    run = make_run(2)
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", _full)
        with pytest.raises(RunError, match="cannot write: No space left"):
            write(run, target)
    assert target.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [target]
    write(run, target)
    check(read(target))
    assert list(tmp_path.iterdir()) == [target]


def _full(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_what_is_no_place_for_a_trace_is_refused(tmp_path: Path) -> None:
    run = make_run(1)
    for name in ("x.txt", "x", "json", "x.jsonl"):
        with pytest.raises(UsageError, match="no trace is called"):
            write(run, tmp_path / name)
    with pytest.raises(UsageError, match="is no folder"):
        write(run, tmp_path / "missing" / "x.json")
    (tmp_path / "there.json").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        write(run, tmp_path / "there.json")
    assert [path.name for path in tmp_path.iterdir()] == ["there.json"]


def test_without_its_package_perfetto_names_the_extra_and_chrome_needs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "perfetto"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "perfetto", None)
    with pytest.raises(UsageError, match="needs the package perfetto") as refused:
        write(make_run(1), tmp_path / "x.perfetto-trace")
    assert "ampsim[trace]" in str(refused.value)
    assert not list(tmp_path.iterdir())
    write(make_run(1), tmp_path / "x.json")


def test_chrome_says_what_the_run_was(tmp_path: Path) -> None:
    found = json.loads(write(make_run(2), tmp_path / "x.json").path.read_bytes())
    assert found["otherData"] == {"job": "pipeline", "backend": "sim", "mode": "numeric", "workers": 2}
    assert found["displayTimeUnit"] == "ns"


def test_blocks_larger_than_a_batch_are_written_in_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(2)
    write(run, tmp_path / "one.json")
    monkeypatch.setattr(chrome, "BATCH", 7)
    write(run, tmp_path / "many.json")
    assert json.loads((tmp_path / "one.json").read_bytes()) == json.loads((tmp_path / "many.json").read_bytes())


@given(st.lists(st.integers(0, 10**15)))
def test_microseconds_give_their_nanoseconds_back_to_who_rounds_and_to_who_cuts_off(times: list[int]) -> None:
    found = microseconds(np.asarray(times, np.int64))
    assert [int(value * 1000) for value in found] == times
    assert [round(value * 1000) for value in found] == times
    assert all(math.isclose(value, time / 1000, rel_tol=1e-15) for value, time in zip(found, times, strict=True))


def test_facts_are_json_whatever_they_are() -> None:
    assert whole(np.asarray([2.0, 0.5, np.inf, 1e300])) == [2, 0.5, "inf", 1e300]
    assert whole(np.asarray([1, 2], np.int8)) == [1, 2]
