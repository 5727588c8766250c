"""A folder with a desk module and a spec, as a user has it."""

from __future__ import annotations

import inspect
import socket
import sys

import pytest
from typer.testing import CliRunner

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
