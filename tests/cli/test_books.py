"""``optarb books``."""

from __future__ import annotations

from optarb.cli.desks import load_desk


def claim(store, book_id, lease_seconds=60.0):
    return store.claim(book_id, owner="me", identity="i", documents={}, lease_seconds=lease_seconds).epoch


def test_books_when_listed_then_newest_first_with_status_and_error(run, folder):
    store = load_desk("my_desk:desk").store
    store.finish("first", claim(store, "first"), "failed", error="BadData: no bars\nsecond line")
    claim(store, "running")
    claim(store, "abandoned", lease_seconds=0.0)
    store.finish("a-longer-name", claim(store, "a-longer-name"), "finished")

    done = run("books", "--desk", "my_desk:desk")

    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["book", "status"],
        ["a-longer-name", "finished"],
        ["abandoned", "running"],
        ["running", "running"],
        ["first", "failed"],
    ]
    assert len({line.index(word) for line, word in zip(lines, ("status", "finished", "running"), strict=False)}) == 1
    assert lines[2].endswith("run it again with the same id to go on")
    assert not lines[3].endswith("go on")
    assert lines[4].endswith("BadData: no bars")


def test_books_when_there_are_none_then_header_alone(run):
    done = run("books", "--desk", "my_desk:desk")

    assert (done.exit_code, done.stdout.split()) == (0, ["book", "status", "began", "changed"])


def test_books_when_store_is_in_memory_then_error(run):
    assert run("books", "--desk", "my_desk:in_memory").exit_code == 1
