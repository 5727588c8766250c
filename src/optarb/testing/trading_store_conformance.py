"""What every store of live books must do, as tests."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta

import pytest

from optarb.errors import BookNotFound
from optarb.protocols.trading import Controls, JournalEntry, Lease, Notice, SupportsSimulatedAccounts, TradingStore
from optarb.testing.conformance import Conformance, in_threads

__all__ = ["TradingStoreConformance"]

_MONDAY, _TUESDAY = date(2024, 6, 3), date(2024, 6, 4)
_NOW = datetime(2024, 6, 3, 14, tzinfo=UTC)
_BOOK, _OTHER = "paper.dips", "paper.other"


def _lease(owner: str = "one", session: date = _MONDAY, *, minutes: int = 5) -> Lease:
    return Lease(owner=owner, session=session, until=_NOW + timedelta(minutes=minutes))


def _notice(key: str, book_id: str = _BOOK) -> Notice:
    return Notice(key=key, severity="alarm", title="t", text="x", book_id=book_id, session=_MONDAY, at=_NOW)


def _exit(session: int, position_id: str) -> tuple[int | str, ...]:
    return (session, 0, position_id, "stop_loss", 10, 20, 1)


class TradingStoreConformance(Conformance):
    """Subclass it in a test module and define the fixture ``store``: one without books."""

    @pytest.fixture
    def store(self) -> TradingStore:
        """Gives the store to test."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'store'")

    def _open(self, store: TradingStore, book_id: str = _BOOK) -> None:
        assert store.acquire(book_id, _lease(), now=_NOW)

    def _save(self, store: TradingStore, version: int, *, owner: str = "one", document: str = "{}", **more: object) -> bool:
        fields = {"rows": {}, **more}
        return store.save(_BOOK, owner=owner, version=version, document=document, **fields)  # type: ignore[arg-type]

    # -- leases ----------------------------------------------------------------------------------------------------------

    def test_acquire_when_book_is_new_then_created_empty_at_version_0(self, store: TradingStore) -> None:
        """Leasing creates a book."""
        self._open(store)
        found = store.load(_BOOK)
        assert (found.book_id, found.version, found.document, found.lease) == (_BOOK, 0, "", _lease())

    def test_acquire_when_held_by_another_then_refused_and_nothing_changes(self, store: TradingStore) -> None:
        """One moves a book."""
        self._open(store)
        assert not store.acquire(_BOOK, _lease("two"), now=_NOW)
        assert store.load(_BOOK).lease == _lease()

    def test_acquire_when_owner_asks_again_then_prolonged(self, store: TradingStore) -> None:
        """The owner prolongs its lease."""
        self._open(store)
        assert store.acquire(_BOOK, _lease(minutes=9), now=_NOW)
        assert store.load(_BOOK).lease == _lease(minutes=9)

    def test_acquire_when_lease_is_over_then_taken(self, store: TradingStore) -> None:
        """A lease ends at its ``until``."""
        self._open(store)
        until = _lease().until
        assert not store.acquire(_BOOK, _lease("two", minutes=20), now=until - timedelta(seconds=1))
        assert store.acquire(_BOOK, _lease("two", minutes=20), now=until)

    def test_acquire_when_newer_session_then_taken_and_older_refused(self, store: TradingStore) -> None:
        """A newer session wins, an older one does not."""
        self._open(store)
        assert store.acquire(_BOOK, _lease("two", _TUESDAY), now=_NOW)
        assert not store.acquire(_BOOK, _lease("one", _MONDAY), now=_NOW)

    def test_acquire_when_holder_is_known_to_be_gone_then_taken(self, store: TradingStore) -> None:
        """``take_over`` takes what is not over."""
        self._open(store)
        assert store.acquire(_BOOK, _lease("two"), now=_NOW, take_over=True)
        assert store.load(_BOOK).lease == _lease("two")

    def test_acquire_when_four_ask_at_once_then_one_gets_it(self, store: TradingStore) -> None:
        """Only one of several gets a free book."""
        owners = iter("abcd")
        results = in_threads(lambda: store.acquire(_BOOK, _lease(next(owners)), now=_NOW))
        assert sorted(results) == [False, False, False, True]

    def test_release_when_another_holds_it_then_nothing_happens(self, store: TradingStore) -> None:
        """Only the owner gives a lease back."""
        self._open(store)
        store.release(_BOOK, "two")
        assert store.load(_BOOK).lease == _lease()
        store.release(_BOOK, "one")
        assert store.load(_BOOK).lease is None
        assert store.acquire(_BOOK, _lease("two"), now=_NOW)

    # -- saving ----------------------------------------------------------------------------------------------------------

    def test_load_when_unknown_then_book_not_found(self, store: TradingStore) -> None:
        """An unknown book is an error."""
        with pytest.raises(BookNotFound):
            store.load("nobody.knows")

    def test_save_when_version_fits_then_written_and_version_goes_up(self, store: TradingStore) -> None:
        """State comes back as it was written."""
        self._open(store)
        assert self._save(store, 0, document='{"a":1}')
        assert (store.load(_BOOK).version, store.load(_BOOK).document) == (1, '{"a":1}')
        assert self._save(store, 1, document='{"a":2}')
        assert (store.load(_BOOK).version, store.load(_BOOK).document) == (2, '{"a":2}')

    @pytest.mark.parametrize(("version", "owner"), [(0, "one"), (2, "one"), (1, "two")])
    def test_save_when_version_or_owner_is_wrong_then_nothing_is_written(
        self, store: TradingStore, version: int, owner: str
    ) -> None:
        """A copy that was overtaken writes nothing at all."""
        self._open(store)
        assert self._save(store, 0, document="first")
        written = self._save(
            store,
            version,
            owner=owner,
            document="other",
            rows={"exits": [_exit(20240603, "p")]},
            journal=[JournalEntry(at=_NOW, kind="k", subject="s", detail="{}")],
            notices=[_notice("n")],
        )
        assert not written
        assert (store.load(_BOOK).version, store.load(_BOOK).document) == (1, "first")
        assert not store.rows(_BOOK, "exits")
        assert not store.journal(_BOOK, _MONDAY)
        assert not store.outbox()

    def test_save_when_lease_was_given_back_then_nothing_is_written(self, store: TradingStore) -> None:
        """Without a lease nobody writes."""
        self._open(store)
        store.release(_BOOK, "one")
        assert not self._save(store, 0)

    def test_save_when_four_write_at_once_then_one_wins(self, store: TradingStore) -> None:
        """Compare-and-set lets one of several copies write."""
        self._open(store)
        results = in_threads(lambda: self._save(store, 0, rows={"exits": [_exit(20240603, "p")]}))
        assert sorted(results) == [False, False, False, True]
        assert len(store.rows(_BOOK, "exits")) == 1

    def test_rows_when_saved_in_parts_then_seq_goes_on_within_each_session(self, store: TradingStore) -> None:
        """Rows are numbered by session and table, in the order of arrival."""
        self._open(store)
        self._save(store, 0, rows={"exits": [_exit(20240603, "a"), _exit(20240603, "b")]})
        self._save(store, 1, rows={"exits": [_exit(20240604, "c")]})
        self._save(store, 2, rows={"exits": [_exit(20240603, "d")]})
        found = [tuple(row)[:3] for row in store.rows(_BOOK, "exits")]
        assert found == [(20240603, 0, "a"), (20240603, 1, "b"), (20240603, 2, "d"), (20240604, 0, "c")]
        assert [row[2] for row in store.rows(_BOOK, "exits", first=20240604)] == ["c"]
        assert [row[2] for row in store.rows(_BOOK, "exits", last=20240603)] == ["a", "b", "d"]

    def test_journal_when_saved_then_by_session_oldest_first(self, store: TradingStore) -> None:
        """Entries belong to the session of the lease they were written under."""
        self._open(store)
        first, second = (JournalEntry(at=_NOW, kind=kind, subject="s", detail='{"x":1}') for kind in ("a", "b"))
        self._save(store, 0, journal=[first])
        self._save(store, 1, journal=[second])
        store.acquire(_BOOK, _lease("two", _TUESDAY), now=_NOW)
        third = JournalEntry(at=_NOW, kind="c", subject="", detail="{}")
        self._save(store, 2, owner="two", journal=[third])
        assert list(store.journal(_BOOK, _MONDAY)) == [first, second]
        assert list(store.journal(_BOOK, _TUESDAY)) == [third]

    # -- simulated accounts ----------------------------------------------------------------------------------------------

    def test_save_simulated_account_when_written_meanwhile_then_refused_and_unchanged(self, store: TradingStore) -> None:
        """Accounts change by compare-and-set, each under its name."""
        if not isinstance(store, SupportsSimulatedAccounts):
            pytest.skip("the store keeps no simulated accounts")
        assert store.simulated_account("a") == (0, "")
        assert store.save_simulated_account("a", 0, "first")
        assert not store.save_simulated_account("a", 0, "late")
        assert store.save_simulated_account("b", 0, "other")
        assert store.save_simulated_account("a", 1, "second")
        assert not store.save_simulated_account("a", 1, "late")
        assert (store.simulated_account("a"), store.simulated_account("b")) == ((2, "second"), (1, "other"))

    def test_save_simulated_account_when_many_at_once_then_each_change_is_kept(self, store: TradingStore) -> None:
        """Nobody overwrites another's change."""
        if not isinstance(store, SupportsSimulatedAccounts):
            pytest.skip("the store keeps no simulated accounts")

        def add() -> None:
            while True:
                version, document = store.simulated_account("a")
                if store.save_simulated_account("a", version, f"{document}x"):
                    return

        calls = len(in_threads(add))
        assert store.simulated_account("a") == (calls, "x" * calls)

    # -- once, controls, outbox ------------------------------------------------------------------------------------------

    def test_once_when_asked_twice_then_the_first_answer_stays(self, store: TradingStore) -> None:
        """A decision is made once per book, session and step."""
        assert store.decided(_BOOK, _MONDAY, "entries") is None
        assert store.once(_BOOK, _MONDAY, "entries", b"first") == b"first"
        assert store.once(_BOOK, _MONDAY, "entries", b"second") == b"first"
        assert store.once(_BOOK, _TUESDAY, "entries", b"third") == b"third"
        assert store.once(_OTHER, _MONDAY, "entries", b"fourth") == b"fourth"
        assert store.decided(_BOOK, _MONDAY, "entries") == b"first"

    def test_once_when_four_decide_at_once_then_all_get_the_same(self, store: TradingStore) -> None:
        """The first writer wins, and the others learn it."""
        bodies = iter((b"a", b"b", b"c", b"d"))
        assert len(set(in_threads(lambda: store.once(_BOOK, _MONDAY, "entries", next(bodies))))) == 1

    def test_controls_when_never_set_then_nothing_is_asked(self, store: TradingStore) -> None:
        """A book without controls, or no book, is not halted."""
        assert store.controls(_BOOK) == Controls()

    def test_controls_when_set_then_read_by_everybody_whoever_holds_the_lease(self, store: TradingStore) -> None:
        """People need no lease."""
        asked = Controls(halted=True, flatten=True, reason="stop it", changed_at=_NOW)
        store.set_controls(_BOOK, asked)
        assert store.controls(_BOOK) == asked
        self._open(store)
        assert self._save(store, 0)
        assert store.controls(_BOOK) == asked

    def test_outbox_when_a_key_comes_again_then_sent_once(self, store: TradingStore) -> None:
        """One notice a key and book, in the order of writing, until it is delivered."""
        self._open(store)
        self._save(store, 0, notices=[_notice("a"), _notice("b"), _notice("a")])
        assert [notice.key for notice in store.outbox()] == ["a", "b"]
        assert [notice.key for notice in store.outbox(limit=1)] == ["a"]
        store.delivered(_BOOK, "a")
        self._save(store, 1, notices=[_notice("a")])
        assert list(store.outbox()) == [_notice("b")]

    def test_outbox_when_one_notifier_delivered_then_others_still_have_to(self, store: TradingStore) -> None:
        """Each notifier has a queue of its own; what left the outbox has left all of them, also of one that is new."""
        self._open(store)
        self._save(store, 0, notices=[_notice("a"), _notice("b")])
        store.delivered(_BOOK, "a", notifier="mail")
        store.delivered(_BOOK, "a", notifier="mail")
        assert [notice.key for notice in store.outbox(notifier="mail")] == ["b"]
        assert [notice.key for notice in store.outbox(limit=1, notifier="mail")] == ["b"]
        assert [notice.key for notice in store.outbox(notifier="chat")] == ["a", "b"]
        assert [notice.key for notice in store.outbox()] == ["a", "b"]
        store.delivered(_BOOK, "a")
        assert [notice.key for notice in store.outbox(notifier="new")] == ["b"]
        assert [notice.key for notice in store.outbox()] == ["b"]

    def test_outbox_when_books_are_several_then_by_the_time_of_the_notice(self, store: TradingStore) -> None:
        """The oldest comes first, whichever book it is of."""
        for book_id, minutes in ((_BOOK, 2), (_OTHER, 1)):
            self._open(store, book_id)
            notice = dataclasses.replace(_notice("a", book_id), at=_NOW + timedelta(minutes=minutes))
            assert store.save(book_id, owner="one", version=0, document="{}", rows={}, notices=[notice])
        assert [notice.book_id for notice in store.outbox()] == [_OTHER, _BOOK]

    def test_lease_notice_when_held_or_delivered_then_refused(self, store: TradingStore) -> None:
        """One sends a notice through a notifier at a time, and nobody once it is delivered."""
        self._open(store)
        self._save(store, 0, notices=[_notice("a")])
        assert store.lease_notice(_BOOK, "a", "mail", 0)
        assert store.lease_notice(_BOOK, "a", "mail", 3600)
        assert not store.lease_notice(_BOOK, "a", "mail", 3600)
        assert store.lease_notice(_BOOK, "a", "chat", 0)
        store.delivered(_BOOK, "a", notifier="chat")
        assert not store.lease_notice(_BOOK, "a", "chat", 3600)

    def test_lease_notice_when_four_ask_at_once_then_one_gets_it(self, store: TradingStore) -> None:
        """Of several processes that work the outbox off at once one sends."""
        self._open(store)
        self._save(store, 0, notices=[_notice("a")])
        assert sorted(in_threads(lambda: store.lease_notice(_BOOK, "a", "mail", 3600))) == [False, False, False, True]

    def test_live_books_when_several_then_in_the_order_of_their_names(self, store: TradingStore) -> None:
        """All books are listed."""
        self._open(store, _OTHER)
        self._open(store, _BOOK)
        assert list(store.live_books()) == [_BOOK, _OTHER]
