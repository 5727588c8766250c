from __future__ import annotations

import re

LINE = re.compile(
    r"  (?P<at>\d\d:\d\d:\d\d) (?P<purpose>open|close) +(?P<quantity>[+-]\d+) (?P<contract>\S+) at (?P<price>[\d.]+), modelled"
)


def fills(lines):
    return [match.groupdict() for line in lines if (match := LINE.fullmatch(line))]


def days(text):
    """What was told of each day, by its first line."""
    found = {}
    for line in text.splitlines():
        if re.match(r"\d{4}-\d\d-\d\d: ", line):
            told = found[line] = []
        elif line.startswith("  ") and found:
            told.append(line)
    return found


def test_pair_day_when_replayed_then_legs_go_in_long_first_and_out_short_first(example, temporal_cli):
    pair = example("spx_spy_pair_day")
    told = days(pair.run("-m", "run", OPTARB_TEMPORAL_CLI=str(temporal_cli)))

    assert list(told) == ["2018-06-05: traded, 1 open", "2018-06-06: no_trade, 0 open"]
    opened, closed = map(fills, told.values())
    assert [(one["purpose"], one["quantity"], one["contract"][:4]) for one in opened] == [
        ("open", "+1", "SPXW"),
        ("open", "-10", "SPY1"),
    ]
    assert [(one["purpose"], one["quantity"], one["contract"]) for one in closed] == [
        ("close", "+10", opened[1]["contract"]),
        ("close", "-1", opened[0]["contract"]),
    ]
    assert opened[0]["at"] < opened[1]["at"]
    assert closed[0]["at"] < closed[1]["at"]
    assert not any("alarm" in line for lines in told.values() for line in lines)
    readme = (pair.folder / "README.md").read_text(encoding="utf-8")
    assert days(readme.partition("```console")[2].partition("```")[0]) == told


def test_pair_day_when_the_short_leg_is_refused_then_the_long_one_is_unwound_within_a_minute(example, temporal_cli):
    told = days(example("spx_spy_pair_day").run("-m", "run", "--refuse", OPTARB_TEMPORAL_CLI=str(temporal_cli)))

    ((head, lines),) = told.items()
    assert head == "2018-06-05: traded, 0 open"
    bought, sold = fills(lines)
    assert (bought["purpose"], bought["quantity"]) == ("open", "+1")
    assert (sold["purpose"], sold["quantity"], sold["contract"]) == ("close", "-1", bought["contract"])
    assert (bought["at"], sold["at"]) < ("09:36", "09:37")
    (alarm,) = (line for line in lines if line.startswith("  alarm: "))
    assert "unwound" in alarm
    assert "may not sell uncovered options" in alarm


def test_starter_when_told_to_schedule_then_the_next_days_are_named(example, temporal_address):
    told = example("spx_spy_pair_day").run("-m", "starter", "schedule", TEMPORAL_ADDRESS=temporal_address)

    assert told.startswith("next: 20")
    assert told.count(":35:00") == 3
