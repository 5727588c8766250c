"""Runs in the environment of pandas-ta: computes what it is asked for on the bars it is given.

``python pandas_ta_worker.py BARS.npz CALLS.json RESULTS.npz``. Of optarb it imports nothing.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pandas_ta


def main(bars: str, calls: str, results: str) -> None:
    """Writes one array a call, named by the call's key, of shape (columns, rows); and the release of pandas-ta."""
    with np.load(bars) as columns:
        sessions = pd.DatetimeIndex(columns["sessions"])
        series = {name: pd.Series(columns[name], index=sessions) for name in "ohlcvr"}
    computed = {"release": np.array(version("pandas-ta"))}
    for key, (function, names, options) in json.loads(Path(calls).read_text(encoding="utf-8")).items():
        given = getattr(pandas_ta, function)(*(series[name].copy() for name in names), **options)
        table = given[0] if isinstance(given, tuple) else given
        computed[key] = np.atleast_2d(table.to_numpy(dtype=np.float64).T)
    np.savez(results, **computed)


if __name__ == "__main__":
    main(*sys.argv[1:])
