"""Starts Acme's backtest and waits for it: ``python -m acme_trading.starter [backtest-id]``."""

from __future__ import annotations

import asyncio
import sys

import optarb
from acme_trading.desk import SPEC, TASK_QUEUE
from acme_trading.workflow import AcmeBacktest


async def main(backtest_id: str | None) -> None:
    """Starts, waits, asks the workflow a question and prints the summary as JSON, the answer below it."""
    client = await optarb.connect(plugins=[optarb.OptarbPlugin()])  # no desk: this process runs nothing
    spec = SPEC.model_copy(update={"backtest_id": backtest_id})
    handle = await optarb.start_backtest(client, spec, task_queue=TASK_QUEUE, workflow=AcmeBacktest)
    summary = await handle.result()
    print(summary.model_dump_json())
    print(" ".join(await handle.workflow.query(AcmeBacktest.finished)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
