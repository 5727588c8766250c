"""A recorded day is decided again: equal while nothing has changed, and otherwise told where it differs."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.trading.rig import MONDAY, NEAR, TUESDAY, VERTICAL, Fixed, at, pair, vertical
from tests.trading.test_crashes import Tripwire, go_on, points, run_until_dead, world_of

from optarb.brokers.simulator import Simulator
from optarb.decisions import Decision, Denial
from optarb.domain.legs import Leg, NoFit
from optarb.domain.orders import Purpose
from optarb.domain.signals import Signal
from optarb.errors import BadData, BookError, BookNotFound, ConfigurationError, TransientError, UnknownName
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.testing.faulty_broker import OrderFault
from optarb.testing.memory_trading_store import MemoryTradingStore
from optarb.trading.parity import Parity, Rerun, check_parity

MAKES = {"vertical": vertical, "pair": pair}
BOTH = pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
SESSIONS = (MONDAY, TUESDAY)
# By hand: 8.05 - 4.95 for a spread; 81.00 - 10 x 7.95 for a pair.
LIMITS = {vertical: Decimal("3.10"), pair: Decimal("1.50")}


@dataclass(frozen=True, kw_only=True)
class Bare:
    """A store of backtests alone, and of none."""

    def claim(self): ...

    def commit(self): ...

    def checkpoint(self): ...

    def rows(self): ...


@dataclass(frozen=True, kw_only=True)
class Kept(Bare):
    """One that has live books beside them."""

    trading: MemoryTradingStore


def recorded(make=vertical, **options):
    """A world whose live books lie in its desk's own store."""
    world = make(**options)
    world.desk = dataclasses.replace(world.desk, store=Kept(trading=world.store))
    return world


def changed(world, **changes):
    """The world's desk with another strategy: parts of it replaced."""
    strategy = dataclasses.replace(world.strategy, **changes)
    return dataclasses.replace(world.desk, strategies=[strategy])


def check(world, session=MONDAY, desk=None, **options):
    return check_parity(desk or world.desk, world.book_id, session, **options)


def told(parity):
    """What both paths tell alike; entries are told in other words by each."""
    return [line for line in parity.live.differences if line in parity.backtest.differences]


def numbers(intents):
    return [(json.loads(one)["units"], Decimal(json.loads(one)["limit"])) for one in intents]


# -- nothing has changed -----------------------------------------------------------------------------------------------------


@BOTH
def test_parity_when_nothing_changed_then_both_engines_come_to_the_orders_of_the_day(make):
    world = recorded(make)
    assert world.run().outcome == "traded"

    parity = check(world)

    assert parity.equal
    assert (parity.live.differences, parity.backtest.differences, parity.changed) == ((), (), ())
    assert parity.intents == parity.live.intents == parity.backtest.intents
    (intent,) = map(json.loads, parity.intents)
    assert Decimal(intent.pop("limit")) == LIMITS[make]
    legs = [[leg.contract.symbol, leg.ratio] for leg in world.legs]
    assert intent == {"legs": legs, "structure": f"Fixed(legs={world.legs})", "units": 1}
    assert (parity.book_id, parity.session, parity.decided_at) == ("paper.live", MONDAY, at("09:35"))


def test_parity_when_checked_then_nothing_is_sent_or_written():
    world = recorded()
    world.run()
    sent, kept = len(world.broker.accepted), world.store.load(world.book_id)
    tables = ("signals", "verdicts", "intents", "fills", "marks", "equity")
    rows = {table: list(world.store.rows(world.book_id, table)) for table in tables}
    journal = list(world.store.journal(world.book_id, MONDAY))

    check(world)
    check(world)

    assert (len(world.broker.accepted), world.store.load(world.book_id)) == (sent, kept)
    assert {table: list(world.store.rows(world.book_id, table)) for table in tables} == rows
    assert list(world.store.journal(world.book_id, MONDAY)) == journal


def test_parity_when_no_signal_then_equal_and_empty():
    world = recorded(sessions=(TUESDAY,))
    assert world.run().outcome == "no_trade"

    parity = check(world)

    assert (parity.equal, parity.intents, parity.backtest.intents) == (True, (), ())


def test_parity_when_quotes_and_bars_of_the_desk_moved_on_then_the_recorded_ones_count():
    world = recorded(expert=Looks(), feed={"skewed": [(at("09:30"), at("16:00"))]})  # taken 3 seconds before they are seen
    world.run()
    later = dataclasses.replace(world.desk.market_data, bars_by_symbol={})

    assert check(world, desk=dataclasses.replace(world.desk, market_data=later)).equal


@dataclass(frozen=True, kw_only=True)
class Looks:
    """Decides on all that a view shows."""

    def evaluate(self, view):
        chain, bars = view.chain(), view.bars()
        seen = [
            view.at.isoformat(),
            str(view.session),
            str(bars.sessions[-1]),
            f"{len(bars)}",
            f"{view.feature('sma_20')}",
            chain.taken_at.isoformat(),
            f"{chain.underlying_price}",
            str(chain.bids.tolist()),
        ]
        return Signal.bullish(Fixed(VERTICAL), confidence=0.9, reasons=seen)


def test_parity_when_two_experts_are_equally_sure_then_in_the_order_of_the_strategy():
    single = (Leg(contract=NEAR, ratio=1),)
    experts = {
        name: Says(signal=Signal.bullish(Fixed(legs), confidence=0.9, reasons=[name]))
        for name, legs in (("zoe", single), ("adam", VERTICAL))
    }
    world = recorded()
    world.desk = changed(world, experts=experts)
    world.run()

    parity = check(world)

    assert parity.equal
    assert [len(json.loads(one)["legs"]) for one in parity.intents] == [1, 2]


@BOTH
def test_parity_when_the_broker_gave_less_than_the_book_has_then_that_is_what_binds_again(make):
    world = recorded(make)
    figures = world.account.account
    world.account.account = lambda: dataclasses.replace(figures(), buying_power_usd=Decimal(100))
    assert world.run().outcome == "no_trade"

    parity = check(world)

    assert (parity.equal, parity.intents) == (True, ())
    world.account.account = figures  # the broker of today is not asked
    assert check(world).equal


@BOTH
def test_parity_when_positions_are_carried_then_each_day_with_its_own_book(make):
    world = recorded(make, sessions=(*SESSIONS, MONDAY + timedelta(days=2)))
    for session in world.sessions:
        world.run(session)

    first, second, third = (check(world, session) for session in world.sessions)

    assert [one.equal for one in (first, second, third)] == [True] * 3
    # The policy allows two open positions: the third day is refused, which only the carried book tells.
    assert [len(one.intents) for one in (first, second, third)] == [1, 1, 0]
    assert second.decided_at == at("09:35", TUESDAY)


def test_parity_when_a_closing_order_works_on_the_day_then_the_book_is_taken_with_it():
    """A backtest closes before it opens; on this day the order to close had not filled when the day was decided."""
    stuck = {"faults": [OrderFault(kind="stuck", purpose=Purpose.CLOSE)]}
    days = ExitRules(profit_target=None, credit_profit_target=None, stop_loss=None, max_hold_sessions=1)
    world = recorded(sessions=SESSIONS, exits=days, broker_options=stuck)
    world.desk = changed(world, policy=Tells())
    world.run()
    world.run(TUESDAY, check=False)
    (verdict,) = (row for row in world.store.rows(world.book_id, "verdicts") if row[0] == 20240604)
    assert (verdict[4], json.loads(verdict[7])) == ("denied", {"open": "1", "working": "1"})

    parity = check(world, TUESDAY)

    assert (parity.equal, parity.intents) == (True, ())


@dataclass(frozen=True, kw_only=True)
class Tells(RiskPolicy):
    """Opens one position, and afterwards tells what the account shows."""

    def refuse(self, candidate, account, view):
        numbers = {"open": str(len(account.positions)), "working": str(len(account.working))}
        return Denial(candidate=candidate, rule="one", reason="one", numbers=numbers) if account.positions else None


def test_parity_when_decided_after_quotes_were_unusable_then_what_was_decided_on_at_last():
    world = recorded(feed={"stale": [(at("09:30"), at("09:40"))]}, prices=[(at("09:38"), {NEAR: ("8.95", "9.05")})])
    assert world.run().outcome == "traded"

    parity = check(world)

    assert parity.equal
    assert parity.decided_at == at("09:40")
    assert numbers(parity.intents) == [(1, Decimal("4.10"))]


def test_parity_when_the_worker_died_at_any_write_of_the_decision_then_what_was_decided_at_last():
    names = points(vertical)
    for point in [number for number, name in enumerate(names, 1) if name == "once:after"]:
        tripwire = Tripwire(at=point)
        world = world_of(vertical, tripwire)
        world.desk = dataclasses.replace(world.desk, store=Kept(trading=world.store))
        assert not run_until_dead(world, tripwire)
        # Whoever decides anew does so on other quotes, which is another recording.
        world.feed.steps.append((at("09:35:01"), {NEAR: ("8.95", "9.05")}))
        go_on(world, "second", check=False)

        parity = check(world)

        assert parity.equal
        again = parity.decided_at > at("09:35")
        assert numbers(parity.intents) == [(1, Decimal("4.10" if again else "3.10"))]


# -- something has changed ---------------------------------------------------------------------------------------------------


@BOTH
def test_parity_when_the_policy_asks_for_more_confidence_then_refused_and_told(make):
    world = recorded(make)
    world.run()
    policy = dataclasses.replace(world.strategy.policy, min_confidence=0.95)

    parity = check(world, desk=changed(world, policy=policy))

    assert not parity.equal
    assert (len(parity.intents), parity.live.intents, parity.backtest.intents) == (1, (), ())
    verdict, entry = told(parity)
    where = f"verdict of 'one' on '{world.legs[0].contract.underlying}'"
    assert verdict == f"{where}: there was none, is denied (min_confidence: confidence 0.9, limit 0.95)"
    assert re.fullmatch(r"entry 1: was 1 x Fixed\(.*\) at [\d.]+, there is none now", entry)
    assert parity.live.differences == parity.backtest.differences
    assert parity.changed == ("policy.min_confidence has changed",)


@BOTH
def test_parity_when_the_policy_takes_more_then_units_are_told(make):
    world = recorded(make)
    world.run()

    parity = check(world, desk=changed(world, policy=dataclasses.replace(world.strategy.policy, quantity=2)))

    assert not parity.equal
    assert numbers(parity.live.intents) == numbers(parity.backtest.intents)
    assert [units for units, _ in numbers(parity.live.intents)] == [2]
    assert parity.live.differences == parity.backtest.differences == ("entry 1: units was 1, is 2",)
    assert parity.changed == ("policy.quantity has changed",)


def test_parity_when_a_parameter_changed_that_did_not_matter_then_equal_and_told():
    world = recorded()
    world.run()

    parity = check(world, desk=changed(world, policy=dataclasses.replace(world.strategy.policy, max_entries_per_session=3)))

    assert parity.equal
    assert parity.changed == ("policy.max_entries_per_session has changed",)


@dataclass(frozen=True, kw_only=True)
class Says:
    """An expert of one answer."""

    signal: Signal | None = None

    def evaluate(self, view):
        return self.signal


def test_parity_when_the_expert_is_less_sure_then_confidence_is_told():
    world = recorded()
    world.run()
    less = Says(signal=Signal.bullish(Fixed(VERTICAL), confidence=0.8, reasons=["up"]))

    parity = check(world, desk=changed(world, experts={"one": less}))

    assert not parity.equal
    assert "signal of 'one' on 'SPY': confidence was 0.9, is 0.8" in told(parity)
    assert parity.intents == parity.live.intents  # the same orders, for other reasons
    assert "one has changed" in parity.changed


def test_parity_when_the_expert_has_no_opinion_or_another_name_then_told():
    world = recorded()
    world.run()

    silent = check(world, desk=changed(world, experts={"one": Says()}))
    renamed = check(world, desk=changed(world, experts={"two": world.strategy.experts["one"]}))

    assert [line.partition(": ")[0] for line in silent.live.differences] == ["signal of 'one' on 'SPY'", "entry 1"]
    assert silent.live.differences[0].endswith("there is none now")
    assert {"signal of 'one' on 'SPY'", "signal of 'two' on 'SPY'"} <= {one.partition(": ")[0] for one in told(renamed)}
    assert (silent.equal, renamed.equal) == (False, False)
    assert {"one is gone", "two is new"} <= set(renamed.changed)


@dataclass(frozen=True)
class Nothing:
    """A structure that finds nothing."""

    def choose(self, chains, underlying):
        return NoFit(reason="not today")


@pytest.mark.parametrize(
    ("structure", "line"),
    [
        (
            Fixed((Leg(contract=NEAR, ratio=1),)),
            "legs was +1 SPY240621C00500000 -1 SPY240621C00510000, is +1 SPY240621C00500000",
        ),
        (Nothing(), "no_fit was null, is not today"),
    ],
    ids=["legs", "no fit"],
)
def test_parity_when_the_structure_chooses_otherwise_then_legs_are_told(structure, line):
    world = recorded()
    world.run()
    other = Says(signal=Signal.bullish(structure, confidence=0.9, reasons=["up"]))

    parity = check(world, desk=changed(world, experts={"one": other}))

    assert not parity.equal
    assert any(f"signal of 'one' on 'SPY': {line}" in one for one in told(parity))


def test_parity_when_the_simulator_prices_otherwise_then_limits_are_told():
    world = recorded()
    world.run()
    simulator = Simulator(fills=Half())

    parity = check(world, desk=dataclasses.replace(world.desk, simulator=simulator))

    assert not parity.equal
    assert numbers(parity.live.intents) == numbers(parity.backtest.intents) == [(1, Decimal(3))]
    assert any(line.startswith("entry 1: limit was ") for line in told(parity))


@dataclass(frozen=True, kw_only=True)
class Half:
    """Fills at the middle of the quotes."""

    def fill_price(self, quote, quantity):
        return quote.mid


@dataclass(frozen=True, kw_only=True)
class Fails:
    """Raises what it is told to."""

    error: type[Exception] = RuntimeError

    def evaluate(self, view):
        raise self.error("no idea")


@pytest.mark.parametrize(
    ("error", "text"),
    [(RuntimeError, "ComponentError: .*raised RuntimeError: no idea"), (TransientError, "TransientError: no idea")],
)
def test_parity_when_the_expert_fails_now_then_that_is_the_difference(error, text):
    world = recorded()
    world.run()

    parity = check(world, desk=changed(world, experts={"one": Fails(error=error)}))

    assert not parity.equal
    for rerun in (parity.live, parity.backtest):
        assert rerun.intents == ()
        (line,) = rerun.differences
        assert re.fullmatch(f"nothing can be decided now: {text}", line)


def test_parity_when_a_policy_answers_differently_in_a_backtest_then_only_that_path_differs():
    """What the check is there for: a component that tells live days from backtests."""
    world = recorded()
    world.run()

    parity = check(world, desk=changed(world, policy=Suspicious()))

    assert (parity.live.differences, parity.equal) == ((), False)
    assert parity.backtest.differences == ("entry 1: units was 1, is 2",)


@dataclass(frozen=True, kw_only=True)
class Suspicious(RiskPolicy):
    """Takes twice as much from its second call on."""

    calls: list = field(default_factory=list, compare=False)

    def decide(self, candidates, account, view):
        self.calls.append(1)
        found = super().decide(candidates, account, view)
        entries = [dataclasses.replace(entry, units=min(len(self.calls), 2)) for entry in found.entries]
        return Decision(entries=tuple(entries), denials=found.denials)


def test_parity_when_another_spec_is_named_then_by_its_overrides():
    world = recorded()
    world.run()
    spec = world.spec.model_copy(update={"overrides": {"policy.quantity": 2}})

    parity = check(world, spec=spec)

    assert parity.live.differences == ("entry 1: units was 1, is 2",)
    assert check(world, spec=world.spec).equal


def test_parity_when_the_day_had_overrides_then_they_hold_again():
    world = recorded(spec_options={"overrides": {"policy.quantity": 3}})
    world.run()

    parity = check(world)

    assert parity.equal
    assert numbers(parity.intents) == [(3, Decimal("3.10"))]


SAME, OTHER = Rerun(intents=("a",), differences=()), Rerun(intents=("a",), differences=("signal: reasons",))
ELSEWHERE = Rerun(intents=("b",), differences=())


@pytest.mark.parametrize(
    ("live", "backtest", "equal"),
    [
        (SAME, SAME, True),
        (OTHER, SAME, False),
        (SAME, OTHER, False),
        (ELSEWHERE, SAME, False),
        (SAME, ELSEWHERE, False),
        (ELSEWHERE, ELSEWHERE, False),
    ],
)
def test_equal_when_either_path_differs_in_anything_then_not(live, backtest, equal):
    facts = {"book_id": "b", "session": MONDAY, "decided_at": at("09:35"), "intents": ("a",), "changed": ("x is new",)}

    assert Parity(live=live, backtest=backtest, **facts).equal is equal


# -- outside calls -----------------------------------------------------------------------------------------------------------

CALLS = []


@dataclass(frozen=True, kw_only=True)
class Asks:
    """Asks a language model, as it were, and buys what it says."""

    key: str = "opinion"
    swallow: bool = False

    def evaluate(self, view):
        try:
            answer = json.loads(view.once(self.key, self.call))
        except Exception:
            if self.swallow:
                return None
            raise
        return Signal.bullish(Fixed(VERTICAL), confidence=answer["confidence"], reasons=[answer["why"]])

    def call(self):
        CALLS.append(self.key)
        return json.dumps({"confidence": 0.7 + len(CALLS) / 100, "why": f"call {len(CALLS)}"}).encode()


@pytest.fixture
def asked():
    """A day decided by an expert whose every call has another answer."""
    CALLS.clear()
    world = recorded(expert=Asks())
    assert world.run().outcome == "traded"
    assert CALLS == ["opinion"]
    return world


def test_parity_when_an_expert_calls_outside_then_the_stored_answer_is_fed_and_none_is_made(asked):
    assert check(asked).equal
    assert check(asked).equal
    assert CALLS == ["opinion"]


@pytest.mark.parametrize("swallow", [False, True], ids=["raised on", "swallowed"])
def test_parity_when_a_call_was_not_made_on_the_day_then_not_made_and_told(asked, swallow):
    parity = check(asked, desk=changed(asked, experts={"one": Asks(key="second opinion", swallow=swallow)}))

    assert CALLS == ["opinion"]
    assert not parity.equal
    for rerun in (parity.live, parity.backtest):
        line = "the outside call 'second opinion' of 'one' on 'SPY' was not made on the day, and is not made now"
        assert rerun.differences[0] == line


def test_parity_when_no_answer_was_needed_after_all_then_silence_is_the_only_difference(asked):
    parity = check(asked, desk=changed(asked, experts={"one": Asks(key="other", swallow=True)}))

    assert len([line for line in parity.live.differences if "outside call" in line]) == 1


# -- what cannot be checked --------------------------------------------------------------------------------------------------


def test_parity_when_there_is_no_such_book_then_not_found():
    world = recorded()
    world.run()
    with pytest.raises(BookNotFound, match=r"no live book 'paper\.lice'"):
        check_parity(world.desk, "paper.lice", MONDAY)


@pytest.mark.parametrize("start", ["10:06", None], ids=["missed", "another session"])
def test_parity_when_nothing_was_decided_then_says_so(start):
    world = recorded()
    world.run(start=start or "09:30")
    session = MONDAY if start else TUESDAY
    with pytest.raises(BookError, match=f"book 'paper.live' decided nothing on {session}"):
        check(world, session)


def test_parity_when_decided_without_a_recording_then_says_so():
    world = recorded()
    world.store.once(world.book_id, MONDAY, "entries", b'{"entries":[],"signals":[],"verdicts":[]}')
    with pytest.raises(BookError, match="stored without a recording"):
        check(world)


def test_parity_when_the_recording_is_damaged_or_gone_then_says_so():
    world = recorded()
    world.run()
    answer = json.loads(world.store.decided(world.book_id, MONDAY, "entries"))
    content = world.store.decided(world.book_id, MONDAY, f"recording/{answer['recording']}")
    gone, damaged = recorded(), recorded()
    for other in (gone, damaged):
        other.store.once(world.book_id, MONDAY, "entries", json.dumps(answer).encode())
    damaged.store.once(world.book_id, MONDAY, f"recording/{answer['recording']}", content[:-1] + bytes([content[-1] ^ 1]))

    with pytest.raises(BadData, match="is not in the store"):
        check(gone)
    with pytest.raises(BadData, match="the recording of the decision is damaged"):
        check(damaged)


def test_parity_when_the_spec_is_of_another_book_or_strategy_then_refused():
    world = recorded()
    world.run()
    with pytest.raises(ConfigurationError, match=r"the spec trades book 'other\.live', not 'paper\.live'"):
        check(world, spec=world.spec.model_copy(update={"account": "other"}))
    with pytest.raises(UnknownName, match="unknown strategy 'live'"):
        check(world, desk=changed(world, name="renamed"))


def test_parity_when_the_store_keeps_no_live_books_then_refused():
    world = vertical()
    desk = dataclasses.replace(world.desk, store=Bare())
    with pytest.raises(ConfigurationError, match="a store that keeps live books"):
        check_parity(desk, world.book_id, MONDAY)


def test_day_when_decided_then_the_answer_names_its_recording_and_stays_small():
    world = vertical()
    world.run()
    stored = world.store.decided(world.book_id, MONDAY, "entries")
    answer = json.loads(stored)

    assert world.store.decided(world.book_id, MONDAY, f"recording/{answer['recording']}") is not None
    assert len(stored) < 2_000
