from __future__ import annotations

import re
from decimal import Decimal

import pytest

from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg

CALL = OptionContract.parse("SPXW240705C05000000")


@pytest.mark.parametrize("ratio", [0, 1.0, 1.5, float("nan"), "1", None, Decimal(1)], ids=repr)
def test_leg_when_its_ratio_is_no_whole_number_then_contract_and_value_are_named(ratio):
    with pytest.raises(ValueError, match=rf"whole number.*{re.escape(repr(ratio))}.*SPXW240705C05000000"):
        Leg(contract=CALL, ratio=ratio)


@pytest.mark.parametrize("ratio", [1, -10])
def test_leg_when_its_ratio_is_whole_then_kept(ratio):
    assert Leg(contract=CALL, ratio=ratio).ratio == ratio
