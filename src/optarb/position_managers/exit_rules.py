"""Exits by target, stop and time."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.decisions import Candidate, Denial, Exit, Review

if TYPE_CHECKING:
    from optarb.ledger.account import Account, Position
    from optarb.protocols.views import SessionView

__all__ = ["ExitRules"]


@dataclass(frozen=True, kw_only=True)
class ExitRules:
    """Closes positions at a profit target, a stop loss or after a number of sessions, tested in that order.

    Gains are taken at the closing side of the quotes and before fees. The target is a fraction of the premium paid (debit) or
    of the credit received; the stop a fraction of the premium paid, else of the maximum loss, else of the entry margin. All
    comparisons are exact decimals. A position without a usable quote for every leg is exited by time only, and then closes at
    its next usable quotes. A subclass overrides :meth:`reason` to add or replace rules.

    Raises:
        ValueError: A target that is not positive, a stop that is not negative, or a time below zero.
    """

    profit_target: float | None = 0.75
    """Gain at which to close a debit position, as a fraction of the premium paid; None for no target."""
    credit_profit_target: float | None = 0.5
    """Gain at which to close a credit position, as a fraction of the credit; None for no target."""
    stop_loss: float | None = -0.35
    """Loss at which to close, a negative fraction; None for no stop."""
    max_hold_sessions: int | None = 5
    """Sessions after the opening one from which to close; None for no end."""

    def __post_init__(self) -> None:
        for name in ("profit_target", "credit_profit_target"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive or None, got {value!r}")
        if self.stop_loss is not None and not self.stop_loss < 0:
            raise ValueError(f"stop_loss must be negative or None, got {self.stop_loss!r}")
        if self.max_hold_sessions is not None and self.max_hold_sessions < 0:
            raise ValueError(f"max_hold_sessions must be zero or more, or None, got {self.max_hold_sessions!r}")

    def review(self, account: Account, view: SessionView) -> Review:
        """Judges every open position.

        Args:
            account: The book, with current marks.
            view: What may be known; not used by the rules here.
        """
        exits = []
        for position in account.positions:
            reason = self.reason(position, view)
            if reason is not None:
                exits.append(Exit(position_id=position.position_id, reason=reason))
        return Review(exits=tuple(exits))

    def reason(self, position: Position, view: SessionView) -> str | None:  # noqa: ARG002 - for subclasses
        """Returns why to close a position now, or None to keep it. Override it to add rules."""
        if position.quoted:
            target = self._target_usd(position.premium_usd)
            if target is not None and position.gain_usd >= target:
                return "profit_target"
            if self.stop_loss is not None and position.gain_usd <= Decimal(str(self.stop_loss)) * position.loss_basis_usd:
                return "stop_loss"
        if self.max_hold_sessions is not None and position.held_sessions >= self.max_hold_sessions:
            return "time_exit"
        return None

    def refuse(self, candidate: Candidate) -> Denial | None:
        """Returns a denial (``target_unreachable``) for a candidate whose best outcome stays below the profit target."""
        target = self._target_usd(candidate.premium_usd)
        best = candidate.max_profit_usd
        if target is None or best is None or best >= target:
            return None
        return Denial(
            candidate=candidate,
            rule="target_unreachable",
            reason=f"target_unreachable: at most {best} can be gained, the target is {target}",
            numbers={"max_profit": str(best), "target": str(target)},
        )

    def _target_usd(self, premium_usd: Decimal) -> Decimal | None:
        fraction = self.profit_target if premium_usd > 0 else self.credit_profit_target
        return None if fraction is None or not premium_usd else Decimal(str(fraction)) * abs(premium_usd)
