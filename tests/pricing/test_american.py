"""American options with dividends against QuantLib's finite differences, Black's formula and hand arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
import QuantLib

from optarb.pricing import black76
from optarb.pricing.american import american_value, american_volatility, call_exercise_gain

YEAR = 365
QUARTERS = ((60, 1.6), (150, 1.6), (240, 1.6), (330, 1.6))


def years(dividends):
    return [(days / YEAR, amount) for days, amount in dividends]


def quantlib(spot, strike, days, volatility, rate, *, call, dividends=(), model="spot", american=True):
    """The value by QuantLib, on 250 steps and 1,000 nodes."""
    today, count = QuantLib.Date(1, 1, 2024), QuantLib.Actual365Fixed()
    QuantLib.Settings.instance().evaluationDate = today
    process = QuantLib.BlackScholesProcess(
        QuantLib.QuoteHandle(QuantLib.SimpleQuote(spot)),
        QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(today, rate, count)),
        QuantLib.BlackVolTermStructureHandle(QuantLib.BlackConstantVol(today, QuantLib.NullCalendar(), volatility, count)),
    )
    last = today + days
    exercise = QuantLib.AmericanExercise(today, last) if american else QuantLib.EuropeanExercise(last)
    kind = QuantLib.Option.Call if call else QuantLib.Option.Put
    option = QuantLib.VanillaOption(QuantLib.PlainVanillaPayoff(kind, strike), exercise)
    kinds = {"spot": QuantLib.FdBlackScholesVanillaEngine.Spot, "escrowed": QuantLib.FdBlackScholesVanillaEngine.Escrowed}
    paid = QuantLib.DividendVector([today + day for day, _ in dividends], [amount for _, amount in dividends])
    scheme, unused = QuantLib.FdmSchemeDesc.Douglas(), -QuantLib.nullDouble()
    engine = QuantLib.FdBlackScholesVanillaEngine(process, paid, 250, 1000, 0, scheme, False, unused, kinds[model])
    option.setPricingEngine(engine)
    return option.NPV()


@pytest.mark.parametrize("model", ["spot", "escrowed"])
@pytest.mark.parametrize(
    ("days", "dividends"), [(7, ()), (60, ((3, 1.6),)), (350, QUARTERS)], ids=["a week", "one dividend", "four dividends"]
)
def test_american_value_when_on_a_grid_agrees_with_quantlib(model, days, dividends):
    for volatility, rate in ((0.1, 0.05), (0.2, 0.01), (0.5, 0.03)):
        for strike, call in ((350.0, True), (400.0, True), (400.0, False), (440.0, False)):
            ours = american_value(
                400.0, strike, days / YEAR, volatility, rate, call=call, dividends=years(dividends), model=model
            )
            theirs = quantlib(400.0, strike, days, volatility, rate, call=call, dividends=dividends, model=model)
            assert float(ours) == pytest.approx(theirs, abs=0.005), (volatility, rate, strike, call)


def test_american_value_when_a_call_has_no_dividends_then_that_of_a_european_one():
    strikes = np.array([350.0, 400.0, 450.0])
    ours = american_value(400.0, strikes, 0.5, 0.2, 0.04, call=True)
    european = black76(400.0 * math.exp(0.02), strikes, 0.5, 0.2, math.exp(-0.02), call=True)
    assert ours == pytest.approx(european, abs=0.002)


def test_american_value_when_arrays_then_those_of_each_alone():
    spots, strikes, calls = np.array([[390.0], [410.0]]), np.array([380.0, 400.0, 420.0]), np.array([True, False, True])
    together = american_value(spots, strikes, 0.2, 0.3, 0.03, call=calls, dividends=[(0.1, 2.0)])
    assert together.shape == (2, 3)
    for row, spot in enumerate(spots[:, 0]):
        for column, strike in enumerate(strikes):
            alone = american_value(spot, strike, 0.2, 0.3, 0.03, call=calls[column], dividends=[(0.1, 2.0)])
            assert together[row, column] == pytest.approx(float(alone), abs=1e-9)


def test_american_value_when_time_is_over_then_intrinsic_and_nan_stays_nan():
    values = american_value([400.0, 400.0, math.nan], [390.0, 410.0, 400.0], 0.0, 0.2, 0.03, call=True)
    assert values[:2].tolist() == [10.0, 0.0]
    assert math.isnan(values[2])
    assert math.isnan(american_value(400.0, 400.0, 1.0, math.nan, 0.03, call=False))
    assert american_value([], 400.0, 1.0, 0.2, 0.03, call=False).shape == (0,)


def test_american_value_when_the_dividend_is_more_than_the_stock_then_a_put_is_worth_its_discounted_strike_or_more():
    """By hand: the stock falls to nothing in half a year, and the put then pays its strike at once."""
    value = float(american_value(10.0, 12.0, 1.0, 0.1, 0.04, call=False, dividends=[(0.5, 50.0)]))
    assert value == pytest.approx(12.0 * math.exp(-0.02), abs=0.02)


def test_american_value_when_the_dividend_is_due_after_expiry_then_it_does_not_matter():
    plain = american_value(400.0, 390.0, 0.25, 0.2, 0.03, call=True)
    assert american_value(400.0, 390.0, 0.25, 0.2, 0.03, call=True, dividends=[(0.25, 5.0), (0.5, 5.0)]) == plain


@pytest.mark.parametrize(
    ("volatility", "dividends", "model", "told"),
    [
        (0.0, (), "spot", "0.001 or more, got 0.0"),
        (0.2, [(0.2, 1.0), (0.1, 1.0)], "spot", "ascending"),
        (0.2, [(0.0, 1.0)], "spot", "lie ahead"),
        (0.2, [(0.1, -1.0)], "spot", "zero or more"),
        (0.2, [(0.1, 450.0)], "escrowed", "do not fit"),
    ],
)
def test_american_value_when_an_argument_cannot_be_then_said_which(volatility, dividends, model, told):
    with pytest.raises(ValueError, match=told):
        american_value(400.0, 400.0, 1.0, volatility, 0.03, call=True, dividends=dividends, model=model)


def test_put_when_45_days_at_five_percent_then_worth_exercising_only_from_about_435():
    """S 400, r 5 %, vol 15 %. The condition K(1 - exp(-r tau)) > C holds far below: it is necessary and not sufficient."""
    strikes = np.arange(420.0, 441.0)
    excess = american_value(400.0, strikes, 45 / YEAR, 0.15, 0.05, call=False) - (strikes - 400.0)
    first = float(strikes[np.argmax(excess < 0.005)])
    assert 430.0 < first <= 435.0
    at_430 = quantlib(400.0, 430.0, 45, 0.15, 0.05, call=False) - 30.0
    assert at_430 > 0.005
    assert float(excess[10]) == pytest.approx(at_430, abs=0.004)
    call_at_425 = quantlib(400.0, 425.0, 45, 0.15, 0.05, call=True)
    assert 425.0 * (1 - math.exp(-0.05 * 45 / YEAR)) > call_at_425
    assert float(excess[5]) > 0.2


# -- volatility --------------------------------------------------------------------------------------------------------------


def test_american_volatility_when_the_price_is_quantlibs_then_its_volatility():
    price = quantlib(400.0, 410.0, 120, 0.23, 0.03, call=False, dividends=((40, 1.6),))
    found = american_volatility(price, 400.0, 410.0, 120 / YEAR, 0.03, call=False, dividends=[(40 / YEAR, 1.6)])
    assert float(found) == pytest.approx(0.23, abs=2e-4)


def test_american_volatility_when_the_price_has_no_time_value_or_is_too_high_then_none():
    found = american_volatility([10.0, 9.0, 399.99, math.nan], 400.0, 410.0, 0.2, 0.03, call=False)
    assert np.isnan(found).all()


# -- early exercise ----------------------------------------------------------------------------------------------------------


def closed_form(spot, strike, days, *, volatility, rate, dividend):
    """For the last dividend: dividend - K(1 - exp(-r tau)) - P(K), with the European put just after the ex-date."""
    put = quantlib(spot - dividend, strike, days, volatility, rate, call=False, american=False)
    return dividend - strike * (1 - math.exp(-rate * days / YEAR)) - put


@pytest.mark.parametrize("strike", [300.0, 360.0, 380.0, 390.0, 395.0])
@pytest.mark.parametrize(("days", "rate"), [(10, 0.05), (30, 0.03), (60, 0.05)])
def test_call_exercise_gain_when_the_last_dividend_then_the_closed_form(strike, days, rate):
    ours = float(call_exercise_gain(400.0, strike, days / YEAR, 0.15, rate, dividend=1.6))
    theirs = closed_form(400.0, strike, days, volatility=0.15, rate=rate, dividend=1.6)
    # Where keeping the call after the date is worth it, as without further dividends it always is.
    assert ours == pytest.approx(theirs, abs=0.005)


def test_call_exercise_gain_when_more_dividends_follow_then_the_closed_form_is_wrong_by_more_than_a_dollar():
    """r 1 %, 350 days, 4 x 1.60, S 400, K 250: it says keep, and the holder loses almost a dollar a share by that."""
    later = ((91, 1.6), (182, 1.6), (273, 1.6))
    ours = float(call_exercise_gain(400.0, 250.0, 350 / YEAR, 0.2, 0.01, dividend=1.6, later=years(later)))
    theirs = 150.0 - quantlib(398.4, 250.0, 350, 0.2, 0.01, call=True, dividends=later)
    assert ours == pytest.approx(theirs, abs=0.005)
    assert ours > 0.9
    assert closed_form(400.0, 250.0, 350, volatility=0.2, rate=0.01, dividend=1.6) < ours - 1.0


def test_call_exercise_gain_when_the_dividend_is_over_the_time_value_then_not_yet_a_reason():
    """S 400, K 395, 30 days: time value before the date is below the dividend of 6.00, and keeping is worth more."""
    spot, strike, days, dividend = 400.0, 395.0, 30, 6.0
    before = quantlib(spot, strike, days, 0.15, 0.05, call=True, dividends=((1, dividend),))
    assert dividend > before - (spot - strike)
    assert float(call_exercise_gain(spot, strike, days / YEAR, 0.15, 0.05, dividend=dividend)) < 0.0


def test_call_exercise_gain_when_no_rate_and_no_time_value_then_the_dividend_itself():
    assert float(call_exercise_gain(400.0, 100.0, 30 / YEAR, 0.15, 0.0, dividend=1.6)) == pytest.approx(1.6, abs=1e-6)


def test_call_exercise_gain_when_a_tie_then_nothing():
    """By hand: deep in the money the put is worth nothing, and D = K(1 - exp(-r tau)) leaves no difference."""
    dividend = 100.0 * (1 - math.exp(-0.03 * 30 / YEAR))
    gain = float(call_exercise_gain(400.0, 100.0, 30 / YEAR, 0.15, 0.03, dividend=dividend))
    assert gain == pytest.approx(0.0, abs=1e-6)
