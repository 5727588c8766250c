"""What may be known at one instant, cut from the market of a run."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from optarb.domain.time import require_utc
from optarb.errors import UnknownName

if TYPE_CHECKING:
    from optarb.domain.bars import Bars
    from optarb.domain.contracts import OptionContract
    from optarb.domain.quotes import Chain, Quote
    from optarb.engine.features import FeatureTable
    from optarb.protocols import Model

__all__ = ["ExpertView", "View"]

Once = Callable[[str, Callable[[], bytes]], bytes]


class View:
    """A session view. Bars and features end at ``bars_through``; chains are those of ``at``.

    What it hands out are copies: no array's ``base`` reaches past what may be known.
    """

    def __init__(
        self,
        *,
        at: datetime,
        session: date,
        bars_through: date,
        bars: Mapping[str, Bars],
        features: Mapping[str, FeatureTable],
        chains: Mapping[str, Chain],
        underlyings: tuple[str, ...],
    ) -> None:
        """Cuts a view.

        Args:
            at: The instant, aware UTC.
            session: Its session.
            bars_through: Last visible session.
            bars: All bars of the run by symbol.
            features: All features of the run by symbol.
            chains: Chains as of ``at``; an underlying without quotes is absent.
            underlyings: Symbols that may have chains.
        """
        self.at = require_utc(at, "the instant of a view")
        self.session = session
        self.bars_through = bars_through
        self.chains = chains
        self._bars = bars
        self._features = features
        self._underlyings = underlyings
        self._rows: dict[str, int] = {}

    def visible(self, symbol: str) -> int:
        """Counts the visible bars of a symbol.

        Raises:
            UnknownName: The strategy does not name the symbol.
        """
        rows = self._rows.get(symbol)
        if rows is None:
            if symbol not in self._bars:
                raise UnknownName.of("symbol", symbol, self._bars)
            bars = self._bars[symbol]
            row = bars.rows.get(self.bars_through)
            rows = bisect_right(bars.dates, self.bars_through) if row is None else row + 1
            self._rows[symbol] = rows
        return rows

    def bars(self, symbol: str, n: int | None = None) -> Bars:
        """Returns the bars of a symbol through ``bars_through``; see :class:`optarb.SessionView`."""
        if n is not None and n < 1:
            raise ValueError(f"n must be at least 1 or None, got {n!r}")
        rows = self.visible(symbol)
        return self._bars[symbol].sliced(0 if n is None else max(rows - n, 0), rows)

    def feature(self, name: str, symbol: str, back: int = 0) -> float:
        """Returns an indicator's value at ``bars_through``; see :class:`optarb.SessionView`."""
        if back < 0:
            raise ValueError(f"back must be zero or more, got {back!r}; a view has no later values")
        row = self.visible(symbol) - 1 - back
        column = self._features[symbol].column(name)
        return float(column[row]) if row >= 0 else float("nan")

    def chain(self, symbol: str) -> Chain | None:
        """Returns the option chain as of ``at``; see :class:`optarb.SessionView`."""
        if symbol not in self._underlyings:
            raise UnknownName.of("underlying", symbol, self._underlyings)
        return self.chains.get(symbol)

    def quote(self, contract: OptionContract) -> Quote | None:
        """Returns a contract's quote as of ``at``, or None if it has none."""
        chain = self.chains.get(contract.underlying)
        return None if chain is None else chain.quote(contract)


@dataclass(frozen=True, kw_only=True, eq=False)
class ExpertView:
    """A view as one expert sees it, with the underlying as the default symbol."""

    underlying: str
    """Symbol the expert is asked about."""
    model: Model | None
    """The newest model that may be known, for experts that train."""
    view: View
    """The session's view."""
    once_by_key: Once
    """Makes an outside call once."""

    @property
    def at(self) -> datetime:
        """The instant, aware UTC."""
        return self.view.at

    @property
    def session(self) -> date:
        """Session of the instant."""
        return self.view.session

    @property
    def bars_through(self) -> date:
        """Last session whose bar and features are visible."""
        return self.view.bars_through

    def bars(self, symbol: str | None = None, n: int | None = None) -> Bars:
        """Returns the bars of a symbol; None is the underlying."""
        return self.view.bars(symbol or self.underlying, n)

    def feature(self, name: str, symbol: str | None = None, back: int = 0) -> float:
        """Returns an indicator's value; None is the underlying."""
        return self.view.feature(name, symbol or self.underlying, back)

    def chain(self, symbol: str | None = None) -> Chain | None:
        """Returns an option chain; None is the underlying."""
        return self.view.chain(symbol or self.underlying)

    def once(self, key: str, call: Callable[[], bytes]) -> bytes:
        """Makes an outside call once per book, session, underlying, expert and key."""
        return self.once_by_key(key, call)
