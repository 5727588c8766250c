from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

import pytest
from temporalio import workflow
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from tests.temporal import rig
from tests.temporal.acme.experts import Momentum
from tests.temporal.acme.workflow import AcmeBacktest
from tests.temporal.workers import working

import optarb
from optarb.temporal.plugin import PASSED_THROUGH

SHELL = {"optarb", "optarb._names", "optarb.temporal", "optarb.temporal.phased_backtest"}


def sandbox_of(monkeypatch, workflow_class) -> dict[str, bool]:
    """Prepares a workflow as a worker with the plugin does; returns the sandbox's modules, and whether each is its own."""
    instances = []
    create = SandboxedWorkflowRunner.create_instance
    monkeypatch.setattr(
        SandboxedWorkflowRunner, "create_instance", lambda *given: instances.append(create(*given)) or instances[-1]
    )
    config = optarb.OptarbPlugin().configure_replayer({"workflow_runner": SandboxedWorkflowRunner()})

    async def prepare():
        config["workflow_runner"].prepare_workflow(workflow._Definition.must_from_class(workflow_class))

    asyncio.run(prepare())
    (instance,) = instances
    return {name: module is not sys.modules.get(name) for name, module in instance.importer.new_modules.items()}


@pytest.mark.parametrize(
    ("workflow_class", "module"),
    [
        (optarb.PhasedBacktestWorkflow, "optarb.temporal.backtest_workflow"),
        (AcmeBacktest, "tests.temporal.acme.workflow"),
    ],
    ids=["shipped", "of a user"],
)
def test_sandbox_when_workflow_is_prepared_then_it_loads_the_shells_alone(monkeypatch, workflow_class, module):
    modules = sandbox_of(monkeypatch, workflow_class)

    own = {name for name, is_own in modules.items() if is_own}
    # A module that is shared keeps the state of the process: the root package, the shells and the workflow are not.
    assert {name for name in own if name.startswith(("optarb", "tests"))} == {
        *SHELL,
        module,
        *(["tests", "tests.temporal", "tests.temporal.acme"] if module.startswith("tests") else []),
    }
    assert not [name for name in own if name.split(".")[0] in {"numpy", "pandas", "pyarrow", "sqlalchemy"}]
    assert not [name for name in modules if name.split(".")[0] in {"pandas", "pyarrow", "sqlalchemy"}]
    assert "optarb" not in PASSED_THROUGH


def test_workflow_when_it_is_a_users_own_then_runs_with_its_hooks(temporal_address, make_desk):
    desk = make_desk()
    strategy = replace(desk.strategies[0], name="acme", experts={"momentum": Momentum()})
    desk = replace(desk, strategies=[strategy])
    spec = rig.make_spec(strategy="acme")
    expected = optarb.backtest(spec, desk).summary

    async def run():
        async with working(temporal_address, desk, "acme", workflows=[AcmeBacktest]) as client:
            handle = await optarb.start_backtest(client, spec, task_queue="acme", workflow=AcmeBacktest)
            summary = await handle.result()
            return summary, await handle.workflow.query("acme.seen", result_type=list[str])

    summary, seen = asyncio.run(run())

    assert summary.trades > 50
    assert summary.digest == expected.digest
    assert seen == [
        "before ingest 0/2",
        "after ingest 2/2",
        "before features 0/2",
        "after features 2/2",
        "before signals 0/201",
        "after signals 201/201",
        "before trade 0/201",
        "after trade 201/201",
    ]
