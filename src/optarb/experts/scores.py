"""What the rules of a rule-based expert say, and what it adds up to."""

from __future__ import annotations

import math
from dataclasses import dataclass

from optarb.domain.signals import Direction
from optarb.errors import ConfigurationError

__all__ = ["Scores", "Vote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What one rule says.

    Raises:
        ConfigurationError: The direction is neutral, or the points are not finite or not greater than zero.
    """

    direction: Direction
    """Bullish or bearish."""
    points: float
    """Weight of the rule, greater than 0."""
    reason: str
    """Why, in words, with the numbers."""

    def __post_init__(self) -> None:
        if self.direction not in {Direction.BULLISH, Direction.BEARISH}:
            raise ConfigurationError(
                f"a vote is bullish or bearish, got {self.direction!r}; a rule without a view returns None"
            )
        if not math.isfinite(self.points) or self.points <= 0:
            raise ConfigurationError(f"points of a vote must be a finite number greater than 0, got {self.points!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """All votes on one underlying at one instant."""

    votes: tuple[Vote, ...]
    """In the order of the rules; none from a rule without a view."""

    @property
    def bullish(self) -> float:
        """Points of the bullish votes, 0 if there are none."""
        return self.of(Direction.BULLISH)

    @property
    def bearish(self) -> float:
        """Points of the bearish votes, 0 if there are none."""
        return self.of(Direction.BEARISH)

    def of(self, direction: Direction) -> float:
        """Returns the points of one side.

        Args:
            direction: Which side; neutral has none.
        """
        return math.fsum(vote.points for vote in self.votes if vote.direction is direction)

    def reasons(self, direction: Direction) -> tuple[str, ...]:
        """Returns every vote in words: first those for a side, then those against it, marked so.

        Args:
            direction: The side.
        """
        return tuple(vote.reason for vote in self.votes if vote.direction is direction) + tuple(
            f"against: {vote.reason}" for vote in self.votes if vote.direction is not direction
        )
