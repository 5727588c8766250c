"""How a checkpoint is named."""

from __future__ import annotations

import hashlib

__all__ = ["checkpoint_digest"]


def checkpoint_digest(parent: str, state: bytes) -> str:
    """Names a checkpoint by all that led to it: SHA-256 over parent, a line feed and state, in hexadecimal.

    Args:
        parent: Digest of the checkpoint before; ``""`` for the first.
        state: The state as it is stored.
    """
    return hashlib.sha256(parent.encode("ascii") + b"\n" + state).hexdigest()
