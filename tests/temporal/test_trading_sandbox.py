from __future__ import annotations

import pytest
from tests.temporal.acme.live import AcmeDay, AcmeGuardian
from tests.temporal.test_sandbox import sandbox_of

from optarb.temporal.daily_trading_workflow import DailyTradingWorkflow
from optarb.temporal.position_monitor_workflow import PositionMonitorWorkflow

HEAVY = {"numpy", "pandas", "pyarrow", "sqlalchemy", "exchange_calendars"}


@pytest.mark.parametrize("workflow_class", [DailyTradingWorkflow, PositionMonitorWorkflow, AcmeDay, AcmeGuardian])
def test_sandbox_when_live_workflow_is_prepared_then_it_loads_the_shells_alone(monkeypatch, workflow_class):
    modules = sandbox_of(monkeypatch, workflow_class)

    own = {name for name, is_own in modules.items() if is_own}
    optarbs = {name for name in own if name.startswith("optarb")}
    shells = {
        "phased_backtest",
        "trading_calls",
        "position_monitor",
        "daily_trading",
        "position_monitor_workflow",
        "daily_trading_workflow",
    }
    assert optarbs <= {"optarb", "optarb._names", "optarb.temporal", *(f"optarb.temporal.{name}" for name in shells)}
    assert "optarb.temporal.trading_calls" in optarbs
    assert not [name for name in own if name.split(".")[0] in HEAVY]
