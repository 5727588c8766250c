from __future__ import annotations

import re

PREFIXES = """
import dataclasses, numpy, optarb
from custom_indicator import RangeVolatility
bars = optarb.demo_market_data().bars("SPX")
whole = RangeVolatility().compute(bars)["range_volatility_20"]
for rows in (19, 20, 21, 500, 5000):
    part = RangeVolatility().compute(bars.sliced(0, rows))["range_volatility_20"]
    assert part.tobytes() == whole[:rows].tobytes(), rows
print(numpy.isnan(whole).sum(), float(whole[-1]))
"""
BY_HAND = """
import math, optarb
bars = optarb.demo_market_data().bars("SPX")
last = [math.log(h / l) ** 2 for h, l in zip(bars.high[-20:], bars.low[-20:])]
print(math.sqrt(math.fsum(last) / 20 / (4 * math.log(2)) * 252))
"""


def test_custom_indicator_when_run_then_its_own_rules_decide(example):
    folder = example("custom_indicator")

    told = folder.run(str(folder.folder / "custom_indicator.py"))

    assert int(re.search(r"round trips +(\d+)", told)[1]) > 3
    assert "trailing_stop" in told
    assert re.search(r"^\S+ 201\S+ +201\S+ +2 ", told, re.MULTILINE), "no trade of two units"


def test_custom_indicator_when_bars_are_cut_short_then_the_same_bits(example):
    missing, last = example("custom_indicator").run("-c", PREFIXES).split()

    assert missing == "19"
    assert abs(float(last) - float(example("custom_indicator").run("-c", BY_HAND))) < 1e-12
