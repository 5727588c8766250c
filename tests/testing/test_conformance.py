"""Conformance classes refuse silent overrides, and find what they say they find."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from optarb.testing import Conformance
from optarb.testing.conformance import override_problems


class Base(Conformance):
    def test_one(self):
        """A test of the base."""


class Silent(Base):
    def test_one(self):
        """Another one."""


class Removed(Base):
    test_one = None


class Reasoned(Base):
    overrides = {"test_one": "the exchange does it differently"}  # noqa: RUF012 - as users write it

    def test_one(self):
        """Another one."""


class Blank(Reasoned):
    overrides = {"test_one": " "}  # noqa: RUF012 - as users write it


class Stale(Base):
    overrides = {"test_two": "no longer there"}  # noqa: RUF012 - as users write it


class Mixin:
    def test_one(self):
        """Comes from the side."""


class MixedIn(Mixin, Base):
    pass


class Grandchild(Silent):
    def test_new(self):
        """A test of its own."""


@pytest.mark.parametrize("kind", [Base, Reasoned, type("Own", (Base,), {"test_two": lambda self: None})])
def test_override_problems_when_nothing_is_silent_then_none(kind):
    assert override_problems(kind) == []


@pytest.mark.parametrize("kind", [Silent, Removed, Blank, MixedIn, Grandchild])
def test_override_problems_when_silent_then_class_test_and_base_are_named(kind):
    (problem,) = override_problems(kind)

    assert f"{kind.__name__} overrides test_one of Base" in problem
    assert f"{kind.__name__}.overrides" in problem


def test_override_problems_when_a_reason_has_no_override_then_named():
    assert override_problems(Stale) == ["Stale.overrides names test_two, which is not overridden"]


RUNNABLE = """
    import dataclasses, pytest
    from optarb.brokers import CrossSpread
    {head}
    from optarb.testing import FillModelConformance

    class TestFills(FillModelConformance):
        @pytest.fixture
        def fills(self):
            return {fills}
        {body}
"""


def run_conformance(tmp_path, *, fills="CrossSpread()", head="", body=""):
    """Runs pytest on a module as an implementer writes it."""
    text = RUNNABLE.format(fills=fills, head=head, body=textwrap.indent(textwrap.dedent(body), " " * 8).strip())
    (tmp_path / "test_mine.py").write_text(textwrap.dedent(text))
    return pytest_in(tmp_path, "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path))


def pytest_in(folder, *arguments):
    """Runs pytest as a program, apart from this run's settings."""
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, cwd=folder)


OVERRIDE = """
def test_fill_price_when_asked_again_then_the_same(self):
    pass
"""


def test_conformance_when_run_by_pytest_then_silent_overrides_fail_every_test(tmp_path):
    done = run_conformance(tmp_path, body=OVERRIDE)

    assert done.returncode == 1
    assert "TestFills overrides test_fill_price_when_asked_again_then_the_same of FillModelConformance" in done.stdout
    assert " passed" not in done.stdout


def test_conformance_when_run_by_pytest_with_a_reason_then_passes(tmp_path):
    reason = 'overrides = {"test_fill_price_when_asked_again_then_the_same": "it is asked elsewhere"}\n'
    done = run_conformance(tmp_path, body=reason + OVERRIDE)

    assert done.returncode == 0, done.stdout


def test_conformance_when_the_fixture_is_missing_then_it_is_named(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "from optarb.testing import FeeModelConformance\nclass TestFees(FeeModelConformance): pass\n"
    )
    done = pytest_in(tmp_path, "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path))

    assert "TestFees must define the fixture 'fees'" in done.stdout


WRONG = (
    ("TestCounting", "test_evaluate_when_asked_again_then_the_same_answer"),
    ("TestScribbling", "test_evaluate_when_asked_then_the_view_is_unchanged"),
    ("TestShortSighted", "test_evaluate_when_asked_then_signal_or_none_and_legs_that_fit"),
    ("TestMisspelt", "test_features_when_declared_then_they_exist"),
    ("TestThawed", "test_component_when_given_to_a_desk_then_taken"),
    ("TestLambda", "test_component_when_given_to_a_desk_then_taken"),
    ("TestLeavesOut", "test_decide_when_asked_then_each_candidate_is_answered_once"),
    ("TestClosesStrangers", "test_review_when_asked_then_exits_name_open_positions_once"),
    ("TestClosesStrangers", "test_review_when_nothing_is_open_then_nothing_is_said"),
    ("TestNotesNumbers", "test_review_when_asked_then_exits_name_open_positions_once"),
    ("TestCentred", "test_compute_when_the_future_is_cut_off_then_the_same_bits"),
    ("TestWholeHistory", "test_compute_when_the_future_is_cut_off_then_the_same_bits"),
    ("TestGaps", "test_compute_when_bars_are_odd_then_every_value_is_a_number"),
    ("TestTwice", "test_choose_when_chains_are_full_then_legs_of_distinct_quoted_contracts"),
    ("TestTakesForGranted", "test_choose_when_chains_are_empty_then_no_fit"),
    ("TestTakesForGranted", "test_choose_when_all_expires_today_then_no_fit"),
    ("TestGenerous", "test_fill_price_when_both_sides_fill_then_no_money_is_made"),
    ("TestRebate", "test_fees_when_asked_then_zero_or_more"),
    ("TestSteep", "test_requirement_when_more_is_held_then_as_much_more"),
    ("TestNeedsQuotes", "test_requirement_when_the_chains_are_absent_then_no_error"),
    ("TestNaive", "test_hours_when_asked_then_aware_utc_in_order"),
    ("TestBackwards", "test_chains_when_read_then_whole_sessions_in_time"),
    ("TestOverlong", "test_chains_when_range_is_shorter_then_the_same_sessions_of_it"),
    ("TestDoubling", "test_submit_when_id_was_sent_before_then_it_is_not_done_twice"),
    ("TestIncremental", "test_find_when_repeated_then_the_same"),
)
RIGHT = ("TestRulesExpert", "test_evaluate_when_asked_again_then_the_same_answer")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Runs the tests that must fail, and one that must not, and returns what failed by class and test."""
    folder = tmp_path_factory.mktemp("wrong")
    module = Path(__file__).with_name("wrong_components.py")
    report = folder / "report.xml"
    options = ["-p", "no:cacheprovider", "--rootdir", str(folder), "--import-mode=importlib", f"--junitxml={report}"]
    nodes = [f"{module}::{kind}::{test}" for kind, test in (*WRONG, RIGHT)]
    pytest_in(folder, *options, *nodes)
    found = {}
    for case in ET.parse(report).iter("testcase"):
        key = case.get("classname").rpartition(".")[2], case.get("name").partition("[")[0]
        kinds = {child.tag for child in case}
        assert "error" not in kinds, f"{key} has an error outside the test: {[child.get('message') for child in case]}"
        found[key] = found.get(key, False) or "failure" in kinds
    return found


@pytest.mark.parametrize(("kind", "test"), WRONG)
def test_conformance_when_component_is_wrong_then_its_test_fails(outcomes, kind, test):
    assert outcomes[kind, test]


def test_conformance_when_component_is_right_then_its_test_passes(outcomes):
    assert not outcomes[RIGHT]


def test_conformance_when_a_class_is_passed_then_told(tmp_path):
    done = run_conformance(tmp_path, fills="CrossSpread")

    assert "pass CrossSpread(), not CrossSpread" in done.stdout
