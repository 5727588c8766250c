"""What every store of backtests must do, as tests."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

import pickle
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from optarb.errors import AlreadyRunning, BookConflict, BookNotFound, OptarbError, Superseded
from optarb.ledger.rows import TABLES, Row, Rows
from optarb.protocols.stores import BacktestStore, BlockKey, BookStatus
from optarb.testing._store_calls import at_once, claim_book, commit_block, sample_rows, tip_of
from optarb.testing.conformance import Conformance

__all__ = ["BacktestStoreConformance"]

_FIRST, _SECOND, _THIRD = 20140103, 20140106, 20140107


class BacktestStoreConformance(Conformance):
    """Subclass it in a test module and define the fixture ``store``.

    The store may hold other books: each test uses a book of its own.
    """

    @pytest.fixture
    def store(self) -> BacktestStore:
        """Gives the store to test."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'store'")

    @pytest.fixture
    def book_id(self) -> str:
        """Names a book that no other test uses."""
        return f"conformance-{uuid.uuid4().hex}"

    # Claim

    def test_claim_when_new_then_epoch_one_and_running(self, store: BacktestStore, book_id: str) -> None:
        """A fresh book belongs to its first claimant."""
        before = datetime.now(UTC)
        claim = claim_book(store, book_id, documents={"spec": '{"a": 1}', "inputs": "{}"})
        assert (claim.kind, claim.epoch) == ("new", 1)
        assert claim.info == store.book(book_id)
        info = claim.info
        assert (info.book_id, info.status, info.owner, info.epoch) == (book_id, "running", "first", 1)
        assert (info.identity, info.error) == ("same", None)
        assert dict(info.documents) == {"spec": '{"a": 1}', "inputs": "{}"}
        assert info.lease_until is not None
        assert info.lease_until.utcoffset() == timedelta(0)
        assert before + timedelta(seconds=59) < info.lease_until < datetime.now(UTC) + timedelta(seconds=61)
        assert info.created_at.utcoffset() == timedelta(0)

    def test_claim_when_repeated_by_its_owner_then_mine(self, store: BacktestStore, book_id: str) -> None:
        """A retry of the same claim gets the same epoch, even when the lease ran out meanwhile."""
        claim_book(store, book_id, lease_seconds=0)
        claim = claim_book(store, book_id)
        assert (claim.kind, claim.epoch) == ("mine", 1)
        assert claim.info.lease_until is not None
        assert claim.info.lease_until > datetime.now(UTC)

    @pytest.mark.parametrize("replace", [False, True])
    def test_claim_when_another_runs_then_already_running(self, store: BacktestStore, book_id: str, replace: bool) -> None:
        """A lease protects its owner, from clearing too."""
        claim_book(store, book_id)
        with pytest.raises(AlreadyRunning, match=book_id):
            claim_book(store, book_id, owner="second", replace=replace)
        assert store.book(book_id).owner == "first"

    def test_claim_when_lease_is_over_then_resume_with_next_epoch(self, store: BacktestStore, book_id: str) -> None:
        """Whoever comes after a dead owner goes on with what is stored."""
        first = claim_book(store, book_id, lease_seconds=0, documents={"spec": "{}"})
        commit_block(store, book_id, 1)
        claim = claim_book(store, book_id, owner="second", documents={"spec": '{"ignored": true}'})
        assert (claim.kind, claim.epoch, claim.info.owner) == ("resume", 2, "second")
        assert dict(claim.info.documents) == {"spec": "{}"}
        assert claim.info.created_at == first.info.created_at
        assert store.done(book_id, "trade") == {("", _FIRST)}

    @pytest.mark.parametrize("status", ["cancelled", "failed"])
    def test_claim_when_unfinished_and_released_then_resume(
        self, store: BacktestStore, book_id: str, status: BookStatus
    ) -> None:
        """A run that ended early can be resumed at once, by anyone."""
        claim_book(store, book_id)
        store.finish(book_id, 1, status, error="why")
        claim = claim_book(store, book_id, owner="second")
        assert (claim.kind, claim.epoch) == ("resume", 2)
        assert (claim.info.status, claim.info.error) == ("running", None)

    def test_claim_when_finished_then_untouched(self, store: BacktestStore, book_id: str) -> None:
        """A finished book is a result, not work."""
        claim_book(store, book_id)
        store.finish(book_id, 1, "finished")
        before = store.book(book_id)
        claim = claim_book(store, book_id, owner="second")
        assert (claim.kind, claim.epoch) == ("finished", 1)
        assert claim.info == before == store.book(book_id)

    @pytest.mark.parametrize("status", ["finished", "failed"])
    def test_claim_when_identity_differs_then_conflict(self, store: BacktestStore, book_id: str, status: BookStatus) -> None:
        """An id never mixes two computations."""
        claim_book(store, book_id)
        store.finish(book_id, 1, status)
        with pytest.raises(BookConflict, match=book_id):
            claim_book(store, book_id, owner="second", identity="other")
        assert store.book(book_id).identity == "same"

    def test_claim_when_replaced_then_cleared_with_next_epoch(self, store: BacktestStore, book_id: str) -> None:
        """Replacing leaves nothing of the old book but the count of its claims."""
        other = f"{book_id}-other"
        for name in (book_id, other):
            claim_book(store, name, documents={"spec": "{}"})
            commit_block(store, name, 1)
            store.write_document(name, 1, "report", "{}")
            store.write_reply(name, 1, "key", b"reply")
            store.finish(name, 1, "finished")
        claim = claim_book(store, book_id, owner="second", identity="other", documents={"spec": "[]"}, replace=True)
        assert (claim.kind, claim.epoch, claim.info.status) == ("new", 2, "running")
        assert (claim.info.identity, dict(claim.info.documents)) == ("other", {"spec": "[]"})
        assert store.checkpoints(book_id, "trade") == []
        assert all(list(store.rows(book_id, table)) == [] for table in TABLES)
        assert store.reply(book_id, "key") is None
        assert store.done(other, "trade") == {("", _FIRST)}
        assert store.reply(other, "key") == b"reply"
        with pytest.raises(Superseded):
            commit_block(store, book_id, 1)

    def test_claim_when_replacing_is_retried_then_nothing_is_cleared_again(self, store: BacktestStore, book_id: str) -> None:
        """The same owner's claim is one claim, however often it is sent."""
        claim_book(store, book_id, replace=True)
        commit_block(store, book_id, 1)
        claim = claim_book(store, book_id, replace=True)
        assert (claim.kind, claim.epoch) == ("mine", 1)
        assert store.done(book_id, "trade") == {("", _FIRST)}

    def test_claim_when_threads_race_then_one_gets_the_book(self, store: BacktestStore, book_id: str) -> None:
        """Two runs never share a book."""

        def claim(number: int) -> str:
            try:
                return claim_book(store, book_id, owner=f"owner {number}").kind
            except AlreadyRunning:
                return "refused"

        assert sorted(at_once(claim)) == ["new", "refused", "refused"]

    # Commit

    def test_commit_when_new_then_rows_and_checkpoint(self, store: BacktestStore, book_id: str) -> None:
        """Every table keeps its rows exactly, in the order of session and seq."""
        claim_book(store, book_id)
        rows = {name: list(reversed(sample_rows(name, _FIRST, _SECOND))) for name in TABLES}
        assert commit_block(store, book_id, 1, last=_SECOND, state=b'{"cash":1}', rows=rows)
        for name in TABLES:
            assert list(store.rows(book_id, name)) == sample_rows(name, _FIRST, _SECOND)
        assert all(type(row) is tuple for row in store.rows(book_id, "fills"))
        found = store.checkpoint(book_id, "trade")
        assert found is not None
        assert (found.key, found.last) == (BlockKey(phase="trade", unit="", first=_FIRST), _SECOND)
        assert (found.parent, found.state) == ("", b'{"cash":1}')
        # printf '\n{"cash":1}' | sha256sum
        assert found.digest == "ec14c7de4f768de936a75cedc0c00bdb6cdee8e8e53e48fb02dd8bb8e0122626"

    def test_commit_when_repeated_then_false_and_unchanged(self, store: BacktestStore, book_id: str) -> None:
        """The first copy of a block stays, whatever the second holds."""
        claim_book(store, book_id)
        assert commit_block(store, book_id, 1, state=b"1", rows={"notes": [(_FIRST, 0, "p", "first")]})
        assert not commit_block(store, book_id, 1, state=b"2", rows={"notes": [(_FIRST, 0, "p", "second")]})
        assert not commit_block(store, book_id, 1, state=b"2", rows={"notes": [(_FIRST, 1, "p", "more")]})
        assert list(store.rows(book_id, "notes")) == [(_FIRST, 0, "p", "first")]
        assert [found.state for found in store.checkpoints(book_id, "trade")] == [b"1"]

    def test_commit_when_parent_is_not_the_tip_then_false_and_nothing_written(self, store: BacktestStore, book_id: str) -> None:
        """A chain grows at its end only: a copy that lost a block cannot go on from what it holds."""
        claim_book(store, book_id)
        assert not commit_block(store, book_id, 1, parent="f" * 64, tip=True)
        assert commit_block(store, book_id, 1, state=b"1", tip=True)
        first = tip_of(store, book_id)
        note: Rows = {"notes": [(_SECOND, 0, "p", "note")]}
        assert not commit_block(store, book_id, 1, first=_SECOND, parent="", rows=note, tip=True)
        assert list(store.rows(book_id, "notes")) == []
        assert commit_block(store, book_id, 1, first=_SECOND, parent=first, state=b"2", rows=note, tip=True)
        assert not commit_block(store, book_id, 1, first=_THIRD, parent=first, tip=True)
        assert commit_block(store, book_id, 1, first=_THIRD, parent=tip_of(store, book_id), tip=True)
        assert [found.state for found in store.checkpoints(book_id, "trade")] == [b"1", b"2", b""]

    def test_commit_when_histories_differ_then_digests_differ(self, store: BacktestStore, book_id: str) -> None:
        """A checkpoint's digest stands for all that led to it, and for nothing else."""
        claim_book(store, book_id)
        for unit, parent, state in (("a", "", b"1"), ("b", "", b"2"), ("c", "f" * 64, b"1"), ("d", "", b"1")):
            commit_block(store, book_id, 1, unit=unit, parent=parent, state=state)
        a, b, c, d = (found.digest for found in store.checkpoints(book_id, "trade"))
        assert a == d
        assert len({a, b, c}) == 3

    def test_commit_when_a_row_is_refused_then_nothing_is_written(self, store: BacktestStore, book_id: str) -> None:
        """A block is written whole or not at all."""
        claim_book(store, book_id)
        commit_block(store, book_id, 1, rows={"notes": [(_FIRST, 0, "p", "first")]})
        clash: Rows = {"exits": [(_SECOND, 0, "p", "why", 1, 2, 3)], "notes": [(_FIRST, 0, "p", "again")]}
        with pytest.raises(OptarbError):
            commit_block(store, book_id, 1, first=_SECOND, rows=clash)
        assert store.done(book_id, "trade") == {("", _FIRST)}
        assert list(store.rows(book_id, "exits")) == []
        assert list(store.rows(book_id, "notes")) == [(_FIRST, 0, "p", "first")]

    @pytest.mark.parametrize("value", [1.5, "many", float("nan"), None], ids=["float", "text", "nan", "none"])
    def test_commit_when_a_value_is_no_integer_where_one_belongs_then_refused(
        self, store: BacktestStore, book_id: str, value: float | str | None
    ) -> None:
        """Money is whole numbers: nothing rounds it on the way, and nothing stands in for it."""
        claim_book(store, book_id)
        with pytest.raises(OptarbError):
            commit_block(store, book_id, 1, rows={"exits": [(_FIRST, 0, "p", "why", value, 2, 3)]})
        assert store.done(book_id, "trade") == frozenset()
        assert list(store.rows(book_id, "exits")) == []

    def test_commit_when_nan_is_where_a_number_belongs_then_refused(self, store: BacktestStore, book_id: str) -> None:
        """A number that is none is no value."""
        claim_book(store, book_id)
        row: Row = (_FIRST, 0, "e", "SPX", "bullish", float("nan"), "s", "", None, "[]", "[]")
        with pytest.raises(OptarbError):
            commit_block(store, book_id, 1, rows={"signals": [row]})
        assert list(store.rows(book_id, "signals")) == []

    def test_commit_when_copies_race_then_one_writes(self, store: BacktestStore, book_id: str) -> None:
        """Three copies of one block at once: one is told that it won, and only its rows are there."""
        claim_book(store, book_id)

        def commit(number: int) -> bool:
            return commit_block(store, book_id, 1, rows={"notes": [(_FIRST, 0, "p", f"copy {number}")]}, tip=True)

        won = at_once(commit)
        assert sorted(won) == [False, False, True]
        assert list(store.rows(book_id, "notes")) == [(_FIRST, 0, "p", f"copy {won.index(True)}")]

    # The fence

    def test_write_when_superseded_then_refused_and_unchanged(self, store: BacktestStore, book_id: str) -> None:
        """A zombie writes nothing."""
        claim_book(store, book_id, lease_seconds=0)
        claim_book(store, book_id, owner="second")
        before = store.book(book_id)
        writes: list[Callable[[], object]] = [
            lambda: commit_block(store, book_id, 1),
            lambda: store.renew(book_id, 1, 60),
            lambda: store.write_document(book_id, 1, "report", "{}"),
            lambda: store.write_reply(book_id, 1, "key", b"reply"),
            lambda: store.finish(book_id, 1, "failed", error="why"),
        ]
        for write in writes:
            with pytest.raises(Superseded, match=book_id):
                write()
        assert store.book(book_id) == before
        assert store.done(book_id, "trade") == frozenset()
        assert store.reply(book_id, "key") is None

    # Reading

    def test_rows_when_bounds_then_inclusive(self, store: BacktestStore, book_id: str) -> None:
        """Both bounds belong to the range."""
        claim_book(store, book_id)
        rows: list[Row] = [(session, 0, "p", "note") for session in (_FIRST, _SECOND, _THIRD)]
        commit_block(store, book_id, 1, last=_THIRD, rows={"notes": rows})
        assert list(store.rows(book_id, "notes", _SECOND)) == rows[1:]
        assert list(store.rows(book_id, "notes", None, _SECOND)) == rows[:2]
        assert list(store.rows(book_id, "notes", _SECOND, _SECOND)) == rows[1:2]
        assert list(store.rows(book_id, "notes", _THIRD + 1)) == []
        assert list(store.rows(f"{book_id}-other", "notes")) == []

    def test_checkpoints_when_several_units_then_ordered_and_by_phase(self, store: BacktestStore, book_id: str) -> None:
        """Phases do not see each other's blocks."""
        claim_book(store, book_id)
        assert store.checkpoint(book_id, "signals") is None
        for unit, first in (("b", _FIRST), ("a", _SECOND), ("a", _FIRST)):
            assert commit_block(store, book_id, 1, phase="signals", unit=unit, first=first)
        commit_block(store, book_id, 1, first=_THIRD)
        keys = [(found.key.unit, found.key.first) for found in store.checkpoints(book_id, "signals")]
        assert keys == [("a", _FIRST), ("a", _SECOND), ("b", _FIRST)]
        assert store.done(book_id, "signals") == set(keys)
        newest = store.checkpoint(book_id, "signals")
        assert newest is not None
        assert newest.key == BlockKey(phase="signals", unit="a", first=_SECOND)

    def test_book_when_absent_then_not_found(self, store: BacktestStore, book_id: str) -> None:
        """An unknown id is an error that names it."""
        with pytest.raises(BookNotFound, match=book_id):
            store.book(book_id)
        with pytest.raises(BookNotFound, match=book_id):
            store.request_cancel(book_id)

    def test_books_when_several_then_newest_first_without_documents(self, store: BacktestStore, book_id: str) -> None:
        """A list of books stays small."""
        names = [f"{book_id}-{number}" for number in range(3)]
        for name in names:
            claim_book(store, name, documents={"spec": "{}"})
        mine = [info for info in store.books() if info.book_id in names]
        assert [info.book_id for info in mine] == names[::-1]
        assert all(not info.documents for info in mine)

    # Life of a run

    def test_write_document_when_named_again_then_replaced(self, store: BacktestStore, book_id: str) -> None:
        """A document has one version."""
        claim_book(store, book_id, documents={"spec": "{}"})
        store.write_document(book_id, 1, "report", "1")
        store.write_document(book_id, 1, "report", '"☃"')
        assert dict(store.book(book_id).documents) == {"spec": "{}", "report": '"☃"'}

    def test_renew_when_cancel_was_asked_then_true_until_claimed_anew(self, store: BacktestStore, book_id: str) -> None:
        """The request reaches the run through its lease, and ends with it."""
        claim_book(store, book_id)
        assert store.renew(book_id, 1, 60) is False
        store.request_cancel(book_id)
        assert store.renew(book_id, 1, 60) is True
        assert store.renew(book_id, 1, 60) is True
        store.finish(book_id, 1, "cancelled")
        claim_book(store, book_id, owner="second")
        assert store.renew(book_id, 2, 60) is False

    def test_renew_when_running_then_lease_is_longer(self, store: BacktestStore, book_id: str) -> None:
        """Renewing keeps others out."""
        claim_book(store, book_id, lease_seconds=0)
        store.renew(book_id, 1, 60)
        with pytest.raises(AlreadyRunning):
            claim_book(store, book_id, owner="second")

    def test_finish_when_done_then_lease_is_released_for_good(self, store: BacktestStore, book_id: str) -> None:
        """A late heartbeat or a repetition changes nothing."""
        claim_book(store, book_id)
        store.finish(book_id, 1, "failed", error="why")
        ended = store.book(book_id)
        assert (ended.status, ended.error, ended.lease_until) == ("failed", "why", None)
        store.finish(book_id, 1, "failed", error="why")
        store.renew(book_id, 1, 60)
        assert store.book(book_id) == ended

    # Replies

    def test_lease_reply_when_held_then_refused_until_over(self, store: BacktestStore, book_id: str) -> None:
        """One caller asks; the others wait."""
        claim_book(store, book_id)
        assert store.lease_reply(book_id, "key", "one", 60)
        assert store.lease_reply(book_id, "key", "one", 0)
        assert store.lease_reply(book_id, "key", "two", 60)
        assert not store.lease_reply(book_id, "key", "one", 60)
        assert store.lease_reply(book_id, "other", "one", 60)
        assert store.reply(book_id, "key") is None

    def test_write_reply_when_stored_then_the_first_is_returned(self, store: BacktestStore, book_id: str) -> None:
        """A stored reply is never replaced, and nobody asks again."""
        claim_book(store, book_id)
        assert store.lease_reply(book_id, "key", "one", 60)
        assert store.write_reply(book_id, 1, "key", b"\x00first") == b"\x00first"
        assert store.write_reply(book_id, 1, "key", b"second") == b"\x00first"
        assert store.reply(book_id, "key") == b"\x00first"
        assert not store.lease_reply(book_id, "key", "one", 60)

    def test_lease_reply_when_threads_race_then_one_asks(self, store: BacktestStore, book_id: str) -> None:
        """Concurrent callers of one key make one call."""
        claim_book(store, book_id)
        assert sorted(at_once(lambda number: store.lease_reply(book_id, "key", f"caller {number}", 60))) == [
            False,
            False,
            True,
        ]

    # The store itself

    def test_close_when_used_again_then_opens_again(self, store: BacktestStore, book_id: str) -> None:
        """Closing is no end; a shared store still has its books."""
        claim_book(store, book_id)
        store.close()
        store.close()
        if store.is_shared:
            assert store.book(book_id).epoch == 1
        claim_book(store, f"{book_id}-later")

    def test_pickle_when_copied_then_the_same_books(self, store: BacktestStore, book_id: str) -> None:
        """A store travels by its parameters."""
        claim_book(store, book_id)
        copy = pickle.loads(pickle.dumps(store))  # noqa: S301 - written a moment ago
        assert copy == store
        assert copy.book(book_id).epoch == 1
