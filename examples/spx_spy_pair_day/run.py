"""Replays two sessions of 2018 on an embedded Temporal server: ``python run.py``, with ``--refuse`` an unwind."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
from datetime import date, datetime
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from pair_desk import SPEC, TASK_QUEUE, desk
from refusing import RefusesShorts
from temporalio.worker import Worker

import optarb

FIRST, LAST = date(2018, 6, 5), date(2018, 6, 6)
"""The pair is opened in the first session and closed by time in the second; an unwind takes the first alone."""


async def replay(folder: str, *, refuse: bool) -> None:
    """Runs the days as workflows, with a worker in this process, and prints what they did.

    Args:
        folder: Where books and the simulated account are kept.
        refuse: Whether the broker refuses to sell the calls, so that the bought one has to be unwound.
    """
    store = optarb.SqlStore(url=f"sqlite:///{folder}/replay.db")
    account_usd = SPEC.capital + 10_000  # a book may not have more capital than the account is worth
    replayable = optarb.replay_desk(desk, store=store, cash_usd=account_usd)
    planned = optarb.plan_replay(SPEC, replayable, FIRST, through=FIRST if refuse else LAST)
    broker = RefusesShorts(simulated=planned.account) if refuse else planned.account
    with dataclasses.replace(planned.desk, broker=broker) as replayed:
        server = optarb.EmbeddedServer(plugins=[optarb.OptarbPlugin(replayed)])
        async with server, Worker(server.client, task_queue=TASK_QUEUE):
            for session in planned.sessions:
                begin = planned.begins_at(session)
                day = await optarb.start_day(server.client, planned.spec, task_queue=TASK_QUEUE, replay_from=begin)
                tell(store, planned.spec.book_id, await day.result())


def tell(store: optarb.SqlStore, book_id: str, report: optarb.DayReport) -> None:
    """Prints a day: its outcome, its fills leg by leg, and what people were told."""
    print(f"{report.session}: {report.outcome}, {report.open_positions} open")
    number = int(f"{report.session:%Y%m%d}")
    for row in store.trading.rows(book_id, "fills", number, number):
        _, _, _, purpose, contract, quantity, price, _, _, _, taken_at, modelled, *_ = row
        told = datetime.fromisoformat(str(taken_at)).astimezone(ZoneInfo("America/New_York"))
        label = "modelled" if modelled else "quoted"
        print(f"  {told:%H:%M:%S} {purpose:<5} {quantity:+4d} {contract} at {int(price or 0) / 10_000:.2f}, {label}")
    for notice in store.trading.outbox():
        if notice.session == report.session:
            print(f"  {notice.severity}: {notice.title}: {notice.text}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--refuse", action="store_true", help="let the broker refuse to sell the SPY calls")
    with TemporaryDirectory(prefix="optarb-pair-") as scratch:
        asyncio.run(replay(scratch, refuse=parser.parse_args().refuse))
