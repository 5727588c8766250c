"""Replays a session of 2018 on an embedded Temporal server: ``python run.py``."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from temporalio.worker import Worker
from vertical_desk import SPEC, TASK_QUEUE, desk

import optarb

SESSION = date(2018, 10, 24)
"""The index fell by 3.1 percent."""


async def replay(folder: str) -> None:
    """Runs the day as a workflow, with a worker in this process, and prints what it did.

    Args:
        folder: Where the book and the simulated account are kept.
    """
    store = optarb.SqlStore(url=f"sqlite:///{folder}/replay.db")
    planned = optarb.plan_replay(SPEC, optarb.replay_desk(desk, store=store, cash_usd=SPEC.capital), SESSION)
    with planned.desk as replayed:
        server = optarb.EmbeddedServer(plugins=[optarb.OptarbPlugin(replayed)])
        async with server, Worker(server.client, task_queue=TASK_QUEUE):
            begin = planned.begins_at(SESSION)
            day = await optarb.start_day(server.client, planned.spec, task_queue=TASK_QUEUE, replay_from=begin)
            tell(store, planned.spec.book_id, await day.result())


def tell(store: optarb.SqlStore, book_id: str, report: optarb.DayReport) -> None:
    """Prints the day: its outcome, its fills, why it was closed, and what people were told."""
    print(f"{report.session}: {report.outcome}, {report.open_positions} open")
    for row in store.trading.rows(book_id, "fills"):
        _, _, _, purpose, contract, quantity, price, _, _, _, taken_at, modelled, *_ = row
        told = datetime.fromisoformat(str(taken_at)).astimezone(ZoneInfo("America/New_York"))
        label = "modelled" if modelled else "quoted"
        print(f"  {told:%H:%M:%S} {purpose:<5} {quantity:+d} {contract} at {int(price or 0) / 10_000:.2f}, {label}")
    for _, _, _, reason, _, gain, *_ in store.trading.rows(book_id, "exits"):
        print(f"  closed by {reason}, {int(gain or 0) / 10_000:+.2f} dollars before fees")
    for notice in store.trading.outbox():
        print(f"  {notice.severity}: {notice.title}: {notice.text}")


if __name__ == "__main__":
    with TemporaryDirectory(prefix="optarb-vertical-") as scratch:
        asyncio.run(replay(scratch))
