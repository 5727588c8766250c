"""A desk for the command line: credit spreads on the side that RulesExpert takes."""

from __future__ import annotations

import os

import optarb

SPREADS = optarb.Strategy(
    name="spreads",
    underlyings=("SPX",),
    references=("VIX",),
    experts={
        "rules": optarb.RulesExpert(
            bullish=optarb.Vertical(right=optarb.Right.PUT, dte=30, delta=0.35, width=50, credit=True),
            bearish=optarb.Vertical(right=optarb.Right.CALL, dte=30, delta=0.35, width=50, credit=True),
        )
    },
    policy=optarb.RiskPolicy(min_confidence=0.5),
    exits=optarb.ExitRules(credit_profit_target=0.5, stop_loss=-0.35, max_hold_sessions=15),
)

desk = optarb.Desk(
    strategies=[SPREADS],
    market_data=optarb.demo_market_data(),
    store=optarb.SqlStore(url=os.environ.get("SPREADS_STORE", "sqlite:///spreads.db")),
    cache=optarb.FileCache(path=os.environ.get("SPREADS_CACHE", ".spreads-cache")),
)
"""What the command line is given: ``--desk rules_desk:desk``."""
