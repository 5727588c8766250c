from __future__ import annotations

import dataclasses
import pickle
from dataclasses import dataclass, field

import pytest

from optarb.errors import ConfigurationError, UnknownName
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.strategy import Strategy


@dataclass(frozen=True, kw_only=True)
class Dip:
    drop: float = 0.05

    def evaluate(self, view):
        return None


@dataclass(frozen=True, kw_only=True)
class Wrapper:
    inner: Dip = field(default_factory=Dip)

    def evaluate(self, view):
        return self.inner.evaluate(view)


def expert(view):
    return None


def decide(candidates, account, view):
    return None


def strategy(**changes):
    fields = {
        "name": "dips",
        "underlyings": ("SPX",),
        "references": ("VIX",),
        "experts": {"dip": Dip(), "wrapped": Wrapper(), "plain": expert},
        "policy": RiskPolicy(),
        "exits": ExitRules(),
    }
    return Strategy(**(fields | changes))


def test_strategy_when_built_then_symbols_are_underlyings_and_references():
    made = strategy(underlyings=["SPX", "SPY"], references=["VIX", "VVIX"])
    assert made.underlyings == ("SPX", "SPY")
    assert made.symbols == ("SPX", "SPY", "VIX", "VVIX")
    assert strategy(references=()).symbols == ("SPX",)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "strategy name ''"),
        ({"name": "1st"}, "strategy name '1st': use letters"),
        ({"name": "my dips"}, "strategy name 'my dips'"),
        ({"name": "dips\n"}, r"strategy name 'dips\\n'"),
        ({"name": "x" * 64}, "strategy name 'xxx"),
        ({"underlyings": "SPX"}, r"underlyings must be a tuple, got 'SPX'; write \('SPX',\)"),
        ({"references": "VIX"}, r"references must be a tuple, got 'VIX'"),
        ({"underlyings": ()}, r"at least one underlying and each symbol once, got \['VIX'\]"),
        ({"underlyings": ("SPX", "SPX")}, r"each symbol once, got \['SPX', 'SPX', 'VIX'\]"),
        ({"references": ("SPX",)}, r"each symbol once, got \['SPX', 'SPX'\]"),
        ({"experts": {}}, "'dips' has no experts"),
        ({"experts": {"my dip": Dip()}}, "expert name 'my dip'"),
        ({"experts": {"a.b": Dip()}}, r"expert name 'a\.b'"),
        *(
            ({"experts": {name: Dip()}}, f"expert name '{name}'.* none of exits, fees")
            for name in ("policy", "exits", "simulator")
        ),
        *(({"experts": {name: Dip()}}, f"expert name '{name}'") for name in ("fills", "fees", "spec")),
        ({"experts": {"dip": Dip}}, r"expert 'dip': pass Dip\(\), not Dip"),
        ({"experts": {"dip": RiskPolicy()}}, "expert 'dip': RiskPolicy has no evaluate"),
        ({"policy": ExitRules()}, "policy of strategy 'dips': ExitRules has no decide"),
        ({"exits": RiskPolicy()}, "exits of strategy 'dips': RiskPolicy has no review"),
        ({"policy": None}, "policy of strategy 'dips': None"),
    ],
    ids=str,
)
def test_strategy_when_it_makes_no_sense_then_refused_with_the_value(changes, words):
    with pytest.raises(ConfigurationError, match=words):
        strategy(**changes)


def test_strategy_when_names_are_long_or_odd_then_taken():
    name = "x" * 63
    assert strategy(name=name, experts={"A-1_b": Dip()}).name == name


def test_experts_when_the_callers_mapping_changes_then_the_strategy_does_not():
    given = {"dip": Dip()}
    made = strategy(experts=given)
    given["other"] = Dip()

    assert list(made.experts) == ["dip"]
    with pytest.raises(TypeError):
        made.experts["other"] = Dip()


def test_strategy_when_pickled_then_equal_in_the_same_order():
    made = strategy()
    copy = pickle.loads(pickle.dumps(made))
    assert copy == made
    assert list(copy.experts) == ["dip", "wrapped", "plain"]
    assert dataclasses.replace(made, name="other") != made


@pytest.mark.parametrize(
    ("path", "value", "read"),
    [
        ("dip.drop", 0.1, lambda one: one.experts["dip"].drop),
        ("wrapped.inner.drop", 0.2, lambda one: one.experts["wrapped"].inner.drop),
        ("policy.quantity", 3, lambda one: one.policy.quantity),
        ("exits.stop_loss", -0.5, lambda one: one.exits.stop_loss),
        ("exits.stop_loss", None, lambda one: one.exits.stop_loss),
    ],
)
def test_with_override_when_the_path_exists_then_a_copy_with_that_value_and_the_order_kept(path, value, read):
    before = strategy()
    after = before.with_override(path, value)

    assert read(after) == value
    assert before == strategy()
    assert list(after.experts) == list(before.experts)
    assert after != before


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("dip", r"override 'dip' names no parameter; write dip\.<parameter>"),
        ("policy", "names no parameter"),
        ("dp.drop", r"override 'dp\.drop': component 'dp'; did you mean 'dip'"),
        ("exit.stop_loss", "did you mean 'exits'"),
        ("dip.drip", r"'dip\.drip' of Dip: 'drip'; did you mean 'drop'"),
        ("wrapped.inner.drip", "'wrapped.inner.drip' of Dip.*did you mean 'drop'"),
        ("plain.drop", r"'plain\.drop': .*expert.* has no parameters"),
    ],
)
def test_with_override_when_the_path_does_not_exist_then_unknown_name(path, words):
    with pytest.raises(UnknownName, match=words):
        strategy().with_override(path, 1)


def test_with_override_when_the_policy_is_a_function_then_it_has_no_parameters():
    with pytest.raises(UnknownName, match="has no parameters"):
        strategy(policy=decide).with_override("policy.quantity", 1)


def test_with_override_when_refused_by_the_component_then_configuration_error():
    with pytest.raises(ConfigurationError, match=r"'exits\.stop_loss' = 0\.4 is refused: stop_loss must be negative"):
        strategy().with_override("exits.stop_loss", 0.4)
