"""Runs the benchmarks and prints one line each: ``python -m benchmarks [WORD ...]`` runs those whose names hold a word."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import optarb
from benchmarks import big, cost, indicators, memory, on_temporal, options, orders, stores, sweeps
from benchmarks.bench import Bench
from benchmarks.table import line


def light(bench: Bench) -> None:  # noqa: ARG001 - every row is given it
    """A bare import in a new process."""
    code = "import time; a = time.perf_counter(); import optarb; print(f'{time.perf_counter() - a:.3f} s')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    line("import optarb", done.stdout.strip(), "0.1 s")


def cold(bench: Bench) -> None:  # noqa: ARG001 - every row is given it
    """What cannot be measured yet."""
    line("cold, five experts, LLM stand-in, 2 workers", "not measured", "1.2 x bare fits", "optarb has no trained expert yet")


ROWS: dict[str, Callable[[Bench], None]] = {
    "five-years": options.five_years,
    "twenty-years": options.twenty_years,
    "temporal-workers": on_temporal.workers,
    "temporal-cost": cost.cost,
    "postgres": stores.postgres,
    "sweep": sweeps.hundred,
    "memory": memory.peaks,
    "indicators": indicators.table,
    "chain": big.chain,
    "order": orders.simulated,
    "import": light,
    "cold": cold,
}
"""By the name that chooses them."""


def main(words: list[str]) -> int:
    """Runs the rows that are asked for, or all."""
    chosen = {name: row for name, row in ROWS.items() if not words or any(word in name for word in words)}
    if not chosen:
        print(f"no benchmark is named like {' or '.join(words)}; there are {', '.join(ROWS)}", file=sys.stderr)
        return 2
    print(f"optarb {optarb.__version__}, Python {sys.version.split()[0]}", flush=True)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="optarb-bench-") as name:
        bench = Bench.prepare(Path(name))
        for row in chosen.values():
            row(bench)
        bench.desk.close()
    print(f"{time.perf_counter() - began:.0f} s in all", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
