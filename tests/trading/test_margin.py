"""What a live pair binds follows the simulator's margin model; what its losses are measured by does not."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from decimal import Decimal

from tests.trading.rig import MONDAY, pair

from optarb.brokers import Simulator
from optarb.domain.money import from_units
from optarb.trading.live_position import LivePosition


@dataclass(frozen=True, kw_only=True)
class Flat:
    """The same margin for everything."""

    usd: Decimal

    @property
    def label(self):
        return "flat"

    def requirement(self, holdings, underlying_prices, view):
        return self.usd


def traded(usd):
    world = pair()
    world.desk = dataclasses.replace(world.desk, simulator=Simulator(margin=Flat(usd=Decimal(usd))))
    return world, world.run(MONDAY)


def test_pair_when_the_margin_model_asks_little_then_little_is_bound_and_the_basis_stays():
    world, result = traded("1000")

    assert result.outcome == "traded"
    (held,) = world.state().book.positions.values()
    assert from_units(held.invested) == Decimal(1000)
    # (7.95 + 20 % of 500) x 1,000 shares, whatever the model says.
    assert held.picture().loss_basis_usd == Decimal(150)  # a debit: (81.00 - 79.50) x 100
    assert held.picture().margin_usd == Decimal(107_950)


def test_pair_when_the_margin_model_asks_more_than_there_is_then_denied_with_the_numbers():
    world, result = traded("250000")

    assert result.outcome == "no_trade"
    (verdict,) = world.store.rows(world.book_id, "verdicts")
    assert verdict[4:6] == ("denied", "capital")
    # Fees of 22 contracts come on top.
    assert json.loads(verdict[7]) == {"needed": "250014.3000", "available": "250000.0000"}


def test_position_when_written_and_read_then_its_requirement_is_kept():
    world, _ = traded("1000")
    (position,) = world.state().positions.values()

    assert position.plan.unit_requirement_usd == Decimal(1000)
    assert LivePosition.load(json.loads(json.dumps(position.dump()))).plan == position.plan
