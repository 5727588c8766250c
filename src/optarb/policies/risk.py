"""A policy of plain limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.decisions import Candidate, Decision, Denial, Entry

if TYPE_CHECKING:
    from optarb.ledger.account import Account
    from optarb.protocols.views import SessionView

__all__ = ["RiskPolicy"]


@dataclass(frozen=True, kw_only=True)
class RiskPolicy:
    """Takes the most confident candidates within limits on confidence, spread, count and capital.

    Candidates are judged from the most to the least confident; of equals the one that comes first in the strategy's order of
    experts, then of underlyings. A subclass overrides :meth:`units` to size positions, or :meth:`refuse` to add rules.

    Raises:
        ValueError: A limit that makes no sense.
    """

    min_confidence: float = 0.6
    """Least confidence, 0..1."""
    max_entries_per_session: int = 2
    """Most positions opened in one session."""
    max_open_positions: int = 5
    """Most positions open at once."""
    quantity: int = 1
    """Units of a structure to open."""
    max_spread: float = 0.5
    """Widest spread of any leg, as a fraction of its mid; wider candidates are denied (``too_wide``)."""
    reenter_same_session: bool = True
    """Whether a slot freed by an exit may be used in the session of the exit; False denies every entry then."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence must be from 0 to 1, got {self.min_confidence!r}")
        for name in ("max_entries_per_session", "max_open_positions"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be zero or more, got {getattr(self, name)!r}")
        if self.quantity < 1:
            raise ValueError(f"quantity must be at least 1, got {self.quantity!r}")
        if not self.max_spread > 0:
            raise ValueError(f"max_spread must be positive, got {self.max_spread!r}")

    def decide(self, candidates: Sequence[Candidate], account: Account, view: SessionView) -> Decision:
        """Judges all candidates of a session at once.

        Args:
            candidates: In the strategy's order.
            account: The book after this session's exits.
            view: What may be known; not used by the rules here.
        """
        entries: list[Entry] = []
        denials: list[Denial] = []
        taken: dict[str, Decimal] = {"usd": Decimal(0)}
        for candidate in sorted(candidates, key=lambda one: -one.confidence):
            units = self.units(candidate, account, view)
            denial = self.refuse(candidate, account, view) or self._over_limits(
                candidate, units, account, entries, taken["usd"]
            )
            if denial is not None:
                denials.append(denial)
                continue
            entries.append(Entry(candidate=candidate, units=units))
            taken["usd"] += candidate.capital_usd * units
        return Decision(entries=tuple(entries), denials=tuple(denials))

    def units(self, candidate: Candidate, account: Account, view: SessionView) -> int:  # noqa: ARG002 - for subclasses
        """Returns how many units of a candidate to open, at least 1. Override it to size positions."""
        return self.quantity

    def refuse(self, candidate: Candidate, account: Account, view: SessionView) -> Denial | None:  # noqa: ARG002
        """Returns a denial for a candidate that is unfit whatever else is open, or None.

        Override it to add rules; call ``super().refuse(...)`` to keep these: confidence, spread, margin loan, re-entry.
        """
        if candidate.confidence < self.min_confidence:
            return _denial(candidate, "min_confidence", confidence=candidate.confidence, limit=self.min_confidence)
        limit = Decimal(str(self.max_spread))
        for quote in candidate.quotes:
            if quote.spread > limit * quote.mid:
                return _denial(
                    candidate, "too_wide", contract=quote.contract, bid=quote.bid, ask=quote.ask, limit=self.max_spread
                )
        if account.margin_loan_usd > 0:
            return _denial(candidate, "margin_loan", loan=account.margin_loan_usd)
        if account.closed_today and not self.reenter_same_session:
            return _denial(candidate, "reenter_same_session", closed_today=account.closed_today)
        return None

    def _over_limits(
        self, candidate: Candidate, units: int, account: Account, entries: Sequence[Entry], taken_usd: Decimal
    ) -> Denial | None:
        opened = account.opened_today + len(entries)
        if opened >= self.max_entries_per_session:
            return _denial(candidate, "max_entries_per_session", opened=opened, limit=self.max_entries_per_session)
        held = len(account.positions) + len(account.in_doubt) + len(entries)
        if held >= self.max_open_positions:
            return _denial(candidate, "max_open_positions", open=held, limit=self.max_open_positions)
        needed, available = candidate.capital_usd * units, account.available_usd - taken_usd
        if needed > available:
            return _denial(candidate, "capital", needed=needed, available=available)
        return None


def _denial(candidate: Candidate, rule: str, **numbers: object) -> Denial:
    told = {name: str(value) for name, value in numbers.items()}
    words = ", ".join(f"{name} {value}" for name, value in told.items())
    return Denial(candidate=candidate, rule=rule, reason=f"{rule}: {words}", numbers=told)
