"""One digest of a ledger."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from optarb.ledger.rows import TABLES

if TYPE_CHECKING:
    from optarb.protocols import BacktestStore

__all__ = ["ledger_digest"]


def ledger_digest(store: BacktestStore, book_id: str) -> str:
    """Hashes every row of a book in the order of tables, sessions and sequence numbers.

    Money is integers; book id, blocks, hosts and wall clocks are not in the rows, so equal runs give equal digests however
    they were cut and wherever they ran.

    Args:
        store: Where the book is.
        book_id: The book.

    Returns:
        SHA-256 in hexadecimal.
    """
    digest = hashlib.sha256()
    for name in TABLES:
        digest.update(name.encode() + b"\n")
        digest.update(json.dumps(list(store.rows(book_id, name)), separators=(",", ":")).encode())
    return digest.hexdigest()
