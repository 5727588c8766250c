"""What a strategy is made of, by path and without values."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass
from decimal import Decimal

import pytest

from optarb.brokers.fee_models import PerContractFee
from optarb.brokers.simulator import Simulator
from optarb.domain.contracts import Right
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.strategy import Strategy
from optarb.structures import Vertical
from optarb.trading.fingerprints import fingerprints, what_changed


@dataclass(frozen=True, kw_only=True)
class Model:
    """An expert with a secret and a structure."""

    key: str = "sk-0123456789"
    structure: Vertical = dataclasses.field(default_factory=lambda: Vertical(right=Right.CALL, dte=30, width=5.0, delta=0.4))
    lock: object = None

    def evaluate(self, view):
        return None


def strategy(**changes):
    parts = {"experts": {"model": Model()}, "policy": RiskPolicy(), "exits": ExitRules()} | changes
    return Strategy(name="live", underlyings=("SPX",), **parts)


def changed(simulator=None, **changes):
    return what_changed(fingerprints(strategy(), Simulator()), fingerprints(strategy(**changes), simulator or Simulator()))


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"policy": RiskPolicy(quantity=2)}, "policy.quantity"),
        ({"exits": ExitRules(stop_loss=-0.2)}, "exits.stop_loss"),
        ({"experts": {"model": Model(key="sk-other")}}, "model.key"),
        (
            {"experts": {"model": Model(structure=Vertical(right=Right.CALL, dte=31, width=5.0, delta=0.4))}},
            "model.structure.dte",
        ),
        ({"references": ("VIX",)}, "references"),
        ({"simulator": Simulator(fees=PerContractFee(commission_usd=Decimal("1.5")))}, "simulator.fees.commission_usd"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_change_when_one_parameter_differs_then_its_override_path_alone(changes, path):
    assert changed(**changes) == (f"{path} has changed",)


def test_change_when_nothing_differs_then_nothing():
    assert changed() == ()


def test_change_when_components_come_and_go_then_all_of_them():
    told = changed(experts={"other": Model()})

    assert {"model is gone", "model.key is gone", "other is new", "other.key is new"} <= set(told)
    assert "model (source) is gone" in told


def test_fingerprints_when_read_then_no_value_shows():
    found = fingerprints(strategy(), Simulator())

    assert "model.key" in found
    assert all(len(value) == 16 and set(value) <= set("0123456789abcdef") for value in found.values())


def test_fingerprints_when_a_parameter_has_no_canonical_form_then_the_rest_is_there():
    found = fingerprints(strategy(experts={"model": Model(lock=threading.Lock())}), Simulator())

    assert "policy.quantity" in found
    assert not [path for path in found if path.startswith("model")]
