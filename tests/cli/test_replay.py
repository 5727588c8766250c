"""``optarb replay``: the day as it happens, in process and on a server alike."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from datetime import date
from decimal import Decimal

import pytest

from optarb.cli._course import ReplayedDay
from optarb.cli._replaying import _followed
from optarb.ledger.rows import TABLES
from optarb.stores import SqlStore

DAY, NEXT = "2018-02-05", "2018-02-06"
BOOK = "replay-paper.often"


def rows_of(path):
    store = SqlStore(url=f"sqlite:///{path}")
    try:
        return {table: list(store.trading.rows(BOOK, table)) for table in TABLES}
    finally:
        store.close()


@pytest.fixture
def replay(run):
    return lambda *words: run("replay", *words, "--desk", "my_desk:desk")


def test_replay_when_in_process_then_the_course_and_what_it_came_to(folder, replay):
    done = replay(DAY, "--through", NEXT, "--in-process", "--store", "kept.db")

    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "2018-02-05 Monday"
    assert "2018-02-06 Tuesday" in lines
    assert "looking at" not in done.stdout
    fills = [re.search(r"([+-]\d+) \S+  at (\S+) \((\w+)\)  fees (\S+)", line) for line in lines if "filled" in line]
    assert {fill[3] for fill in fills} == {"modelled"}
    assert [line.split()[1] for line in lines if line.startswith("  09:35:0")][:3] == ["decided", "sent", "filled"]
    rows = rows_of(folder / "kept.db")
    assert [Decimal(fill[2]) for fill in fills] == [Decimal(row[6]) / 10_000 for row in rows["fills"]]
    # Monday's call is bought and sold: what it gained is its prices, a hundred shares each, less the fees.
    bought, sold = fills[:2]
    gain = 100 * (Decimal(sold[2]) - Decimal(bought[2])) - Decimal(bought[4]) - Decimal(sold[4])
    day = next(line for line in lines if line.startswith(f"{DAY}  traded"))
    assert day.split()[2:] == ["1", "1", "0", "2", "2", f"{2 * Decimal('0.65'):.2f}", f"{gain:+.2f}", f"{20_000 + gain:.2f}"]
    assert "prices: modelled" in done.stdout
    assert not (folder / "books.db").exists()


def test_replay_when_on_a_server_then_the_same_course_and_rows_as_in_process(folder, replay, temporal_address):
    served = replay(NEXT, "--address", temporal_address, "--store", "served.db")
    alone = replay(NEXT, "--in-process", "--store", "alone.db", "--pace", 1e6)

    assert served.exit_code == 0, served.output
    assert served.stdout == alone.stdout
    assert rows_of(folder / "served.db") == rows_of(folder / "alone.db")
    assert len(rows_of(folder / "served.db")["fills"]) >= 1

    refused = replay(DAY, "--in-process", "--store", "served.db")
    assert refused.exit_code == 2
    assert "has seen 2018-02-06 21:20 UTC, so 2018-02-05 cannot be replayed" in refused.stderr


def test_replay_when_in_json_then_these_are_its_keys(folder, replay):
    found = json.loads(replay(DAY, "--in-process", "--json").stdout)

    assert set(found) == {"book_id", "feed", "sessions", "fees_usd", "profit_usd"}
    assert (found["book_id"], found["feed"]) == (BOOK, "ReplayFeed")
    (day,) = found["sessions"]
    assert set(day) == set(ReplayedDay.__slots__)
    assert (day["session"], day["outcome"], day["fills"], day["modelled"]) == (DAY, "traded", 2, 2)
    assert Decimal(found["profit_usd"]) == Decimal(day["profit_usd"]) == Decimal(day["equity_usd"]) - 20_000


def test_replay_when_both_orders_are_asked_for_then_it_counts_the_trades_that_change(folder, replay):
    """The target is reached after the high, which comes two hours earlier or later: at another price."""
    told = replay(DAY, "--order", "both", "--in-process").stdout.splitlines()
    days = [line.split() for line in told if line.startswith(f"{DAY}  traded")]

    assert told[-1] == "1 of 1 trades change with the order of high and low: 20180205.1"
    assert [line.split()[-1] for line in told if line.startswith(BOOK)] == ["high_first", "low_first"]
    assert days[0][-1] != days[1][-1]


def test_replay_when_both_orders_are_asked_for_in_json_then_these_are_its_keys(folder, replay):
    found = json.loads(replay(DAY, "--order", "both", "--in-process", "--json").stdout)

    assert set(found) == {"high_first", "low_first", "trades", "changed"}
    assert set(found["high_first"]) == set(found["low_first"]) == {"book_id", "feed", "sessions", "fees_usd", "profit_usd"}
    assert found["trades"] == found["changed"] == ["20180205.1"]


def test_replay_when_a_spec_is_named_then_by_its_rules(folder, replay):
    (folder / "day.toml").write_text(
        'strategy = "often"\ncapital = 50000\naccount = "mine"\n\n[overrides]\n"fees.commission_usd" = 2.0\n'
    )
    found = json.loads(replay(DAY, "--in-process", "--spec", "day.toml", "--json").stdout)
    assert found["book_id"] == "replay-mine.often"
    assert Decimal(found["fees_usd"]) == 4


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["2018-02-03"], 1, "error: DataError: 2018-02-03 is no session of the calendar; the next one is 2018-02-05"),
        ([DAY, "--through", "2018-02-02"], 2, "error: ConfigurationError: through 2018-02-02 lies before"),
        ([DAY, "--strategy", "rare"], 3, "error: UnknownName: unknown strategy 'rare'"),
        ([DAY, "--volatility", "VXN"], 1, "error: BadData: the demo data have bars of SPX and VIX, not of 'VXN'"),
        (["2013-02-05"], 1, "error: BadData: 'VIX' has no bar on 2013-02-05"),
        ([DAY, "--spec", "none.toml"], 2, "error: ConfigurationError: cannot read"),
        ([DAY, "--address", "127.0.0.1:1"], 2, "--in-process uses no server"),
        ([DAY, "--order", "both", "--store", "x.db"], 2, "leave --store out"),
        (["monday"], 2, "monday"),
    ],
)
def test_replay_when_it_cannot_begin_then_one_line_says_why(folder, replay, words, code, message):
    refused = replay(*words, "--in-process")

    assert refused.exit_code == code
    assert message in re.sub(r"\s*│?\n│?\s*", " ", refused.stderr)
    assert "Traceback" not in refused.output
    if refused.stderr.startswith("error: "):
        assert len(refused.stderr.strip().splitlines()) == 1


def test_replay_when_the_desk_has_no_quotes_or_no_chain_that_day_then_it_says_so(folder, run):
    (folder / "bare_desk.py").write_text(
        "from my_desk import *\nfrom optarb.market_data import ArchMarketData\n"
        "bare = Desk(strategies=[often], market_data=ArchMarketData())\n"
    )
    refused = run("replay", DAY, "--in-process", "--desk", "bare_desk:bare")
    assert refused.exit_code == 1
    assert "come without option quotes (asked for 'SPX')" in refused.stderr


@dataclasses.dataclass
class _Workflow:
    name: str
    ended: list[str]

    async def terminate(self, reason):
        self.ended.append(f"{self.name}: {reason}")


@dataclasses.dataclass
class _Server:
    """A client and a day on it that never ends, or fails."""

    fails: bool = False
    ended: list[str] = dataclasses.field(default_factory=list)
    book_id: str = BOOK

    @property
    def workflow(self):
        return _Workflow("day", self.ended)

    def get_workflow_handle(self, name, **_):
        return _Workflow(name, self.ended)

    async def result(self):
        if self.fails:
            raise RuntimeError("failed")
        await asyncio.Event().wait()


@pytest.mark.parametrize("fails", [False, True])
def test_replay_when_interrupted_or_failed_on_a_server_then_nothing_of_it_runs_on(fails):
    server = _Server(fails=fails)

    async def given_up():
        following = asyncio.ensure_future(_followed(server, server, date(2018, 2, 5), None))
        await asyncio.sleep(0)
        if not fails:
            following.cancel()
        with pytest.raises(RuntimeError if fails else asyncio.CancelledError):
            await following

    asyncio.run(given_up())
    assert server.ended == ["day: the replay was given up", f"optarb-guardian/{BOOK}: the replay was given up"]
