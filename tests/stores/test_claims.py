"""What a claim comes to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from optarb.errors import AlreadyRunning, BookConflict
from optarb.protocols.stores import BookInfo
from optarb.stores._claims import judge_claim

AT = datetime(2020, 1, 2, tzinfo=UTC)


def judged(status="running", *, owner="me", identity="same", replace=False, running=False):
    book = BookInfo(
        book_id="book",
        status=status,
        owner="me",
        epoch=3,
        lease_until=AT,
        created_at=AT,
        updated_at=AT,
        identity="same",
    )
    return judge_claim(book, owner=owner, identity=identity, replace=replace, running=running)


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        ({}, "mine"),
        ({"replace": True}, "mine"),
        ({"running": True}, "mine"),
        ({"identity": "other", "replace": True, "running": True}, "replace"),
        ({"owner": "you"}, "resume"),
        ({"owner": "you", "replace": True}, "replace"),
        ({"status": "failed"}, "resume"),
        ({"status": "cancelled", "owner": "you"}, "resume"),
        ({"status": "failed", "owner": "you", "replace": True}, "replace"),
        ({"status": "finished"}, "finished"),
        ({"status": "finished", "replace": True}, "finished"),
        ({"status": "finished", "owner": "you", "replace": True}, "replace"),
        ({"status": "finished", "identity": "other", "replace": True}, "replace"),
    ],
)
def test_judge_claim_when_allowed_then_verdict(case, verdict):
    assert judged(**case) == verdict


@pytest.mark.parametrize(
    ("case", "error"),
    [
        ({"owner": "you", "running": True}, AlreadyRunning),
        ({"owner": "you", "running": True, "replace": True}, AlreadyRunning),
        ({"owner": "you", "running": True, "identity": "other", "replace": True}, AlreadyRunning),
        # Waiting would not help, so the conflict is what is said.
        ({"owner": "you", "running": True, "identity": "other"}, BookConflict),
        ({"identity": "other"}, BookConflict),
        ({"status": "finished", "identity": "other"}, BookConflict),
    ],
)
def test_judge_claim_when_refused_then_error_names_the_book(case, error):
    with pytest.raises(error, match="'book'"):
        judged(**case)
