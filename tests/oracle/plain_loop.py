"""An independent referee: indicators and money of one strategy in plain loops, from the rules' words alone.

Nothing of optarb is imported here. Indicators are float64, money is integers: prices in cents a share, cash in 1/10,000
dollar.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

Contract = tuple[date, str, int]
"""Expiry, right, strike in dollars."""
Chain = Mapping[Contract, tuple[int, int]]
"""(bid, ask) in cents."""

COMMISSION = 6_500
"""A contract and side, in 1/10,000 dollar."""
UNITS_PER_CENT_A_CONTRACT = 10_000
"""One cent a share is one dollar a contract: 10,000 units."""


@dataclass(frozen=True)
class Trade:
    contract: Contract
    entered: date
    left: date
    reason: str
    entry_cents: int
    exit_cents: int
    commission: int
    """Both sides, 1/10,000 dollar; a settlement costs nothing."""

    @property
    def pnl(self) -> int:
        return (self.exit_cents - self.entry_cents) * UNITS_PER_CENT_A_CONTRACT - self.commission


@dataclass(frozen=True)
class Outcome:
    trades: list[Trade]
    cash: int
    """At the end, 1/10,000 dollar."""
    equity: list[tuple[date, int, int, int, int]]
    """After each session: cash and position (at its bid, or at its last mark) in 1/10,000 dollar; positions open; of
    these unquoted; whether there was a chain."""


def simple_average(values: Sequence[float], n: int) -> list[float]:
    return [math.nan if i + 1 < n else sum(values[i + 1 - n : i + 1]) / n for i in range(len(values))]


def exponential_average(values: Sequence[float], n: int) -> list[float]:
    """Seeded with the simple mean of the first ``n`` values that are numbers."""
    first = next((i for i, value in enumerate(values) if not math.isnan(value)), len(values))
    averages = [math.nan] * len(values)
    if first + n > len(values):
        return averages
    averages[first + n - 1] = sum(values[first : first + n]) / n
    weight = 2 / (n + 1)
    for i in range(first + n, len(values)):
        averages[i] = averages[i - 1] + weight * (values[i] - averages[i - 1])
    return averages


def wilder_rsi(closes: Sequence[float], n: int) -> list[float]:
    """Seeded with the means of the first ``n`` rises and falls."""
    index = [math.nan] * len(closes)
    if len(closes) <= n:
        return index
    changes = [closes[i] - closes[i - 1] for i in range(1, len(closes))]
    up = sum(max(change, 0.0) for change in changes[:n]) / n
    down = sum(max(-change, 0.0) for change in changes[:n]) / n
    index[n] = _strength(up, down)
    for i in range(n, len(changes)):
        up = (up * (n - 1) + max(changes[i], 0.0)) / n
        down = (down * (n - 1) + max(-changes[i], 0.0)) / n
        index[i + 1] = _strength(up, down)
    return index


def _strength(up: float, down: float) -> float:
    return 100.0 * up / (up + down)


def trend_signals(closes: Sequence[float]) -> list[bool]:
    """SMA10 > SMA30, MACD(12, 26, 9) above its signal, RSI14 < 70; False until all are defined."""
    fast, slow = simple_average(closes, 10), simple_average(closes, 30)
    macd = [a - b for a, b in zip(exponential_average(closes, 12), exponential_average(closes, 26), strict=True)]
    line = exponential_average(macd, 9)
    strength = wilder_rsi(closes, 14)
    # A comparison with NaN is False.
    return [fast[i] > slow[i] and macd[i] > line[i] and strength[i] < 70.0 for i in range(len(closes))]


def is_usable(quote: tuple[int, int] | None) -> bool:
    """Neither crossed, negative nor empty; a zero bid with a positive ask is a quote."""
    return quote is not None and 0 <= quote[0] <= quote[1] and quote[1] > 0


def choose_call(chain: Chain, session: date, close: float) -> Contract | None:
    """Among expiries the one with the least |days - 30|, then the strike nearest the close; ties earlier and lower."""
    calls = [contract for contract, quote in chain.items() if contract[1] == "C" and contract[0] > session and is_usable(quote)]
    if not calls:
        return None
    return min(calls, key=lambda one: (abs((one[0] - session).days - 30), one[0], abs(one[2] - close), one[2]))


@dataclass
class _Position:
    contract: Contract
    entered: date
    entry: int
    mark: int
    age: int = 0
    unquoted: int = 0
    kept: bool = False
    """Was to be sold and had no bid: it stays until it expires."""

    def grow_older(self, session: date, chain: Chain, *, is_last: bool) -> str | None:
        """Begins a session and says why to sell in it, if so; ``mark`` is then what is paid."""
        self.age += 1
        quote = chain.get(self.contract)
        # The chain is taken at the close, when a contract that expires today has ceased to trade.
        self.unquoted = int(not is_usable(quote) or self.contract[0] <= session)
        if quote is None or self.unquoted:
            return None
        self.mark = quote[0]
        reason = exit_reason(self.mark, self.entry, self.age)
        self.kept = self.kept or (reason is not None and self.mark == 0 and not is_last)
        if reason is None or self.mark == 0 or self.kept:
            return "end_of_backtest" if is_last else None
        return reason


def run(
    *,
    sessions: Sequence[date],
    closes: Sequence[float],
    chains: Mapping[date, Chain],
    start: date,
    end: date,
    wanted: Sequence[bool],
    capital_usd: int = 100_000,
) -> Outcome:
    """Trades one call at a time.

    Bought at the ask, sold at the bid at +75 %, -35 % or 5 sessions after the fill, tested in that order; a quote whose
    spread exceeds half of its mid is not bought. Without a usable quote the position keeps its last mark and every exit
    waits; a bid of zero decides an exit and sells nothing: the option is then kept until it expires (``no_bid``). A
    contract's own expiry session pays the close rounded to a cent, less the strike. On the last session nothing is
    bought and what is left is sold.
    """
    cash = capital_usd * 10_000
    held: _Position | None = None
    trades: list[Trade] = []
    equity: list[tuple[date, int, int, int, int]] = []
    inside = [i for i, session in enumerate(sessions) if start <= session <= end]
    for i in inside:
        session, close, chain, is_last = sessions[i], closes[i], chains.get(sessions[i], {}), i == inside[-1]
        reason = held.grow_older(session, chain, is_last=is_last) if held is not None else None
        if held is not None and reason is not None:
            trades.append(_left(held, session, reason, held.mark, COMMISSION))
            cash += held.mark * UNITS_PER_CENT_A_CONTRACT - COMMISSION
            held = None
        elif held is None and wanted[i] and not is_last:
            held = _bought(chain, session, close, cash)
            cash -= 0 if held is None else held.entry * UNITS_PER_CENT_A_CONTRACT + COMMISSION
        if held is not None and held.contract[0] == session:
            value = max(round(close * 100) - held.contract[2] * 100, 0)
            trades.append(_left(held, session, "no_bid" if held.kept else "expiry", value, 0))
            cash += value * UNITS_PER_CENT_A_CONTRACT
            held = None
        marked, unquoted = (held.mark * UNITS_PER_CENT_A_CONTRACT, held.unquoted) if held is not None else (0, 0)
        equity.append((session, cash + marked, int(held is not None), unquoted, int(session in chains)))
    assert held is None, f"the run ends with {held} open and unquoted; choose another market"
    return Outcome(trades, cash, equity)


def _bought(chain: Chain, session: date, close: float, cash: int) -> _Position | None:
    contract = choose_call(chain, session, close)
    if contract is None or not affordable(chain[contract], cash):
        return None
    bid, ask = chain[contract]
    return _Position(contract=contract, entered=session, entry=ask, mark=bid)


def _left(held: _Position, session: date, reason: str, price: int, fee: int) -> Trade:
    return Trade(held.contract, held.entered, session, reason, held.entry, price, COMMISSION + fee)


def exit_reason(bid: int, entry: int, age: int) -> str | None:
    if bid * 100 >= entry * 175:
        return "profit_target"
    if bid * 100 <= entry * 65:
        return "stop_loss"
    return "time_exit" if age >= 5 else None


def affordable(quote: tuple[int, int], cash: int) -> bool:
    bid, ask = quote
    # spread <= mid / 2, in whole cents: (ask - bid) <= (ask + bid) / 4
    narrow = 4 * (ask - bid) <= ask + bid
    return narrow and ask * UNITS_PER_CENT_A_CONTRACT + 2 * COMMISSION <= cash
