"""``optarb explain``."""

from __future__ import annotations

from optarb.cli.desks import load_desk
from optarb.cli.exit_codes import ExitCode
from optarb.reports import load_result

DESK = ("--desk", "my_desk:desk")


def test_explain_when_trade_is_named_then_its_story_alone(finished, run):
    result = load_result(load_desk("my_desk:desk"), "february")
    trade_id = result.trades().index[0]

    done = run("explain", "february", trade_id, *DESK)

    assert (done.exit_code, done.stdout) == (0, f"{result.explain(trade_id)}\n")


def test_explain_when_no_trade_is_named_then_each_is_listed_with_its_result(finished, run):
    trades = load_result(load_desk("my_desk:desk"), "february").trades(exact=True)

    lines = [line.split() for line in run("explain", "february", *DESK).stdout.splitlines()]

    assert lines[0][:2] == ["trade", "underlying"]
    assert [line[0] for line in lines[1:]] == list(trades.index)
    assert [line[-1] for line in lines[1:]] == [f"{pnl:,.2f}" for pnl in trades["pnl_usd"]]


def test_explain_when_trade_is_unknown_then_suggestion(finished, run):
    done = run("explain", "february", "20140203.10", *DESK)

    assert (done.exit_code, done.stdout) == (ExitCode.NOT_FOUND, "")
    assert done.stderr.startswith("error: UnknownName: unknown trade '20140203.10'; did you mean '")


def test_explain_when_book_is_not_finished_then_conflict(run, folder):
    load_desk("my_desk:desk").store.claim("new", owner="me", identity="i", documents={}, lease_seconds=60.0)

    assert run("explain", "new", *DESK).exit_code == ExitCode.CONFLICT
