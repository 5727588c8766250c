"""Runs every benchmark and prints one line each."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import optarb
from benchmarks import data, reference, strategy

FIVE = ("2014-01-02", "2018-12-31")
TWENTY = ("1999-03-01", "2018-12-31")


def timed(call: Callable[[], object], runs: int = 7) -> float:
    """Returns the median of several runs, in seconds, after one that does not count."""
    call()
    spent = []
    for _ in range(runs):
        began = time.perf_counter()
        call()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent)


def line(measure: str, value: str, goal: str, beside: str = "") -> None:
    """Prints one row."""
    print(f"{measure:<52} {value:>22}   goal {goal:<22} {beside}", flush=True)


def options_run(folder: Path, files: Path) -> float:
    """Warm runs of five and twenty years, against the numpy loop."""
    desk = strategy.desk(folder, data=files)
    five = timed(lambda: optarb.backtest(strategy.spec(*FIVE), desk, progress=False))
    loop = timed(lambda: reference.run(files, *FIVE))
    result = optarb.backtest(strategy.spec(*FIVE), desk, progress=False).summary
    trades, profit = reference.run(files, *FIVE)
    same = (result.trades, round(float(result.pnl_usd), 2)) == (trades, round(profit, 2))
    line(
        "options run, 5 years, warm, in process",
        f"{five:.3f} s",
        "0.20 s",
        f"{five / loop:.1f} x numpy loop ({loop:.3f} s); {trades} trades, {'same' if same else 'OTHER'} P&L {profit:.2f}; "
        "quoted: optopsy 0.68 s, nautilus 17 s",
    )
    twenty = timed(lambda: optarb.backtest(strategy.spec(*TWENTY), desk, progress=False), runs=3)
    line("growth from 5 to 20 years, warm", f"{twenty / five:.2f} x", "4.2 x", f"{twenty:.3f} s")
    return five


def on_temporal(folder: Path, files: Path, in_process: float) -> None:
    """The same on an embedded server with two workers."""
    desk = strategy.desk(folder, data=files)

    async def measure() -> float:
        async with optarb.EmbeddedServer(plugins=[optarb.OptarbPlugin()]) as server:
            command = [sys.executable, "-m", "benchmarks.worker", server.address, str(folder), str(files)]
            workers = [await asyncio.create_subprocess_exec(*command) for _ in range(2)]
            try:
                spent = []
                for _ in range(8):
                    began = time.perf_counter()
                    handle = await optarb.start_backtest(server.client, strategy.spec(*FIVE), task_queue="bench")
                    await handle.result()
                    spent.append(time.perf_counter() - began)
                return statistics.median(spent[2:])
            finally:
                for worker in workers:
                    worker.terminate()
                    await worker.wait()

    desk.close()
    took = asyncio.run(measure())
    line("the same on Temporal, 2 workers, beyond in process", f"{took - in_process:+.3f} s", "0.6 s", f"{took:.3f} s in all")


def fresh_process(measure: str, code: str, goal: str) -> None:
    """Runs code that prints its own figure in a new process."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    line(measure, done.stdout.strip(), goal)


def big_chain(folder: Path) -> None:
    """A year of a full chain: 14,000 contracts a session."""
    files = folder / "big"
    bars = data.index_bars().between(*(d for d in (_day("2016-12-01"), _day("2017-12-29"))))
    data.write_bars(bars, files / "bars")
    rows = data.write_chain(bars, files / "quotes" / "SPX.parquet", strikes=250, expiries=28, step=5.0)
    code = (
        "import time, sys; from pathlib import Path; from benchmarks import strategy; from benchmarks.big import {0};"
        f"print({{0}}(Path({str(folder / 'bigrun')!r}), Path({str(files)!r}), {rows}))"
    )
    fresh_process(f"full chain, {rows:,} rows, first pass", code.format("first_pass"), "1 M rows/s, 500 MB")
    fresh_process("full chain, from the cache, new process", code.format("from_cache"), "5 M rows/s, 500 MB")


def simulated_order() -> None:
    """One order through submit, advance and find."""
    from optarb.testing import fake_view

    view = fake_view().view
    chain = view.chain("SPX")
    if chain is None:
        raise RuntimeError("the fake view has no chain")
    leg = optarb.OrderLeg(contract=chain.contract(len(chain) // 2), quantity=1)
    count = 2_000

    def orders() -> None:
        broker = optarb.Simulator().broker()
        for number in range(count):
            order = optarb.OrderIntent(
                book_id="b", position_id=str(number), purpose=optarb.Purpose.OPEN, attempt=1, legs=(leg,), limit=Decimal(10_000)
            )
            broker.submit(order)
            broker.find(order.order_id)

    line("a simulated order through submit and find", f"{timed(orders, 5) / count * 1e6:.1f} us", "30 us")


def _day(text: str) -> object:
    from datetime import date

    return date.fromisoformat(text)


def main() -> None:
    """Runs all."""
    print(f"optarb {optarb.__version__}, Python {sys.version.split()[0]}", flush=True)
    with tempfile.TemporaryDirectory(prefix="optarb-bench-") as name:
        folder = Path(name)
        files = folder / "data"
        bars = data.index_bars()
        data.write_bars(bars, files / "bars")
        rows = data.write_chain(bars, files / "quotes" / "SPX.parquet")
        print(f"chain: {rows:,} rows over {len(bars):,} sessions, {folder}", flush=True)
        in_process = options_run(folder / "run", files)
        on_temporal(folder / "run", files, in_process)
        run = f"strategy.spec{FIVE}, strategy.desk(Path({str(folder / 'run')!r}), data=Path({str(files)!r}))"
        memory = (
            "from pathlib import Path; import optarb; from benchmarks import big, strategy;"
            f"optarb.backtest({run}, progress=False);"
            "print(f'{big.peak_mb():.0f} MB')"
        )
        fresh_process("peak memory of the 5-year run", memory, "250 MB")
        light = "import time; a = time.perf_counter(); import optarb; print(f'{time.perf_counter() - a:.3f} s')"
        fresh_process("import optarb", light, "0.1 s")
        big_chain(folder)
    simulated_order()
    print("cold run with five experts, and sweeps: not measured, optarb has neither yet", flush=True)


if __name__ == "__main__":
    main()
