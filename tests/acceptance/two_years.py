"""Two years of trading with everything that makes cutting, resuming and racing hard: notes, several positions, bad quotes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tests import synthetic_market
from tests.acceptance import small_desk

import optarb

START, END = date(2015, 1, 5), date(2016, 12, 30)
"""Two years: 503 sessions."""


def market():
    sessions = [day for day in synthetic_market.index_bars().sessions if date(2014, 1, 2) <= day <= END]
    bars = synthetic_market.random_bars(sessions, seed=11, daily_volatility=0.012)
    whole = synthetic_market.add_chains(bars, first=START, last=END, seed=11, strikes=9, rights="C")
    return synthetic_market.spoil(whole, seed=11)


FUSE: dict[str, object] = {}
"""What a component shall raise, by the place where it is: ``(session, error)``. It burns once."""


TRIES: list[date] = []
"""Sessions at which the fuse ``always`` was met."""


def burn(place, session):
    at, error = FUSE.get(place, (None, None))
    if session == at:
        del FUSE[place]
        raise error
    at, error = FUSE.get("always", (None, None))
    if place == "policy" and session == at:
        TRIES.append(session)
        raise error


@dataclass(frozen=True, kw_only=True)
class Trend:
    fast: str = "sma_10"

    def evaluate(self, view):
        burn("expert", view.session)
        if view.feature(self.fast) > view.feature("sma_30"):
            return optarb.Signal.bullish(optarb.LongCall(dte=30, moneyness=1.0), confidence=0.8, reasons=["up"])
        return None


@dataclass(frozen=True, kw_only=True)
class Dip:
    depth: float = 5.0

    def evaluate(self, view):
        if view.feature("rsi_14") < 40.0 + self.depth:
            return optarb.Signal.bullish(optarb.LongCall(dte=14, moneyness=1.01), confidence=0.7, reasons=["dip"])
        return None


@dataclass(frozen=True, kw_only=True)
class Policy(optarb.RiskPolicy):
    def decide(self, candidates, account, view):
        burn("policy", view.session)
        return super().decide(candidates, account, view)


@dataclass(frozen=True, kw_only=True)
class TrailingExits(optarb.ExitRules):
    """Keeps notes, so that what a checkpoint must carry is more than the positions."""

    def review(self, account, view):
        plain = super().review(account, view)
        leaving = {exit_.position_id for exit_ in plain.exits}
        notes, trailed = {}, []
        for position in account.positions:
            best = max(float(position.notes.get("best", "-1e9")), float(position.gain_usd))
            notes[position.position_id] = {"best": repr(best)}
            if position.position_id not in leaving and best > 500.0 and float(position.gain_usd) < best / 2:
                trailed.append(optarb.Exit(position_id=position.position_id, reason="trailing_stop"))
        return optarb.Review(exits=(*plain.exits, *trailed), notes=notes)


def strategy(name="calls", underlyings=("SPX",)):
    return optarb.Strategy(
        name=name,
        underlyings=underlyings,
        experts={"trend": Trend(), "dip": Dip()},
        policy=Policy(max_open_positions=4),
        exits=TrailingExits(),
    )


def desk(files, folder, *, store=None, cache=None, data=None):
    folder.mkdir(exist_ok=True)
    return optarb.Desk(
        strategies=[strategy()],
        market_data=data or small_desk.parquet(files),
        store=store or optarb.SqlStore(url=f"sqlite:///{folder}/books.db"),
        cache=cache or optarb.FileCache(path=str(folder / "cache")),
    )


def run(desk, *, block_sessions=30, **changes):
    execution = optarb.ExecutionSpec(block_sessions=block_sessions)
    return small_desk.run(desk, **{"start": START, "end": END, "execution": execution, **changes})
