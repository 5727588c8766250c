"""``optarb day``."""

from __future__ import annotations

import asyncio
import csv
import json

import pytest
from tests.cli.live import DESK, trade, write_desk
from tests.temporal.trading_rig import TUESDAY

import optarb
from optarb.cli.exit_codes import ExitCode
from optarb.temporal.trading_messages import DayRequest


@pytest.fixture
def traded(folder):
    """A folder with a book that a Monday has opened; gives its desk and spec."""
    desk, spec = write_desk(folder, "shown")
    assert trade(desk, spec).outcome == "traded"
    with desk:
        yield desk, spec


def test_list_when_no_book_is_named_then_the_books_and_their_flags(run, traded):
    text, document = run("day", "list", *DESK), run("day", "list", *DESK, "--json")

    assert text.stdout.splitlines()[1].split() == ["shown.live", "2024-06-03", "yes", "1", "no", "no"]
    assert json.loads(document.stdout) == {
        "books": [
            {
                "book_id": "shown.live",
                "session": "2024-06-03",
                "over": True,
                "open_positions": 1,
                "halted": False,
                "flatten": False,
            }
        ]
    }


def test_list_when_a_book_is_named_then_its_sessions_newest_first(run, traded):
    desk, spec = traded
    trade(desk, spec, TUESDAY)

    days = json.loads(run("day", "list", "shown.live", *DESK, "--json").stdout)["days"]

    assert [(one["session"], one["outcome"], one["alarms"]) for one in days] == [
        ("2024-06-04", "no_trade", 0),
        ("2024-06-03", "traded", 0),
    ]
    assert days[1]["fees_usd"] == "1.3000"


def test_show_when_no_session_is_named_then_the_newest_in_words_and_files(run, traded, folder):
    done = run("day", "show", "shown.live", *DESK, "--csv", "tables")

    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "shown.live  2024-06-03  traded"
    assert lines[1] == "begin: cash 250,000.00 USD, equity 250,000.00 USD at 2024-06-03 13:30:00 UTC"
    assert "signal: one on SPY: bullish 0.90" in lines
    assert [line.split()[:2] for line in lines if line.startswith("shown.live/")] == [
        ["shown.live/20240603.1/open/1", "filled"]
    ]
    assert "modelled" in done.stdout
    assert done.stderr == "wrote 11 files to tables\n"
    with (folder / "tables" / "fills.csv").open(newline="") as file:
        assert [row["contract"] for row in csv.DictReader(file)] == ["SPY240621C00500000", "SPY240621C00510000"]


def test_show_when_json_then_all_of_it(run, traded):
    document = json.loads(run("day", "show", "shown.live", "2024-06-03", *DESK, "--json").stdout)

    assert (document["outcome"], document["over"], document["needs_human"], document["files"]) == ("traded", True, [], [])
    assert document["begin"]["cash_usd"] == "250000.0000"
    assert [one["state"] for one in document["orders"]] == ["filled"]
    assert {one["price"] for one in document["open_positions"]} == {"modelled"}
    assert [row["verdict"] for row in document["rows"]["verdicts"]] == ["entered"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("shown.lives",), "no live book 'shown.lives' in the desk's store; did you mean 'shown.live'?"),
        (("shown.live", "2024-06-05"), "was not opened on 2024-06-05"),
    ],
)
def test_show_when_unknown_then_not_found(run, traded, words, told):
    done = run("day", "show", *words, *DESK)
    assert (done.exit_code, done.stdout) == (ExitCode.NOT_FOUND, "")
    assert told in done.stderr


@pytest.mark.parametrize("named", ["file", "book"])
def test_run_when_started_then_a_day_of_the_spec_is_on_the_server(run, folder, temporal_address, queue, named):
    desk, spec = write_desk(folder, queue)
    if named == "book":
        with desk:
            trade(desk, spec)
    name = "day.toml" if named == "file" else spec.book_id
    words = ("day", "run", name, *DESK, "--task-queue", queue, "--address", temporal_address)

    first, second = run(*words, "--json"), run(*words)

    assert json.loads(first.stdout) == {"book_id": spec.book_id, "task_queue": queue}
    assert second.exit_code == ExitCode.CONFLICT
    assert "AlreadyRunning" in second.stderr

    async def given():
        client = await optarb.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        handle = client.get_workflow_handle(f"optarb-day/{spec.book_id}")
        event = (await handle.fetch_history()).events[0].workflow_execution_started_event_attributes
        await handle.terminate()
        return await client.data_converter.decode(event.input.payloads, [DayRequest])

    assert asyncio.run(given()) == [DayRequest(spec=spec)]


def test_run_when_the_strategy_is_unknown_then_nothing_is_started(run, folder, nowhere):
    write_desk(folder, "wrong")
    (folder / "day.toml").write_text('strategy = "lives"\n')
    done = run("day", "run", "day.toml", *DESK, "--address", nowhere)
    assert done.exit_code == ExitCode.NOT_FOUND
    assert "did you mean 'live'" in done.stderr
