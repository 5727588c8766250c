"""Experts made of other experts: votes, vetoes, regimes and the other side."""

from __future__ import annotations

import dataclasses
import pickle
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

import optarb
from optarb._component import override
from optarb.backtesting.training import trained_part
from optarb.desk.intake import component_identity
from optarb.domain.signals import Direction, Proposal, Signal
from optarb.errors import ConfigurationError
from optarb.experts import InvertedExpert, RegimeExpert, VetoExpert, VotingExpert
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.strategy import Strategy
from optarb.structures import LongCall, LongPut
from optarb.testing import FakeCalendar, FakeMarketData, fake_bars, fake_view

UP, DOWN, NEUTRAL = Direction.BULLISH, Direction.BEARISH, Direction.NEUTRAL


@dataclass(frozen=True, kw_only=True)
class Says:
    """Says what it was built with, by a structure that tells who said it."""

    direction: Direction | None
    confidence: float = 0.5
    dte: int = 30
    features: tuple[str, ...] = ()
    warm_up: int = 1

    def evaluate(self, view):
        if self.direction is None:
            return None
        structure = LongCall(dte=self.dte, delta=0.5)
        return Signal.one(self.direction, structure, confidence=self.confidence, reasons=[f"{view.underlying} {self.dte}"])


def always(view):
    return Signal.bullish(LongCall(dte=7, delta=0.5), confidence=1.0)


@dataclass(frozen=True, kw_only=True)
class Holds:
    """Passes another expert on and declares nothing."""

    inner: object

    def evaluate(self, view):
        return self.inner.evaluate(view)


@dataclass(frozen=True, kw_only=True)
class Unasked:
    """Must not be asked."""

    def evaluate(self, view):
        raise AssertionError


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Makes an outside call by a key that others use too."""

    answer: str

    def evaluate(self, view):
        reply = view.once("ask", self.answer.encode).decode()
        return Signal.bullish(LongCall(dte=30, delta=0.5), confidence=0.5, reasons=[reply])


@dataclass(frozen=True, kw_only=True)
class Trains:
    """Repeats the model."""

    def cutoffs(self, sessions):
        return sessions[:1]

    def fit(self, view):
        return str(len(view.bars())).encode()

    def evaluate(self, view):
        return None


def vote(*experts, **fields):
    return VotingExpert(experts=experts, **fields).evaluate(fake_view([5000.0]))


@pytest.mark.parametrize(
    ("directions", "needed", "winner"),
    [
        ([UP, UP, None], 2, UP),
        ([UP, None, None], 2, None),
        ([UP, None, None], 1, UP),
        ([DOWN, UP, DOWN], 2, DOWN),
        ([NEUTRAL, NEUTRAL, UP], 2, NEUTRAL),
        ([UP, UP, DOWN], 3, None),
        ([UP, DOWN, None], 1, None),
        ([UP, UP, DOWN, DOWN], 2, None),
        ([UP, UP, DOWN, DOWN, UP], 2, UP),
        ([None, None, None], 1, None),
    ],
)
def test_vote_when_counted_then_the_direction_of_most_if_enough_agree(directions, needed, winner):
    signal = vote(*(Says(direction=direction) for direction in directions), needed=needed)
    assert (None if signal is None else signal.best.direction) is winner


@pytest.mark.parametrize(("rule", "confidence"), [("mean", 0.7), ("least", 0.6), ("share", 0.35)])
def test_vote_when_two_of_four_agree_then_the_confidence_is_the_rules(rule, confidence):
    # 0.6 and 0.8 agree: mean 0.7, least 0.6, and 1.4 of four 0.35.
    experts = (Says(direction=UP, confidence=0.6), Says(direction=DOWN, confidence=0.9))
    signal = vote(*experts, Says(direction=UP, confidence=0.8), Says(direction=None), confidence_rule=rule)
    assert signal.best.confidence == pytest.approx(confidence, abs=1e-15)


def test_vote_when_taken_then_the_most_confident_ones_structure_and_everyones_reasons():
    signal = vote(
        Says(direction=UP, confidence=0.6, dte=10),
        Says(direction=DOWN, confidence=0.9, dte=20),
        Says(direction=UP, confidence=0.8, dte=30),
        Says(direction=UP, confidence=0.8, dte=40),
    )
    (proposal,) = signal.proposals
    assert proposal.structure == LongCall(dte=30, delta=0.5)
    assert proposal.reasons == (
        "3 of 4 experts bullish, 2 needed",
        "Says: SPX 10",
        "Says: SPX 30",
        "Says: SPX 40",
        "against: Says is bearish",
    )


def test_vote_when_a_member_is_a_function_then_asked_too():
    assert vote(Says(direction=UP, confidence=0.5), always).best.structure == LongCall(dte=7, delta=0.5)


def test_experts_when_a_direction_is_plain_text_then_it_counts_as_the_direction():
    signal = vote(Says(direction="bullish"), Says(direction=UP), Says(direction="bearish"))
    assert signal.best.reasons[0] == "2 of 3 experts bullish, 2 needed"
    other = InvertedExpert(inner=Says(direction="bullish")).evaluate(fake_view([5000.0]))
    assert other.best.direction is DOWN
    assert InvertedExpert(inner=Says(direction="neutral")).evaluate(fake_view([5000.0])) is None


def test_vote_when_members_call_outside_by_one_key_then_each_gets_its_own_answer():
    signal = vote(Calls(answer="yes"), Calls(answer="no"))
    assert signal.best.reasons[1:] == ("Calls: yes", "Calls: no")


@pytest.mark.parametrize(
    ("said", "other", "objection", "passes"),
    [
        (UP, None, "opposite", True),
        (UP, None, "any", True),
        (UP, DOWN, "opposite", False),
        (DOWN, UP, "opposite", False),
        (UP, UP, "opposite", True),
        (UP, NEUTRAL, "opposite", True),
        (NEUTRAL, DOWN, "opposite", True),
        (UP, UP, "any", False),
        (UP, NEUTRAL, "any", False),
    ],
)
def test_veto_when_the_other_is_asked_then_its_objection_silences(said, other, objection, passes):
    expert = VetoExpert(inner=Says(direction=said, confidence=0.7), veto=Says(direction=other), objection=objection)
    signal = expert.evaluate(fake_view([5000.0]))
    assert (signal is not None) == passes
    if passes:
        words = "silent" if other is None else f"{other}"
        assert signal == Signal.one(
            said, LongCall(dte=30, delta=0.5), confidence=0.7, reasons=["SPX 30", f"no veto: Says is {words}"]
        )


def test_veto_when_there_is_no_signal_then_the_other_is_not_asked():
    assert VetoExpert(inner=Says(direction=None), veto=Unasked()).evaluate(fake_view([5000.0])) is None


@pytest.mark.parametrize(
    ("band", "value", "passes"),
    [
        ({"lowest": 10.0}, 10.0, True),
        ({"lowest": 10.0}, 9.99, False),
        ({"highest": 20.0}, 20.0, True),
        ({"highest": 20.0}, 20.01, False),
        ({"lowest": 10.0, "highest": 20.0}, 15.0, True),
        ({"lowest": 0.0, "highest": 0.0}, 0.0, True),
        ({"lowest": 10.0, "highest": 20.0}, float("nan"), False),
    ],
)
def test_regime_when_the_feature_is_read_then_heard_in_the_band_alone(band, value, passes):
    expert = RegimeExpert(inner=Says(direction=UP), feature="rsi_14", **band)
    seen = fake_view([5000.0] * 20, features={"rsi_14": value})
    assert (expert.evaluate(seen) is not None) == passes
    if not passes:
        assert dataclasses.replace(expert, inner=Unasked()).evaluate(seen) is None


def test_regime_when_a_references_feature_is_read_then_the_reason_names_it():
    expert = RegimeExpert(inner=Says(direction=UP), feature="sma_2", symbol="VIX", lowest=14.0, highest=16.0)
    signal = expert.evaluate(fake_view([5000.0] * 3, references={"VIX": [90.0, 14.5, 15.5]}))
    assert signal.best.reasons == ("SPX 30", "VIX sma_2 15 is from 14 to 16")
    upper = dataclasses.replace(expert, lowest=None).evaluate(fake_view([5000.0], references={"VIX": [15.0, 15.0]}))
    assert upper.best.reasons[-1] == "VIX sma_2 15 is at most 16"


@pytest.mark.parametrize(("said", "taken"), [(UP, DOWN), (DOWN, UP), (NEUTRAL, None), (None, None)])
def test_inverted_when_asked_then_the_other_side_with_its_own_structure(said, taken):
    expert = InvertedExpert(inner=Says(direction=said, confidence=0.65), bearish=LongPut(dte=60, delta=0.3))
    signal = expert.evaluate(fake_view([5000.0]))
    assert (None if signal is None else signal.best.direction) is taken
    if signal is not None:
        assert signal.best == Proposal(
            direction=taken,
            structure=expert.bullish if taken is UP else LongPut(dte=60, delta=0.3),
            confidence=0.65,
            reasons=(f"the other side of Says, which is {said}", "SPX 30"),
        )


NEEDY = Says(direction=UP, features=("rsi_14", "sma_20"), warm_up=30)
OTHER = Says(direction=UP, features=("rsi_14", "adx_7"), warm_up=40)
COMBINED = [
    VotingExpert(experts=(NEEDY, always, OTHER)),
    VetoExpert(inner=NEEDY, veto=OTHER),
    RegimeExpert(inner=VetoExpert(inner=NEEDY, veto=OTHER), feature="rsi_14", lowest=0.0),
    InvertedExpert(inner=VotingExpert(experts=(OTHER, NEEDY))),
]


@pytest.mark.parametrize("expert", COMBINED, ids=lambda one: type(one).__name__)
def test_needs_when_experts_are_combined_then_all_their_features_and_the_longest_warm_up(expert):
    assert sorted(expert.features) == ["adx_7", "rsi_14", "sma_20"]
    assert expert.warm_up == 40


def test_features_when_a_member_declares_none_then_those_of_what_it_holds():
    expert = VetoExpert(inner=always, veto=Holds(inner=Holds(inner=NEEDY)))
    assert expert.features == ("rsi_14", "sma_20")
    assert expert.warm_up == 1  # which a wrapper must pass on itself


def test_warm_up_when_the_regimes_feature_needs_more_then_its_own():
    assert RegimeExpert(inner=NEEDY, feature="sma_50", lowest=0.0).warm_up == 50
    assert RegimeExpert(inner=NEEDY, feature="sma_50", symbol="VIX", lowest=0.0).warm_up == 30
    assert RegimeExpert(inner=always, feature="my_own", lowest=0.0).warm_up == 1
    assert RegimeExpert(inner=always, feature="my_own", lowest=0.0).features == ("my_own",)


@pytest.mark.parametrize(
    "expert",
    [
        VotingExpert(experts=(always, Trains())),
        VetoExpert(inner=always, veto=Trains()),
        RegimeExpert(inner=Trains(), feature="rsi_14", lowest=0.0),
        InvertedExpert(inner=InvertedExpert(inner=Trains())),
    ],
    ids=lambda one: type(one).__name__,
)
def test_training_when_one_member_trains_then_found_and_when_two_do_then_refused(expert):
    path, part = trained_part("mixed", expert)
    assert isinstance(part, Trains)
    assert path.startswith("mixed.")
    with pytest.raises(ConfigurationError, match="all train, but a view shows one model"):
        trained_part("mixed", VotingExpert(experts=(expert, Trains())))


def test_model_when_a_member_trains_then_it_sees_the_model():
    @dataclass(frozen=True)
    class Reads:
        def evaluate(self, view):
            return Signal.bullish(LongCall(dte=30, delta=0.5), confidence=0.5, reasons=[str(view.model)])

    signal = InvertedExpert(inner=Reads()).evaluate(fake_view([5000.0], model="the model"))
    assert signal.best.reasons[-1] == "the model"


def test_override_when_a_path_goes_into_a_field_then_the_inner_parameter_is_replaced():
    mixed = RegimeExpert(inner=VetoExpert(inner=NEEDY, veto=OTHER), feature="rsi_14", lowest=0.0)
    strategy = Strategy(
        name="s", underlyings=("SPX",), experts={"mixed": mixed}, policy=RiskPolicy(), exits=ExitRules()
    ).with_override("mixed.inner.veto.dte", 99)
    assert strategy.experts["mixed"].inner.veto == dataclasses.replace(OTHER, dte=99)
    assert override(VotingExpert(experts=(NEEDY, OTHER)), "needed", 1).needed == 1
    with pytest.raises(ConfigurationError, match="does not fit"):
        override(VotingExpert(experts=(NEEDY, OTHER)), "needed", "many")


@pytest.mark.parametrize("expert", COMBINED, ids=lambda one: type(one).__name__)
def test_identity_when_a_nested_parameter_changes_then_another(expert):
    assert component_identity(pickle.loads(pickle.dumps(expert))) == component_identity(expert)
    text = repr(component_identity(expert)["parameters"])
    assert text.count("test_combinators:Says") == 2
    changed = dataclasses.replace(OTHER, confidence=0.51)
    one, another = VotingExpert(experts=(NEEDY, OTHER)), VotingExpert(experts=(NEEDY, changed))
    assert component_identity(one) != component_identity(another)


def test_backtest_when_a_vote_holds_a_trained_expert_then_runs_and_trains_it():
    bars = fake_bars([5000.0 + number % 5 for number in range(40)])
    strategy = Strategy(
        name="votes",
        underlyings=("SPX",),
        experts={"mixed": VotingExpert(experts=(Says(direction=UP, confidence=0.9, warm_up=3), always, Trains()))},
        policy=RiskPolicy(),
        exits=ExitRules(),
    )
    known = FakeMarketData(bars_by_symbol={"SPX": bars, "VIX": fake_bars([20.0] * 40, symbol="VIX")})
    desk = optarb.Desk(strategies=[strategy], market_data=optarb.ModelledOptions(data=known), calendar=FakeCalendar())
    spec = optarb.BacktestSpec(strategy="votes", start=date(2024, 5, 20), end=date(2024, 5, 31), capital=Decimal(100_000))
    result = optarb.backtest(spec, desk, progress=False)
    assert result.summary.blocks_computed["training"] == 1
    assert set(result.signals()["direction"]) == {"bullish"}


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: VotingExpert(experts=(always,)), "two or more"),
        (lambda: VotingExpert(experts=[always, NEEDY]), "must be a tuple of two or more"),
        (lambda: VotingExpert(experts=(always, Says)), r"experts\.1: pass Says\(\), not Says"),
        (lambda: VotingExpert(experts=(always, NEEDY), needed=3), "from 1 to the number of experts, 2, got 3"),
        (lambda: VotingExpert(experts=(always, NEEDY), needed=0), "from 1 to the number"),
        (lambda: VotingExpert(experts=(always, NEEDY), confidence_rule="most"), 'must be "mean", "least" or "share"'),
        (lambda: VetoExpert(inner=always, veto=lambda view: None), "veto: .* is a lambda"),
        (lambda: VetoExpert(inner=RiskPolicy(), veto=always), "inner: RiskPolicy has no evaluate"),
        (lambda: VetoExpert(inner=always, veto=NEEDY, objection="all"), 'must be "opposite" or "any"'),
        (lambda: RegimeExpert(inner=3, feature="rsi_14", lowest=0.0), "inner: 3 is neither"),
        (lambda: RegimeExpert(inner=always, feature="", lowest=0.0), "feature must name a column"),
        (lambda: RegimeExpert(inner=always, feature="rsi_14"), "lowest or highest must be given"),
        (lambda: RegimeExpert(inner=always, feature="rsi_14", lowest=2.0, highest=1.0), r"must be finite and rise, got 2\.0"),
        (lambda: RegimeExpert(inner=always, feature="rsi_14", lowest=float("-inf")), "must be finite and rise"),
        (lambda: RegimeExpert(inner=always, feature="rsi_14", highest=float("nan")), "must be finite and rise"),
        (lambda: InvertedExpert(inner=Says), r"inner: pass Says\(\)"),
        (lambda: InvertedExpert(inner=always, bullish=LongCall), "bullish must be an instance"),
    ],
)
def test_expert_when_a_parameter_makes_no_sense_then_refused(build, words):
    with pytest.raises(ConfigurationError, match=words):
        build()
