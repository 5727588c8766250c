"""Margins by hand, by QuantLib, and what must hold for any position."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from statistics import NormalDist

import pytest
import QuantLib
from hypothesis import given, settings
from hypothesis import strategies as st

from optarb.brokers import PortfolioMargin, Simulator, StrategyBasedMargin
from optarb.domain.contracts import OptionContract
from optarb.domain.signals import Signal
from optarb.engine.candidates import Refusal, price_signal
from optarb.engine.evaluation import evaluate_expert
from optarb.errors import ComponentError
from optarb.protocols.brokers import NoMargin
from optarb.structures import CallPair, LongCall, Vertical
from optarb.testing import fake_candidate, fake_chain, fake_view

SESSION, EXPIRY = date(2024, 6, 3), date(2024, 6, 28)
TAU = 25 / 365  # from 16:00 to 16:00, both in daylight saving time
SPX_CALL, SPY_CALL = OptionContract.parse("SPXW240628C05000000"), OptionContract.parse("SPY240628C00500000")
SPX_FAR = OptionContract.parse("SPXW240628C06000000")
PRICES = {"SPX": Decimal(5000), "SPY": Decimal(500)}
N = NormalDist().cdf


def view(*, spx=(), spy=()):
    """A view on chains of a few rows; each has a call and a put at the money, which put the forwards at 5,000 and 500."""
    at_the_money = [(EXPIRY, right, 5000.0, 99.0, 101.0) for right in "CP"]
    small = [(EXPIRY, right, 500.0, 9.90, 10.10) for right in "CP"]
    spx_chain = fake_chain([*at_the_money, *spx], session=SESSION, spot=5000.0)
    spy_chain = fake_chain([*small, *spy], symbol="SPY", session=SESSION, spot=500.0)
    return fake_view([5000.0] * 3, chain=spx_chain, more_chains={"SPY": spy_chain}, session=SESSION)


def holding(contract, quantity, price="100"):
    return (contract, quantity, Decimal(price))


def deviation_at_the_money(price, forward):
    """At the money Black's price is F (2 N(d / 2) - 1), so that d = 2 N^-1((1 + price / F) / 2), with no root to look for."""
    return 2 * NormalDist().inv_cdf((1 + price / forward) / 2)


def black_call(forward, strike, deviation):
    d1 = math.log(forward / strike) / deviation + deviation / 2
    return forward * N(d1) - strike * N(d1 - deviation)


# -- by hand -----------------------------------------------------------------------------------------------------------------


def test_strategy_based_margin_when_calls_are_short_then_the_published_minimum():
    # 10 SPY calls at 10.00, strike 500, spot 500, out of the money by 0: per share 10 + max(20 % of 500 - 0, 10 % of 500)
    # = 10 + 100 = 110; times 1,000 shares = 110,000 dollars. The long SPX call is no cover.
    legs = [holding(SPX_CALL, 1), holding(SPY_CALL, -10, "10")]
    assert StrategyBasedMargin().requirement(legs, PRICES, view()) == Decimal(110_000)


def test_moves_when_by_default_then_ten_at_equal_distances():
    # (6 + 8) / 9 = 1.5556 percent apart.
    wanted = [-8 + number * 14 / 9 for number in range(10)]
    assert [100 * move for move in PortfolioMargin().moves] == pytest.approx(wanted, abs=1e-12)


def test_portfolio_margin_when_a_call_is_short_then_its_worst_loss_at_the_highest_move():
    # Mid 100 at forward and strike 5,000: 2 N(d / 2) - 1 = 0.02, so N(d / 2) = 0.51 and d = 2 x 0.0250689 = 0.0501378.
    # After +6 %: F = 5,300, ln(1.06) = 0.0582689, d1 = 0.0582689 / 0.0501378 + 0.0250689 = 1.187244, d2 = 1.137106,
    # N(d1) = 0.882433, N(d2) = 0.872253, price = 5,300 x 0.882433 - 5,000 x 0.872253 = 315.63; loss = 215.63 x 100.
    d = deviation_at_the_money(100.0, 5000.0)
    assert d == pytest.approx(0.0501378, abs=1e-7)
    moved = black_call(5300.0, 5000.0, d)
    assert moved == pytest.approx(315.63, abs=0.02)  # by the table's six digits

    found = PortfolioMargin().requirement([holding(SPX_CALL, -1)], PRICES, view())

    assert float(found) == pytest.approx((moved - 100.0) * 100, abs=0.001)


def test_portfolio_margin_when_the_pair_is_hedged_exactly_then_the_minimum():
    # 1 SPX call against 10 SPY calls of a tenth the strike, forward and price: every move cancels to the last cent, and what is
    # left is 37.50 for each of 11 contracts.
    legs = [holding(SPX_CALL, 1), holding(SPY_CALL, -10, "10")]
    assert PortfolioMargin().requirement(legs, PRICES, view()) == Decimal("412.50")


def test_portfolio_margin_when_the_hedge_is_short_by_a_call_then_that_call_alone():
    # 11 SPY calls: ten are hedged, one is naked. Its loss at +6 % is a tenth of the SPX call's share for share.
    moved = black_call(530.0, 500.0, deviation_at_the_money(10.0, 500.0))
    legs = [holding(SPX_CALL, 1), holding(SPY_CALL, -11, "10")]

    found = PortfolioMargin().requirement(legs, PRICES, view())

    assert float(found) == pytest.approx((moved - 10.0) * 100, abs=0.001)
    assert found > 12 * Decimal("37.50")


def test_portfolio_margin_when_more_is_long_than_short_then_the_loss_of_a_fall():
    # 2 SPX calls against 10 SPY calls is one SPX call more than hedged: it loses most at -8 %.
    moved = black_call(4600.0, 5000.0, deviation_at_the_money(100.0, 5000.0))
    legs = [holding(SPX_CALL, 2), holding(SPY_CALL, -10, "10")]

    found = PortfolioMargin().requirement(legs, PRICES, view())

    assert float(found) == pytest.approx((100.0 - moved) * 100, abs=0.001)


def test_portfolio_margin_when_a_rate_is_given_then_forward_and_price_are_discounted():
    # Call 101 and put 99 at 5,000 and r = 5 %: forward = 5,000 + 2 e^(r tau); the short put loses most at -8 %.
    put = OptionContract.parse("SPXW240628P05000000")
    rows = [(EXPIRY, "C", 5000.0, 100.0, 102.0), (EXPIRY, "P", 5000.0, 98.0, 100.0)]
    shown = fake_view([5000.0] * 3, chain=fake_chain(rows, session=SESSION, spot=5000.0), session=SESSION)
    growth = math.exp(0.05 * TAU)
    forward = 5000.0 + 2.0 * growth
    low, high = 0.0, 1.0
    for _ in range(100):  # bisection: independent of the solver under test
        d = (low + high) / 2
        put_price = (black_call(forward, 5000.0, d) - forward + 5000.0) / growth
        low, high = (d, high) if put_price < 99.0 else (low, d)
    fallen = forward * 0.92
    loss = (black_call(fallen, 5000.0, d) - fallen + 5000.0) / growth - 99.0

    found = PortfolioMargin(rate=0.05).requirement([holding(put, -1)], PRICES, shown)

    assert float(found) == pytest.approx(loss * 100, abs=0.01)


# -- by QuantLib -------------------------------------------------------------------------------------------------------------


def quantlib_margin(holdings, mids, forwards):
    """The same definition on QuantLib's implied deviation and Black formula."""
    worst = 0.0
    for number in range(10):
        move = -0.08 + number * 0.14 / 9
        loss = 0.0
        for contract, quantity, _ in holdings:
            kind = QuantLib.Option.Call if contract.right == "C" else QuantLib.Option.Put
            forward, strike = forwards[contract.underlying], float(contract.strike)
            deviation = QuantLib.blackFormulaImpliedStdDev(kind, strike, forward, mids[contract], 1.0, 0.0, 0.01, 1e-14, 1000)
            moved = QuantLib.blackFormula(kind, strike, forward * (1 + move), deviation)
            loss -= quantity * 100 * (moved - mids[contract])
        worst = max(worst, loss)
    return max(worst, 37.5 * sum(abs(quantity) for _, quantity, _ in holdings))


@pytest.mark.parametrize(
    ("long_moneyness", "quantities"), [(1.0, (1, -10)), (0.97, (1, -10)), (1.03, (1, -10)), (1.01, (1, -14)), (0.98, (3, -20))]
)
def test_portfolio_margin_when_a_residual_strike_is_left_then_as_quantlib_says(long_moneyness, quantities):
    # SPY at 497.63 against SPX at 5,003.11: no SPY strike matches exactly, so that moves leave a difference.
    chains = {"SPX": fake_chain(spot=5003.11, session=SESSION), "SPY": fake_chain(symbol="SPY", spot=497.63, session=SESSION)}
    legs = CallPair(dte=25, moneyness=long_moneyness).choose(chains, "SPX")
    held = [holding(leg.contract, quantity) for leg, quantity in zip(legs, quantities, strict=True)]
    shown = fake_view([5003.11] * 3, chain=chains["SPX"], more_chains={"SPY": chains["SPY"]}, session=SESSION)
    mids = {leg.contract: float(chains[leg.contract.underlying].quote(leg.contract).mid) for leg in legs}

    found = PortfolioMargin().requirement(held, PRICES, shown)

    # Forwards by parity at the strike whose call and put are nearest, from the same rows.
    assert float(found) == pytest.approx(quantlib_margin(held, mids, parity(chains)), rel=1e-7, abs=1e-3)


def parity(chains):
    found = {}
    for symbol, chain in chains.items():
        rows = {}
        for row in range(len(chain)):
            contract = chain.contract(row)
            if contract.expiry == EXPIRY:
                rows.setdefault(contract.strike, {})[str(contract.right)] = chain.quote(contract).mid
        _, strike = min((abs(pair["C"] - pair["P"]), strike) for strike, pair in rows.items())
        found[symbol] = float(strike + rows[strike]["C"] - rows[strike]["P"])
    return found


# -- properties --------------------------------------------------------------------------------------------------------------

CHAINS = {"SPX": fake_chain(spot=5003.11, session=SESSION), "SPY": fake_chain(symbol="SPY", spot=497.63, session=SESSION)}
SHOWN = fake_view([5003.11] * 3, chain=CHAINS["SPX"], more_chains={"SPY": CHAINS["SPY"]}, session=SESSION)
CONTRACTS = [
    chain.contract(row)
    for chain in CHAINS.values()
    for row in range(len(chain))
    if chain.contract(row).expiry == EXPIRY and float(chain.bids[row]) > 0.5
]
QUANTITIES = st.integers(-20, 20).filter(bool)


@given(st.lists(st.tuples(st.sampled_from(CONTRACTS), QUANTITIES), min_size=1, max_size=4, unique_by=lambda leg: leg[0]))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_portfolio_margin_when_any_legs_then_at_least_the_minimum_and_growing_with_quantity(legs):
    margins = PortfolioMargin()
    required = [
        margins.requirement([holding(contract, units * quantity) for contract, quantity in legs], PRICES, SHOWN)
        for units in (1, 2, 5)
    ]
    if any(isinstance(each, NoMargin) for each in required):
        assert len(set(map(type, required))) == 1  # a refusal does not depend on the quantity
        return
    contracts = sum(abs(quantity) for _, quantity in legs)
    assert required[0] >= Decimal("37.50") * contracts
    assert required == sorted(required)
    for units, each in zip((1, 2, 5), required, strict=True):
        assert float(each) == pytest.approx(units * float(required[0]), abs=0.001)


# -- refusals ----------------------------------------------------------------------------------------------------------------


def test_portfolio_margin_when_a_price_has_no_implied_volatility_then_refused_with_the_numbers():
    # A call struck at 4,000 is worth at least 1,000 on a forward of 5,000: its mid of 990 implies no volatility.
    deep = OptionContract.parse("SPXW240628C04000000")
    found = PortfolioMargin().requirement(
        [holding(deep, -1)], PRICES, view(spx=[(EXPIRY, "C", 4000.0, 989.0, 991.0), (EXPIRY, "P", 4000.0, 0.05, 10.05)])
    )
    assert isinstance(found, NoMargin)
    assert found.rule == "no_implied_volatility"
    assert found.numbers == {
        "contract": "SPXW240628C04000000",
        "bid": "989.0000",
        "ask": "991.0000",
        "forward": "5000.0000",
        "why": "no_time_value",
    }


@pytest.mark.parametrize(
    ("legs", "rule"),
    [
        ([holding(SPX_FAR, -1)], "unquoted"),
        ([holding(OptionContract.parse("QQQ240628C00400000"), -1)], "not_in_class"),
        ([holding(SPX_CALL, 1), holding(SPX_FAR, -1)], "unquoted"),
    ],
)
def test_portfolio_margin_when_a_leg_cannot_be_priced_then_refused(legs, rule):
    found = PortfolioMargin().requirement(legs, PRICES, view())
    assert isinstance(found, NoMargin)
    assert found.rule == rule
    assert legs[-1][0].symbol in found.reason


def test_portfolio_margin_when_no_strike_has_a_call_and_a_put_then_no_forward():
    calls = fake_chain([(EXPIRY, "C", 5000.0, 99.0, 101.0)], session=SESSION, spot=5000.0)
    shown = fake_view([5000.0] * 3, chain=calls, session=SESSION)
    found = PortfolioMargin().requirement([holding(SPX_CALL, -1)], PRICES, shown)
    assert isinstance(found, NoMargin)
    assert found.rule == "no_forward"


@pytest.mark.parametrize("others", [(), (date(2024, 7, 5),)])
def test_portfolio_margin_when_a_contract_expires_today_then_no_forward_of_another_expiry(others):
    noon = datetime(2024, 6, 28, 16, 0, tzinfo=UTC)
    rows = [(expiry, right, 5000.0, 9.0, 11.0) for expiry in (EXPIRY, *others) for right in "CP"]
    chain = fake_chain(rows, session=EXPIRY, spot=5000.0, taken_at=noon)
    shown = fake_view([5000.0] * 3, chain=chain, session=EXPIRY)
    found = PortfolioMargin().requirement([holding(SPX_CALL, -1)], PRICES, shown)
    assert isinstance(found, NoMargin)
    assert found.rule == "no_forward"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"symbols": "SPX"}, "symbols must be a tuple of at least one underlying, got 'SPX'"),
        ({"symbols": ()}, r"symbols must be .* got \(\)"),
        ({"lowest_move": -1.0}, "moves must rise from above -1, got -1.0 to 0.06"),
        ({"highest_move": -0.08}, "moves must rise"),
        ({"highest_move": math.nan}, "moves must rise"),
        ({"highest_move": math.inf}, "moves must rise"),
        ({"points": 1}, "points must be a whole number of at least 2, got 1"),
        ({"points": 10.0}, "points must be a whole number"),
        ({"minimum_usd": Decimal(-1)}, "minimum_usd must be a number of zero or more"),
        ({"minimum_usd": Decimal("NaN")}, "minimum_usd must be a number of zero or more"),
        ({"rate": math.nan}, "rate must be a finite annual fraction, got nan"),
    ],
)
def test_portfolio_margin_when_a_parameter_makes_no_sense_then_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        PortfolioMargin(**fields)


# -- in the engine -----------------------------------------------------------------------------------------------------------

PAIR = CallPair(dte=25, moneyness=1.0)


def test_candidate_when_the_hedge_is_recognised_then_the_basis_of_losses_stays_and_capital_falls():
    plain = fake_candidate(PAIR, view=view())
    hedged = fake_candidate(PAIR, view=view(), simulator=Simulator(margin=PortfolioMargin()))
    # Bought at 101, ten sold at 9.90: a debit of (101 - 99) x 100 = 200. Naked: (9.90 + 100) x 1,000 = 109,900.
    assert plain.premium_usd == hedged.premium_usd == Decimal(200)
    assert plain.margin_usd == hedged.margin_usd == Decimal(109_900)
    assert plain.requirement_usd == Decimal(109_900)
    assert hedged.requirement_usd == Decimal("412.50")
    # 22 contracts traded in and out at 0.65.
    assert plain.capital_usd == Decimal(109_900) + Decimal("14.30")
    assert hedged.capital_usd == Decimal("412.50") + Decimal("14.30")
    assert hedged.numbers["requirement"] == "412.5000"
    assert dataclasses.replace(hedged, requirement_usd=None).capital_usd == plain.capital_usd


@pytest.mark.parametrize("structure", [LongCall(dte=25, moneyness=1.0), Vertical(right="C", width=25.0, dte=25, moneyness=1.0)])
def test_candidate_when_the_loss_is_bounded_then_the_margin_model_is_not_asked(structure):
    plain = fake_candidate(structure)
    hedged = fake_candidate(structure, simulator=Simulator(margin=PortfolioMargin(symbols=("NDX",))))
    assert hedged == plain
    assert hedged.requirement_usd is None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Says:
    """A margin model that says what it is told."""

    answer: object

    @property
    def label(self):
        return "as told"

    def requirement(self, holdings, underlying_prices, view):
        return self.answer


def priced(margins):
    signal = Signal.bullish(PAIR, confidence=0.9, reasons=["up"])
    shown = view()
    chosen = evaluate_expert("one", lambda _: signal, shown)
    models = Simulator(margin=margins)
    return price_signal(chosen, shown.view, models.fills, models.fees, models.margin, last_session=False)


def test_price_signal_when_there_is_no_margin_then_refused_with_the_models_rule_and_numbers():
    found = priced(Says(answer=NoMargin(rule="house", numbers={"vix": "41.2"})))
    assert found == Refusal(rule="house", reason="house: vix 41.2", numbers={"vix": "41.2"})


@pytest.mark.parametrize("answer", [None, 412.5, Decimal(-1), Decimal("NaN")])
def test_price_signal_when_a_margin_model_answers_nonsense_then_it_is_named(answer):
    with pytest.raises(ComponentError, match=r"Says\.requirement must return a Decimal of zero or more or NoMargin"):
        priced(Says(answer=answer))
