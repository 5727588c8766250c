from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

from optarb.engine.features import FeatureTable, compute_indicator
from optarb.errors import BadData, ComponentError, UnknownName
from optarb.testing import fake_bars

BARS = fake_bars([1.0, 2.0, 3.0])


@dataclass(frozen=True, kw_only=True)
class Given:
    """An indicator that returns what it was given."""

    returned: dict = field(default_factory=dict)
    columns: tuple = ("a", "b")
    warm_up: int = 0

    def compute(self, bars):
        return self.returned


GOOD = np.array([1.0, np.nan, 3.0])


def test_compute_when_columns_are_as_declared_then_those():
    found = compute_indicator(Given(returned={"b": GOOD, "a": GOOD + 1}), BARS)
    assert list(found) == ["a", "b"]
    assert np.array_equal(found["b"], GOOD, equal_nan=True)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ({"a": GOOD}, r"declares columns \['a', 'b'\] but returned \['a'\]"),
        ({"a": GOOD, "b": GOOD, "c": GOOD}, r"but returned \['a', 'b', 'c'\]"),
        ({"a": GOOD, "B": GOOD}, r"but returned \['B', 'a'\]"),
        ({"a": GOOD, "b": GOOD[:2]}, r"column 'b' must be float64 of shape \(3,\), got float64 of \(2,\)"),
        ({"a": GOOD, "b": GOOD.reshape(3, 1)}, r"column 'b' .*got float64 of \(3, 1\)"),
        ({"a": GOOD, "b": GOOD.astype(np.float32)}, r"column 'b' .*got float32 of \(3,\)"),
        ({"a": GOOD, "b": [1, 2, 3]}, r"column 'b' .*got int64"),
        ({"a": GOOD, "b": ["x", "y", "z"]}, r"column 'b' .*got <U1"),
        ({"a": GOOD, "b": 1.0}, r"column 'b' .*got float64 of \(\)"),
    ],
)
def test_compute_when_columns_are_not_as_declared_then_indicator_symbol_and_fault_are_named(returned, words):
    with pytest.raises(ComponentError, match=rf"Given on 'SPX'.*{words}"):
        compute_indicator(Given(returned=returned), BARS)


@dataclass(frozen=True, kw_only=True)
class Raising(Given):
    error: Exception

    def compute(self, bars):
        raise self.error


def test_compute_when_it_raises_then_the_error_is_told_with_the_indicator():
    with pytest.raises(ComponentError, match=r"Raising on 'SPX' raised ZeroDivisionError: by hand") as caught:
        compute_indicator(Raising(error=ZeroDivisionError("by hand")), BARS)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with pytest.raises(BadData, match="mine"):
        compute_indicator(Raising(error=BadData("mine")), BARS)


def test_table_when_columns_are_asked_again_then_loaded_once_an_indicator():
    loads = []

    def load(indicator):
        loads.append(indicator)
        return {"a": GOOD, "b": GOOD + 1}

    table = FeatureTable(resolve=lambda name: Given(), load=load)
    assert table.column("a") is GOOD
    assert table.column("b")[0] == 2.0
    assert table.column("a") is GOOD
    assert len(loads) == 1


def test_table_when_the_name_is_unknown_then_the_resolvers_error():
    def resolve(name):
        raise UnknownName.of("feature", name, ["rsi_14"])

    with pytest.raises(UnknownName, match="did you mean 'rsi_14'"):
        FeatureTable(resolve=resolve, load=dict).column("rsi_15")


def test_table_when_several_threads_ask_at_once_then_each_gets_its_column():
    gate = threading.Barrier(4)
    found = {}

    def load(indicator):
        gate.wait(10)
        (name,) = indicator.columns
        return {name: np.full(3, float(name))}

    table = FeatureTable(resolve=lambda name: Given(columns=(name,)), load=load)
    threads = [threading.Thread(target=lambda n=n: found.update({n: table.column(n)[0]})) for n in "1234"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == {"1": 1.0, "2": 2.0, "3": 3.0, "4": 4.0}
