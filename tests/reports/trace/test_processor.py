"""What the trace processor of Perfetto makes of our traces is what we put in, and it finds nothing to complain of."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from ampsim.reports.trace import write
from tests.reports.trace.processor import Processor, missing
from tests.reports.trace.reading import Trace, read
from tests.result.synthetic import make_run

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "it is there")

TRACKS = """
select s.id, s.ts, s.dur, s.name, s.depth, s.track_id, coalesce(thread.name, track.name) as track
from slice s join track on track.id = s.track_id
left join thread_track on thread_track.id = s.track_id left join thread using (utid) order by s.ts, s.depth
"""
COMPLAINTS = "select name, value from stats where value > 0 and severity in ('error', 'data_loss')"


@pytest.mark.parametrize("name", ["x.json", "x.json.gz", "x.perfetto-trace"])
def test_it_reads_what_was_written(tmp_path: Path, name: str) -> None:
    run = make_run(3, latency=6000, compute=1000)
    path = write(run, tmp_path / name).path
    ours = read(path)
    with Processor(path) as theirs:
        assert theirs.query(COMPLAINTS) == []
        rows = theirs.query(TRACKS)
        assert sorted((row["track"], row["ts"], row["dur"], row["name"]) for row in rows) == sorted(
            (track[1], found.begin, found.end - found.begin, found.name)
            for track, slices in ours.slices.items()
            for found in slices
        )
        assert {row["depth"] for row in rows if row["track"] != "segments"} == {0}
        assert {row["depth"] for row in rows if row["track"] == "segments"} == {0, 1, 2}
        _same_flows(theirs, ours, {row["id"]: (row["track"], row["ts"], row["name"]) for row in rows})
        _same_levels(theirs, ours)
        facts = theirs.query(
            "select sum(extract_arg(arg_set_id, 'debug.rows') + extract_arg(arg_set_id, 'args.rows')) as both, "
            "sum(coalesce(extract_arg(arg_set_id, 'debug.rows'), extract_arg(arg_set_id, 'args.rows'))) as rows "
            "from slice"
        )
        assert facts[0]["rows"] == run.tables["tasks"]["rows"].sum()


def _same_flows(theirs: Processor, ours: Trace, slices: dict[int, tuple[str, int, str]]) -> None:
    rows = theirs.query("select slice_out, slice_in from flow")
    found = sorted((slices[row["slice_out"]], slices[row["slice_in"]]) for row in rows)
    wanted: list[tuple[tuple[str, int, str], tuple[str, int, str]]] = []
    for ends in ours.flows.values():
        places = [(track[1], ours.slices[track][place]) for _, _, track, place in sorted(ends, key=lambda end: end[0])]
        keys = [(track, one.begin, one.name) for track, one in places]
        wanted += pairwise(keys)
    assert found == sorted(wanted)


def _same_levels(theirs: Processor, ours: Trace) -> None:
    rows = theirs.query("select t.name, c.ts, c.value from counter c join track t on t.id = c.track_id")
    found = sorted((row["name"], row["ts"], row["value"]) for row in rows)
    wanted = sorted((name, time, float(level)) for (_, name), series in ours.levels.items() for time, level in series)
    assert found == wanted


def test_it_is_no_yes_man(tmp_path: Path) -> None:
    """Slices that overlap are an error to it, so its silence about ours says something."""
    path = tmp_path / "bad.json"
    path.write_text(
        '[{"ph":"X","pid":1,"tid":2,"ts":1,"dur":5,"name":"a"},{"ph":"X","pid":1,"tid":2,"ts":3,"dur":5,"name":"b"}]'
    )
    with Processor(path) as theirs:
        assert theirs.query(COMPLAINTS) or len(theirs.query("select * from slice")) < 2
