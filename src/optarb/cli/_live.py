"""What the commands on live books share: the store, the book, its spec, and today's session."""

from __future__ import annotations

import difflib
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optarb.errors import BookError, BookNotFound, ConfigurationError

if TYPE_CHECKING:
    from optarb.desk import Desk
    from optarb.protocols.trading import TradingStore
    from optarb.trading.day_spec import DaySpec
    from optarb.trading.trading_state import TradingState

__all__ = [
    "LiveBookArgument",
    "SessionOption",
    "UnguardedOption",
    "find_state",
    "live_store",
    "spec_named",
    "spec_of_book",
    "todays_session",
]

LiveBookArgument = Annotated[str, typer.Argument(metavar="BOOK", help="The live book; optarb day list shows them.")]
"""The argument ``BOOK`` of a command."""

SessionOption = Annotated[
    datetime | None, typer.Option("--session", formats=["%Y-%m-%d"], help="The session; by default today's.")
]
"""The option ``--session`` of a command."""

UnguardedOption = Annotated[
    bool, typer.Option("--unguarded", help="Do it although the book holds something that nobody will guard.")
]
"""The option ``--unguarded`` of a command."""


def live_store(desk: Desk) -> TradingStore:
    """Returns where a desk keeps its live books.

    Args:
        desk: The desk.

    Raises:
        ConfigurationError: Its store keeps none.
    """
    from optarb.protocols.stores import SupportsTrading

    if not isinstance(desk.store, SupportsTrading):
        raise ConfigurationError(f"{desk.store!r} keeps no live books; use a store that does, such as SqlStore")
    return desk.store.trading


def find_state(store: TradingStore, book_id: str) -> TradingState:
    """Loads a live book.

    Args:
        store: Where it is.
        book_id: The book.

    Raises:
        BookNotFound: No such book, which the message suggests one of almost that name for; or no day has opened it yet.
    """
    from optarb.trading.trading_state import TradingState

    try:
        document = store.load(book_id).document
    except BookNotFound:
        close = difflib.get_close_matches(book_id, store.live_books(), n=1)
        hint = f"did you mean {close[0]!r}?" if close else "optarb day list shows those that are"
        raise BookNotFound(f"no live book {book_id!r} in the desk's store; {hint}") from None
    if not document:
        raise BookNotFound(f"no day has opened the live book {book_id!r} yet")
    return TradingState.load(book_id, document)


def spec_of_book(state: TradingState, book_id: str) -> DaySpec:
    """Returns the spec that a book was last opened with.

    Args:
        state: The book.
        book_id: Its id.

    Raises:
        BookError: It was opened by a version that did not keep it.
    """
    from optarb.trading.day_spec import DaySpec

    if not state.spec:
        raise BookError(f"book {book_id!r} does not hold its spec yet: an older version opened it; name the file of the spec")
    return DaySpec.model_validate_json(state.spec)


def spec_named(desk: Desk, name: str) -> DaySpec:
    """Returns the spec of a file ``*.toml``, or the one that a book was last opened with.

    Args:
        desk: Whose store has the book, and whose strategy the spec must name.
        name: A path that ends in ``.toml``, or a book.

    Raises:
        ConfigurationError: The file cannot be read, or does not fit the desk.
        BookNotFound: No such book.
        BookError: The book does not hold its spec.
    """
    from optarb.trading.context import setup_of
    from optarb.trading.day_spec import DaySpec

    is_file = name.endswith(".toml")
    spec = DaySpec.from_toml(Path(name)) if is_file else spec_of_book(find_state(live_store(desk), name), name)
    setup_of(spec, desk)
    return spec


def todays_session(desk: Desk, named: datetime | None = None) -> date:
    """Returns the session that is guarded: the one named, else today's.

    Args:
        desk: Whose calendar.
        named: What the option says.

    Raises:
        ConfigurationError: The exchange is closed that day.
    """
    from optarb.domain.time import NEW_YORK
    from optarb.trading import clocks

    session = named.date() if named is not None else clocks.LiveClock().now().astimezone(NEW_YORK).date()
    if not desk.calendar.sessions(session, session):
        raise ConfigurationError(f"{session} is no session of the desk's calendar; nothing can be traded")
    return session
