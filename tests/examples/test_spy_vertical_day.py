from __future__ import annotations

import re

FILL = re.compile(r"  (\d\d:\d\d):\d\d (open|close) +([+-]1) (SPY181123P\d{8}) at ([\d.]+), modelled")


def test_vertical_day_when_replayed_then_it_is_opened_at_once_and_closed_at_its_target(example, temporal_cli):
    vertical = example("spy_vertical_day")
    told = vertical.run("-m", "run", OPTARB_TEMPORAL_CLI=str(temporal_cli))

    lines = told[told.index("2018-10-24: ") :].splitlines()
    assert lines[0] == "2018-10-24: traded, 0 open"
    fills = [match.groups() for line in lines if (match := FILL.fullmatch(line))]
    assert [(purpose, quantity) for _, purpose, quantity, _, _ in fills] == [
        ("open", "+1"),
        ("open", "-1"),
        ("close", "-1"),
        ("close", "+1"),
    ]
    bought, sold, sold_again, bought_back = (float(price) for *_, price in fills)
    assert fills[0][0] == fills[1][0] == "09:35"  # one order
    assert fills[2][0] == fills[3][0]
    # 30 % of the debit, a share and a hundred of them.
    debit, credit = bought - sold, sold_again - bought_back
    assert credit - debit >= 0.3 * debit
    assert f"  closed by profit_target, {100 * (credit - debit):+.2f} dollars before fees" in lines
    assert "\n".join(lines) in (vertical.folder / "README.md").read_text(encoding="utf-8")


def test_worker_when_it_has_no_broker_then_told_what_to_do(example):
    process = example("spy_vertical_day").start("-m", "worker")
    output, _ = process.communicate(timeout=100)

    assert process.returncode == 1
    assert "set BROKER and FEED; python run.py replays without them" in output
