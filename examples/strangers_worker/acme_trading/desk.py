"""The desk of Acme, and what is backtested on it."""

from __future__ import annotations

import os
from datetime import date

import optarb
from acme_trading.experts import MeanReversion, WhenCalm
from acme_trading.market_data import SyntheticShare
from acme_trading.risk import Budget, leave_after_three_sessions

TASK_QUEUE = "acme"

REVERSION = optarb.Strategy(
    name="reversion",
    underlyings=("ACME",),
    experts={"plain": MeanReversion(entry=1.8), "calm": WhenCalm(inner=MeanReversion())},
    policy=Budget(),
    exits=leave_after_three_sessions,
)

SPEC = optarb.BacktestSpec(
    strategy="reversion",
    start=date(2021, 3, 1),
    end=date(2021, 12, 31),
    overrides={"calm.inner.entry": 1.4},
)


def build_desk() -> optarb.Desk:
    """Builds the desk from the environment.

    ``ACME_STORE`` is the address of the store and ``ACME_CACHE`` the folder of the cache. Nothing is opened here.
    """
    return optarb.Desk(
        strategies=[REVERSION],
        market_data=SyntheticShare(),
        store=optarb.SqlStore(url=os.environ.get("ACME_STORE", "sqlite:///acme.db")),
        cache=optarb.FileCache(path=os.environ.get("ACME_CACHE", ".acme-cache")),
    )
