"""What there is: the pair as a strategy, the desk it runs on, and the spec of its days, which ``day.toml`` holds."""

from __future__ import annotations

import os
from pathlib import Path

import optarb

TASK_QUEUE = "pair"

PAIR = optarb.Strategy(
    name="pair",
    underlyings=("SPX", "SPY"),
    references=("VIX",),
    experts={
        "pair": optarb.PairExpert(
            structure=optarb.CallPair(dte=30, moneyness=1.0, long_quantity=1, short_quantity=10),
            highest_volatility=20.0,
        )
    },
    policy=optarb.RiskPolicy(max_open_positions=1, reenter_same_session=False),
    # What the pair gains or loses is small beside what its legs cost: it is closed by time, not by a fraction of its premium.
    exits=optarb.ExitRules(profit_target=None, credit_profit_target=None, stop_loss=None, max_hold_sessions=1),
)

SPEC = optarb.DaySpec.from_toml(Path(__file__).with_name("day.toml"))
"""The same for every day."""

desk = optarb.Desk(
    strategies=[PAIR],
    market_data=optarb.demo_pair_market_data(),
    store=optarb.SqlStore(url=os.environ.get("PAIR_STORE", "sqlite:///pair.db")),
    cache=optarb.FileCache(path=os.environ.get("PAIR_CACHE", ".pair-cache")),
    # The short SPY calls are margined as if nothing covered them. PortfolioMargin() recognises the hedge.
    simulator=optarb.Simulator(margin=optarb.StrategyBasedMargin()),
)
"""For backtests and replays. Live days need a broker and a feed besides: see ``worker.py``."""
