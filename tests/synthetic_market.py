"""Made-up markets for tests: bars and option chains with known defects, as plain columns and as Parquet files.

Nothing here comes from optarb. Prices are integers of cents from the start, so that a test's own arithmetic stays
exact; files hold the same prices in dollars.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


@dataclass
class Market:
    """One underlying: a bar for each session, and quotes by session."""

    sessions: list[date]
    opens: list[float]
    highs: list[float]
    lows: list[float]
    closes: list[float]
    quotes: dict[date, dict[tuple[date, str, int], tuple[int, int]]] = field(default_factory=dict)
    """By session: (expiry, "C" or "P", strike in dollars) -> (bid, ask) in cents, usable or not."""
    symbol: str = "SPX"
    root: str = "SPXW"

    def bar_columns(self) -> dict[str, list]:
        return {
            "session": list(self.sessions),
            "open": list(self.opens),
            "high": list(self.highs),
            "low": list(self.lows),
            "close": list(self.closes),
            "volume": [1000.0] * len(self.sessions),
        }

    def quote_columns(self) -> dict[str, list]:
        close_of = dict(zip(self.sessions, self.closes, strict=True))
        rows = [
            (session, expiry, right, strike, bid, ask)
            for session, chain in self.quotes.items()
            for (expiry, right, strike), (bid, ask) in chain.items()
        ]
        return {
            "session": [row[0] for row in rows],
            "root": [self.root] * len(rows),
            "expiry": [row[1] for row in rows],
            "right": [row[2] for row in rows],
            "strike": [float(row[3]) for row in rows],
            "bid": [row[4] / 100 for row in rows],
            "ask": [row[5] / 100 for row in rows],
            "underlying_price": [close_of[row[0]] for row in rows],
        }

    def write(self, folder: Path) -> Folder:
        """Writes ``bars/SYMBOL.parquet`` and ``quotes/SYMBOL.parquet``."""
        files = Folder(folder)
        write_table(files.bars / f"{self.symbol}.parquet", self.bar_columns())
        write_table(files.quotes / f"{self.symbol}.parquet", self.quote_columns())
        return files


@dataclass(frozen=True)
class Folder:
    root: Path

    @property
    def bars(self) -> Path:
        return self.root / "bars"

    @property
    def quotes(self) -> Path:
        return self.root / "quotes"


def write_table(file: Path, columns: dict[str, list]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), file)


def index_bars() -> Market:
    """The S&P 500 of the package ``arch``: 1999-01-04 to 2018-12-31, without quotes."""
    from arch.data import sp500

    frame = sp500.load()
    return Market(
        sessions=[day.date() for day in frame.index],
        opens=frame["Open"].tolist(),
        highs=frame["High"].tolist(),
        lows=frame["Low"].tolist(),
        closes=frame["Close"].tolist(),
    )


def random_bars(
    sessions: list[date], *, seed: int, daily_volatility: float, drift: float = 0.0, start: float = 2000.0
) -> Market:
    """A random walk on given sessions, rounded to cents."""
    rng = np.random.default_rng(seed)
    market = Market(sessions=list(sessions), opens=[], highs=[], lows=[], closes=[])
    before = start
    for _ in sessions:
        close = round(before * math.exp(drift + daily_volatility * rng.standard_normal()), 2)
        opened = round(before * math.exp(0.2 * daily_volatility * rng.standard_normal()), 2)
        market.opens.append(opened)
        market.closes.append(close)
        market.highs.append(round(max(opened, close) * 1.002, 2))
        market.lows.append(round(min(opened, close) * 0.998, 2))
        before = close
    return market


def fridays_after(session: date, n: int, known: frozenset[date]) -> list[date]:
    """The next ``n`` weekly expiries after a session; a Friday that is a holiday is replaced by the day before."""
    friday = session + timedelta(days=(4 - session.weekday()) % 7)
    expiries: list[date] = []
    while len(expiries) < n:
        expiry = friday
        # Fridays beyond the last known session are taken as sessions.
        if friday not in known and friday <= max(known):
            expiry = friday - timedelta(days=1)
        if expiry > session:
            expiries.append(expiry)
        friday += timedelta(days=7)
    return expiries


def add_chains(
    market: Market,
    *,
    first: date,
    last: date,
    seed: int,
    strikes: int = 21,
    grid: int = 20,
    expiries: int = 6,
    volatility: tuple[float, float] = (0.10, 0.25),
    half_spread: float = 0.02,
    rights: str = "CP",
) -> Market:
    """Quotes every session from ``first`` to ``last``: Black-Scholes with a skew, prices on five-cent steps.

    The level of volatility wanders between two bounds. Strikes lie on a grid around the session's close.
    """
    rng = np.random.default_rng(seed)
    known = frozenset(market.sessions)
    level, (low, high) = sum(volatility) / 2, volatility
    for session, close in zip(market.sessions, market.closes, strict=True):
        if not first <= session <= last:
            continue
        level = min(max(level + 0.01 * rng.standard_normal(), low), high)
        centre = round(close / grid) * grid
        around = [centre + grid * (i - strikes // 2) for i in range(strikes)]
        chain = market.quotes.setdefault(session, {})
        for expiry in fridays_after(session, expiries, known):
            tau = (expiry - session).days / 365
            for strike in around:
                smile = level * (1 - 0.8 * math.log(strike / close))
                for right in rights:
                    value = black_scholes(close, strike, tau, max(smile, 0.03), right)
                    spread = max(0.05, half_spread * value)
                    bid = max(0, math.floor((value - spread) * 20)) * 5
                    ask = max(math.ceil((value + spread) * 20) * 5, bid + 5)
                    chain[expiry, right, strike] = (bid, ask)
    return market


def black_scholes(spot: float, strike: float, tau: float, volatility: float, right: str) -> float:
    """Value of a European option without interest."""
    deviation = volatility * math.sqrt(tau)
    d1 = math.log(spot / strike) / deviation + deviation / 2
    call = spot * _normal(d1) - strike * _normal(d1 - deviation)
    return call if right == "C" else call - spot + strike


def _normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def spoil(market: Market, *, seed: int, no_chain: float = 0.03) -> Market:
    """Adds what real files have: contracts missing for days, crossed, negative and empty quotes, dead bids, lost days.

    A bid that has gone to zero stays there, so that nothing depends on when it is looked at again.
    """
    rng = np.random.default_rng(seed)
    spoilt: dict[date, dict[tuple[date, str, int], tuple[int, int]]] = {}
    dead: set[tuple[date, str, int]] = set()
    gone: dict[tuple[date, str, int], int] = {}
    for number, (session, chain) in enumerate(market.quotes.items()):
        draws = rng.random((len(chain), 2))
        if rng.random() < no_chain:
            continue
        kept = {}
        for (contract, (bid, ask)), (fate, length) in zip(chain.items(), draws, strict=True):
            if fate < 0.02:
                gone[contract] = number + 1 + int(12 * length)
            if gone.get(contract, -1) > number:
                continue
            if 0.02 <= fate < 0.025:
                dead.add(contract)
            quote = (0, ask) if contract in dead else (bid, ask)
            if 0.03 <= fate < 0.05:
                quote = (ask + 5, bid + 5)  # crossed
            elif 0.05 <= fate < 0.06:
                quote = (0, 0)
            elif 0.06 <= fate < 0.07:
                quote = (-5, ask)
            kept[contract] = quote
        spoilt[session] = kept
    return dataclasses.replace(market, quotes=spoilt)
