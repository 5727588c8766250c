"""A folder with a desk module and a spec, as a user has it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
import sys
import time
import uuid
from datetime import date

import pytest
from temporalio.service import RPCError
from typer.testing import CliRunner

import optarb
from optarb.cli._worker_groups import find_groups, stop_group
from optarb.cli.app import app

DESK = '''
from dataclasses import dataclass
from pathlib import Path
import os
import signal

from optarb.caches import FileCache
from optarb.desk import Desk
from optarb.domain.signals import Signal
from optarb.market_data import demo_market_data
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.stores import SqlStore
from optarb.strategy import Strategy
from optarb.structures import LongCall

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Often:
    """Buys a call on every session; interrupts its own process once it is told to."""

    delta: float = 0.4

    def evaluate(self, view):
        if os.environ.get("INTERRUPT_AT") == str(view.session):
            os.kill(os.getpid(), signal.SIGINT)
            signal.pause()
        print("looking at", view.session, flush=True)
        return Signal.bullish(LongCall(dte=14, delta=self.delta), confidence=0.7, reasons=["always"])


often = Strategy(
    name="often",
    underlyings=("SPX",),
    references=("VIX",),
    experts={"often": Often()},
    policy=RiskPolicy(),
    exits=ExitRules(),
)
desk = Desk(
    strategies=[often],
    market_data=demo_market_data(),
    store=SqlStore(url=f"sqlite:///{HERE / 'books.db'}"),
    cache=FileCache(path=str(HERE / "cache")),
)
in_memory = Desk(strategies=[often], market_data=demo_market_data())
number = 5
nothing = None


def make_desk():
    return desk
'''

SPEC = """
strategy = "often"
start = 2014-02-03
end = 2014-02-28
capital = 50000
backtest_id = "february"

[execution]
block_sessions = 5
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder; modules imported from it are forgotten afterwards."""
    (tmp_path / "my_desk.py").write_text(DESK)
    (tmp_path / "spec.toml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delenv("OPTARB_DESK", raising=False)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


@pytest.fixture
def run(folder):
    """Runs a command in this process."""
    # Before click 8.2 the streams come apart only if that is asked for.
    apart = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}
    runner = CliRunner(**apart)
    return lambda *words: runner.invoke(app, [str(word) for word in words], prog_name="optarb")


@pytest.fixture
def finished(run):
    """A folder in which the spec has been run."""
    done = run("backtest", "--in-process", "spec.toml", "--desk", "my_desk:desk")
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture
def nowhere():
    """An address at which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # taken, and never listened on
        yield f"127.0.0.1:{bound.getsockname()[1]}"


# A market of a few days, which loads fast. Its expert says that it is at work, and waits while there is a file "hold".
LIGHT_DESK = """
import dataclasses
import os
import time
from datetime import date
from pathlib import Path
from optarb.caches import FileCache
from optarb.desk import Desk
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.stores import SqlStore
from optarb.strategy import Strategy
from optarb.testing import FakeCalendar, FakeMarketData, fake_bars, fake_quote_rows, fake_quotes

HERE = Path(__file__).parent
if os.environ.get("PRINTS"):
    print("the module says hello")

@dataclasses.dataclass(frozen=True, kw_only=True)
class Holds:
    def evaluate(self, view):
        (HERE / "arrived").touch()
        while (HERE / "hold").exists():
            time.sleep(0.02)

bars = fake_bars([5000.0 + i for i in range(20)], last=date(2024, 6, 7))
rows = {day: fake_quote_rows(5000.0, session=day, expiries=1, strikes=3) for day in bars.dates[-5:]}
holds = Strategy(
    name="holds", underlyings=("SPX",), experts={"holds": Holds()}, policy=RiskPolicy(), exits=ExitRules()
)
desk = Desk(
    strategies=[holds],
    market_data=FakeMarketData(bars_by_symbol={"SPX": bars}, quotes_by_symbol={"SPX": fake_quotes(rows)}),
    store=SqlStore(url=f"sqlite:///{HERE / 'light.db'}"),
    cache=FileCache(path=str(HERE / "light-cache")),
    calendar=FakeCalendar(),
)
"""


@pytest.fixture
def until():
    """Waits until a condition holds, and returns what it returned."""

    def wait(condition, seconds=200.0):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.05)
        return found

    return wait


@pytest.fixture
def home(folder, monkeypatch):
    """The folder of a user whose workers end with the test."""
    monkeypatch.setenv("OPTARB_HOME", str(folder / "home"))
    (folder / "light_desk.py").write_text(LIGHT_DESK)
    yield folder
    (folder / "hold").unlink(missing_ok=True)
    for group in find_groups():
        stop_group(group.settings.name, 0.0)


@pytest.fixture
def queue():
    """A task queue that no other test uses."""
    return f"cli-{uuid.uuid4().hex}"


@pytest.fixture
def command(run, home, temporal_address, queue):
    """Starts a group on the test's server and queue."""

    def start(name, *words, desk="light_desk:desk"):
        done = run("worker", "start", desk, "--name", name, "--address", temporal_address, "--task-queue", queue, *words)
        assert done.exit_code == 0, done.output
        return done

    return start


@pytest.fixture
def backtest_at_work(home, queue, temporal_address, until):
    """A backtest, called as its queue, one of whose activities is at work and waits for the file "hold" to go."""

    async def start():
        client = await optarb.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        spec = optarb.BacktestSpec(
            strategy="holds", start=date(2024, 6, 3), end=date(2024, 6, 7), backtest_id=queue, allow_gaps=True
        )
        return await optarb.start_backtest(client, spec, task_queue=queue)

    async def end():
        client = await optarb.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        await optarb.follow_backtest(client, queue).workflow.terminate()

    @contextlib.contextmanager
    def at_work():
        (home / "hold").touch()
        asyncio.run(start())
        try:
            until((home / "arrived").exists)
            yield
        finally:
            with contextlib.suppress(RPCError):  # it may have ended
                asyncio.run(end())

    return at_work
