"""Spec, limits, ticks, clocks and the stored document: small things by themselves."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.trading.rig import PAIR, SPY, VERTICAL, at, pair, vertical

from optarb.domain.orders import OrderLeg
from optarb.domain.quotes import Quote
from optarb.errors import ConfigurationError
from optarb.trading.clocks import LiveClock, SimulatedClock
from optarb.trading.day_spec import DaySpec
from optarb.trading.limits import LiveLimits, notional_usd
from optarb.trading.prices import closing_limit, opening_limit, tick, to_tick
from optarb.trading.rules import LiveRules
from optarb.trading.trading_state import TradingState

SPOTS = {"SPX": Decimal(5000), "SPY": Decimal(510)}


def test_spec_when_written_as_json_then_read_back_equal():
    spec = DaySpec(
        strategy="dips", account="margin-1", limits={"max_entries": 2}, rules={"entry_seconds": 60}, overrides={"b.x": 1}
    )
    assert DaySpec.model_validate_json(spec.model_dump_json()) == spec
    assert spec.book_id == "margin-1.dips"


def test_spec_when_read_from_toml_then_times_money_and_nested_overrides():
    text = (
        'strategy = "dips"\ncapital = 12500.5\nentry_at = 10:05:00\n[overrides.dip]\ndrop = 0.05\n[rules]\nentry_seconds = 60\n'
    )
    assert DaySpec.from_toml(text) == DaySpec(
        strategy="dips",
        capital=Decimal("12500.5"),
        entry_at=time(10, 5),
        overrides={"dip.drop": 0.05},
        rules={"entry_seconds": 60},
    )
    for wrong, words in (("no such file", "cannot read spec"), ("a =\n", "is not TOML"), ("b = 1\n", "strategy")):
        with pytest.raises(ConfigurationError, match=words):
            DaySpec.from_toml(wrong)


def test_state_when_a_day_was_opened_then_it_remembers_the_spec_and_older_documents_none():
    world = vertical(spec_options={"late_minutes": 25.0})
    world.run()
    assert DaySpec.model_validate_json(world.state().spec) == world.spec
    older = {name: value for name, value in json.loads(world.state().dump()).items() if name != "spec"}
    assert TradingState.load(world.book_id, json.dumps(older)).spec == ""


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"account": "a.b"}, "account"),
        ({"capital": 0}, "capital"),
        ({"limits": {"max_loss": 1.5}}, "max_loss"),
        ({"rules": {"unknown_seconds": 0}}, "unknown_seconds"),
        ({"typo": 1}, "typo"),
    ],
)
def test_spec_when_a_field_does_not_fit_then_named(fields, words):
    with pytest.raises(ConfigurationError, match=words):
        DaySpec(strategy="dips", **fields)


def test_limits_page_when_read_then_the_defaults_are_those_of_the_code():
    page = Path(__file__).resolve().parent.parent.parent / "docs/explanation/trading-day.md"
    shown = dict(re.findall(r"^\| `(max_\w+)` \| ([\d,.]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    limits = LiveLimits()
    assert {name: Decimal(value.replace(",", "")) for name, value in shown.items()} == {
        name: Decimal(str(getattr(limits, name))) for name in LiveLimits.model_fields if name.startswith("max_")
    }


def test_notional_when_hedged_then_the_larger_side():
    """One SPX call stands for 5,000 x 100, ten SPY calls for 510 x 100 x 10."""
    assert notional_usd(PAIR, 1, SPOTS.get) == 510_000
    assert notional_usd(PAIR, 2, SPOTS.get) == 1_020_000
    assert notional_usd(VERTICAL, 3, SPOTS.get) == 153_000
    assert notional_usd(PAIR, 1, {"SPX": Decimal(5000)}.get) is None


@pytest.mark.parametrize(
    ("root", "price", "step"),
    [
        ("SPY", "7.95", "0.01"),
        ("SPXW", "2.95", "0.05"),
        ("SPXW", "3.00", "0.10"),
        ("SPXW", "0", "0.05"),
        ("SPXW", "81", "0.10"),
    ],
)
def test_tick_when_asked_then_the_increment_at_that_price(root, price, step):
    """Increments: 0.01 for SPY; for SPX 0.05 below 3.00 and 0.10 from there on."""
    assert tick(root, Decimal(price)) == Decimal(step)


@pytest.mark.parametrize(("cost", "expected"), [("3.04", "3.00"), ("3.05", "3.05"), ("-3.01", "-3.05"), ("-0.01", "-0.05")])
def test_to_tick_when_rounded_then_towards_not_trading(cost, expected):
    assert to_tick(Decimal(cost), Decimal("0.05")) == Decimal(expected)


@pytest.mark.parametrize(
    ("leg", "at", "limit"),
    [
        (PAIR[1], "8.005", "-80.10"),  # sold at 8.01 a share or better
        (PAIR[0], "80.55", "80.50"),
        (VERTICAL[0], "8.00", "8.00"),
    ],
)
def test_opening_limit_when_off_tick_then_a_share_buys_down_and_sells_up(leg, at, limit):
    price = Decimal(at)
    assert opening_limit([leg], [price], price * leg.ratio) == Decimal(limit)


@pytest.mark.parametrize(
    ("rung", "limit"),
    [
        (0, "80.00"),  # the middle is 8.005 a share
        (3, "80.60"),
        (4, "88.60"),  # 10 % beyond is 88.66
    ],
)
def test_closing_limit_when_ten_are_bought_back_then_a_share_is_on_a_tick(rung, limit):
    leg = OrderLeg(contract=SPY, quantity=10)
    quote = Quote(contract=SPY, bid=Decimal("7.95"), ask=Decimal("8.06"), taken_at=None, modelled=False)
    assert closing_limit([leg], 1, {SPY: quote}, rung, LiveRules(), may_market=False) == Decimal(limit)


def test_simulated_clock_when_told_to_go_back_then_it_stands():
    clock = SimulatedClock(at("09:30"))
    clock.wait_until(at("09:35"))
    clock.wait_until(at("09:31"))
    assert clock.now() == at("09:35")
    with pytest.raises(ValueError, match="aware"):
        clock.wait_until(datetime(2024, 6, 3))  # noqa: DTZ001 - what is refused


def test_live_clock_when_asked_then_utc_and_never_back():
    clock = LiveClock()
    first = clock.now()
    clock.wait_until(first - timedelta(hours=1))
    assert first.tzinfo is UTC
    assert clock.now() >= first


@pytest.mark.parametrize("make", [vertical, pair])
def test_document_when_read_back_then_written_the_same(make):
    world = make()
    world.run()
    document = world.store.load(world.book_id).document
    state = TradingState.load(world.book_id, document)
    assert state.dump() == document
    assert json.loads(document)["account"] == "paper"
    (position,) = state.positions.values()
    assert str(position.stage(state.held(position.position_id))) == "open"


def test_document_when_of_another_format_then_refused():
    with pytest.raises(ValueError, match="format 99"):
        TradingState.load("paper.live", '{"format": 99}')
