"""The pair over three years of modelled quotes: against a plain loop to the cent, one trade by hand, and both margins."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from statistics import NormalDist

import numpy as np
import pyarrow.csv
import pytest

import optarb
from optarb.brokers import PortfolioMargin
from optarb.experts import PairExpert
from optarb.market_data import demo_pair_market_data

START, END, CAPITAL = date(2016, 1, 4), date(2018, 12, 31), 250_000
TARGET, STOP, HOLD, DTE, MOST = 0.25, -0.9, 10, 30, 10
FEE_CENTS = 11 * 65


def pair_desk(market_data):
    strategy = optarb.Strategy(
        name="pair",
        underlyings=("SPX", "SPY"),
        references=("VIX",),
        experts={"pair": PairExpert(trend="up", highest_volatility=20.0)},
        policy=optarb.RiskPolicy(max_open_positions=MOST, max_entries_per_session=1),
        exits=optarb.ExitRules(profit_target=TARGET, credit_profit_target=TARGET, stop_loss=STOP, max_hold_sessions=HOLD),
    )
    return optarb.Desk(strategies=[strategy], market_data=market_data)


@pytest.fixture(scope="module")
def results():
    """Both runs; the second reads chains and features from the cache of the first."""
    plain = pair_desk(demo_pair_market_data())
    hedged = dataclasses.replace(plain, simulator=optarb.Simulator(margin=PortfolioMargin()))
    spec = optarb.BacktestSpec(strategy="pair", start=START, end=END, capital=Decimal(CAPITAL))
    return [optarb.backtest(spec, desk, progress=False) for desk in (plain, hedged)]


# -- the plain loop ----------------------------------------------------------------------------------------------------------


@dataclass
class Open:
    """A pair that is held; money in cents."""

    legs: tuple
    opened: date
    premium: int
    margin: int
    held: int = 0


@dataclass
class Loop:
    """Bars and raw quotes, and the book of a loop that knows nothing of optarb's; prices in cents a share."""

    quotes: dict
    spots: dict
    vix: dict
    cash: int = CAPITAL * 100
    realised: int = 0
    open: list = field(default_factory=list)
    trades: list = field(default_factory=list)
    denied: int = 0

    def run(self, sessions):
        for today in sessions:
            last = today == sessions[-1]
            for one in self.open:
                one.held += 1
            for one in list(self.open):
                self.leave(one, today)
            if not last:
                self.enter(today)
        for one in list(self.open):
            self.book(one, sessions[-1], self.closing_value(one, sessions[-1]), "end_of_backtest")
        return self

    def closing_value(self, one, today):
        """What closing brings: the long at its bid, ten shorts at their ask; None where a leg is not quoted."""
        (spx, spy), there = one.legs, self.quotes[today]
        if spx not in there or spy not in there:
            return None
        return 100 * there[spx][0] - 1000 * there[spy][1]

    def leave(self, one, today):
        value = self.closing_value(one, today)
        if value is None:
            return
        gain = value - one.premium
        basis = one.premium if one.premium > 0 else one.margin
        if gain >= TARGET * abs(one.premium):
            self.book(one, today, value, "profit_target")
        elif gain <= STOP * basis:
            self.book(one, today, value, "stop_loss")
        elif one.held >= HOLD:
            self.book(one, today, value, "time_exit")

    def book(self, one, today, value, reason):
        self.open.remove(one)
        self.cash += value - FEE_CENTS
        result = value - one.premium - 2 * FEE_CENTS
        self.realised += result
        self.trades.append((one.legs, one.opened, today, reason, one.premium, value, result))

    def enter(self, today):
        if len(self.open) >= MOST or not self.wanted(today):
            return
        legs = self.chosen(today)
        there = self.quotes[today]
        ask, bid = there[legs[0]][1], there[legs[1]][0]
        premium = 100 * ask - 1000 * bid
        spot, strike = self.spots["SPY"][today], 100 * legs[1][3]
        margin = 1000 * bid + 1000 * max(0.20 * spot - max(strike - spot, 0), 0.10 * spot)
        bound = max(premium, margin) + 2 * FEE_CENTS
        invested = sum(max(one.premium, one.margin) for one in self.open)
        fees_paid = FEE_CENTS * len(self.open)  # of what is open, not yet in the realised result
        assert self.cash == CAPITAL * 100 + self.realised - sum(one.premium for one in self.open) - fees_paid
        if bound > min(CAPITAL * 100 + self.realised - invested, self.cash):
            self.denied += 1
            return
        self.cash -= premium + FEE_CENTS
        self.open.append(Open(legs, today, premium, margin))

    def wanted(self, today):
        """Of the evening before: VIX at most 20, and the close above the mean of fifty closes."""
        days = [day for day in sorted(self.spots["SPX"]) if day < today][-50:]
        closes = [self.spots["SPX"][day] for day in days]
        return self.vix[days[-1]] <= 20 and closes[-1] > sum(closes) / 50

    def chosen(self, today):
        there = self.quotes[today]
        of = {root: {key[1] for key in there if key[0] == root} for root in ("SPXW", "SPY")}
        common = sorted((of["SPXW"] & of["SPY"]) - {today})
        expiry = min(common, key=lambda day: (abs((day - today).days - DTE), day))
        spot = self.spots["SPX"][today] / 100
        strike = min(strikes(there, "SPXW", expiry), key=lambda one: (abs(one - spot), one))
        wanted = strike * forward(there, "SPY", expiry) / forward(there, "SPXW", expiry)
        sold = min(strikes(there, "SPY", expiry), key=lambda one: (abs(one - wanted), one))
        return ("SPXW", expiry, "C", strike), ("SPY", expiry, "C", sold)


def strikes(there, root, expiry):
    return [key[3] for key in there if key[:3] == (root, expiry, "C")]


def forward(there, root, expiry):
    """By parity at the strike whose call and put cost most nearly the same; the lower of two."""
    gaps = []
    for key in there:
        if key[:3] == (root, expiry, "C"):
            call, put = there[key], there[root, expiry, "P", key[3]]
            gaps.append((abs(sum(call) - sum(put)), key[3], (sum(call) - sum(put)) / 200))
    _, strike, gap = min(gaps)
    return strike + gap


def raw_market(data, start, end):
    """Quotes in cents by session and contract, spots in cents, VIX in points, from the source itself."""
    quotes, spots = {}, {}
    for symbol in ("SPX", "SPY"):
        bars = data.bars(symbol)
        spots[symbol] = {
            day: round(100 * close) for day, close in zip(bars.sessions.tolist(), bars.close.tolist(), strict=True)
        }
        for table in data.chains(symbol, start, end):
            columns = (table.sessions, table.expiries, table.calls, table.strikes, table.bids, table.asks)
            for day, expiry, call, strike, bid, ask in zip(*(column.tolist() for column in columns), strict=True):
                if ask > 0:
                    key = (table.roots[0], expiry, "C" if call else "P", strike)
                    quotes.setdefault(day, {})[key] = (round(100 * bid), round(100 * ask))
    vix = data.bars("VIX")
    return quotes, spots, dict(zip(vix.sessions.tolist(), vix.close.tolist(), strict=True))


@pytest.fixture(scope="module")
def loop():
    quotes, spots, vix = raw_market(demo_pair_market_data(), START, END)
    return Loop(quotes, spots, vix).run([day for day in sorted(quotes) if START <= day <= END])


def in_words(key):
    root, expiry, right, strike = key
    return f"{root}{expiry:%y%m%d}{right}{round(strike * 1000):08d}"


def engine_trades(result):
    return [
        (
            row.legs,
            row.opened.date(),
            row.closed.date(),
            row.exit_reason,
            round(100 * row.premium_usd),
            round(100 * row.proceeds_usd),
            round(100 * row.pnl_usd),
        )
        for row in result.trades(exact=True).itertuples()
    ]


def loop_trades(loop):
    """In the order of opening, as the engine tells them."""
    named = ((f"+1 {in_words(legs[0])} -10 {in_words(legs[1])}", *rest) for legs, *rest in loop.trades)
    return sorted(named, key=lambda one: one[1])


def test_backtest_when_compared_with_the_plain_loop_then_every_trade_is_equal_to_the_cent(results, loop):
    found = engine_trades(results[0])
    assert len(found) > 200
    assert found == loop_trades(loop)
    assert round(100 * results[0].summary.final_equity_usd) == loop.cash
    assert {one[3] for one in found} == {"profit_target", "stop_loss", "time_exit"}
    denials = results[0].denials()
    assert (denials.rule == "capital").sum() == loop.denied > 0


# -- one trade by hand -------------------------------------------------------------------------------------------------------


def black_call(forward, strike, years, volatility):
    deviation = volatility * math.sqrt(years)
    d1 = math.log(forward / strike) / deviation + deviation / 2
    return forward * NormalDist().cdf(d1) - strike * NormalDist().cdf(d1 - deviation)


def quoted(spot, strike, years, vix, *, least, tick):
    """Bid and ask of the model by its published words: a smile in standard deviations, half the spread each way, outward."""
    z = math.log(strike / spot) / (vix * math.sqrt(years))
    price = black_call(spot, strike, years, vix * (1 - 0.15 * 4 * math.tanh(z / 4)))
    half = max(0.01 * price, least) / 2
    return round(math.floor((price - half) / tick) * tick, 2), round(math.ceil((price + half) / tick) * tick, 2)


def test_first_trade_when_priced_by_hand_then_leg_by_leg_to_the_cent(results):
    # Friday 2016-02-26: SPX closes at 1,948.05 and the VIX at 19.81; SPY is modelled at 194.80. The expiry nearest to 30 days
    # is Thursday 2016-03-24 (Good Friday is no session): 27 days less the hour that daylight saving takes. The strike nearest
    # to 1,948.05 is 1,950; times 194.80 / 1,948.05 that is 194.995, so 195 is sold.
    years = (27 * 24 - 1) / 8760
    assert quoted(1948.05, 1950.0, years, 0.1981, least=0.10, tick=0.10) == (40.50, 41.00)
    assert quoted(194.80, 195.0, years, 0.1981, least=0.02, tick=0.01) == (4.05, 4.10)
    # Monday 2016-02-29: 1,932.23, the VIX at 20.55, SPY at 193.22.
    years = (24 * 24 - 1) / 8760
    assert quoted(1932.23, 1950.0, years, 0.2055, least=0.10, tick=0.10) == (31.20, 31.70)
    assert quoted(193.22, 195.0, years, 0.2055, least=0.02, tick=0.01) == (3.12, 3.16)

    fills = results[0].fills(exact=True).head(4)
    told = fills[["contract", "quantity", "price_usd", "cash_usd", "fees_usd"]].astype({"quantity": int})
    assert [tuple(row) for row in told.itertuples(index=False)] == [
        ("SPXW160324C01950000", 1, Decimal("41.00"), Decimal(-4100), Decimal("7.15")),
        ("SPY160324C00195000", -10, Decimal("4.05"), Decimal(4050), Decimal(0)),
        ("SPXW160324C01950000", -1, Decimal("31.20"), Decimal(3120), Decimal("7.15")),
        ("SPY160324C00195000", 10, Decimal("3.16"), Decimal(-3160), Decimal(0)),
    ]
    # Paid 4,100 - 4,050 = 50; closing brings 3,120 - 3,160 = -40; the loss of 90 is more than 0.9 x 50.
    trade = results[0].trades(exact=True).iloc[0]
    assert (trade.exit_reason, trade.premium_usd, trade.proceeds_usd) == ("stop_loss", Decimal(50), Decimal(-40))
    assert trade.pnl_usd == Decimal(-40) - Decimal(50) - Decimal("14.30")
    # Naked: (4.05 + 20 % of 194.80 - (195 - 194.80)) x 1,000 = (4.05 + 38.96 - 0.20) x 1,000.
    assert [entered(result)[0]["margin"] for result in results] == [Decimal(42_810)] * 2


# -- both margins ------------------------------------------------------------------------------------------------------------


def entered(result):
    """The figures of every position that was opened."""
    rows = (row for row in result.store.rows(result.backtest_id, "verdicts") if row[4] == "entered")
    return [{name: Decimal(text) for name, text in json.loads(row[7]).items() if text != "None"} for row in rows]


def test_backtest_when_the_hedge_is_recognised_then_more_is_open_on_less_capital(results):
    plain, hedged = results
    assert [result.report()["margin"] for result in results] == ["strategy-based margin", "modelled portfolio margin"]
    assert plain.summary.digest != hedged.summary.digest
    assert plain.summary.trades < hedged.summary.trades
    assert (hedged.denials().rule == "capital").sum() == 0
    most = [result.equity().invested_usd.max() for result in results]
    assert 200_000 < most[0] <= CAPITAL
    assert most[1] < 50_000
    assert hedged.equity().open_positions.max() == MOST


def test_backtest_when_quotes_are_modelled_then_the_pair_loses_what_trading_it_costs(results):
    # The figures of the page on the pair.
    plain = results[0]
    fills = plain.fills()
    half_spreads = (fills.quantity.abs() * 100 * (fills.ask_usd - fills.bid_usd) / 2).sum()
    assert len(plain.trades()) == 369
    assert round(float(plain.summary.pnl_usd), -2) == -40_500
    assert round(half_spreads + fills.fees_usd.sum(), -2) == 38_500
    assert plain.equity().open_positions.max() == 5


def test_backtest_when_the_hedge_is_recognised_then_losses_are_measured_as_without_it(results):
    plain, hedged = (entered(result) for result in results)
    assert all(one["requirement"] == one["margin"] for one in plain)
    assert all(one["requirement"] >= Decimal("412.50") for one in hedged)  # 37.50 for each of 11 contracts
    assert all(one["margin"] > 30_000 for one in hedged)


def test_backtest_when_quotes_are_modelled_then_every_price_says_so(results):
    for result in results:
        assert result.summary.modelled
        assert result.fills().modelled.all()
        assert result.report()["modelled"] == {"SPX": True, "SPY": True}


# -- real bars of both -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class DailyFiles:
    """Daily bars of a folder of CSV files, prices rounded to 0.01."""

    folder: str

    def fingerprint(self, symbol, kind):
        return f"{self.folder}/{symbol}/{kind}"

    def bars(self, symbol):
        table = pyarrow.csv.read_csv(f"{self.folder}/{symbol.lower()}-daily.csv")
        days = np.array(table["date"].to_pylist(), "datetime64[D]")
        prices = {name: np.round(table[name].to_numpy(), 2) for name in ("open", "high", "low", "close")}
        return optarb.Bars(symbol=symbol, sessions=days, volume=np.zeros(len(days)), **prices)

    def chains(self, symbol, start, end):
        raise AssertionError("the files have no quotes")


def test_backtest_when_bars_of_both_are_real_then_as_the_plain_loop_and_strikes_leave_a_residual(real_data):
    bars = DailyFiles(folder=str(real_data))
    spy = optarb.ModelledOptions(
        data=bars,
        underlying="SPY",
        root="SPY",
        strike_step=1.0,
        strikes=51,
        spread_minimum=0.02,
        rate=0.01,
        dividend_yield=0.018,
    )
    spx = optarb.ModelledOptions(data=bars, rate=0.01, dividend_yield=0.018)
    data = optarb.CombinedMarketData(bars_from=bars, quotes_from={"SPX": spx, "SPY": spy})
    start, end = date(2016, 10, 3), date(2017, 12, 29)
    desk = dataclasses.replace(pair_desk(data), simulator=optarb.Simulator(margin=PortfolioMargin()))
    strict = dataclasses.replace(desk, simulator=optarb.Simulator())
    spec = optarb.BacktestSpec(strategy="pair", start=start, end=end, capital=Decimal(CAPITAL))
    plain, hedged = (optarb.backtest(spec, one, progress=False) for one in (strict, desk))

    quotes, spots, vix = raw_market(data, start, end)
    found = Loop(quotes, spots, vix).run([day for day in sorted(quotes) if start <= day <= end])

    assert engine_trades(plain) == loop_trades(found)
    assert len(found.trades) > 20
    assert plain.fills().modelled.all()
    residuals = {legs[1][3] - legs[0][3] / 10 for legs, *_ in found.trades}
    assert len(residuals) > 2  # the fund is no tenth of the index, and strikes are a dollar apart
    # Half a dollar between the strikes of ten calls costs less in any move than the rule's minimum.
    assert {one["requirement"] for one in entered(hedged)} == {Decimal("412.50")}
