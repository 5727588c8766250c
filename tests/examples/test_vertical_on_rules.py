from __future__ import annotations

import re

COMMAND = ("-c", "from optarb.cli import main; main()")


def test_vertical_on_rules_when_run_by_the_command_line_then_overrides_hold_and_report_reads_it_back(example):
    spreads = example("vertical_on_rules")
    spec = str(spreads.folder / "wide.toml")

    told = spreads.run(*COMMAND, "backtest", "--in-process", spec, "--desk", "rules_desk:desk")
    again = spreads.run(*COMMAND, "backtest", "--in-process", spec, "--desk", "rules_desk:desk")
    read = spreads.run(*COMMAND, "report", "wide", "--desk", "rules_desk:desk")

    assert "rules.bullish.width=75" in told
    assert int(re.search(r"round trips +(\d+)", told)[1]) > 10
    assert again == told  # finished books are returned, not run again
    assert told.strip() in read


LEGS = """
import optarb
from rules_desk import desk
with desk:
    for legs in sorted(set(optarb.load_result(desk, "wide").trades()["legs"])):
        print(legs)
"""


def test_vertical_on_rules_when_run_then_every_trade_is_two_credit_spreads_of_the_overridden_width(example):
    spreads = example("vertical_on_rules")
    spreads.run(*COMMAND, "backtest", "--in-process", str(spreads.folder / "wide.toml"), "--desk", "rules_desk:desk")

    trades = [line.split() for line in spreads.run("-c", LEGS).splitlines()]

    assert trades
    for bought, bought_symbol, sold, sold_symbol in trades:
        assert (bought, sold) == ("+2", "-2")
        further = (int(bought_symbol[-8:]) - int(sold_symbol[-8:])) / 1000
        assert further == (75 if sold_symbol[-9] == "C" else -75)
