"""The five-year run on an embedded Temporal server, with worker processes beside it."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import optarb
from benchmarks import strategy
from benchmarks.bench import Bench
from benchmarks.table import line, peak_mb

AT_ONCE = 8


def workers(bench: Bench) -> None:
    """One, two and four workers: one run after the other, and several at once."""
    asyncio.run(_workers(bench))


async def _workers(bench: Bench) -> None:
    async with optarb.EmbeddedServer(plugins=[optarb.OptarbPlugin()]) as server:
        for count in (1, 2, 4):
            seen = await measured(server, bench, count)
            name = f"{count} worker{'s' if count > 1 else ''}"
            line(
                f"the 5-year run on Temporal, {name}, beyond in process",
                f"{seen.alone - bench.five_seconds:+.3f} s",
                "0.6 s" if count == 2 else "none set",
                f"{seen.alone:.3f} s in all, {seen.alone / bench.five_seconds:.2f} x in process; "
                f"peak of a worker {seen.peak_alone:.0f} MB",
            )
            line(
                f"{AT_ONCE} such runs at once, {name}",
                f"{seen.together / AT_ONCE:.3f} s a run",
                beside=f"{seen.together / AT_ONCE / bench.five_seconds:.2f} x in process; "
                f"peak of a worker {seen.peak_together:.0f} MB",
            )


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Seconds and peaks in MB of the worker that has most."""

    alone: float
    """Median of runs one after the other."""
    peak_alone: float
    """After them."""
    together: float
    """Several runs at once, all of them."""
    peak_together: float
    """After all."""


async def measured(server: optarb.EmbeddedServer, bench: Bench, count: int, *, store: str | None = None) -> Measured:
    """Measures runs by so many workers, on a store and a cache of their own; the first runs, which fill it, do not count."""
    queue = f"workers-{count}-{'sqlite' if store is None else 'other'}"
    command = [sys.executable, "-m", "benchmarks.worker", server.address, queue, str(bench.folder / queue), str(bench.files)]
    spec = strategy.spec(*strategy.YEARS[5], execution=optarb.ExecutionSpec(parallelism=count))

    async def run() -> None:
        handle = await optarb.start_backtest(server.client, spec, task_queue=queue)
        await handle.result()

    async with _processes([*command, *([store] if store else [])], count) as pids:
        for _ in range(3 * count):
            await run()
        alone = []
        for _ in range(7):
            began = time.perf_counter()
            await run()
            alone.append(time.perf_counter() - began)
        peak_alone = max(map(peak_mb, pids))
        began = time.perf_counter()
        await asyncio.gather(*(run() for _ in range(AT_ONCE)))
        together = time.perf_counter() - began
        return Measured(
            alone=statistics.median(alone),
            peak_alone=peak_alone,
            together=together,
            peak_together=max(map(peak_mb, pids)),
        )


@asynccontextmanager
async def _processes(command: list[str], count: int) -> AsyncGenerator[list[int]]:
    """Starts workers; yields their process ids once all of them work, and ends them."""
    made = [await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE) for _ in range(count)]
    try:
        for process in made:
            if process.stdout is None or await process.stdout.readline() != b"working\n":
                raise RuntimeError("a worker did not start")
        yield [process.pid for process in made]
    finally:
        for process in made:
            if process.returncode is None:
                process.terminate()
            await process.wait()
