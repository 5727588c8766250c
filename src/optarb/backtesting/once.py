"""Outside calls that are made once: stored before they are used, waited for while another copy makes them."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from optarb.backtesting.repeating import repeating
from optarb.errors import ComponentError, StoreError

if TYPE_CHECKING:
    from optarb.backtesting.context import RunContext

__all__ = ["OnceCalls"]

_LEASE_SECONDS = 15.0
"""How long a caller counts as alive without renewing. It renews while its call lasts, however long that is; so this is what
another copy waits after a caller was killed."""
_POLL_SECONDS = 0.2


class OnceCalls:
    """The outside calls of one expert on one underlying in one session."""

    def __init__(self, context: RunContext, scope: str) -> None:
        """Opens the scope.

        Args:
            context: The run.
            scope: Session, underlying and expert.
        """
        self._context = context
        self._scope = scope

    def call(self, key: str, make: Callable[[], bytes]) -> bytes:
        """Returns the stored reply of a key, making the call if there is none.

        Args:
            key: Name of the call within the scope.
            make: Makes the call.

        Raises:
            ComponentError: The call returned something other than bytes.
        """
        store, book = self._context.store, self._context.book_id
        self._context.outside_calls.add(self._scope)
        name, owner = f"{self._scope}/{key}", uuid.uuid4().hex
        while True:
            stored = store.reply(book, name)
            if stored is not None:
                return stored
            if store.lease_reply(book, name, owner, _LEASE_SECONDS):
                try:
                    with repeating(_LEASE_SECONDS / 5, lambda: self._renew(name, owner)):
                        reply = _made(key, make)
                except BaseException:
                    store.lease_reply(book, name, owner, 0.0)  # so that the next try need not wait for the lease
                    raise
                return store.write_reply(book, self._context.epoch, name, reply)
            threading.Event().wait(_POLL_SECONDS)

    def _renew(self, name: str, owner: str) -> None:
        # At the worst the lease ends, another copy makes the call too, and the reply that is stored first counts for both.
        with contextlib.suppress(StoreError):
            self._context.store.lease_reply(self._context.book_id, name, owner, _LEASE_SECONDS)


def _made(key: str, make: Callable[[], bytes]) -> bytes:
    reply: object = make()
    if not isinstance(reply, bytes):
        raise ComponentError(f"view.once({key!r}): the call must return bytes, got {type(reply).__name__}")
    return reply
