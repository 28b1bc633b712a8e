"""The sheet says of every case what was predicted and measured, and of every rule whether it held."""

from __future__ import annotations

import csv
import io
import json

import msgspec
import pytest

from ampsim.studies.validate.items import Item
from ampsim.studies.validate.load import suite_of
from ampsim.studies.validate.measure import Record
from ampsim.studies.validate.sheet import COLUMNS, Sheet, csv_text, plain, sheet, table, text
from tests.studies.made_up import SUITE, an_item, records, says


def made(*, repeats: int = 3) -> Sheet:
    good, wide, broken = an_item("good"), an_item("wide"), an_item("broken")
    memory, learning = an_item("large", "memory"), an_item("seeds", "learning")
    intervals = {"throughput": (1900.0, 2200.0), "makespan": (0.1, 0.2)}
    found = records(good, [(says(2100, intervals=intervals), says(v)) for v in (1990, 2000, 2010)], disturbed=True)
    found += records(wide, [(says(100), says(v)) for v in (50, 100, 150)])
    found += records(broken, [(says(), says())] * 3, error="it broke\n  do: mend it")
    found += records(memory, [(says(memory=330_000_000), says(memory=300_000_000))] * 3)
    found += records(learning, [(says(time_to_target=1.0), says(time_to_target=1.25))] * 3)
    suite = suite_of({**SUITE, "repeats": repeats, "tolerances": {}})
    return sheet(suite, [good, wide, broken, memory, learning], dated(found))


def dated(found: list[Record]) -> list[Record]:
    return [
        msgspec.structs.replace(r, ended=f"2026-11-2{r.round}", machine="a machine", program="ampsim 1", seconds=2.0)
        for r in found
    ]


def test_the_text_has_a_line_a_case() -> None:
    lines = text(made()).splitlines()
    assert lines[:3] == ["accuracy sheet of made-up: 3 of 3 rounds, 2026-11-21 to 2026-11-23", "a machine", "ampsim 1"]
    (good,) = [line for line in lines if line.startswith("small, good ")]
    assert good.split("  ")[-1] == "disturbed in 3 rounds"
    for cell in ("2,100", "2,000", "+5.0 %", "0.5 %", "-4.8 %", "3/6"):
        assert cell in good
    (wide,) = [line for line in lines if line.startswith("small, wide ")]
    assert wide.endswith("not judged: the measurements spread too far")
    (large,) = [line for line in lines if line.startswith("small, large ")]
    assert large.split() == ["small,", "large", "330", "300", "+10.0", "%", "0.0", "%"]
    (seeds,) = [line for line in lines if line.startswith("small, seeds ")]
    assert "-20.0 %" in seeds
    assert "small, broken failed: it broke" in lines


def test_the_text_ends_with_the_rules() -> None:
    found = made()
    rules = text(found).partition("asked")[2]
    for verdict in found.verdicts:
        assert verdict.rule in rules
    assert rules.count("MISSED") == len(found.missed) > 0
    assert rules.splitlines()[-1] == f"{len(found.missed)} of {len(found.verdicts)} missed"
    assert text(made(repeats=4)).splitlines()[-1] == "not complete: 3 of 4 rounds"


def test_rounds_beyond_those_asked_for_do_not_count() -> None:
    assert made(repeats=2).rows[0].rounds == 2


def test_an_incomplete_sheet_is_not_held() -> None:
    suite, item = suite_of(SUITE), an_item()
    some = sheet(suite, [item], records(item, [(says(), says())]))
    whole = sheet(suite, [item], records(item, [(says(), says())] * 2))
    assert (some.complete, some.held, some.missed) == (False, False, [])
    assert (whole.complete, whole.held) == (True, True)


def test_the_table_is_one_line_for_each_case_and_quantity() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(made()))))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["setting"], row["quantity"], row["unit"]) for row in rows] == [
        ("good", "throughput", "rows/s"), ("good", "makespan", "s"),
        ("wide", "throughput", "rows/s"), ("wide", "makespan", "s"),
        ("broken", "throughput", "rows/s"), ("broken", "makespan", "s"),
        ("large", "memory", "B"), ("seeds", "time_to_target", "s"),
    ]  # fmt: skip
    assert float(rows[0]["predicted"]) == 2100
    assert float(rows[0]["error"]) == pytest.approx(0.05)
    assert float(rows[0]["interval_inside"]) == 0.5
    assert (rows[0]["judged"], rows[2]["judged"], rows[2]["note"]) == ("1", "0", "the measurements spread too far")
    assert (rows[4]["predicted"], rows[4]["failure"]) == ("", "it broke\n  do: mend it")
    assert (rows[0]["date"], rows[0]["machine"], rows[0]["disturbed"]) == ("2026-11-23", "a machine", "3")


def test_programs_get_everything() -> None:
    found = made()
    values = json.loads(msgspec.json.encode(plain(found)))
    assert [verdict["held"] for verdict in values["verdicts"]] == [verdict.held for verdict in found.verdicts]
    assert values["cases"][0]["figures"]["throughput"]["error"] == pytest.approx(0.05)
    assert values["cases"][0]["intervals"][0] == {"inside": True, "width": 300 / 2100}
    assert values["tolerances"]["worst"] == 0.12
    assert values["seconds"] == 30.0


def test_columns_are_aligned() -> None:
    assert table(["a", "number", ""], [["long name", "1", "why"]]) == [
        "a          number",
        "---------  ------  ---",
        "long name       1  why",
    ]


def test_items_are_told_apart_by_kind() -> None:
    """A case and one of memory may have the same setting."""
    items: list[Item] = [an_item("same"), an_item("same", "memory")]
    found = sheet(suite_of(SUITE), items, records(items[0], [(says(), says())]))
    assert [row.rounds for row in found.rows] == [1, 0]
