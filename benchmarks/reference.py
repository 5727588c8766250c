"""The reference: the same trades from a plain numpy loop, with nothing kept but the result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq


def _ema(values: np.ndarray, n: int) -> np.ndarray:
    out = np.full(len(values), np.nan)
    first = int(np.argmax(np.isfinite(values)))
    seed = first + n - 1
    out[seed] = values[first : first + n].mean()
    for i in range(seed + 1, len(values)):
        out[i] = out[i - 1] + (values[i] - out[i - 1]) * 2 / (n + 1)
    return out


def _rsi(close: np.ndarray, n: int) -> np.ndarray:
    change = np.diff(close)
    gain, loss = np.maximum(change, 0), np.maximum(-change, 0)
    out = np.full(len(close), np.nan)
    up, down = gain[:n].mean(), loss[:n].mean()
    for i in range(n, len(close)):
        if i > n:
            up, down = (up * (n - 1) + gain[i - 1]) / n, (down * (n - 1) + loss[i - 1]) / n
        out[i] = 100.0 - 100.0 / (1.0 + up / down) if down else 100.0
    return out


def _average(close: np.ndarray, n: int) -> np.ndarray:
    out = np.full(len(close), np.nan)
    out[n - 1 :] = np.convolve(close, np.ones(n) / n, "valid")
    return out


def run(data: Path, start: str, end: str) -> tuple[int, float]:
    """Reads bars and chain, indexes the chain by day and trades.

    Returns:
        Trades and the profit in dollars.
    """
    bars = pq.read_table(data / "bars" / "SPX.parquet", columns=["session", "close"])
    sessions = bars["session"].to_numpy().astype("datetime64[D]")
    close = bars["close"].to_numpy()
    macd = _ema(close, 12) - _ema(close, 26)
    signal = (_average(close, 10) > _average(close, 30)) & (macd > _ema(macd, 9)) & (_rsi(close, 14) < 70)
    table = pq.read_table(data / "quotes" / "SPX.parquet", columns=["session", "expiry", "right", "strike", "bid", "ask"])
    table = table.filter(pc.equal(table["right"], "C"))
    days = table["session"].to_numpy().astype("datetime64[D]")
    expiry = table["expiry"].to_numpy().astype("datetime64[D]").astype(np.int64)
    strike, bid, ask = (table[name].to_numpy() for name in ("strike", "bid", "ask"))
    first, last = np.searchsorted(sessions, [np.datetime64(start), np.datetime64(end)])
    last = last if last < len(sessions) and sessions[last] == np.datetime64(end) else last - 1
    lo = np.searchsorted(days, sessions)
    hi = np.searchsorted(days, sessions, "right")
    held: tuple[int, float, float, int] | None = None
    trades, profit = 0, 0.0
    for i in range(first, last + 1):
        rows = slice(lo[i], hi[i])
        if held is not None:
            row = np.flatnonzero((expiry[rows] == held[0]) & (strike[rows] == held[1]))
            if len(row):
                price = bid[rows][row[0]]
                if price >= held[2] * 1.75 or price <= held[2] * 0.65 or i - held[3] >= 5 or i == last:
                    profit += (price - held[2]) * 100 - 1.3
                    trades += 1
                    held = None
                    continue
        if held is None and signal[i] and i < last:
            away = np.abs(expiry[rows] - int(sessions[i].astype(np.int64)) - 30)
            near = np.abs(strike[rows] - close[i])
            pick = np.lexsort((strike[rows], near, expiry[rows], away))[0]
            held = (int(expiry[rows][pick]), float(strike[rows][pick]), float(ask[rows][pick]), i)
    return trades, profit
