"""Components that sweeps of the tests run, in a module that other processes can import."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import optarb

ASKED: list[tuple[str, date]] = []
"""What experts were asked in this process: name and session."""
FUSE: dict[float, BaseException] = {}
"""What the policy raises once, by its minimum confidence."""


def signal_of(confidence):
    return optarb.Signal.bullish(optarb.LongCall(dte=30, moneyness=1.0), confidence=confidence)


@dataclass(frozen=True, kw_only=True)
class Buyer:
    """Wants a call at every session whose day of the month can be divided by ``every``."""

    every: int = 1
    confidence: float = 0.9

    def evaluate(self, view):
        ASKED.append(("buyer", view.session))
        return signal_of(self.confidence) if view.session.day % self.every == 0 else None


if "OPTARB_TEST_BREAK" in os.environ:
    raise ImportError("as the test asked")
if "OPTARB_TEST_OTHER" in os.environ:
    Buyer.version = "another"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Asks the outside world before it answers."""

    def evaluate(self, view):
        view.once("what do you think", lambda: self._outside(view.session))
        return signal_of(0.8)

    @staticmethod
    def _outside(session):
        ASKED.append(("outside", session))
        return b"buy"


@dataclass(frozen=True, kw_only=True)
class Policy(optarb.RiskPolicy):
    """Burns the fuse of its minimum confidence, or kills its process once, as a file says."""

    refuses: bool = False
    kill_file: str = ""

    def decide(self, candidates, account, view):
        if self.refuses:
            raise ZeroDivisionError("no policy for this")
        error = FUSE.pop(self.min_confidence, None)
        if error is not None:
            raise error
        if self.kill_file and self.min_confidence == 0.5 and Path(self.kill_file).exists():
            Path(self.kill_file).unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().decide(candidates, account, view)


def desk(folder, files, *, expert=None, kill_file="", **fields):
    """A desk on small_desk's files with a store and a cache in ``folder``."""
    strategy = optarb.Strategy(
        name="calls",
        underlyings=("SPX",),
        experts={"buyer": expert or Buyer()},
        policy=Policy(kill_file=str(kill_file)),
        exits=optarb.ExitRules(),
    )
    return optarb.Desk(
        **{
            "strategies": [strategy],
            "market_data": optarb.ParquetMarketData(bars=files / "data" / "bars", quotes=files / "data" / "quotes"),
            "store": optarb.SqlStore(url=f"sqlite:///{folder}/books.db"),
            "cache": optarb.FileCache(path=str(folder / "cache")),
        }
        | fields
    )
