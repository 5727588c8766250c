"""Sweeps in process: what they check, what they share, how they go on, and that each setting's ledger is a single run's."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import threading
import uuid
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from tests.acceptance import small_desk
from tests.acceptance.small_desk import END, START
from tests.backtesting import sweep_parts

import optarb
from optarb.backtesting import sweep as sweep_module
from optarb.backtesting.claim import claim_book
from optarb.backtesting.sweep import sweep
from optarb.backtesting.sweep_book import claim_sweep
from optarb.reports.sweep_result import load_sweep
from optarb.specs import SweepSpec

SESSIONS = 39
GRID = {"buyer.every": [1, 2], "exits.stop_loss": [-0.2, -0.5], "policy.max_open_positions": [1, 3]}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder of good data, not to be written to."""
    folder = tmp_path_factory.mktemp("good")
    small_desk.market().write(folder / "data")
    return folder


@pytest.fixture(autouse=True)
def _clean():
    sweep_parts.ASKED.clear()
    yield
    sweep_parts.FUSE.clear()


@pytest.fixture
def desk(files, tmp_path):
    with sweep_parts.desk(tmp_path, files) as made:
        yield made


def spec(**changes):
    return optarb.BacktestSpec(strategy="calls", start=START, end=END, capital=Decimal(100_000), **changes)


def run(desk, grid, **options):
    fields = options.pop("spec", {})
    return sweep(spec(**fields), desk, grid, **{"progress": False, "processes": 1} | options)


@pytest.fixture(scope="module")
def single_digests(files, tmp_path_factory):
    """Digest and number of trades of every setting of GRID, each run alone on a store and a cache of its own."""
    found = {}
    for every in (1, 2):
        for stop in (-0.2, -0.5):
            for positions in (1, 3):
                with sweep_parts.desk(tmp_path_factory.mktemp("single"), files) as desk:
                    overrides = {"buyer.every": every, "exits.stop_loss": stop, "policy.max_open_positions": positions}
                    summary = optarb.backtest(spec(overrides=overrides), desk, progress=False).summary
                    found[every, stop, positions] = summary.digest
                    assert summary.trades > 3
    assert len(set(found.values())) == 8
    return found


def digests(result):
    table = result.table()
    keys = zip(table["buyer.every"], table["exits.stop_loss"], table["policy.max_open_positions"], strict=True)
    return dict(zip(keys, table["digest"], strict=True))


# -- one ledger -------------------------------------------------------------------------------------------------------------


def test_sweep_when_run_then_every_setting_has_the_digest_of_a_single_run(desk, single_digests):
    assert digests(run(desk, GRID)) == single_digests


def test_sweep_when_axes_are_turned_and_blocks_are_small_then_the_same_digests(desk, single_digests):
    turned = {path: list(reversed(values)) for path, values in reversed(GRID.items())}
    small = {"execution": optarb.ExecutionSpec(block_sessions=7, parallelism=3)}
    assert digests(run(desk, turned, spec=small)) == single_digests


def test_sweep_when_two_processes_work_then_the_same_digests_and_both_worked(files, tmp_path, single_digests):
    with sweep_parts.desk(tmp_path, files) as desk:
        result = run(desk, GRID, processes=2)
        owners = {desk.store.book(f"{result.sweep_id}/{number}").owner.split(":")[2] for number in range(8)}
    assert digests(result) == single_digests
    assert str(os.getpid()) in owners
    assert len(owners) == 2


def test_sweep_when_desk_is_in_memory_then_the_same_digests(files, tmp_path, single_digests):
    name = uuid.uuid4().hex
    stores = {"store": optarb.SqlStore(url="sqlite://", name=name), "cache": optarb.MemoryCache(name=name)}
    assert digests(run(sweep_parts.desk(tmp_path, files, **stores), GRID, processes=None)) == single_digests


def test_setting_when_run_alone_by_its_book_id_then_it_is_the_sweeps_own(desk):
    result = run(desk, {"exits.stop_loss": [-0.2, -0.5]}, sweep_id="two")
    alone = optarb.backtest(spec(backtest_id="two/1", overrides={"exits.stop_loss": -0.5}), desk, progress=False)
    assert alone.summary == result.result(1).summary


# -- what is shared ---------------------------------------------------------------------------------------------------------


def test_signals_when_settings_differ_elsewhere_then_an_expert_is_asked_once(desk):
    run(desk, {"exits.stop_loss": [-0.2, -0.3, -0.4], "policy.min_confidence": [0.5, 0.7], "spec.capital": ["100000", "50000"]})
    assert len(sweep_parts.ASKED) == SESSIONS


def test_signals_when_the_expert_itself_differs_then_each_is_asked(desk):
    run(desk, {"buyer.every": [1, 2, 3], "exits.stop_loss": [-0.2, -0.3]})
    assert len(sweep_parts.ASKED) == 3 * SESSIONS


def test_signals_when_the_range_or_the_bars_seen_differ_then_each_is_asked(desk):
    run(desk, [{"spec.end": date(2016, 2, 26)}, {}, {"spec.bars": "same_session"}])
    assert len(sweep_parts.ASKED) == 3 * SESSIONS - 1


def test_signals_when_two_sweeps_or_single_runs_follow_then_nothing_is_shared_between_them(desk):
    run(desk, {"exits.stop_loss": [-0.2, -0.3]})
    run(desk, {"exits.stop_loss": [-0.2, -0.3]})
    optarb.backtest(spec(), desk, progress=False)
    assert len(sweep_parts.ASKED) == 3 * SESSIONS


def test_signals_when_an_expert_asks_outside_then_each_book_asks_for_itself(files, tmp_path):
    with sweep_parts.desk(tmp_path, files, expert=sweep_parts.Caller()) as desk:
        result = run(desk, {"exits.stop_loss": [-0.2, -0.3]})
        day = START.isoformat()
        assert [desk.store.reply(f"{result.sweep_id}/{n}", f"{day}/SPX/buyer/what do you think") for n in (0, 1)] == [
            b"buy"
        ] * 2
    assert Counter(sweep_parts.ASKED).most_common(1)[0][1] == 2
    assert len(sweep_parts.ASKED) == 2 * SESSIONS


@dataclasses.dataclass(frozen=True, kw_only=True)
class CountingData:
    """Notes what it is asked for."""

    source: optarb.ParquetMarketData
    asked: list = dataclasses.field(default_factory=list, compare=False)

    def fingerprint(self, symbol, kind):
        self.asked.append(f"fingerprint of {kind}")
        return self.source.fingerprint(symbol, kind)

    def bars(self, symbol):
        self.asked.append("bars")
        return self.source.bars(symbol)

    def chains(self, symbol, start, end):
        self.asked.append("chains")
        return self.source.chains(symbol, start, end)


def test_data_when_many_settings_run_then_asked_as_for_one(files, tmp_path):
    plain = optarb.ParquetMarketData(bars=files / "data" / "bars", quotes=files / "data" / "quotes")
    asked = []
    for settings in (2, 6):
        folder = tmp_path / str(settings)
        folder.mkdir()
        data = CountingData(source=plain)
        with sweep_parts.desk(folder, files, market_data=data) as desk:
            run(desk, {"exits.stop_loss": [-0.2 - number / 100 for number in range(settings)]})
        asked.append(data.asked)
    assert asked[0] == asked[1]
    assert Counter(asked[0])["chains"] == 1


# -- what is refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grid", "error", "told"),
    [
        ({"buyer.evry": [1]}, optarb.UnknownName, r"setting 0 \{'buyer.evry': 1\}: .*did you mean 'every'"),
        (
            {"buyer.every": [1, "two"]},
            optarb.ConfigurationError,
            r"setting 1 \{'buyer.every': 'two'\}: .*does not fit Buyer.every",
        ),
        ({"spec.end": ["2016-02-29", "2016-06-30"]}, optarb.DataError, r"setting 1 .*lies outside the bars of 'SPX'"),
        ({"buyer.every": [1, 2, 1]}, optarb.ConfigurationError, r"settings 0 \{'buyer.every': 1\} and 2 .*come to the same"),
        ({"exits.stop_loss": [-1, -1.0]}, optarb.ConfigurationError, "come to the same"),
        ({"spec.capital": ["100", "100.00"]}, optarb.ConfigurationError, "come to the same"),
        ([{}, {"buyer.every": 1}], optarb.ConfigurationError, r"settings 0 \{\} and 1 .*come to the same"),
        ({"buyer.every": []}, optarb.ConfigurationError, "'buyer.every' has no values"),
        ({}, optarb.ConfigurationError, "either a grid .* or a sequence"),
        ([], optarb.ConfigurationError, "either a grid .* or a sequence"),
        (
            {"buyer.every": "123"},
            optarb.ConfigurationError,
            r"'buyer.every' needs a sequence of values, got '123'; write \['123'\]",
        ),
        ({"buyer.every": 3}, optarb.ConfigurationError, r"needs a sequence of values, got 3"),
        ("buyer", optarb.ConfigurationError, "a grid maps override paths to values"),
        ([3], optarb.ConfigurationError, "a setting must be a mapping of override paths to values, got 3"),
        (
            {"buyer.every": range(300), "exits.stop_loss": range(40)},
            optarb.ConfigurationError,
            "300 x 40 makes 12,000 settings",
        ),
        ({"exits.stop_loss": [float("nan")]}, optarb.ConfigurationError, "nan"),
    ],
)
def test_sweep_when_a_setting_cannot_run_then_refused_before_any_book_is_made(desk, grid, error, told):
    with pytest.raises(error, match=told):
        run(desk, grid)
    assert desk.store.books() == []
    assert sweep_parts.ASKED == []


@pytest.mark.parametrize("fields", [{"backtest_id": "mine"}, {"on_existing": "replace"}])
def test_sweep_when_its_spec_names_or_replaces_a_book_then_refused(desk, fields):
    with pytest.raises(optarb.ConfigurationError, match=r"a sweep names the books of its settings"):
        run(desk, {"buyer.every": [1]}, spec=fields)


def test_sweep_when_processes_is_below_one_then_refused(desk):
    with pytest.raises(optarb.ConfigurationError, match=r"processes must be .* got 0"):
        run(desk, {"buyer.every": [1]}, processes=0)


def test_sweep_when_id_belongs_to_another_grid_spec_or_backtest_then_conflict(desk):
    run(desk, {"buyer.every": [1]}, sweep_id="mine")
    with pytest.raises(optarb.BookConflict, match="'mine'"):
        run(desk, {"buyer.every": [2]}, sweep_id="mine")
    with pytest.raises(optarb.BookConflict, match="'mine'"):
        run(desk, {"buyer.every": [1, 2]}, sweep_id="mine")
    with pytest.raises(optarb.BookConflict, match="'mine'"):
        run(desk, {"buyer.every": [1]}, sweep_id="mine", spec={"mark": "mid"})
    with pytest.raises(optarb.BookConflict, match="'mine'"):
        optarb.backtest(spec(backtest_id="mine"), desk, progress=False)
    optarb.backtest(spec(backtest_id="one"), desk, progress=False)
    with pytest.raises(optarb.BookConflict, match="'one'"):
        run(desk, {"buyer.every": [1]}, sweep_id="one")
    with pytest.raises(optarb.BookError, match="'one' is a single backtest"):
        load_sweep(desk, "one")
    with pytest.raises(optarb.BookNotFound):
        load_sweep(desk, "none")


# -- overrides --------------------------------------------------------------------------------------------------------------


def test_overrides_of_the_spec_when_settings_have_their_own_then_they_stay_beneath(desk):
    base = {"overrides": {"buyer.every": 2, "exits.stop_loss": -0.2}}
    result = run(desk, [{"exits.stop_loss": -0.5}, {"buyer.every": 1}], spec=base)
    stored = [result.result(number).report()["spec"]["overrides"] for number in (0, 1)]
    assert stored == [{"buyer.every": 2, "exits.stop_loss": -0.5}, {"buyer.every": 1, "exits.stop_loss": -0.2}]


def test_values_when_of_numpy_decimal_or_date_then_taken_as_plain_ones(desk):
    result = run(
        desk,
        {
            "exits.stop_loss": np.array([-0.25, -0.5]),
            "buyer.every": np.arange(1, 2),
            "spec.capital": [Decimal("50000.50")],
            "spec.end": [date(2016, 2, 26)],
        },
    )
    assert result.sweep.overrides(1) == {
        "exits.stop_loss": -0.5,
        "buyer.every": 1,
        "spec.capital": "50000.50",
        "spec.end": "2016-02-26",
    }
    assert list(result.table()["status"]) == ["finished"] * 2


# -- failing, interrupted, killed -------------------------------------------------------------------------------------------


def test_setting_when_a_component_raises_then_the_others_finish_and_its_error_is_told(desk):
    result = run(desk, {"policy.refuses": [False, True], "buyer.every": [1, 2]}, sweep_id="some")
    table = result.table()
    assert list(table["status"]) == ["finished", "finished", "failed", "failed"]
    assert table["error"].isna().tolist() == [True, True, False, False]
    assert "ZeroDivisionError: no policy for this" in table["error"][2]
    assert desk.store.book("some").error == "2 of 4 settings did not finish"
    with pytest.raises(optarb.BookError, match=r"setting 2 of sweep 'some' is failed: .*no policy for this"):
        result.result(2)


def test_failed_setting_when_sweep_is_run_again_then_only_it_is_tried_again(desk):
    sweep_parts.FUSE[0.7] = ZeroDivisionError("once")
    grid = {"policy.min_confidence": [0.5, 0.7, 0.8]}
    assert list(run(desk, grid, sweep_id="mine").table()["status"]) == ["finished", "failed", "finished"]
    before = [desk.store.book(f"mine/{number}").epoch for number in range(3)]
    assert list(run(desk, grid, sweep_id="mine").table()["status"]) == ["finished"] * 3
    assert [desk.store.book(f"mine/{number}").epoch for number in range(3)] == [before[0], before[1] + 1, before[2]]
    assert desk.store.book("mine").status == "finished"


def test_sweep_when_interrupted_then_its_id_is_told_and_it_goes_on(desk, capsys):
    grid = {"buyer.every": [1, 2], "policy.min_confidence": [0.5, 0.6, 0.7]}
    whole = run(desk, grid).table()["digest"]
    sweep_parts.FUSE[0.6] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run(desk, grid, sweep_id="mine")
    assert "sweep_id='mine'" in capsys.readouterr().out
    begun = load_sweep(desk, "mine")
    assert list(begun.table()["status"]) == ["finished", "cancelled", *["pending"] * 4]
    assert desk.store.book("mine").status == "cancelled"
    first = desk.store.book("mine/0")

    result = run(desk, grid, sweep_id="mine")

    assert list(result.table()["digest"]) == list(whole)
    assert desk.store.book("mine/0") == first
    sweep_parts.ASKED.clear()
    assert list(run(desk, grid, sweep_id="mine").table()["digest"]) == list(whole)
    assert sweep_parts.ASKED == []


def test_sweep_when_another_runs_it_then_refused(desk):
    grid = {"policy.min_confidence": [0.6, 0.7]}
    claim_sweep(desk, SweepSpec.of(spec(), grid, "mine"), "somebody")
    with pytest.raises(optarb.AlreadyRunning, match="'mine' is being run by 'somebody'"):
        run(desk, grid, sweep_id="mine")


def test_setting_when_another_runs_it_then_the_sweep_stops_and_keeps_what_is_finished(desk):
    grid = {"policy.min_confidence": [0.6, 0.7]}
    setting = SweepSpec.of(spec(), grid, "mine").setting(1)
    claim_book(desk, setting, "mine/1", "somebody")
    with pytest.raises(optarb.AlreadyRunning, match="'mine/1' is being run by 'somebody'"):
        run(desk, grid, sweep_id="mine")
    assert list(load_sweep(desk, "mine").table()["status"]) == ["finished", "running"]
    assert desk.store.book("mine").status == "failed"


def test_sweep_when_asked_to_stop_then_cancelled(desk, monkeypatch):
    monkeypatch.setattr(sweep_module, "_RENEW_SECONDS", 0.0)
    seen = []

    def progress(told):
        seen.append(told)
        if told.done == 1:
            desk.store.request_cancel("mine")

    monkeypatch.setattr(sweep_module, "_TELL_SECONDS", 0.0)
    with pytest.raises(optarb.Cancelled, match="sweep 'mine' was asked to stop"):
        run(desk, {"buyer.every": [1, 2, 3]}, sweep_id="mine", progress=progress)
    assert desk.store.book("mine").status == "cancelled"
    assert {(told.backtest_id, told.phase, told.total) for told in seen} == {("mine", "settings", 3)}


def test_progress_when_a_sweep_runs_then_settings_are_counted_to_the_end(desk):
    seen = []
    result = run(desk, {"buyer.every": [1, 2, 3]}, progress=seen.append)
    assert seen[-1] == optarb.Progress(backtest_id=result.sweep_id, phase="finished", done=3, total=3)
    assert [told.done for told in seen] == sorted(told.done for told in seen)


KILLED = """
import sys
from pathlib import Path
from tests.backtesting import sweep_parts, test_sweep
desk = sweep_parts.desk(Path(sys.argv[1]), Path(sys.argv[2]), kill_file=sys.argv[3])
test_sweep.run(desk, {"policy.min_confidence": [0.7, 0.5, 0.6]}, sweep_id="mine")
"""


def test_sweep_when_its_process_is_killed_then_another_goes_on_at_once(files, tmp_path):
    kill_file = tmp_path / "kill"
    kill_file.touch()
    root = str(Path(__file__).parent.parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)])}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(files), str(kill_file)], env=environment, timeout=120, check=False
    )
    assert killed.returncode == -9

    with sweep_parts.desk(tmp_path, files, kill_file=kill_file) as desk:
        assert list(load_sweep(desk, "mine").table()["status"]) == ["finished", "running", "pending"]
        result = run(desk, {"policy.min_confidence": [0.7, 0.5, 0.6]}, sweep_id="mine")
        assert list(result.table()["status"]) == ["finished"] * 3
        again = run(desk, {"policy.min_confidence": [0.7, 0.5, 0.6]})
        assert list(result.table()["digest"]) == list(again.table()["digest"])


def test_sweep_when_a_helper_process_is_killed_then_told_and_it_goes_on(files, tmp_path, monkeypatch):
    kill_file = tmp_path / "kill"
    grid = {"policy.min_confidence": [0.9, 0.5, 0.6, 0.7]}
    with sweep_parts.desk(tmp_path, files, kill_file=kill_file) as desk:
        # This process hands out numbers only, so that the one that kills is run by the helper.
        taken = sweep_module.run_setting

        def first_only(desk, sweep, number, facts, watch):
            if number == 0:
                taken(desk, sweep, number, facts, watch)
                kill_file.touch()
            else:
                raise AssertionError("the helper was to take it")

        monkeypatch.setattr(sweep_module, "run_setting", first_only)
        monkeypatch.setattr(sweep_module._Run, "_next", _only_first_here(sweep_module._Run._next))
        with pytest.raises(optarb.OptarbError, match=r"a process of the sweep ended with code -9 in setting 1"):
            run(desk, grid, sweep_id="mine", processes=2)
        monkeypatch.undo()
        assert list(load_sweep(desk, "mine").table()["status"]) == ["finished", "running", "pending", "pending"]
        assert list(run(desk, grid, sweep_id="mine").table()["status"]) == ["finished"] * 4


def _only_first_here(take):
    """Lets this process's main thread take the first number only."""
    calls = []

    def taken(self):
        if threading.current_thread() is threading.main_thread():
            calls.append(1)
            if len(calls) > 1:
                return None
        return take(self)

    return taken


# -- processes --------------------------------------------------------------------------------------------------------------


def test_processes_when_the_store_is_in_memory_then_warned_and_run_here(files, tmp_path):
    desk = sweep_parts.desk(tmp_path, files, store=optarb.SqlStore(url="sqlite://", name=uuid.uuid4().hex))
    with pytest.warns(UserWarning, match=r"runs in this process alone: the store .* lives in this process"):
        result = run(desk, {"buyer.every": [1, 2]}, processes=2)
    assert list(result.table()["status"]) == ["finished"] * 2


def test_processes_when_the_desk_cannot_be_pickled_then_warned_and_run_here(files, tmp_path):
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Local(sweep_parts.Buyer):
        pass

    with (
        sweep_parts.desk(tmp_path, files, expert=Local()) as desk,
        pytest.warns(UserWarning, match=r"runs in this process alone: the desk cannot be pickled"),
    ):
        result = run(desk, {"buyer.every": [1, 2]}, processes=2)
    assert list(result.table()["status"]) == ["finished"] * 2


def test_processes_when_a_component_is_defined_in_the_script_then_warned_and_run_here(files, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep_parts.Buyer, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "Buyer", sweep_parts.Buyer, raising=False)
    with (
        sweep_parts.desk(tmp_path, files) as desk,
        pytest.warns(UserWarning, match="Buyer is defined in the script or the notebook; move it to a module"),
    ):
        result = run(desk, {"buyer.every": [1, 2]}, processes=2)
    assert list(result.table()["status"]) == ["finished"] * 2


@pytest.mark.parametrize(
    ("variable", "reason"), [("OPTARB_TEST_BREAK", "it ended with code 1"), ("OPTARB_TEST_OTHER", "other code")]
)
def test_processes_when_a_helper_cannot_work_then_told_and_all_run_here(
    *, files, tmp_path, monkeypatch, caplog, variable, reason
):
    monkeypatch.setenv(variable, "1")  # only the helper reads it, when it loads the components' module
    with sweep_parts.desk(tmp_path, files) as desk:
        result = run(desk, {"buyer.every": [1, 2, 3]}, processes=2)
        owners = {desk.store.book(f"{result.sweep_id}/{number}").owner.split(":")[2] for number in range(3)}
    assert owners == {str(os.getpid())}
    assert reason in caplog.text


def test_processes_when_an_error_of_one_ends_the_sweep_then_it_is_of_its_own_class(files, tmp_path):
    with sweep_parts.desk(tmp_path, files) as desk:
        desk.store.claim("mine/1", owner="somebody", identity="x", documents={}, lease_seconds=60)
        with pytest.raises(optarb.BookConflict, match="'mine/1'"):
            run(desk, {"buyer.every": [1, 2]}, sweep_id="mine", processes=2)
