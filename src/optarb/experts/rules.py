"""An expert that scores six technical rules and takes the side that clearly wins."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from optarb.domain.legs import Structure
from optarb.domain.signals import Direction, Proposal, Signal
from optarb.errors import ConfigurationError
from optarb.experts.scores import Scores, Vote
from optarb.indicators import CatalogueIndicator
from optarb.structures import LongCall, LongPut

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from optarb.protocols import MarketView

__all__ = ["RulesExpert"]


class _Read(NamedTuple):
    """What one rule reads."""

    columns: tuple[str, ...]
    warm_up: int


@dataclass(frozen=True, kw_only=True)
class RulesExpert:
    """Scores six rules and proposes the side that clearly wins.

    The rules read RSI, MACD, the Bollinger squeeze, ADX, moving averages and the stochastic. Each gives its points to
    the bullish side, to the bearish side or to none. A side wins that has more points than the other and at least
    :attr:`dominance` times as many. Its share of all points that could be had is the confidence. No signal is given
    where a feature is still NaN.

    Every step can be overridden in a subclass: one rule (:meth:`judge_rsi` and the like), the votes (:meth:`score`),
    the winner (:meth:`bias`), the :meth:`confidence`, or what is proposed (:meth:`propose`). A subclass that reads
    further features adds them to :attr:`features`, and to :attr:`warm_up` what they need.

    Raises:
        ConfigurationError: A period, threshold, weight or the dominance out of range, or no rule with points.
    """

    bullish: Structure = field(default_factory=lambda: LongCall(dte=30, delta=0.5))
    """What a bullish signal trades."""
    bearish: Structure = field(default_factory=lambda: LongPut(dte=30, delta=0.5))
    """What a bearish signal trades."""
    dominance: float = 1.5
    """How many times the other side's points the winner needs, 1 or more; exactly as many is enough."""

    rsi_points: float = 2.0
    """Weight of the RSI rule; 0 leaves the rule out and its features unread, here and below."""
    macd_points: float = 1.5
    """Weight of the MACD rule."""
    squeeze_points: float = 1.0
    """Weight of the Bollinger squeeze."""
    adx_points: float = 1.0
    """Weight of a strong trend."""
    average_points: float = 1.5
    """Weight of the moving averages."""
    stochastic_points: float = 1.0
    """Weight of the stochastic."""

    rsi_length: int = 14
    """Sessions of the RSI."""
    rsi_oversold: float = 30.0
    """RSI below which the rule is bullish, 0..100."""
    rsi_overbought: float = 70.0
    """RSI above which the rule is bearish, 0..100."""
    macd_fast: int = 12
    """Sessions of MACD's faster mean."""
    macd_slow: int = 26
    """Sessions of MACD's slower mean."""
    macd_signal: int = 9
    """Sessions of MACD's signal line."""
    bollinger_length: int = 20
    """Sessions of the Bollinger bands and the Keltner channel."""
    bollinger_deviations: float = 2.0
    """Standard deviations between the middle and a band."""
    keltner_ranges: float = 1.5
    """Average true ranges between the middle and a side of the Keltner channel."""
    adx_length: int = 14
    """Sessions of ADX and the directional indicators."""
    adx_strong: float = 25.0
    """ADX above which a trend is strong, 0..100."""
    average_fast: int = 20
    """Sessions of the faster moving average."""
    average_slow: int = 50
    """Sessions of the slower moving average."""
    stochastic_length: int = 14
    """Sessions of the stochastic's range."""
    stochastic_smooth: int = 3
    """Sessions over which %K is smoothed."""
    stochastic_d: int = 3
    """Sessions of %D, the mean of %K."""
    stochastic_oversold: float = 20.0
    """Below it, for both %K and %D, the rule is bullish, 0..100."""
    stochastic_overbought: float = 80.0
    """Above it, for both %K and %D, the rule is bearish, 0..100."""

    def __post_init__(self) -> None:
        for name in ("bullish", "bearish"):
            structure = getattr(self, name)
            if isinstance(structure, type) or not isinstance(structure, Structure):
                raise ConfigurationError(f"{name} must be an instance with a choose method, got {structure!r}")
        if not math.isfinite(self.dominance) or self.dominance < 1:
            raise ConfigurationError(f"dominance must be a finite number of at least 1, got {self.dominance!r}")
        for rule, points in self._weights.items():
            if not math.isfinite(points) or points < 0:
                raise ConfigurationError(f"{rule}_points must be a finite number of at least 0, got {points!r}")
        if self.available_points == 0:
            raise ConfigurationError(f"at least one rule needs points, got 0 for all of {', '.join(self._weights)}")
        _check_levels("rsi", self.rsi_oversold, self.rsi_overbought)
        _check_levels("stochastic", self.stochastic_oversold, self.stochastic_overbought)
        if not 0 <= self.adx_strong <= 100:
            raise ConfigurationError(f"adx_strong must be from 0 to 100, got {self.adx_strong!r}")
        if self.average_fast >= self.average_slow:
            raise ConfigurationError(
                f"average_fast must be less than average_slow, got {self.average_fast!r} and {self.average_slow!r}"
            )
        _ = self._reads  # refuses periods that no indicator can have

    @property
    def features(self) -> tuple[str, ...]:
        """Columns read by the rules that have points."""
        return tuple(column for rule, read in self._reads.items() if self._weights[rule] for column in read.columns)

    @property
    def warm_up(self) -> int:
        """Bars that must be visible for every feature to be defined."""
        return 1 + max(read.warm_up for rule, read in self._reads.items() if self._weights[rule])

    @property
    def available_points(self) -> float:
        """All points that one side could have."""
        return math.fsum(self._weights.values())

    def evaluate(self, view: MarketView) -> Signal | None:
        """Scores the rules; see :class:`~optarb.protocols.Expert`.

        Args:
            view: All that may be known.

        Returns:
            A signal with one proposal; None if no side wins, or while a feature is NaN.
        """
        if any(math.isnan(view.feature(name)) for name in self.features):
            return None
        scores = self.score(view)
        direction = self.bias(scores)
        if direction is None:
            return None
        proposal = self.propose(direction, scores)
        return None if proposal is None else Signal(proposals=(proposal,))

    def score(self, view: MarketView) -> Scores:
        """Asks every rule that has points.

        Args:
            view: A view on which every feature is defined.

        Returns:
            The votes, in the order of the rules; to add a rule, add its vote.
        """
        rules: tuple[tuple[float, Callable[[MarketView], Vote | None]], ...] = (
            (self.rsi_points, self.judge_rsi),
            (self.macd_points, self.judge_macd),
            (self.squeeze_points, self.judge_squeeze),
            (self.adx_points, self.judge_adx),
            (self.average_points, self.judge_averages),
            (self.stochastic_points, self.judge_stochastic),
        )
        votes = (judge(view) for points, judge in rules if points > 0)
        return Scores(votes=tuple(vote for vote in votes if vote is not None))

    def bias(self, scores: Scores) -> Direction | None:
        """Returns the side that wins, or None if neither clearly does.

        Args:
            scores: The votes.
        """
        for direction, points, others in (
            (Direction.BULLISH, scores.bullish, scores.bearish),
            (Direction.BEARISH, scores.bearish, scores.bullish),
        ):
            needed = self.dominance * others
            # isclose: 0.3 points against 0.2 are 1.5 times as many, though 1.5 * 0.2 > 0.3 in floats.
            if points > others and (points >= needed or math.isclose(points, needed)):
                return direction
        return None

    def confidence(self, direction: Direction, scores: Scores) -> float:
        """Returns how much of all available points a side has, 0..1.

        Args:
            direction: The side that won.
            scores: The votes.
        """
        return min(1.0, scores.of(direction) / self.available_points)

    def propose(self, direction: Direction, scores: Scores) -> Proposal | None:
        """Returns what to do about the side that won, or None for no signal after all.

        Args:
            direction: The side that won.
            scores: The votes.
        """
        points = f"bullish {scores.bullish:g}, bearish {scores.bearish:g} of {self.available_points:g} points"
        return Proposal(
            direction=direction,
            structure=self.bullish if direction is Direction.BULLISH else self.bearish,
            confidence=self.confidence(direction, scores),
            reasons=(points, *scores.reasons(direction)),
        )

    def judge_rsi(self, view: MarketView) -> Vote | None:
        """RSI: bullish when oversold, bearish when overbought."""
        (rsi,) = self._values(view, "rsi")
        if rsi < self.rsi_oversold:
            return _bullish(self.rsi_points, f"RSI {rsi:.1f} is below {self.rsi_oversold:g}")
        if rsi > self.rsi_overbought:
            return _bearish(self.rsi_points, f"RSI {rsi:.1f} is above {self.rsi_overbought:g}")
        return None

    def judge_macd(self, view: MarketView) -> Vote | None:
        """MACD: bullish above its signal line, bearish below."""
        macd, signal = self._values(view, "macd")
        if macd > signal:
            return _bullish(self.macd_points, f"MACD {macd:.2f} is above its signal {signal:.2f}")
        if macd < signal:
            return _bearish(self.macd_points, f"MACD {macd:.2f} is below its signal {signal:.2f}")
        return None

    def judge_squeeze(self, view: MarketView) -> Vote | None:
        """Squeeze: while the Bollinger bands lie inside the Keltner channel, the side of the middle the close is on."""
        squeeze, percent = self._values(view, "squeeze")
        if squeeze == 0 or percent == 0.5:
            return None
        where = f"Bollinger bands inside the Keltner channel, close at {percent:.0%} of the bands"
        return (_bullish if percent > 0.5 else _bearish)(self.squeeze_points, where)

    def judge_adx(self, view: MarketView) -> Vote | None:
        """ADX: in a strong trend, the side of the greater directional indicator."""
        adx, plus, minus = self._values(view, "adx")
        if adx <= self.adx_strong or plus == minus:
            return None
        strong = f"ADX {adx:.1f} is above {self.adx_strong:g} with +DI {plus:.1f} and -DI {minus:.1f}"
        return (_bullish if plus > minus else _bearish)(self.adx_points, strong)

    def judge_averages(self, view: MarketView) -> Vote | None:
        """Moving averages: bullish while the faster is above the slower, bearish while it is below."""
        fast, slow = self._values(view, "average")
        if fast == slow:
            return None
        side, word = (_bullish, "above") if fast > slow else (_bearish, "below")
        return side(
            self.average_points,
            f"{self.average_fast}-session average {fast:.2f} is {word} the {self.average_slow}-session {slow:.2f}",
        )

    def judge_stochastic(self, view: MarketView) -> Vote | None:
        """Stochastic: bullish when %K and %D are oversold, bearish when both are overbought."""
        k, d = self._values(view, "stochastic")
        if max(k, d) < self.stochastic_oversold:
            return _bullish(
                self.stochastic_points, f"stochastic %K {k:.1f} and %D {d:.1f} are below {self.stochastic_oversold:g}"
            )
        if min(k, d) > self.stochastic_overbought:
            return _bearish(
                self.stochastic_points, f"stochastic %K {k:.1f} and %D {d:.1f} are above {self.stochastic_overbought:g}"
            )
        return None

    def _values(self, view: MarketView, rule: str) -> tuple[float, ...]:
        return tuple(view.feature(column) for column in self._reads[rule].columns)

    @cached_property
    def _weights(self) -> Mapping[str, float]:
        """Points by rule."""
        return {
            "rsi": self.rsi_points,
            "macd": self.macd_points,
            "squeeze": self.squeeze_points,
            "adx": self.adx_points,
            "average": self.average_points,
            "stochastic": self.stochastic_points,
        }

    @cached_property
    def _reads(self) -> Mapping[str, _Read]:
        """Columns by rule; kept, since they are asked for on every view."""
        of = CatalogueIndicator.of
        deviations, ranges = self.bollinger_deviations, self.keltner_ranges
        rsi = of("rsi", length=self.rsi_length)
        macd = of("macd", fast=self.macd_fast, slow=self.macd_slow, signal=self.macd_signal)
        squeeze = of("squeeze", length=self.bollinger_length, deviations=deviations, ranges=ranges)
        bands = of("bollinger", length=self.bollinger_length, deviations=deviations)
        adx, di = of("adx", length=self.adx_length), of("di", length=self.adx_length)
        fast, slow = of("sma", length=self.average_fast), of("sma", length=self.average_slow)
        stochastic = of("stochastic", length=self.stochastic_length, smooth=self.stochastic_smooth, d=self.stochastic_d)
        line, signal, _ = macd.columns
        percent = bands.columns[-1]
        return {
            "rsi": _Read(rsi.columns, rsi.warm_up),
            "macd": _Read((line, signal), macd.warm_up),
            "squeeze": _Read((*squeeze.columns, percent), max(squeeze.warm_up, bands.warm_up)),
            "adx": _Read((*adx.columns, *di.columns), max(adx.warm_up, di.warm_up)),
            "average": _Read((*fast.columns, *slow.columns), max(fast.warm_up, slow.warm_up)),
            "stochastic": _Read(stochastic.columns, stochastic.warm_up),
        }


def _bullish(points: float, reason: str) -> Vote:
    return Vote(direction=Direction.BULLISH, points=points, reason=reason)


def _bearish(points: float, reason: str) -> Vote:
    return Vote(direction=Direction.BEARISH, points=points, reason=reason)


def _check_levels(rule: str, oversold: float, overbought: float) -> None:
    if not 0 <= oversold < overbought <= 100:
        raise ConfigurationError(
            f"{rule}_oversold must be below {rule}_overbought, both from 0 to 100, got {oversold!r} and {overbought!r}"
        )
