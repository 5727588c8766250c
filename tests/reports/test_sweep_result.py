"""Tables of sweeps whose books were filled by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from optarb.errors import BookError, BookNotFound, UnknownName
from optarb.protocols.stores import BlockKey
from optarb.reports.sweep_result import SweepResult, load_sweep
from optarb.specs import BacktestSpec, BacktestSummary, SweepSpec

SPEC = BacktestSpec(strategy="dips", start=date(2024, 1, 2), end=date(2024, 1, 5))
FIGURES = {
    "sessions": "Int64",
    "trades": "Int64",
    "final_equity_usd": "float64",
    "pnl_usd": "float64",
    "fees_usd": "float64",
    "max_drawdown": "float64",
    "sharpe": "float64",
    "modelled": "boolean",
    "digest": "str",
    "duration": "timedelta64[ns]",
}


def begin(store, grid, sweep_id="s"):
    sweep = SweepSpec.of(SPEC, grid, sweep_id)
    store.claim(sweep_id, owner="me", identity="x", documents={"sweep": sweep.model_dump_json()}, lease_seconds=60)
    return load_sweep(SimpleNamespace(store=store), sweep_id)


def book(store, number, *, equity=None, error=None, **figures):
    """Writes the book of a setting: finished with an equity of dollars by session, failed, or neither."""
    book_id = f"s/{number}"
    store.claim(book_id, owner="me", identity="x", documents={}, lease_seconds=60)
    if error is not None:
        store.finish(book_id, 1, "failed", error=error)
    if equity is None:
        return
    rows = [(session, 0, usd * 10_000, 0, usd * 10_000, 0, 0, 0, 0, 1) for session, usd in equity.items()]
    key = BlockKey(phase="trade", unit="", first=min(equity))
    store.commit(book_id, 1, key, last=max(equity), parent="", state=b"{}", rows={"equity": rows}, tip=True)
    final = list(equity.values())[-1]
    fields = {
        "backtest_id": book_id,
        "strategy": "dips",
        "sessions": len(equity),
        "trades": 3,
        "final_equity_usd": Decimal(final),
        "pnl_usd": Decimal(final - 1000),
        "fees_usd": Decimal("2.60"),
        "max_drawdown": 0.1,
        "sharpe": 1.5,
        "modelled": True,
        "digest": "d" * 64,
        "duration": timedelta(seconds=2),
    }
    store.write_document(book_id, 1, "summary", BacktestSummary(**(fields | figures)).model_dump_json())
    store.finish(book_id, 1, "finished")


def test_table_when_settings_stand_differently_then_one_row_each_with_typed_columns(store):
    result = begin(store, {"dip.drop": [0.03, 1], "dip.window": [20, 30], "dip.kind": ["a"]})
    book(store, 0, equity={20240102: 1100, 20240103: 990})
    book(store, 1, error="ComponentError: no")
    book(store, 2)

    table = result.table()

    assert table.index.tolist() == [0, 1, 2, 3]
    assert table.index.name == "number"
    assert table["status"].tolist() == ["finished", "failed", "running", "pending"]
    assert table["backtest_id"].tolist() == ["s/0", "s/1", "s/2", "s/3"]
    assert table["error"][1] == "ComponentError: no"
    assert table["error"].isna().tolist() == [True, False, True, True]
    assert table["dip.drop"].tolist() == [0.03, 0.03, 1.0, 1.0]
    assert table["dip.window"].tolist() == [20, 30, 20, 30]
    first = table.loc[0]
    assert (first["sessions"], first["trades"], first["fees_usd"], first["pnl_usd"]) == (2, 3, 2.6, -10.0)
    assert (first["final_equity_usd"], first["max_drawdown"], first["sharpe"]) == (990.0, 0.1, 1.5)
    assert first["duration"] == pd.Timedelta(seconds=2)
    assert table.loc[1:, list(FIGURES)].isna().all(axis=None)


@pytest.mark.parametrize("finished", [False, True])
def test_table_when_nothing_or_all_is_finished_then_the_same_columns_and_types(store, finished):
    result = begin(
        store, {"dip.drop": [0.03, 0.05], "dip.window": [20], "dip.on": [True], "dip.kind": ["a"], "dip.list": [[1, 2]]}
    )
    if finished:
        for number in (0, 1):
            book(store, number, equity={20240102: 1100})

    dtypes = {name: str(dtype) for name, dtype in result.table().dtypes.items()}

    overrides = {"dip.drop": "float64", "dip.window": "Int64", "dip.on": "boolean", "dip.kind": "str", "dip.list": "object"}
    assert dtypes == {**overrides, "backtest_id": "str", "status": "str", "error": "str", **FIGURES}
    assert list(dtypes) == [*overrides, "backtest_id", "status", "error", *FIGURES]


def test_table_when_settings_are_explicit_then_paths_left_alone_are_empty(store):
    result = begin(store, [{"dip.drop": 0.03}, {}, {"dip.window": 20, "dip.drop": 0.05}])

    table = result.table()

    assert list(table.columns[:2]) == ["dip.drop", "dip.window"]
    assert table["dip.drop"].isna().tolist() == [False, True, False]
    assert table["dip.window"].isna().tolist() == [True, True, False]


def test_returns_when_read_then_on_the_session_before_and_first_on_the_capital(store):
    result = begin(store, {"dip.drop": [1, 2, 3]})
    book(store, 0, equity={20240102: 1100, 20240103: 990, 20240104: 990})
    book(store, 1, error="no")
    book(store, 2, equity={20240102: 900, 20240103: 1350, 20240104: 1350})

    returns = result.returns()

    assert returns.columns.tolist() == [0, 2]
    assert returns.index.tolist() == [pd.Timestamp(2024, 1, day) for day in (2, 3, 4)]
    assert returns.index.name == "session"
    np.testing.assert_allclose(returns.to_numpy(), [[0.1, -0.1], [-0.1, 0.5], [0.0, 0.0]], rtol=0, atol=1e-12)
    assert set(returns.dtypes) == {np.dtype("float64")}


def test_returns_when_sessions_differ_or_equity_is_gone_then_nan_there(store):
    result = begin(store, {"dip.drop": [1, 2]})
    book(store, 0, equity={20240102: 500, 20240103: 0, 20240104: 100})
    book(store, 1, equity={20240103: 2000})

    returns = result.returns()

    np.testing.assert_allclose(returns[0], [-0.5, -1.0, np.nan])
    np.testing.assert_allclose(returns[1], [np.nan, 1.0, np.nan])


def test_returns_when_nothing_is_finished_then_empty(store):
    returns = begin(store, {"dip.drop": [1]}).returns()

    assert returns.shape == (0, 0)
    assert str(returns.index.dtype) == "datetime64[ns]"


def test_best_when_asked_then_the_greatest_and_of_drawdown_and_fees_the_smallest(store):
    result = begin(store, {"dip.drop": [1, 2, 3, 4, 5]})
    book(store, 0, equity={20240102: 1100}, sharpe=None, max_drawdown=0.3)
    book(store, 1, equity={20240102: 1100}, sharpe=0.7, max_drawdown=0.2)
    book(store, 2, equity={20240102: 1300}, sharpe=0.9, max_drawdown=0.2, fees_usd=Decimal(9))
    book(store, 3, error="no")
    book(store, 4, equity={20240102: 1200}, sharpe=0.9, max_drawdown=0.25, trades=7)

    picked = {by: result.best(by) for by in ("sharpe", "pnl_usd", "final_equity_usd", "max_drawdown", "fees_usd", "trades")}

    assert picked == {"sharpe": 2, "pnl_usd": 2, "final_equity_usd": 2, "max_drawdown": 1, "fees_usd": 0, "trades": 4}
    assert result.best() == 2
    with pytest.raises(UnknownName, match="did you mean 'sharpe'"):
        result.best("sharp")


def test_best_when_no_setting_has_the_figure_then_book_error(store):
    result = begin(store, {"dip.drop": [1, 2]})
    book(store, 0, equity={20240102: 1000}, sharpe=None)
    with pytest.raises(BookError, match="no setting of sweep 's' has a sharpe"):
        result.best()


def test_result_when_of_a_setting_then_its_book(store):
    result = begin(store, {"dip.drop": [1, 2, 3]})
    book(store, 0, error="ComponentError: no")
    book(store, 1, equity={20240102: 1100})

    assert result.result(1).backtest_id == "s/1"
    assert result.result(1).summary.pnl_usd == 100
    with pytest.raises(BookError, match=r"setting 0 of sweep 's' is failed: ComponentError: no; run the sweep again"):
        result.result(0)
    with pytest.raises(BookError, match="setting 2 of sweep 's' is not begun"):
        result.result(2)
    for number in (3, -1):
        with pytest.raises(UnknownName, match=f"has settings 0 to 2, not {number}"):
            result.result(number)


def test_load_sweep_when_there_is_none_then_told(store):
    with pytest.raises(BookNotFound, match="'nothing'"):
        load_sweep(SimpleNamespace(store=store), "nothing")
    store.claim("one", owner="me", identity="x", documents={"spec": "{}"}, lease_seconds=60)
    with pytest.raises(BookError, match="'one' is a single backtest, not a sweep"):
        load_sweep(SimpleNamespace(store=store), "one")


def test_text_and_html_when_shown_then_settings_figures_and_escaped_errors(store):
    result = begin(store, {"dip.drop": [0.03, 0.05]})
    book(store, 0, equity={20240102: 1100})
    book(store, 1, error="ComponentError: <b>no</b>")

    text, html = str(result), result._repr_html_()

    assert "Sweep s: dips, 2024-01-02 to 2024-01-05, 1 of 2 settings finished" in text
    for shown in ("dip.drop", "0.05", "100.0", "finished", "failed"):
        assert shown in text
        assert shown in html
    assert "ComponentError: <b>no</b>" in text
    assert "&lt;b&gt;no" in html
    assert "<b>no" not in html


def test_text_when_settings_are_many_then_cut_and_told(store):
    result = begin(store, {"dip.drop": [number / 100 for number in range(70)]})

    assert "... and 10 more; see table()" in str(result)
    assert "and 10 more" in result._repr_html_()
    assert len(result.table()) == 70


def test_sweep_result_when_made_then_it_holds_no_ledger(store):
    assert set(vars(begin(store, {"dip.drop": [1]}))) == {"store", "sweep"}
    assert SweepResult.__dataclass_fields__.keys() == {"store", "sweep"}
