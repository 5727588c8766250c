"""Parameter sweeps in process: many settings of one strategy, each a book of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from optarb.backtesting.progress import ProgressCallback, showing
from optarb.backtesting.sweep_book import OpenSweep, claim_sweep, finish_sweep, new_sweep_id, run_setting
from optarb.backtesting.sweep_processes import SweepProcess, helpers_wanted, packed_desk
from optarb.errors import Cancelled, ConfigurationError
from optarb.reports.sweep_result import SweepResult, load_sweep
from optarb.specs import Progress, SweepSpec
from optarb.stores import process_owner

if TYPE_CHECKING:
    from optarb.desk import Desk
    from optarb.specs import BacktestSpec

__all__ = ["sweep"]

_logger = logging.getLogger("optarb")


def sweep(
    spec: BacktestSpec,
    desk: Desk,
    grid: Mapping[str, Iterable[Any]] | Iterable[Mapping[str, Any]],
    *,
    sweep_id: str | None = None,
    processes: int | None = None,
    progress: bool | ProgressCallback | None = None,
) -> SweepResult:
    """Backtests many settings of one strategy, or goes on with a sweep that was begun.

    Every setting is a book of its own, named ``<sweep_id>/<number>``, and its ledger is the one that :func:`optarb.backtest`
    would make. All settings are checked before the first runs. What settings have in common (data, features, models, signals)
    is prepared once. A component that raises ends its own setting only.

    Args:
        spec: What all settings have in common. It names no ``backtest_id``; its own overrides stay beneath a setting's.
        desk: Strategies, data and infrastructure.
        grid: Values by override path, such as ``{"dip.drop": [0.03, 0.05]}``: every combination is a setting, the last path
            varying fastest. Or a sequence of explicit settings, each a mapping of override paths to values.
        sweep_id: Letters, digits, ``.``, ``_`` and ``-``. None gives a new one; a given one resumes its unfinished sweep, in
            which failed settings are tried again, or returns its finished one.
        processes: How many processes work, this one among them. None takes one for each CPU if the rest would take long enough
            to pay for their start; 1 stays in this process. More than 1 needs a desk that can be pickled, whose store is
            shared between processes and whose components are defined in modules, not in a notebook or the script itself;
            where that is not so the sweep says so and stays in this process.
        progress: True for a bar, False for none, None for a bar on a terminal or in a notebook, or a function that is called
            with a :class:`Progress` of settings at most a few times a second.

    Returns:
        The result.

    Raises:
        ConfigurationError: A setting does not fit the desk, two come to the same, or there are too many.
        BookConflict: The ``sweep_id`` belongs to another grid, spec, data or code.
        OptarbError: What ended the whole sweep; see :mod:`optarb.errors`. Finished settings stay.
        KeyboardInterrupt: Interrupted; the sweep can be resumed by its id, which is printed.
    """
    if processes is not None and processes < 1:
        raise ConfigurationError(f"processes must be a whole number from 1, or None, got {processes!r}")
    asked = SweepSpec.of(spec, grid, sweep_id)
    named = asked if sweep_id is not None else asked.model_copy(update={"sweep_id": new_sweep_id(asked)})
    opened = claim_sweep(desk, named, process_owner())
    if opened.claim.kind == "finished":
        return load_sweep(desk, opened.sweep_id)
    try:
        with showing(progress, opened.sweep_id) as report:
            _Run(desk, opened, report).run(processes)
    except (KeyboardInterrupt, Cancelled) as error:
        desk.store.finish(opened.sweep_id, opened.claim.epoch, "cancelled")
        if isinstance(error, KeyboardInterrupt):
            print(f"interrupted; resume with sweep_id={opened.sweep_id!r}")  # noqa: T201 - the user must learn the id
        raise
    except BaseException as error:
        desk.store.finish(opened.sweep_id, opened.claim.epoch, "failed", error=f"{type(error).__name__}: {error}")
        raise
    finish_sweep(desk, named, opened.claim.epoch)
    return load_sweep(desk, opened.sweep_id)


class _Run:
    """The settings of one sweep, handed out one by one to this process and its helpers."""

    def __init__(self, desk: Desk, opened: OpenSweep, report: ProgressCallback) -> None:
        self._desk = desk
        self._opened = opened
        self._report = report
        self._numbers = deque(range(opened.sweep.count))
        self._lock = threading.Lock()
        self._done = 0
        self._failure: BaseException | None = None
        self._told = self._renewed = time.monotonic()

    def run(self, processes: int | None) -> None:
        """Runs all settings. The first one runs alone, so that what all share is in the cache when others begin."""
        sweep = self._opened.sweep
        with ExitStack() as stack:
            began = time.monotonic()
            self._run_here(most=1)
            left = sweep.count - 1
            wanted = helpers_wanted(processes, left, left * (time.monotonic() - began))
            threads = self._helped(stack, wanted, asked=processes is not None)
            while self._numbers or threads:  # a helper that cannot work gives its number back
                self._run_here()
                for thread in threads:
                    while thread.is_alive():
                        thread.join(_TELL_SECONDS)
                        self._watch("settings", 0, 0)
                threads = []
                self._watch("settings", 0, 0)
        self._report(Progress(backtest_id=self._opened.sweep_id, phase="finished", done=sweep.count, total=sweep.count))

    def _run_here(self, most: int | None = None) -> None:
        taken = 0
        while taken != most and (number := self._next()) is not None:
            run_setting(self._desk, self._opened.sweep, number, self._opened.facts, self._watch)
            self._count()
            taken += 1

    def _next(self) -> int | None:
        with self._lock:
            return self._numbers.popleft() if self._numbers and self._failure is None else None

    def _count(self) -> None:
        with self._lock:
            self._done += 1

    def _helped(self, stack: ExitStack, count: int, *, asked: bool) -> list[threading.Thread]:
        """Starts helper processes, each fed by a thread. They end when the stack is left, whatever they are doing."""
        packed = packed_desk(self._desk, self._opened, asked=asked) if count else None
        if packed is None:
            return []
        threads = []
        for _ in range(count):
            helper = stack.enter_context(SweepProcess(packed))
            threads.append(threading.Thread(target=self._feed, args=(helper,), name="optarb-sweep", daemon=True))
            threads[-1].start()
        return threads

    def _feed(self, helper: SweepProcess) -> None:
        number = self._next()
        try:
            reason = helper.refusal()
            if reason is not None:
                _logger.warning("sweep %s goes on without a helper process: %s", self._opened.sweep_id, reason)
                with self._lock:
                    self._numbers.extendleft([] if number is None else [number])
                return
            while number is not None:
                helper.run(number)
                self._count()
                number = self._next()
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            with self._lock:
                self._failure = self._failure or error

    def _watch(self, _phase: str, _done: int, _total: int) -> None:
        """Reports, renews the lease of the sweep's book, and raises what a helper met."""
        if self._failure is not None:
            raise self._failure
        now = time.monotonic()
        if now - self._told >= _TELL_SECONDS:
            self._told = now
            sweep = self._opened.sweep
            self._report(Progress(backtest_id=self._opened.sweep_id, phase="settings", done=self._done, total=sweep.count))
        if now - self._renewed >= _RENEW_SECONDS:
            self._renewed = now
            lease = self._opened.sweep.spec.execution.lease_seconds
            if self._desk.store.renew(self._opened.sweep_id, self._opened.claim.epoch, lease):
                raise Cancelled(f"sweep {self._opened.sweep_id!r} was asked to stop; resume it with the same sweep_id")


_TELL_SECONDS = 0.25
_RENEW_SECONDS = 1.0
