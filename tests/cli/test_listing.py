"""``optarb list``."""

from __future__ import annotations

import json

from optarb.cli.desks import load_desk
from optarb.cli.exit_codes import ExitCode

DESK = ("--desk", "my_desk:desk")


def claim(store, book_id, lease_seconds=60.0):
    return store.claim(book_id, owner="me", identity="i", documents={}, lease_seconds=lease_seconds).epoch


def fill(store):
    store.finish("first", claim(store, "first"), "failed", error="BadData: no bars\nsecond line")
    claim(store, "running")
    claim(store, "abandoned", lease_seconds=0.0)
    store.finish("a-longer-name", claim(store, "a-longer-name"), "finished")


def test_list_when_there_are_books_then_newest_first_with_status_and_what_to_do(run, folder):
    fill(load_desk("my_desk:desk").store)

    done = run("list", *DESK)

    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["backtest", "status"],
        ["a-longer-name", "finished"],
        ["abandoned", "stalled"],
        ["running", "running"],
        ["first", "failed"],
    ]
    assert len({line.index(word) for line, word in zip(lines, ("status", "finished", "stalled"), strict=False)}) == 1
    assert lines[2].endswith("go on with: optarb resume abandoned")
    assert "go on" not in lines[3]
    assert lines[4].endswith("BadData: no bars")
    assert "\x1b" not in done.stdout


def test_list_when_json_then_one_document(run, folder):
    store = load_desk("my_desk:desk").store
    fill(store)

    found = json.loads(run("list", *DESK, "--json").stdout)["backtests"]

    assert [(one["backtest_id"], one["status"], one["stalled"]) for one in found] == [
        ("a-longer-name", "finished", False),
        ("abandoned", "running", True),
        ("running", "running", False),
        ("first", "failed", False),
    ]
    assert found[3]["error"] == "BadData: no bars\nsecond line"
    assert found[0]["began_at"] == store.book("a-longer-name").created_at.isoformat()
    assert set(found[0]) == {"backtest_id", "status", "stalled", "began_at", "changed_at", "error"}


def test_list_when_there_are_none_then_head_alone(run):
    done = run("list", *DESK)

    assert (done.exit_code, done.stdout.split()) == (0, ["backtest", "status", "began", "changed"])


def test_list_when_store_is_in_memory_then_usage_error(run):
    assert run("list", "--desk", "my_desk:in_memory").exit_code == ExitCode.USAGE


def test_list_when_the_desks_module_prints_then_not_on_stdout(run, folder):
    (folder / "loud_desk.py").write_text("print('hello')\nfrom my_desk import desk\n")

    done = run("list", "--desk", "loud_desk:desk", "--json")

    assert json.loads(done.stdout) == {"backtests": []}
    assert "hello" in done.stderr
