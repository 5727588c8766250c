"""What a cache holds is found, rebuilt when damaged, and missed exactly where an input changed."""

from __future__ import annotations

import dataclasses
import shutil
from dataclasses import dataclass

import pyarrow.parquet as pq
import pytest
from tests import synthetic_market
from tests.acceptance import small_desk, two_years

import optarb

# -- the cache --------------------------------------------------------------------------------------------------------------


def cache_files(folder):
    return sorted(file for file in (folder / "cache").rglob("*") if file.is_file())


def damage(file):
    content = bytearray(file.read_bytes())
    content[-1] ^= 0xFF
    file.write_bytes(bytes(content))


def cut(file):
    file.write_bytes(file.read_bytes()[:-100])


@pytest.mark.parametrize("harm", [damage, cut])
def test_cache_when_every_entry_is_damaged_then_rebuilt_and_one_digest(two_year_files, tmp_path, reference, harm):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    with two_years.desk(two_year_files, whole) as desk:
        two_years.run(desk)
    # A copy has another path: nothing that this process remembers of the first run is used for the second.
    shutil.copytree(whole / "cache", broken / "cache")
    assert len(cache_files(broken)) > 30
    for file in cache_files(broken):
        harm(file)

    with two_years.desk(two_year_files, broken) as desk:
        assert two_years.run(desk).summary.digest == reference[0].digest

    assert contents(broken) == contents(whole)


def contents(folder):
    return {file.relative_to(folder): file.read_bytes() for file in cache_files(folder)}


def test_cache_when_off_then_the_same_digest(two_year_files, tmp_path, reference):
    with two_years.desk(two_year_files, tmp_path, cache=optarb.NoCache()) as desk:
        assert two_years.run(desk).summary.digest == reference[0].digest


HITS: list[str] = []
MISSES: list[str] = []


@dataclass(frozen=True, kw_only=True)
class CountingCache:
    inner: optarb.FileCache

    def get(self, key):
        value = self.inner.get(key)
        (MISSES if value is None else HITS).append(key)
        return value

    def put(self, key, value, ttl=None):
        self.inner.put(key, value, ttl)

    def delete(self, key):
        self.inner.delete(key)

    def clear(self, prefix=""):
        self.inner.clear(prefix)


@dataclass
class Counted:
    """Runs with one cache and a book of its own each time, and tells which keys were missed."""

    folder: object
    files: object
    runs: int = 0

    def __call__(self, *, data=None, indicators=(), experts=None, **changes):
        self.runs += 1
        HITS.clear()
        MISSES.clear()
        desk = dataclasses.replace(
            two_years.desk(
                self.files,
                self.folder,
                store=optarb.SqlStore(url=f"sqlite:///{self.folder}/{self.runs}.db"),
                cache=CountingCache(inner=optarb.FileCache(path=str(self.folder / "cache"))),
                data=data,
            ),
            indicators=indicators,
        )
        if experts:
            desk = dataclasses.replace(desk, strategies=[dataclasses.replace(desk.strategies[0], experts=experts)])
        with desk:
            return two_years.run(desk, **changes), set(MISSES) - set(HITS), set(HITS)


@pytest.fixture
def counted(two_year_files, tmp_path):
    return Counted(tmp_path, two_year_files)


def test_cache_when_nothing_changed_then_nothing_is_missed(counted, reference):
    _, missed, _ = counted()
    assert missed
    result, missed, hits = counted()
    assert not missed
    assert hits
    assert result.summary.digest == reference[0].digest


def changed_file(files, folder, table, change):
    """Copies the data and changes columns of one table."""
    shutil.copytree(files / "data", folder / "changed")
    file = folder / "changed" / table / "SPX.parquet"
    columns = pq.read_table(file).to_pydict()
    change(columns)
    synthetic_market.write_table(file, columns)
    return small_desk.parquet(folder, "changed")


def test_cache_when_one_bar_changed_then_bars_and_features_are_missed_and_chains_are_not(counted, two_year_files, tmp_path):
    counted()

    def change(columns):
        columns["volume"][300] += 1.0

    _, missed, hits = counted(data=changed_file(two_year_files, tmp_path, "bars", change))

    assert any("feature" in key for key in missed), missed
    assert not any("chain" in key or "quote" in key for key in missed), missed
    assert any("chain" in key or "quote" in key for key in hits), hits


def test_cache_when_one_quote_changed_then_chains_are_missed_and_features_are_not(counted, two_year_files, tmp_path):
    counted()

    def change(columns):
        columns["ask"][5000] += 0.05

    _, missed, hits = counted(data=changed_file(two_year_files, tmp_path, "quotes", change))

    assert any("chain" in key or "quote" in key for key in missed), missed
    assert not any("feature" in key for key in missed), missed
    assert any("feature" in key for key in hits), hits


@pytest.mark.parametrize(
    "overrides", [{"exits.stop_loss": -0.2}, {"policy.max_open_positions": 2}, {"fees.commission_usd": "1.00"}]
)
def test_cache_when_a_parameter_beyond_the_features_changed_then_nothing_is_missed(counted, reference, overrides):
    counted()
    result, missed, _ = counted(overrides=overrides)
    assert not missed
    assert result.summary.digest != reference[0].digest


def test_cache_when_an_expert_reads_another_feature_then_that_feature_alone_is_missed(counted, reference):
    counted()
    result, missed, _ = counted(overrides={"trend.fast": "sma_15"})
    assert [key.partition("/")[0] for key in missed] == ["feature"]
    assert result.summary.digest != reference[0].digest


@dataclass(frozen=True, kw_only=True)
class Momentum:
    """An indicator of one's own with a declared version."""

    span: int = 10
    version: str = "1"

    @property
    def columns(self):
        return ("momentum",)

    @property
    def warm_up(self):
        return self.span

    def compute(self, bars):
        values = bars.close.copy()
        values[: self.span] = float("nan")
        values[self.span :] = bars.close[self.span :] / bars.close[: -self.span] - 1
        return {"momentum": values}


@dataclass(frozen=True, kw_only=True)
class MomentumExpert:
    def evaluate(self, view):
        if view.feature("momentum") > 0:
            return optarb.Signal.bullish(optarb.LongCall(dte=30, moneyness=1.0), confidence=0.8)
        return None


@pytest.mark.parametrize("changed", [Momentum(span=11), Momentum(version="2")], ids=["parameter", "version"])
def test_cache_when_an_indicator_changed_then_exactly_its_column_is_missed(counted, changed):
    experts = {"trend": two_years.Trend(), "momentum": MomentumExpert()}
    counted(indicators=[Momentum()], experts=experts)
    _, missed, _ = counted(indicators=[Momentum()], experts=experts)
    assert not missed

    _, missed, _ = counted(indicators=[changed], experts=experts)

    assert [key.partition("/")[0] for key in missed] == ["feature"]
