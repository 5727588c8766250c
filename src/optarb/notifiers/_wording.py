"""How a notice reads."""

from __future__ import annotations

from optarb.protocols.trading import Notice

__all__ = ["headline", "message", "shortened"]


def headline(notice: Notice) -> str:
    """Says in one line how much it matters, of which book it is, and what happened."""
    return _clean(" ".join(f"[{notice.severity}] {notice.book_id}: {notice.title}".split()))


def message(notice: Notice) -> str:
    """Says all of it: the headline, when it was raised, and the text."""
    return f"{headline(notice)}\n{notice.at:%Y-%m-%d %H:%M:%S %Z}\n{_clean(notice.text)}".rstrip()


def shortened(text: str, limit: int) -> str:
    """Cuts a text that is too long for a service, which would refuse all of it.

    Args:
        text: The text.
        limit: The most it may have, counted as UTF-16 does, which no service undercuts; >= 1.
    """
    encoded = text.encode("utf-16-le")
    if len(encoded) <= 2 * limit:
        return text
    return encoded[: 2 * (limit - 1)].decode("utf-16-le", "ignore") + "…"


def _clean(text: str) -> str:
    """Replaces halves of characters, which no encoding takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
