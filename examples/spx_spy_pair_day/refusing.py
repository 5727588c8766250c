"""A broker in front of another that refuses one leg of the pair, so that a replay has to unwind the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import optarb


@dataclass(frozen=True, kw_only=True)
class RefusesShorts:
    """Rejects opening orders that sell, as an account without the permission does; the rest is left to a simulated account."""

    simulated: optarb.StoredAccount
    """Who does the rest."""

    def submit(self, order: optarb.OrderIntent) -> optarb.Accepted | optarb.Rejected | optarb.Unknown:
        """Rejects what sells to open."""
        if order.purpose is optarb.Purpose.OPEN and any(leg.quantity < 0 for leg in order.legs):
            return optarb.Rejected(code="uncovered", reason="this account may not sell uncovered options")
        return self.simulated.submit(order)

    @property
    def capabilities(self) -> optarb.Capabilities:
        """As of the account."""
        return self.simulated.capabilities

    def preflight(self, orders: Sequence[optarb.OrderIntent]) -> Sequence[optarb.Rejected]:
        """Lets all legs pass: this broker tells only when it is too late."""
        return self.simulated.preflight(orders)

    def find(self, order_id: str) -> optarb.OrderReport | None:
        """As the account."""
        return self.simulated.find(order_id)

    def cancel(self, order_id: str) -> None:
        """As the account."""
        self.simulated.cancel(order_id)

    def positions(self) -> Mapping[optarb.OptionContract, int]:
        """As of the account."""
        return self.simulated.positions()

    def shares(self) -> Mapping[str, int]:
        """As of the account."""
        return self.simulated.shares()

    def account(self) -> optarb.BrokerAccount:
        """As of the account."""
        return self.simulated.account()

    def is_open(self) -> bool:
        """As the account."""
        return self.simulated.is_open()

    def now(self) -> datetime:
        """As the account."""
        return self.simulated.now()

    def advance(self, view: optarb.SessionView) -> None:
        """Shows the account the market."""
        self.simulated.advance(view)
