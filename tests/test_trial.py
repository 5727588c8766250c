"""Trying an expert out shows what a backtest shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest
from tests.acceptance import small_desk

import optarb
from optarb.testing import fake_view

SEEN: dict[date, dict] = {}
SESSIONS = [date(2016, 1, 4), date(2016, 1, 19), date(2016, 2, 12)]
CALL = optarb.LongCall(dte=30, moneyness=1.0)


def all_of(view):
    """Everything a view shows, as plain values."""
    bars, chain = view.bars(), view.chain()
    return {
        "at": (view.at, view.session, view.bars_through, view.underlying, view.model),
        "bars": [getattr(bars, name).tolist() for name in ("sessions", "open", "high", "low", "close", "volume")],
        "features": [
            repr(view.feature(name, back=back)) for name in ("rsi_14", "sma_5", "macd_12_26_9", "sma_50") for back in (0, 3)
        ],
        "chain": None
        if chain is None
        else (
            chain.taken_at,
            chain.modelled,
            repr(chain.underlying_price),
            chain.root_names,
            chain.strikes.tolist(),
            chain.bids.tolist(),
            chain.asks.tolist(),
        ),
    }


@dataclass(frozen=True, kw_only=True)
class Watcher:
    """Notes what it sees, and wants a call."""

    def evaluate(self, view):
        SEEN[view.session] = all_of(view)
        return optarb.Signal.bullish(CALL, confidence=0.8, reasons=[f"{view.bars().close[-1]}"])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trial")
    small_desk.market().write(folder / "data")
    return folder


@pytest.mark.parametrize("bars", ["previous_session", "same_session"])
def test_view_when_made_for_a_session_then_what_a_backtests_expert_sees(files, tmp_path, bars):
    SEEN.clear()
    with small_desk.desk(files, expert=Watcher(), store=optarb.SqlStore(url=f"sqlite:///{tmp_path}/books.db")) as desk:
        result = small_desk.run(desk, bars=bars)
        seen = {session: SEEN[session] for session in SESSIONS}
        signals = {row[0]: row for row in desk.store.rows(result.backtest_id, "signals")}
        for session in SESSIONS:
            view = optarb.view(desk, "SPX", session, bars=bars)
            assert all_of(view) == seen[session]

            chosen = optarb.evaluate(Watcher(), view)
            stored = signals[session.year * 10_000 + session.month * 100 + session.day]
            assert [f"{leg.ratio:+d} {leg.contract}" for leg in chosen.legs] == [stored[7]]
            assert (chosen.confidence, chosen.underlying, chosen.direction) == (0.8, "SPX", "bullish")
        assert [info.book_id for info in desk.store.books()] == [result.backtest_id]


@pytest.fixture
def desk(files):
    with small_desk.desk(files, store=optarb.SqlStore(url="sqlite://", name="trial")) as made:
        yield made


def test_view_when_nobody_trades_the_symbol_then_those_traded_are_named(desk):
    with pytest.raises(optarb.ConfigurationError, match=r"no strategy of the desk trades 'SPY'; traded: \['SPX'\]"):
        optarb.view(desk, "SPY", SESSIONS[0])
    with pytest.raises(optarb.ConfigurationError, match=r"no strategy 'calls' of the desk trades 'SPY'"):
        optarb.view(desk, "SPY", SESSIONS[0], strategy="calls")
    with pytest.raises(optarb.UnknownName, match="did you mean 'calls'"):
        optarb.view(desk, "SPX", SESSIONS[0], strategy="call")


@pytest.mark.parametrize(
    ("session", "words"),
    [(date(2016, 1, 18), "no session from 2016-01-18"), (date(2017, 1, 3), "2017-01-03 .*outside the bars of 'SPX'")],
)
def test_view_when_the_day_is_no_session_or_outside_the_data_then_data_error(desk, session, words):
    with pytest.raises(optarb.DataError, match=words):
        optarb.view(desk, "SPX", session)


def test_view_when_a_call_is_made_then_each_time_anew(desk):
    view = optarb.view(desk, "SPX", SESSIONS[0])
    replies = iter([b"one", b"two"])
    assert [view.once("key", lambda: next(replies)) for _ in range(2)] == [b"one", b"two"]


# -- evaluate ------------------------------------------------------------------------------------------------------------


def bullish(view):
    return optarb.Signal.bullish(CALL, confidence=0.7)


def test_evaluate_when_an_expert_has_an_opinion_then_its_legs_are_those_the_structure_chooses():
    view = fake_view()
    expected = CALL.choose({"SPX": view.chain()}, "SPX")

    chosen = optarb.evaluate(bullish, view)

    assert chosen.legs == expected
    assert (chosen.no_fit, chosen.confidence, chosen.direction) == (None, 0.7, optarb.Direction.BULLISH)


def test_evaluate_when_there_is_no_opinion_then_none():
    assert optarb.evaluate(lambda view: None, fake_view()) is None


def test_evaluate_when_several_proposals_then_the_most_confident_with_all_on_record():
    first = optarb.Proposal(direction=optarb.Direction.BEARISH, structure=optarb.LongPut(dte=30, delta=0.3), confidence=0.4)
    best = optarb.Proposal(direction=optarb.Direction.BULLISH, structure=CALL, confidence=0.6, reasons=("why",))
    chosen = optarb.evaluate(lambda view: optarb.Signal(proposals=(first, best)), fake_view())

    assert (chosen.direction, chosen.confidence, chosen.reasons) == ("bullish", 0.6, ("why",))
    assert [(direction, confidence) for direction, _, confidence in chosen.proposals] == [("bearish", 0.4), ("bullish", 0.6)]
    assert [structure.partition("(")[0] for _, structure, _ in chosen.proposals] == ["LongPut", "LongCall"]


def test_evaluate_when_no_contract_fits_then_the_reason():
    chosen = optarb.evaluate(
        lambda view: optarb.Signal.bullish(optarb.LongCall(dte=30, strike=Decimal("1.5")), confidence=0.5), fake_view()
    )
    assert chosen.legs == ()
    assert "1.5" in chosen.no_fit


@dataclass(frozen=True, kw_only=True)
class Odd:
    """A structure that returns what it was given."""

    returned: object

    def choose(self, chains, underlying):
        if isinstance(self.returned, Exception):
            raise self.returned
        return self.returned


LEG = optarb.Leg(contract=optarb.OptionContract.parse("SPXW240628C05000000"), ratio=1)


@pytest.mark.parametrize(
    ("expert", "words"),
    [
        (lambda view: "buy", r"must return a Signal or None, got 'buy'"),
        (lambda view: 1 / 0, r"raised ZeroDivisionError"),
        *(
            (lambda view, odd=odd: optarb.Signal.bullish(Odd(returned=odd), confidence=0.5), words)
            for odd, words in [
                ((), r"must return a tuple of legs or NoFit, got \(\)"),
                (None, "got None"),
                ([LEG], "must return a tuple of legs"),
                ((LEG, "leg"), "must return a tuple of legs"),
                ((LEG, LEG), r"chose a contract twice: \+1 SPXW240628C05000000 \+1 SPXW240628C05000000"),
                (KeyError("x"), "raised KeyError"),
            ]
        ),
    ],
)
def test_evaluate_when_expert_or_structure_misbehave_then_component_error_names_symbol_and_session(expert, words):
    with pytest.raises(optarb.ComponentError, match=rf"on 'SPX', session 2024-06-03.*{words}"):
        optarb.evaluate(expert, fake_view())


def test_evaluate_when_another_try_is_asked_for_then_the_error_passes():
    def busy(view):
        raise optarb.TransientError("busy")

    with pytest.raises(optarb.TransientError, match="busy"):
        optarb.evaluate(busy, fake_view())
