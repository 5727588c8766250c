"""What may be known at one instant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from optarb.domain.bars import Bars
    from optarb.domain.quotes import Chain

__all__ = ["MarketView", "Model", "SessionView"]

T = TypeVar("T")


class SessionView(Protocol):
    """All that may be known at one instant. It cannot return anything later."""

    @property
    def at(self) -> datetime:
        """The instant, aware UTC: when the chain was taken."""
        ...

    @property
    def session(self) -> date:
        """Session of the instant."""
        ...

    @property
    def bars_through(self) -> date:
        """Last session whose bar and features are visible: the one before, unless the spec says ``same_session``."""
        ...

    def bars(self, symbol: str, n: int | None = None) -> Bars:
        """Returns the bars of a symbol through ``bars_through``, oldest first.

        Args:
            symbol: One of the strategy's underlyings or references.
            n: At most this many of the newest bars; None for all from ``history_start``.

        Raises:
            UnknownName: The strategy does not name the symbol.
        """
        ...

    def feature(self, name: str, symbol: str, back: int = 0) -> float:
        """Returns an indicator's value at ``bars_through``.

        Args:
            name: Column, such as ``"rsi_14"``.
            symbol: One of the strategy's underlyings or references.
            back: Sessions further back, 0 or more.

        Returns:
            The value; NaN in warm-up or where ``back`` reaches before the first bar.

        Raises:
            UnknownName: No indicator has that column, or the strategy does not name the symbol.
        """
        ...

    def chain(self, symbol: str) -> Chain | None:
        """Returns the option chain as of ``at``, or None if there are no quotes.

        Args:
            symbol: One of the strategy's underlyings.

        Raises:
            UnknownName: The strategy does not name the symbol.
        """
        ...


class Model(Protocol):
    """A trained model as an expert sees it."""

    @property
    def cutoff(self) -> date:
        """Last session whose bars the training saw."""
        ...

    def load(self, loader: Callable[[bytes], T]) -> T:
        """Turns the stored bytes into the expert's own object, once per process.

        Args:
            loader: A module-level function; called at most once per model and process.
        """
        ...


class MarketView(Protocol):
    """An expert's view: a :class:`SessionView` with the underlying as the default symbol."""

    @property
    def at(self) -> datetime:
        """The instant, aware UTC: when the chain was taken."""
        ...

    @property
    def session(self) -> date:
        """Session of the instant."""
        ...

    @property
    def bars_through(self) -> date:
        """Last session whose bar and features are visible."""
        ...

    @property
    def underlying(self) -> str:
        """Symbol the expert is asked about."""
        ...

    @property
    def model(self) -> Model | None:
        """For an expert that trains: the newest model whose cut-off is not after ``bars_through``; else None."""
        ...

    def bars(self, symbol: str | None = None, n: int | None = None) -> Bars:
        """As :meth:`SessionView.bars`; None is the underlying."""
        ...

    def feature(self, name: str, symbol: str | None = None, back: int = 0) -> float:
        """As :meth:`SessionView.feature`; None is the underlying."""
        ...

    def chain(self, symbol: str | None = None) -> Chain | None:
        """As :meth:`SessionView.chain`; None is the underlying."""
        ...

    def once(self, key: str, call: Callable[[], bytes]) -> bytes:
        """Makes an outside call once per book, session, underlying, expert and key; stored before it is used.

        Args:
            key: Name of the call within this view.
            call: Makes the call; asked only if no reply is stored.

        Returns:
            The reply, the same on every retry and resume.
        """
        ...
