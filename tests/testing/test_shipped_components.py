"""Every shipped component against the conformance class of its protocol."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from optarb.brokers import (
    CabinetSales,
    CrossSpread,
    FractionOfSpread,
    Mid,
    PerContractFee,
    PortfolioMargin,
    PublishedFees,
    SimulatedBroker,
    Simulator,
    SizeLimited,
    StrategyBasedMargin,
)
from optarb.calendars import ExchangeCalendar
from optarb.domain.contracts import Right
from optarb.domain.orders import OrderIntent, OrderLeg, Purpose
from optarb.domain.signals import Signal
from optarb.experts import (
    ElliottWaveExpert,
    InvertedExpert,
    PairExpert,
    RegimeExpert,
    RulesExpert,
    UltraBullExpert,
    VetoExpert,
    VotingExpert,
)
from optarb.indicators import CatalogueIndicator, default_catalogue
from optarb.market_data import CombinedMarketData, CsvMarketData, ModelledOptions, ParquetMarketData, ScaledBars
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.structures import (
    Box,
    Butterfly,
    Calendar,
    CallPair,
    Condor,
    Diagonal,
    IronButterfly,
    IronCondor,
    LongCall,
    LongPut,
    RatioSpread,
    Straddle,
    Strangle,
    Vertical,
)
from optarb.testing import (
    BarDataConformance,
    BrokerAdapterConformance,
    ExpertConformance,
    FakeCalendar,
    FakeMarketData,
    FeeModelConformance,
    FillModelConformance,
    IndicatorConformance,
    MarginModelConformance,
    MarketDataConformance,
    OrderScript,
    PolicyEngineConformance,
    PositionManagerConformance,
    ScriptedBroker,
    ScriptedExpert,
    StructureConformance,
    TradingCalendarConformance,
    fake_bars,
    fake_candidate,
    fake_quote_rows,
    fake_quotes,
)

AT_THE_MONEY = LongCall(dte=30, moneyness=1.0)


class TestRulesExpert(ExpertConformance):
    @pytest.fixture(
        params=[RulesExpert(), RulesExpert(dominance=1.0, bullish=Vertical(right=Right.CALL, width=25.0, delta=0.4))]
    )
    def expert(self, request):
        return request.param


class TestPairExpert(ExpertConformance):
    @pytest.fixture(params=[PairExpert(), PairExpert(trend="up", highest_volatility=99.0)])
    def expert(self, request):
        return request.param


class TestUltraBullExpert(ExpertConformance):
    @pytest.fixture
    def expert(self):
        return UltraBullExpert(needed=1)


class TestElliottWaveExpert(ExpertConformance):
    @pytest.fixture
    def expert(self):
        return ElliottWaveExpert(reversal=0.5, fresh=30, least_score=0.0)  # which speaks more often than the default


class TestExpertsOfExperts(ExpertConformance):
    @pytest.fixture(
        params=[
            VotingExpert(experts=(RulesExpert(), PairExpert()), needed=1),
            VetoExpert(inner=RulesExpert(), veto=InvertedExpert(inner=RulesExpert())),
            RegimeExpert(inner=InvertedExpert(inner=RulesExpert()), feature="sma_2", symbol="VIX", highest=25.0),
        ],
        ids=["vote", "veto", "regime"],
    )
    def expert(self, request):
        return request.param


class TestScriptedExpert(ExpertConformance):
    @pytest.fixture
    def expert(self):
        signal = Signal.bullish(AT_THE_MONEY, confidence=0.5, reasons=["script"])
        return ScriptedExpert(signals={date(2024, 6, 3): signal}, underlying="SPX")


class TestRiskPolicy(PolicyEngineConformance):
    @pytest.fixture(params=[RiskPolicy(), RiskPolicy(max_entries_per_session=9, max_open_positions=20, min_confidence=0)])
    def policy(self, request):
        return request.param


class TestExitRules(PositionManagerConformance):
    @pytest.fixture(
        params=[
            ExitRules(),
            ExitRules(profit_target=None, credit_profit_target=None, stop_loss=None, max_hold_sessions=0),
            ExitRules(max_hold_sessions=None),
        ]
    )
    def manager(self, request):
        return request.param


class TestSimulatedBroker(BrokerAdapterConformance):
    @pytest.fixture
    def broker(self):
        return SimulatedBroker(Simulator())


class TestScriptedBroker(BrokerAdapterConformance):
    @pytest.fixture
    def broker(self, view):
        return ScriptedBroker(view)


class TestScriptedBrokerInParts(BrokerAdapterConformance):
    @pytest.fixture
    def orders(self):
        spread = fake_candidate(Vertical(right=Right.CALL, width=50.0, dte=30, moneyness=1.0))
        legs = tuple(OrderLeg(contract=leg.contract, quantity=2 * leg.ratio) for leg in spread.legs)
        return [OrderIntent(book_id="b", position_id="1", purpose=Purpose.OPEN, attempt=1, legs=legs, units=2)]

    @pytest.fixture
    def broker(self, view):
        return ScriptedBroker(view, [OrderScript(looks=((0, 0), (1, 0), (1, 1), (1, 2), (2, 2)))])


class TestDefaultCatalogue(IndicatorConformance):
    @pytest.fixture(params=default_catalogue(), ids=lambda one: one.columns[0])
    def indicator(self, request):
        return request.param


class TestCatalogueIndicatorWithOddParameters(IndicatorConformance):
    @pytest.fixture(
        params=[
            CatalogueIndicator.of("sma", length=1),
            CatalogueIndicator.of("rsi", length=2),
            CatalogueIndicator.of("macd", fast=3, slow=70, signal=5),
        ],
        ids=lambda one: one.columns[0],
    )
    def indicator(self, request):
        return request.param


class TestStructures(StructureConformance):
    @pytest.fixture(
        params=[
            LongCall(dte=30, delta=0.5),
            LongCall(dte=7, moneyness=1.02),
            LongCall(dte=20, strike=Decimal(5000)),
            LongPut(dte=30, delta=0.3),
            LongPut(dte=50, moneyness=0.97),
            Vertical(right=Right.CALL, width=50.0, dte=30, delta=0.5),
            Vertical(right=Right.PUT, width=50.0, dte=30, moneyness=0.98, credit=True),
            Vertical(right=Right.CALL, wing_delta=0.2, dte=30, delta=0.4),
            CallPair(dte=30, moneyness=1.0),
            CallPair(dte=30, delta=0.4, long_quantity=2, short_quantity=3),
            Straddle(dte=30, delta=0.5),
            Strangle(dte=30, delta=0.2, credit=True),
            Butterfly(right=Right.CALL, dte=30, moneyness=1.0, width=100.0),
            IronButterfly(dte=30, moneyness=1.0, width_strikes=2),
            Condor(right=Right.PUT, dte=30, distance=0.02, width=50.0, credit=True),
            IronCondor(dte=30, delta=0.3, wing_delta=0.2),
            RatioSpread(right=Right.PUT, dte=30, delta=0.4, width=50.0),
            Box(dte=30, strike=Decimal(5000), width=100.0),
            Calendar(right=Right.CALL, dte=14, far_dte=42, moneyness=1.0),
            Diagonal(right=Right.PUT, dte=14, far_dte=42, delta=0.6, width=100.0),
        ],
        ids=str,
    )
    def structure(self, request):
        return request.param


class TestFillModels(FillModelConformance):
    @pytest.fixture(
        params=[CrossSpread(), FractionOfSpread(fraction=0.3), Mid(), SizeLimited(), CabinetSales(), CabinetSales(inner=Mid())],
        ids=str,
    )
    def fills(self, request):
        return request.param


class TestPerContractFee(FeeModelConformance):
    @pytest.fixture(params=["0.65", "0", "0.123456789"])
    def fees(self, request):
        return PerContractFee(commission_usd=Decimal(request.param))


class TestPublishedFees(FeeModelConformance):
    @pytest.fixture
    def fees(self):
        return PublishedFees()


class TestStrategyBasedMargin(MarginModelConformance):
    @pytest.fixture
    def margins(self):
        return StrategyBasedMargin()


class TestPortfolioMargin(MarginModelConformance):
    @pytest.fixture(params=[PortfolioMargin(), PortfolioMargin(symbols=("SPX",), points=2, minimum_usd=0, rate=0.03)])
    def margins(self, request):
        return request.param


class TestExchangeCalendar(TradingCalendarConformance):
    @pytest.fixture(params=["XNYS", "XLON"])
    def calendar(self, request):
        return ExchangeCalendar(name=request.param)


class TestFakeCalendar(TradingCalendarConformance):
    @pytest.fixture
    def calendar(self):
        return FakeCalendar(holidays=(date(2019, 1, 1),))


BARS = fake_bars([5000.0 + 7 * (i % 13) for i in range(45)])
VIX = fake_bars([15.0 + i % 5 for i in range(45)], symbol="VIX")


def quotes_of(bars, every=1):
    """Quotes of every n-th session, in one table; some sides of some quotes are absent."""
    closes = dict(zip(bars.sessions.tolist(), bars.close.tolist(), strict=True))
    rows = {}
    for session in list(closes)[::every]:
        quoted = fake_quote_rows(closes[session], session=session, expiries=2, strikes=5)
        rows[session] = [(*row[:3], float("nan"), row[4]) if i % 7 == 0 else row for i, row in enumerate(quoted)]
    return fake_quotes(rows, spots=closes)


def fake_source():
    return FakeMarketData(bars_by_symbol={"SPX": BARS, "VIX": VIX}, quotes_by_symbol={"SPX": quotes_of(BARS, every=2)})


class TestFakeMarketData(MarketDataConformance):
    @pytest.fixture
    def market_data(self):
        return fake_source()


class TestModelledOptions(MarketDataConformance):
    @pytest.fixture(params=["close", "open"])
    def market_data(self, request):
        return ModelledOptions(data=fake_source(), snapshot=request.param, expiries=2, strikes=5)


class TestScaledBars(MarketDataConformance):
    @pytest.fixture
    def market_data(self):
        return ScaledBars(data=fake_source())


class TestCombinedMarketData(MarketDataConformance):
    @pytest.fixture
    def market_data(self):
        return CombinedMarketData(bars_from=fake_source(), quotes_from={"SPX": fake_source()})


def tables_of(source):
    """Bars and quotes of SPX as the files have them."""
    bars, table = source.bars("SPX"), source.quotes_by_symbol["SPX"]
    columns = ("open", "high", "low", "close", "volume")
    return (
        pa.table({"session": bars.sessions.tolist()} | {name: getattr(bars, name) for name in columns}),
        pa.table(
            {
                "session": table.sessions.tolist(),
                "root": np.array(table.roots)[table.root_indices].tolist(),
                "expiry": table.expiries.tolist(),
                "right": np.where(table.calls, "C", "P").tolist(),
                "strike": table.strikes,
                "bid": pa.array(table.bids, from_pandas=True),
                "ask": table.asks,
                "underlying_price": table.underlying_prices,
            }
        ),
    )


class TestParquetMarketData(MarketDataConformance):
    @pytest.fixture(params=["close", "unknown", "15:45"])
    def market_data(self, request, tmp_path):
        for kind, table in zip(("bars", "quotes"), tables_of(fake_source()), strict=True):
            (tmp_path / kind).mkdir()
            pa.parquet.write_table(table, tmp_path / kind / "SPX.parquet")
        return ParquetMarketData(
            bars_path=str(tmp_path / "bars"), quotes_path=str(tmp_path / "quotes"), quoted_at=request.param
        )


class TestCsvMarketData(MarketDataConformance):
    @pytest.fixture
    def market_data(self, tmp_path):
        for kind, table in zip(("bars", "quotes"), tables_of(fake_source()), strict=True):
            (tmp_path / kind).mkdir()
            pa.csv.write_csv(table, tmp_path / kind / "SPX.csv")
        return CsvMarketData(bars_path=str(tmp_path / "bars"), quotes_path=str(tmp_path / "quotes"))


class TestBarsWithoutQuotes(BarDataConformance):
    @pytest.fixture
    def market_data(self, tmp_path):
        pa.parquet.write_table(tables_of(fake_source())[0], tmp_path / "SPX.parquet")
        return ParquetMarketData(bars_path=str(tmp_path))
