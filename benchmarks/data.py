"""The data the benchmarks run on: the S&P 500 a year late, and a deterministic chain of Black-Scholes quotes with a skew."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.special import ndtr

import optarb

STRIKES = 21
EXPIRIES = 6
STEP = 20.0


def index_bars() -> optarb.Bars:
    """Returns the S&P 500 of 1999 to 2018, as the package arch has it, on the sessions of 2000 to 2019: as many, 5,031.

    An option's symbol cannot tell an expiry before 2000.
    """
    bars = optarb.ArchMarketData().bars("SPX")
    later = optarb.ExchangeCalendar().sessions(date(2000, 1, 1), date(2019, 12, 31))
    return dataclasses.replace(bars, sessions=np.array(later, dtype=bars.sessions.dtype))


def write_bars(bars: optarb.Bars, folder: Path) -> None:
    """Writes bars where ParquetMarketData finds them."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = {"session": bars.sessions}
    columns |= {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    pq.write_table(pa.table(columns), folder / f"{bars.symbol}.parquet")


def write_chain(bars: optarb.Bars, file: Path, *, strikes: int = STRIKES, expiries: int = EXPIRIES, step: float = STEP) -> int:
    """Writes a chain for every bar: the next Fridays, strikes around the close, calls and puts.

    Returns:
        How many rows were written.
    """
    days = bars.sessions.astype("datetime64[D]")
    weekday = (days.astype(np.int64) + 3) % 7  # Monday is 0
    friday = days + ((4 - weekday) % 7 + 7).astype("timedelta64[D]")
    n = len(days)
    expiry = friday[:, None] + (7 * np.arange(expiries))[None, :].astype("timedelta64[D]")
    centre = np.round(bars.close / step) * step
    strike = centre[:, None] + step * (np.arange(strikes) - strikes // 2)[None, :]
    shape = (n, expiries, 2, strikes)
    put = np.broadcast_to(np.array([False, True])[None, None, :, None], shape)
    k = np.broadcast_to(strike[:, None, None, :], shape)
    s = np.broadcast_to(bars.close[:, None, None, None], shape)
    tau = np.broadcast_to(((expiry - days[:, None]).astype(np.int64) / 365.0)[:, :, None, None], shape)
    vol = 0.16 - 0.25 * np.log(k / s) + 0.02 * np.sin(np.arange(n) / 17.0)[:, None, None, None]
    sd = np.maximum(vol, 0.05) * np.sqrt(tau)
    d1 = np.log(s / k) / sd + sd / 2
    call = s * ndtr(d1) - k * ndtr(d1 - sd)
    mid = np.where(put, call - s + k, call)
    half = np.maximum(0.05, 0.01 * mid)
    bid = np.round(np.maximum(mid - half, 0.0), 2)
    ask = np.round(mid + half, 2)
    flat = {
        "session": np.broadcast_to(days[:, None, None, None], shape).ravel(),
        "root": pa.DictionaryArray.from_arrays(np.zeros(bid.size, dtype=np.int32), ["SPXW"]),
        "expiry": np.broadcast_to(expiry[:, :, None, None], shape).ravel(),
        "right": pa.DictionaryArray.from_arrays(put.ravel().astype(np.int32), ["C", "P"]),
        "strike": k.ravel(),
        "bid": bid.ravel(),
        "ask": ask.ravel(),
        "underlying_price": s.ravel(),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(flat), file, row_group_size=1 << 18)
    return bid.size
