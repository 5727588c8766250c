"""Acme's policy and exits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import optarb


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Spends at most a share of the equity on a position, as many units as fit, one position an expert."""

    share: Decimal = Decimal("0.05")
    """Fraction of equity a position may bind."""

    def decide(
        self,
        candidates: Sequence[optarb.Candidate],
        account: optarb.Account,
        view: optarb.SessionView,  # noqa: ARG002 - the seam's signature
    ) -> optarb.Decision:
        """Answers for every candidate, the most confident first."""
        budget = account.equity_usd * self.share
        left = account.available_usd
        busy = {position.expert for position in account.positions}
        entries: list[optarb.Entry] = []
        denials: list[optarb.Denial] = []
        for candidate in sorted(candidates, key=lambda one: -one.confidence):
            units = int(min(budget, left) // candidate.capital_usd)
            if candidate.expert in busy:
                denials.append(_denial(candidate, "busy", expert=candidate.expert))
            elif units < 1:
                denials.append(_denial(candidate, "budget", needed=candidate.capital_usd, budget=budget, left=left))
            else:
                entries.append(optarb.Entry(candidate=candidate, units=units))
                left -= candidate.capital_usd * units
                busy.add(candidate.expert)
        return optarb.Decision(entries=tuple(entries), denials=tuple(denials))


def _denial(candidate: optarb.Candidate, rule: str, **numbers: object) -> optarb.Denial:
    told = {name: str(value) for name, value in numbers.items()}
    return optarb.Denial(candidate=candidate, rule=rule, reason=f"{rule}: {told}", numbers=told)


def leave_after_three_sessions(
    account: optarb.Account,
    view: optarb.SessionView,  # noqa: ARG001 - the seam's signature
) -> optarb.Review:
    """Exits, as a plain function: a seam with one method takes one."""
    old = [position for position in account.positions if position.held_sessions >= 3]
    return optarb.Review(exits=tuple(optarb.Exit(position_id=one.position_id, reason="three_sessions") for one in old))
