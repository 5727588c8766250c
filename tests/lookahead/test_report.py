"""What a report says."""

from __future__ import annotations

import json
from datetime import date

from optarb.lookahead import LookaheadFinding, LookaheadReport, LookaheadTry, ReachedInput

REACHED = ReachedInput(symbol="SPX", source="bars", column="close", known_through=date(2024, 5, 2), reached=date(2024, 5, 3))
FINDING = LookaheadFinding(
    kind="future",
    session=date(2024, 5, 3),
    field="SPX.confidence",
    expected="0.5",
    got="0.9",
    tries=("cut", "shuffle"),
    sessions=1,
    inputs=(REACHED,),
)


def report(*findings):
    return LookaheadReport(
        component="my_experts:Dip",
        role="expert",
        first=date(2024, 5, 1),
        last=date(2024, 5, 31),
        answered=22,
        tried=(LookaheadTry(name="cut", sessions=22), LookaheadTry(name="nan", sessions=1, refused=2)),
        not_tried=(("process", "processes=False"),),
        findings=findings,
    )


def test_report_when_nothing_was_found_then_it_says_what_was_tried():
    assert report().ok
    assert str(report()).splitlines() == [
        "my_experts:Dip (expert): no look-ahead found",
        "sessions 2024-05-01 to 2024-05-31, 22 of them with an answer",
        "tried cut (22), nan (1, 2 refused)",
        "not tried: process, since processes=False",
    ]


def test_report_when_something_was_found_then_session_field_values_and_inputs_are_told():
    told = report(FINDING)

    assert not told.ok
    assert str(told).splitlines()[0] == "my_experts:Dip (expert): 1 problem found"
    assert str(told).splitlines()[-4:] == [
        "future: answers change with what comes later",
        "  first session  2024-05-03, SPX.confidence: 0.5 becomes 0.9",
        "  shown by       cut, shuffle; 1 session differs",
        "  reaches        SPX bars.close of 2024-05-03 (known through 2024-05-02)",
    ]


def test_report_when_written_as_json_then_plain_values_with_iso_dates():
    document = json.loads(json.dumps(report(FINDING).to_json()))

    assert document["ok"] is False
    assert document["first"] == "2024-05-01"
    assert document["not_tried"] == [["process", "processes=False"]]
    assert document["findings"][0]["inputs"][0]["reached"] == "2024-05-03"
    assert document["tried"][1] == {"name": "nan", "sessions": 1, "refused": 2}
