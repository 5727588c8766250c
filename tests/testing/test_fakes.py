"""Fakes say what they were told to say, and are strict about what they are told."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest
import talib
from vollib.black import black

import optarb
from optarb.calendars import ExchangeCalendar
from optarb.domain.contracts import OptionContract, Right
from optarb.domain.orders import Accepted, OrderIntent, OrderLeg, OrderStatus, Purpose, Rejected, Unknown
from optarb.domain.signals import Signal
from optarb.errors import BadData, UnknownName
from optarb.structures import LongCall, LongPut, Vertical
from optarb.testing import (
    FAKE_SESSION,
    FakeCalendar,
    FakeMarketData,
    OrderScript,
    ScriptedBroker,
    ScriptedExpert,
    fake_account,
    fake_bars,
    fake_candidate,
    fake_chain,
    fake_position,
    fake_quote_rows,
    fake_quotes,
    fake_view,
)

CALL = LongCall(dte=30, moneyness=1.0)


def always(view):
    return Signal.bullish(CALL, confidence=0.7, reasons=[f"close {view.bars().close[-1]:.0f}"])


# -- fake_view -----------------------------------------------------------------------------------------------------------


def test_fake_view_when_evaluated_then_the_legs_are_at_the_money_in_a_month():
    chosen = optarb.evaluate(always, fake_view([100.0, 102.0, 101.0]))

    assert chosen.reasons == ("close 101",)
    # 2024-06-03 and 30 days is 2024-07-03, a Wednesday; the Friday after is nearer than the one before.
    assert [leg.contract.symbol for leg in chosen.legs] == ["SPXW240705C00101000"]


def test_fake_view_when_told_nothing_then_session_after_the_last_bar_at_its_close():
    view = fake_view()

    assert (view.session, view.bars_through) == (FAKE_SESSION, date(2024, 5, 31))
    assert view.at == datetime(2024, 6, 3, 20, tzinfo=UTC)
    assert view.chain().taken_at == view.at
    assert view.chain().modelled
    assert view.chain().underlying_price == view.bars().close[-1]
    assert len(view.bars()) == 300


def test_fake_view_when_features_are_computed_then_those_of_the_real_catalogue():
    view = fake_view()
    expected = talib.RSI(view.bars().close, 14)

    assert view.feature("rsi_14") == pytest.approx(expected[-1], rel=1e-12)
    assert view.feature("rsi_14", back=7) == pytest.approx(expected[-8], rel=1e-12)
    with pytest.raises(UnknownName, match="did you mean"):
        view.feature("rsi_14x")


def test_fake_view_when_features_are_given_then_they_replace_and_add():
    view = fake_view([1.0, 2.0, 3.0], features={"rsi_14": 12.5, "mine": (7.0, 8.0)})

    assert [view.feature("rsi_14", back=back) for back in (0, 2)] == [12.5, 12.5]
    assert [view.feature("mine", back=back) for back in (0, 1)] == [8.0, 7.0]
    assert math.isnan(view.feature("mine", back=2))
    assert view.feature("sma_2") == 2.5


def test_fake_view_when_references_are_given_then_they_are_seen_and_features_are_their_own():
    view = fake_view([1.0, 2.0], references={"VIX": (20.0, 30.0)}, features={"sma_2": 9.0})

    assert view.bars("VIX").close.tolist() == [20.0, 30.0]
    assert (view.feature("sma_2"), view.feature("sma_2", "VIX")) == (9.0, 25.0)
    assert view.bars("VIX").sessions.tolist() == view.bars().sessions.tolist()
    with pytest.raises(UnknownName, match="VVIX"):
        view.bars("VVIX")
    with pytest.raises(UnknownName, match="VIX"):
        view.chain("VIX")


def test_fake_view_when_more_chains_are_given_then_structures_see_them():
    view = fake_view(more_chains={"SPY": fake_chain(symbol="SPY", spot=480.0)})

    assert view.chain("SPY").underlying_price == 480.0
    chosen = optarb.evaluate(lambda _: Signal.neutral(optarb.CallPair(moneyness=1.0), confidence=0.5), view)
    assert [leg.ratio for leg in chosen.legs] == [1, -10]


def test_fake_view_when_chain_is_none_then_a_session_without_quotes():
    view = fake_view(chain=None)

    assert view.chain() is None
    assert "SPX on 2024-06-03" in optarb.evaluate(always, view).no_fit.replace("'", "")


def test_fake_view_when_calendar_is_real_then_holidays_and_half_days_count():
    view = fake_view(session=date(2018, 11, 23), calendar=ExchangeCalendar())

    assert view.bars_through == date(2018, 11, 21)  # Thanksgiving lies between
    assert view.at == datetime(2018, 11, 23, 18, tzinfo=UTC)  # 13:00 in New York


def test_fake_view_when_at_is_given_then_utc_and_the_chain_is_of_then():
    view = fake_view(at=datetime(2024, 6, 3, 9, 35, tzinfo=timezone(timedelta(hours=-4))))

    assert view.at == view.chain().taken_at == datetime(2024, 6, 3, 13, 35, tzinfo=UTC)
    assert view.at.utcoffset() == timedelta(0)


def test_fake_view_when_session_is_the_last_bars_own_then_same_session():
    view = fake_view(bars=fake_bars([1.0, 2.0], last=FAKE_SESSION), session=FAKE_SESSION)

    assert view.bars_through == view.session == FAKE_SESSION


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"at": datetime(2024, 6, 3, 20)}, "aware"),  # noqa: DTZ001 - naive on purpose
        ({"closes": [1.0], "bars": fake_bars([1.0])}, "not both"),
        ({"bars": fake_bars([1.0]), "session": date(2024, 5, 30)}, "before the last bar"),
    ],
)
def test_fake_view_when_arguments_contradict_then_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        fake_view(**arguments)


def test_fake_view_when_closes_are_unusable_then_bad_data():
    with pytest.raises(BadData, match="NaN"):
        fake_view([1.0, math.nan])


def test_fake_view_when_a_call_is_repeated_then_made_once_a_key():
    calls = []
    view = fake_view()

    def call():
        calls.append(1)
        return b"reply"

    assert [view.once("key", call), view.once("key", call), view.once("other", call)] == [b"reply"] * 3
    assert len(calls) == 2


def test_fakes_when_imported_then_neither_pytest_nor_temporal():
    code = (
        "import sys, optarb.testing as t; t.fake_view(); t.fake_candidate(); t.fake_account(); t.ScriptedBroker; "
        "print(sorted({'pytest', 'temporalio'}.intersection(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout.strip() == "[]"


def test_testing_when_names_are_read_then_all_are_there():
    import optarb.testing

    assert sorted(optarb.testing.__all__) == sorted(optarb.testing._HOMES)
    assert all(getattr(optarb.testing, name) is not None for name in optarb.testing.__all__)
    with pytest.raises(AttributeError, match="fake_vew"):
        optarb.testing.fake_vew  # noqa: B018 - the look-up is the test


# -- chains, quotes and bars ---------------------------------------------------------------------------------------------


def test_fake_chain_when_modelled_then_prices_of_black_76():
    chain = fake_chain(spot=5000.0, volatility=0.3)
    contract = OptionContract(root="SPXW", expiry=date(2024, 6, 28), right=Right.PUT, strike=Decimal(4900))
    quote = chain.quote(contract)
    value = black("p", 5000.0, 4900.0, 25 / 365, 0.0, 0.3)

    assert float(quote.bid) <= value * 0.99 + 1e-9
    assert float(quote.bid) == pytest.approx(value * 0.99, abs=0.1)
    assert float(quote.ask) == pytest.approx(value * 1.01, abs=0.1)
    assert float(quote.ask) >= value * 1.01 - 1e-9


def test_fake_chain_when_rows_are_given_then_their_quotes():
    rows = [(date(2024, 6, 28), "P", 100.5, 0.0, 0.05), (date(2024, 6, 21), "C", 100.0, 1.25, 1.5)]
    chain = fake_chain(rows, symbol="XYZ")

    assert [chain.contract(row).symbol for row in range(2)] == ["XYZ240621C00100000", "XYZ240628P00100500"]
    assert chain.quote(chain.contract(0)).bid == Decimal("1.25")
    assert not chain.modelled
    assert math.isnan(chain.underlying_price)


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ((date(2024, 6, 28), "C", 100.0, 2.0, 1.0), "crossed"),
        ((date(2024, 6, 28), "C", 100.0, -1.0, 1.0), "negative"),
        ((date(2024, 5, 31), "C", 100.0, 1.0, 2.0), "expired"),
        ((date(2024, 6, 28), "C", 100.0, 0.0, 0.0), "unquoted"),
        ((date(2024, 6, 3), "C", 100.0, 1.0, 2.0), "dead"),
    ],
)
def test_fake_chain_when_a_row_would_be_dropped_then_error_names_why(row, kind):
    with pytest.raises(ValueError, match=kind):
        fake_chain([row])


def test_fake_chain_when_a_right_is_misspelt_then_error():
    with pytest.raises(ValueError, match="call"):
        fake_chain([(date(2024, 6, 28), "call", 100.0, 1.0, 2.0)])


@pytest.mark.parametrize("spot", [0.02, 0.5, 7.0, 4321.0, 95_000.0])
def test_fake_chain_when_spot_is_extreme_then_strikes_lie_around_it(spot):
    chain = fake_chain(spot=spot)

    assert chain.strikes.min() < spot < chain.strikes.max()
    assert (chain.asks > chain.bids).all()


def test_fake_bars_when_last_is_no_session_then_error():
    with pytest.raises(ValueError, match="2024-06-01"):
        fake_bars([1.0], last=date(2024, 6, 1))


def test_fake_calendar_when_holiday_then_skipped():
    calendar = FakeCalendar(holidays=(date(2024, 7, 4),))

    assert calendar.sessions(date(2024, 7, 3), date(2024, 7, 8)) == (date(2024, 7, 3), date(2024, 7, 5), date(2024, 7, 8))


def test_fake_market_data_when_copied_then_equal_and_apart():
    rows = {FAKE_SESSION: fake_quote_rows(5000.0, session=FAKE_SESSION)}
    source = FakeMarketData(bars_by_symbol={"SPX": fake_bars()}, quotes_by_symbol={"SPX": fake_quotes(rows)})
    other = FakeMarketData(bars_by_symbol={"SPX": fake_bars()}, quotes_by_symbol={"SPX": fake_quotes(rows, modelled=True)})
    copy = pickle.loads(pickle.dumps(source))

    assert copy == source
    assert hash(copy) == hash(source)
    assert other != source
    assert np.array_equal(copy.bars("SPX").close, source.bars("SPX").close)


# -- accounts and candidates ---------------------------------------------------------------------------------------------


def test_fake_position_when_a_vertical_then_premium_loss_and_value_by_hand():
    """Bought at 30, sold at 10, 50 wide, two units: 4,000 paid, all of which can be lost; worth 2 x (25 - 12) now."""
    position = fake_position({"SPXW240628C05000000": (2, "30", "25"), "SPXW240628C05050000": (-2, "10", "12")})

    assert position.units == 2
    assert (position.premium_usd, position.max_loss_usd) == (4000, 4000)
    assert (position.value_usd, position.gain_usd) == (2600, -1400)


def test_fake_account_when_positions_are_open_then_cash_is_what_they_left():
    account = fake_account([fake_position(fees_usd="1.30")], initial_usd=15_000, realised_usd=-500)

    assert account.cash_usd == Decimal("4498.70")
    assert account.available_usd == Decimal("4498.70")
    assert account.equity_usd == Decimal("15498.70")
    with pytest.raises(ValueError, match="ids of their own"):
        fake_account([fake_position(), fake_position()])


def test_fake_candidate_when_priced_then_by_the_quotes():
    chain = fake_chain([(date(2024, 7, 5), "C", 100.0, 1.25, 1.5), (date(2024, 7, 5), "P", 100.0, 1.0, 1.1)], spot=100.0)
    candidate = fake_candidate(LongPut(dte=30, strike=Decimal(100)), view=fake_view([100.0], chain=chain), confidence=0.9)

    assert (candidate.premium_usd, candidate.max_loss_usd, candidate.max_profit_usd) == (110, 110, 9890)
    assert candidate.round_trip_fees_usd == Decimal("1.30")
    assert candidate.confidence == 0.9


def test_fake_candidate_when_the_engine_refuses_then_error_says_why():
    with pytest.raises(ValueError, match="no_fit"):
        fake_candidate(LongCall(dte=30, strike=Decimal("1.5")))


# -- scripts -------------------------------------------------------------------------------------------------------------


def spread_order(units=2):
    legs = fake_candidate(Vertical(right=Right.CALL, width=50.0, dte=30, moneyness=1.0)).legs
    return OrderIntent(
        book_id="book",
        position_id="1",
        purpose=Purpose.OPEN,
        attempt=1,
        legs=tuple(OrderLeg(contract=leg.contract, quantity=units * leg.ratio) for leg in legs),
        units=units,
    )


def reports_of(broker, order, moves):
    found = []
    for _ in range(moves):
        report = broker.find(order.order_id)
        found.append(None if report is None else [leg.quantity for leg in report.legs])
        broker.advance(fake_view().view)
    return found


def test_scripted_broker_when_advanced_then_look_after_look():
    broker, order = ScriptedBroker(fake_view().view, [OrderScript(looks=(None, (1, 0), (0, 0), (2, 2)))]), spread_order()

    assert broker.submit(order) == Accepted()
    assert broker.is_moving
    assert reports_of(broker, order, 6) == [[0, 0], None, [1, 0], [0, 0], [2, -2], [2, -2]]
    assert broker.find(order.order_id).status is OrderStatus.FILLED
    assert broker.find(order.order_id).fees == Decimal("2.60")
    assert not broker.is_moving


def test_scripted_broker_when_unknown_then_not_seen_before_a_look_shows_it():
    script = OrderScript(answer=Unknown(reason="time-out"), looks=(None, (2, 2)))
    broker, order = ScriptedBroker(fake_view().view, [script]), spread_order()

    assert broker.submit(order) == Unknown(reason="time-out")
    assert reports_of(broker, order, 3) == [None, None, [2, -2]]


def test_scripted_broker_when_cancelled_then_ends_with_the_most_that_was_shown():
    broker, order = ScriptedBroker(fake_view().view, [OrderScript(looks=((1, 0), (0, 0), (2, 2)))]), spread_order()
    broker.submit(order)
    broker.advance(fake_view().view)
    broker.advance(fake_view().view)
    broker.cancel(order.order_id)
    broker.advance(fake_view().view)

    report = broker.find(order.order_id)
    assert report.status is OrderStatus.CANCELLED
    assert [leg.quantity for leg in report.legs] == [1, 0]
    assert dict(broker.positions()) == {order.legs[0].contract: 1}


def test_scripted_broker_when_rejected_then_it_never_landed():
    refusal = Rejected(code="halted", reason="halted")
    broker, order = ScriptedBroker(fake_view().view, [OrderScript(answer=refusal)]), spread_order()

    assert broker.submit(order) is refusal
    assert broker.find(order.order_id) is None
    assert broker.orders == ()


def test_scripted_broker_when_script_does_not_fit_then_error():
    with pytest.raises(ValueError, match="2 legs"):
        ScriptedBroker(fake_view().view, [OrderScript(looks=((1,),))]).submit(spread_order())
    with pytest.raises(ValueError, match="without a sign"):
        OrderScript(looks=((-1, 1),))


def test_scripted_expert_when_session_is_in_its_script_then_that_signal():
    signal = Signal.bullish(CALL, confidence=0.5)
    expert = ScriptedExpert(signals={FAKE_SESSION: signal}, underlying="SPX")

    assert expert.evaluate(fake_view()) is signal
    assert expert.evaluate(fake_view(session=date(2024, 6, 4))) is None
    assert expert.evaluate(fake_view(underlying="SPY")) is None
