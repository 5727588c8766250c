"""What optarb asks of policies and position managers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from optarb.decisions import Candidate, Decision, Denial, Review
    from optarb.ledger.account import Account
    from optarb.protocols.views import SessionView

__all__ = ["PolicyEngine", "PositionManager", "SupportsEntryCheck"]


class PolicyEngine(Protocol):
    """Turns candidates and the account into entries."""

    def decide(self, candidates: Sequence[Candidate], account: Account, view: SessionView) -> Decision:
        """Judges all candidates of a session at once.

        Called once per session that has candidates; must be pure and without state.

        Args:
            candidates: In the order of experts in the strategy, then of underlyings.
            account: The book after this session's exits.
            view: What may be known.

        Returns:
            Entries and denials; every candidate must stand in exactly one of them.
        """
        ...


class PositionManager(Protocol):
    """Looks at open positions and says which to exit and why."""

    def review(self, account: Account, view: SessionView) -> Review:
        """Judges every open position.

        Called once per session with open positions (live: once a cycle); must be pure and without state: what it wants to
        remember goes into the notes.

        Args:
            account: The book, with current marks.
            view: What may be known.
        """
        ...


@runtime_checkable
class SupportsEntryCheck(Protocol):
    """A position manager that refuses positions it could not manage."""

    def refuse(self, candidate: Candidate) -> Denial | None:
        """Returns a denial for a candidate that must not be opened, such as an unreachable target; else None."""
        ...
