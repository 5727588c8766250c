# %% [markdown]
# # Buy the dip
# Calls are bought after the S&P 500 has fallen. Bars and VIX are real; the option quotes are modelled from them.

# %%
"""A first backtest, cell by cell; it runs as a plain script too: ``python buy_the_dip.py``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import optarb


# %% An expert: it sees what may be known, and answers with a signal or none.
@dataclass(frozen=True, kw_only=True)
class BuyTheDip:
    """Buys a call when the close lies below the high of the last 20 sessions."""

    drop: float = 0.05
    """Fraction below the highest close."""

    def evaluate(self, view: optarb.MarketView) -> optarb.Signal | None:
        """Compares the last close that is known with those before it."""
        close = view.bars(n=20).close
        if close[-1] > (1 - self.drop) * max(close):
            return None
        return optarb.Signal.bullish(
            optarb.LongCall(dte=30, delta=0.5), confidence=0.7, reasons=[f"{self.drop:.0%} below the 20-session high"]
        )


# %% A strategy puts experts, a policy and exits together; a desk adds the data.
dips = optarb.Strategy(
    name="dips",
    underlyings=("SPX",),
    references=("VIX",),
    experts={"dip": BuyTheDip(drop=0.04), "rules": optarb.RulesExpert()},
    policy=optarb.RiskPolicy(max_open_positions=3),
    exits=optarb.ExitRules(stop_loss=-0.35),
)
desk = optarb.Desk(strategies=[dips], market_data=optarb.demo_market_data())

# %% What would the expert say on one day? No backtest is needed to find out.
view = optarb.view(desk, "SPX", date(2015, 8, 25))
print(view.bars(n=3).close, view.chain())
print(optarb.evaluate(BuyTheDip(), view))

# %% The backtest, in this process.
spec = optarb.BacktestSpec(strategy="dips", start=date(2014, 1, 3), end=date(2016, 12, 30))
if __name__ == "__main__":
    result = optarb.backtest(spec, desk)
    print(result)

    # Every table is a pandas DataFrame.
    trades = result.trades()
    print(trades[["expert", "opened", "closed", "exit_reason", "pnl_usd"]].tail())
    print(result.equity()["equity_usd"].iloc[-1])
    print(result.denials()["rule"].value_counts())

    # The story of one trade: signal, verdict, orders, quotes, marks and exit.
    print(result.explain(trades.index[0]))

    # The same with another parameter, without touching the strategy.
    deeper = optarb.backtest(spec.model_copy(update={"overrides": {"dip.drop": 0.06}}), desk)
    print(f"drop 4 %: {result.summary.pnl_usd} dollars, drop 6 %: {deeper.summary.pnl_usd} dollars")
