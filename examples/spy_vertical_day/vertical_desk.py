"""What there is: SPY verticals as a strategy, the desk it runs on, and the spec of its days, which ``day.toml`` holds."""

from __future__ import annotations

import os
from pathlib import Path

import optarb

TASK_QUEUE = "vertical"

VERTICAL = optarb.Strategy(
    name="vertical",
    underlyings=("SPY",),
    references=("VIX",),
    experts={
        "rules": optarb.RulesExpert(
            bullish=optarb.Vertical(right=optarb.Right.CALL, dte=30, delta=0.5, width=5.0),
            bearish=optarb.Vertical(right=optarb.Right.PUT, dte=30, delta=0.5, width=5.0),
        )
    },
    policy=optarb.RiskPolicy(min_confidence=0.5, max_open_positions=1),
    exits=optarb.ExitRules(profit_target=0.3, stop_loss=-0.3, max_hold_sessions=5),
)

SPEC = optarb.DaySpec.from_toml(Path(__file__).with_name("day.toml"))
"""The same for every day."""

desk = optarb.Desk(
    strategies=[VERTICAL],
    market_data=optarb.demo_pair_market_data(),
    store=optarb.SqlStore(url=os.environ.get("VERTICAL_STORE", "sqlite:///vertical.db")),
    cache=optarb.FileCache(path=os.environ.get("VERTICAL_CACHE", ".vertical-cache")),
)
"""For backtests and replays. Live days need a broker and a feed besides: see ``worker.py``."""
