"""Accounts and positions for trying policies and position managers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from optarb.domain.contracts import OptionContract
from optarb.domain.time import require_utc
from optarb.ledger.account import Account, Position, PositionLeg
from optarb.ledger.margin import payoff_bounds
from optarb.pricing import session_close
from optarb.testing.fake_bar_series import FAKE_SESSION

__all__ = ["fake_account", "fake_position"]

Money = Decimal | str | int


def fake_position(
    legs: Mapping[str, tuple[int, Money, Money]] | None = None,
    *,
    position_id: str = "20240529.1",
    expert: str = "fake",
    structure: str = "made up",
    held_sessions: int = 3,
    opened_session: date = date(2024, 5, 29),
    margin_usd: Money = 0,
    fees_usd: Money = 0,
    quoted: bool = True,
    notes: Mapping[str, str] | None = None,
) -> Position:
    """Builds an open position; premium, value and largest loss follow from the legs.

    Args:
        legs: By OCC symbol: contracts held (signed), entry price and present mark per share, as Decimals, whole numbers
            or text; None for one SPXW call bought at 100 and marked at 110.
        position_id: Unique within an account.
        expert: Whose signal opened it.
        structure: In words.
        held_sessions: Sessions since the last opening fill.
        opened_session: Session of that fill.
        margin_usd: Entry margin; what an unbounded loss is measured by.
        fees_usd: Fees paid so far.
        quoted: Whether every leg has a usable quote now.
        notes: The position manager's notes.

    Raises:
        ValueError: No legs, or a symbol that is none.
    """
    given = {"SPXW240628C05000000": (1, "100", "110")} if legs is None else legs
    held = tuple(
        PositionLeg(contract=OptionContract.parse(symbol), quantity=quantity, entry_price=Decimal(entry), mark=Decimal(mark))
        for symbol, (quantity, entry, mark) in given.items()
    )
    if not held:
        raise ValueError("a position needs at least one leg")
    shares = [leg.quantity * leg.contract.multiplier for leg in held]
    return Position(
        position_id=position_id,
        expert=expert,
        underlying=held[0].contract.underlying,
        structure=structure,
        legs=held,
        units=math.gcd(*(leg.quantity for leg in held)),
        opened_session=opened_session,
        held_sessions=held_sessions,
        premium_usd=sum((leg.entry_price * n for leg, n in zip(held, shares, strict=True)), Decimal(0)),
        max_loss_usd=payoff_bounds([(leg.contract, leg.quantity, leg.entry_price) for leg in held]).max_loss_usd,
        margin_usd=Decimal(margin_usd),
        fees_usd=Decimal(fees_usd),
        value_usd=sum((leg.mark * n for leg, n in zip(held, shares, strict=True)), Decimal(0)),
        quoted=quoted,
        notes=dict(notes or {}),
    )


def fake_account(
    positions: Sequence[Position] = (),
    *,
    initial_usd: Money = 20_000,
    realised_usd: Money = 0,
    cash_usd: Money | None = None,
    session: date = FAKE_SESSION,
    as_of: datetime | None = None,
    opened_today: int = 0,
    closed_today: int = 0,
    book_id: str = "fake",
) -> Account:
    """Builds the picture of a book.

    Args:
        positions: Open positions, oldest first.
        initial_usd: Capital the book began with.
        realised_usd: Result of what was closed, after fees.
        cash_usd: Cash; None for what capital, results, premiums and fees leave.
        session: Session of the picture.
        as_of: Instant of the picture, aware; None for 16:00 in New York.
        opened_today: Positions opened in this session.
        closed_today: Positions closed in this session.
        book_id: The book.

    Raises:
        ValueError: A naive ``as_of``, or two positions of one id.
    """
    ids = [position.position_id for position in positions]
    if len(set(ids)) != len(ids):
        raise ValueError(f"positions of one account need ids of their own, got {ids}")
    left = Decimal(initial_usd) + Decimal(realised_usd)
    left -= sum((position.premium_usd + position.fees_usd for position in positions), Decimal(0))
    return Account(
        book_id=book_id,
        session=session,
        as_of=session_close(session) if as_of is None else require_utc(as_of, "as_of"),
        initial_usd=Decimal(initial_usd),
        cash_usd=left if cash_usd is None else Decimal(cash_usd),
        realised_usd=Decimal(realised_usd),
        positions=tuple(positions),
        opened_today=opened_today,
        closed_today=closed_today,
    )
