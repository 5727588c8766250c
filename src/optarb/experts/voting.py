"""An expert that speaks where enough others agree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from optarb.domain.signals import Direction, Signal
from optarb.errors import ConfigurationError
from optarb.experts._members import Member, ask, check_member, features_of, short_name, warm_up_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optarb.domain.signals import Proposal
    from optarb.protocols import MarketView

__all__ = ["VotingExpert"]


@dataclass(frozen=True, kw_only=True)
class VotingExpert:
    """Asks several experts, and takes the direction of most where at least :attr:`needed` agree on it.

    The best proposal of a signal is a vote; an expert without one abstains. Where two directions have equally many votes
    nobody wins. The structure is that of the most confident of those who agree, of equals the first. The reasons are those of
    all who agree, each with the name of its expert, then the votes against.

    Features and the longest warm-up of the experts are passed on, and each expert's outside calls are kept apart. One of them
    may train; two are refused, since a view shows one model. A vote is one expert to policies and caches: members are no
    independent witnesses if they read the same prices.

    Raises:
        ConfigurationError: Fewer than two experts, something that is no expert, ``needed`` outside 1 to their number, or an
            unknown rule.
    """

    experts: tuple[Member, ...]
    """Those who vote, two or more."""
    needed: int = 2
    """How many must agree, 1 or more."""
    confidence_rule: Literal["mean", "least", "share"] = "mean"
    """Of those who agree, ``"mean"``: their mean confidence; ``"least"``: their least; ``"share"``: the sum of theirs by the
    number of all experts, so that those who abstain or disagree count as 0."""

    def __post_init__(self) -> None:
        if not isinstance(cast("object", self.experts), tuple) or len(self.experts) < 2:
            raise ConfigurationError(f"experts must be a tuple of two or more, got {self.experts!r}")
        for place, expert in enumerate(self.experts):
            check_member(expert, f"experts.{place}")
        if type(self.needed) is not int or not 1 <= self.needed <= len(self.experts):
            raise ConfigurationError(
                f"needed must be a whole number from 1 to the number of experts, {len(self.experts)}, got {self.needed!r}"
            )
        if self.confidence_rule not in {"mean", "least", "share"}:
            raise ConfigurationError(f'confidence_rule must be "mean", "least" or "share", got {self.confidence_rule!r}')

    @property
    def features(self) -> tuple[str, ...]:
        """Columns that the experts read."""
        return features_of(*self.experts)

    @property
    def warm_up(self) -> int:
        """Bars that the most demanding expert needs; none is asked before."""
        return warm_up_of(*self.experts)

    def evaluate(self, view: MarketView) -> Signal | None:
        """Counts the votes; see :class:`~optarb.protocols.Expert`.

        Args:
            view: All that may be known.

        Returns:
            A signal of the direction that wins; None where none does.
        """
        votes: list[tuple[str, Proposal]] = []
        for place, expert in enumerate(self.experts):
            signal = ask(expert, view, f"experts.{place}")
            if signal is not None:
                votes.append((short_name(expert), signal.best))
        direction = self._winner([vote.direction for _, vote in votes])
        if direction is None:
            return None
        agreed = [(name, vote) for name, vote in votes if vote.direction == direction]
        count = f"{len(agreed)} of {len(self.experts)} experts {direction}, {self.needed} needed"
        words = [f"{name}: {reason}" for name, vote in agreed for reason in vote.reasons]
        against = [f"against: {name} is {vote.direction}" for name, vote in votes if vote.direction != direction]
        proposals = [vote for _, vote in agreed]
        best = max(proposals, key=lambda vote: vote.confidence)
        return Signal.one(direction, best.structure, confidence=self._confidence(proposals), reasons=(count, *words, *against))

    def _winner(self, directions: Sequence[Direction]) -> Direction | None:
        counts = {direction: directions.count(direction) for direction in Direction}
        most = max(counts.values())
        winners = [direction for direction, count in counts.items() if count == most]
        return winners[0] if most >= self.needed and len(winners) == 1 else None

    def _confidence(self, agreed: Sequence[Proposal]) -> float:
        least, most = min(vote.confidence for vote in agreed), max(vote.confidence for vote in agreed)
        if self.confidence_rule == "least":
            return least
        total = math.fsum(vote.confidence for vote in agreed)
        if self.confidence_rule == "share":
            return total / len(self.experts)
        # The mean may lie a rounding outside.
        return min(max(total / len(agreed), least), most)
