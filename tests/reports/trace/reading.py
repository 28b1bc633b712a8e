"""Traces read back by themselves, without the code that wrote them, and judged strictly."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Slice:
    """One slice as a viewer would have it; times in ns."""

    begin: int
    end: int
    name: str
    facts: dict[str, Any]


@dataclass
class Trace:
    """Slices by (group, track, number of the track), levels by (group, name), ends of flows by number.

    An end of a flow is (time, what, track, place of its slice on that track).
    """

    slices: dict[tuple[str, str, int], list[Slice]] = field(default_factory=dict)
    levels: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)
    flows: dict[int, list[tuple[int, str, tuple[str, str, int], int]]] = field(default_factory=dict)

    @property
    def names(self) -> set[tuple[str, str]]:
        """Groups with the names of their tracks and counters."""
        return {key[:2] for key in self.slices} | set(self.levels)

    def of(self, ending: str) -> list[Slice]:
        """All slices of the tracks whose names end so."""
        return [found for key, track in self.slices.items() if key[1].endswith(ending) for found in track]


def read(path: Path) -> Trace:
    """A trace of either format, by its name."""
    if path.name.endswith(".perfetto-trace"):
        return read_perfetto(path)
    data = path.read_bytes()
    return read_chrome(gzip.decompress(data) if path.suffix == ".gz" else data)


def read_chrome(data: bytes) -> Trace:
    """Every event has the fields of its kind and no other; processes and threads are named once, before their use."""
    document = json.loads(data, parse_constant=_refuse)
    assert set(document) == {"displayTimeUnit", "otherData", "traceEvents"}
    groups: dict[int, str] = {}
    tracks: dict[int, tuple[str, str, int]] = {}
    trace = Trace()
    ends = []
    for event in document["traceEvents"]:
        kind = event["ph"]
        if kind == "M":
            assert set(event) == {"ph", "pid", "tid", "name", "args"}
            if event["name"] == "process_name":
                assert event["pid"] not in groups
                groups[event["pid"]] = event["args"]["name"]
            elif event["name"] == "thread_name":
                assert event["tid"] not in tracks
                tracks[event["tid"]] = (groups[event["pid"]], event["args"]["name"], event["tid"])
                trace.slices[tracks[event["tid"]]] = []
        elif kind == "X":
            assert set(event) == {"ph", "pid", "tid", "ts", "dur", "name", "cat", "args"}
            begin, length = _ns(event["ts"]), _ns(event["dur"])
            assert length >= 0
            assert groups[event["pid"]] == tracks[event["tid"]][0]
            found = Slice(begin, begin + length, event["name"], event["args"])
            trace.slices[tracks[event["tid"]]].append(found)
        elif kind == "C":
            assert set(event) == {"ph", "pid", "ts", "name", "args"}
            for series, value in event["args"].items():
                key = (groups[event["pid"]], f"{event['name']} {series}")
                trace.levels.setdefault(key, []).append((_ns(event["ts"]), value))
        else:
            assert kind in "stf"
            assert set(event) == {"ph", "pid", "tid", "ts", "id", "name", "cat", "bp"}
            track = tracks[event["tid"]]
            ends.append((event["id"], _ns(event["ts"]), kind, track, len(trace.slices[track]) - 1))
    for flow, *end in ends:
        trace.flows.setdefault(flow, []).append((end[0], end[1], end[2], end[3]))
    return trace


def _refuse(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


def _ns(microseconds: float) -> int:
    """As readers do: times 1000, and what is behind the point cut off; it has to be nothing but rounding."""
    whole = int(microseconds * 1000)
    assert abs(microseconds * 1000 - whole) < 1e-3
    return whole


def read_perfetto(path: Path) -> Trace:
    """Every name is known before it is used, every begin has its end."""
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace as Message
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import TrackEvent

    message = Message()
    message.ParseFromString(path.read_bytes())
    known: dict[str, dict[int, str]] = {"event_names": {}, "event_categories": {}, "debug_annotation_names": {}}
    groups: dict[int, str] = {}
    tracks: dict[int, tuple[str, str, int]] = {}
    counters: dict[int, tuple[str, str]] = {}
    open_: dict[int, list[int]] = {}
    trace = Trace()
    for packet in message.packet:
        for kind, table in known.items():
            for entry in getattr(packet.interned_data, kind):
                assert entry.iid not in table
                table[entry.iid] = entry.name
        if packet.HasField("track_descriptor"):
            found = packet.track_descriptor
            assert found.uuid not in {*groups, *tracks, *counters}
            if not found.HasField("parent_uuid"):
                groups[found.uuid] = found.name
            elif found.HasField("counter"):
                counters[found.uuid] = (groups[found.parent_uuid], found.name)
                trace.levels[counters[found.uuid]] = []
            else:
                tracks[found.uuid] = (groups[found.parent_uuid], found.name, found.uuid)
                trace.slices[tracks[found.uuid]] = []
        if not packet.HasField("track_event"):
            continue
        event, time = packet.track_event, packet.timestamp
        if event.type == TrackEvent.TYPE_COUNTER:
            trace.levels[counters[event.track_uuid]].append((time, event.counter_value))
            continue
        track = tracks[event.track_uuid]
        if event.type == TrackEvent.TYPE_SLICE_END:
            trace.slices[track][open_[event.track_uuid].pop()].end = time
            continue
        assert event.type == TrackEvent.TYPE_SLICE_BEGIN
        assert [known["event_categories"][iid] for iid in event.category_iids]
        facts = {
            known["debug_annotation_names"][one.name_iid]: getattr(one, str(one.WhichOneof("value")))
            for one in event.debug_annotations
        }
        open_.setdefault(event.track_uuid, []).append(len(trace.slices[track]))
        trace.slices[track].append(Slice(time, -1, known["event_names"][event.name_iid], facts))
        place = len(trace.slices[track]) - 1
        for flow in event.flow_ids:
            trace.flows.setdefault(flow, []).append((time, "out", track, place))
        for flow in event.terminating_flow_ids:
            trace.flows.setdefault(flow, []).append((time, "f", track, place))
    assert not any(open_.values())
    return trace


def check(trace: Trace) -> None:
    """Slices of a track are nested or disjoint and in order; levels change; flows go from slice to slice, forward."""
    for slices in trace.slices.values():
        open_: list[int] = []
        before = None
        for found in slices:
            assert before is None or before <= found.begin <= found.end
            before = found.begin
            while open_ and open_[-1] <= found.begin:
                open_.pop()
            assert not open_ or found.end <= open_[-1]
            open_.append(found.end)
    for series in trace.levels.values():
        times = [time for time, _ in series]
        assert times == sorted(set(times))
    for ends in trace.flows.values():
        ends.sort(key=lambda end: (end[0], end[1] == "f"))
        assert [end[1] for end in ends].count("f") == 1 == [end[1] == "f" for end in ends[-1:]].count(True)
        assert len(ends) >= 2
        for time, _, track, place in ends:
            found = trace.slices[track][place]
            assert found.begin <= time <= found.end
        begins = [trace.slices[track][place].begin for _, _, track, place in ends]
        assert begins == sorted(set(begins))
