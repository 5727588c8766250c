"""``optarb check``: a verdict, and an exit code for scripts."""

from __future__ import annotations

import json

import pytest

EXPERTS = '''
from dataclasses import dataclass

import numpy as np
import optarb


@dataclass(frozen=True, kw_only=True)
class Honest:
    """Proposes a call above the mean."""

    length: int = 20

    def evaluate(self, view):
        close = view.bars(n=self.length).close
        return optarb.Signal.bullish(
            optarb.LongCall(dte=20, moneyness=1.0), confidence=0.9 if close[-1] > close.mean() else 0.6, reasons=["mean"]
        )


@dataclass(frozen=True, kw_only=True)
class Tomorrow:
    """The close of the next session."""

    columns: tuple[str, ...] = ("tomorrow",)
    warm_up: int = 0

    def compute(self, bars):
        return {"tomorrow": np.append(bars.close[1:], bars.close[-1:])}


@dataclass(frozen=True, kw_only=True)
class Needs:
    length: int

    def evaluate(self, view):
        return None


honest = Honest(length=10)
'''


@pytest.fixture(autouse=True)
def my_experts(folder):
    (folder / "my_experts.py").write_text(EXPERTS)


def test_check_when_nothing_is_found_then_done_and_other_processes_were_asked(run):
    done = run("check", "my_experts:honest", "--sessions", 1)

    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("my_experts:Honest (expert): no look-ahead found\nsessions 2022-10-03 to 2023-01-31")
    assert "process (83)" in done.stdout
    assert "not tried" not in done.stdout


def test_check_when_a_class_looks_ahead_on_a_desk_then_failed_and_json_tells_where(run, folder):
    (folder / "short.toml").write_text('strategy = "often"\nstart = 2014-02-03\nend = 2014-02-07\n')

    done = run("check", "my_experts:Tomorrow", "--desk", "my_desk:desk", "--spec", "short.toml", "--sessions", 2, "--json")

    assert done.exit_code == 1, done.output
    document = json.loads(done.stdout)
    [finding] = document["findings"]
    assert (finding["kind"], finding["session"], finding["field"]) == ("future", "2014-02-03", "SPX.tomorrow")
    assert finding["inputs"][0]["reached"] == "2014-02-04"
    page = {"ok", "component", "role", "first", "last", "answered", "tried", "not_tried", "findings"}
    assert set(document) == page


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["my_experts:Needs"], 2, "'my_experts:Needs' is a class that needs length; name an instance in its module"),
        (["my_experts"], 2, "a component is named module:attribute, such as my_experts:dip; got 'my_experts'"),
        (["my_experts:honset"], 3, "unknown attribute 'honset'; did you mean 'honest'?"),
        (["my_experts:honest", "--spec", "spec.toml"], 2, "a spec needs the desk it is for"),
    ],
    ids=str,
)
def test_check_when_words_are_wrong_then_usage_or_not_found(run, words, code, message):
    done = run("check", *words)

    assert done.exit_code == code
    assert message in done.stderr
