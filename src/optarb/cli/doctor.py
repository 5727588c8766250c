"""``optarb doctor``."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Annotated, Generic, NamedTuple, TypeVar

import typer

from optarb.cli.desks import load_desk
from optarb.cli.exit_codes import ExitCode
from optarb.cli.options import TASK_QUEUE, AddressOption, TaskQueueOption
from optarb.cli.output import JsonOption, print_json, print_table

if TYPE_CHECKING:
    from optarb.cli._checks import Check, Finding

__all__ = ["doctor"]

T = TypeVar("T")


class _Line(NamedTuple):
    """A finding and what was looked at."""

    name: str
    finding: Finding


def doctor(
    *,
    desk: Annotated[
        str | None,
        typer.Option(
            "--desk", envvar="OPTARB_DESK", metavar="MODULE:ATTRIBUTE", help="The desk to look at; none leaves it out."
        ),
    ] = None,
    address: AddressOption = None,
    task_queue: TaskQueueOption = TASK_QUEUE,
    timeout: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="How long all of it may take.")] = 30.0,
    json: JsonOption = False,
) -> None:
    """Look for what is wrong here, and say what to do.

    Looks at Python, keys, server, workers, store, cache, calendar, disk, data, broker and feed. Exit code 1 if there is a
    problem.
    """
    with redirect_stdout(sys.stderr):
        lines, hangs = _looked(desk, task_queue, address, time.monotonic() + timeout)
    bad = any(line.finding.level == "problem" for line in lines)
    if json:
        print_json({"ok": not bad, "checks": [_document(line) for line in lines]})
    else:
        _print(lines)
    code = ExitCode.FAILED if bad else ExitCode.DONE
    if hangs:
        # What hangs may hold locks that an orderly end would wait for.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    raise typer.Exit(code)


def _looked(desk_name: str | None, task_queue: str, address: str | None, deadline: float) -> tuple[list[_Line], bool]:
    """Looks at everything at once until the deadline; tells also whether something hangs."""
    from optarb.cli._checks import Finding, checks_of_desk, checks_of_machine
    from optarb.cli._live_checks import checks_of_live_desk

    looks = _begun(checks_of_machine(task_queue, address))
    if desk_name is None:
        hint = "add --desk; store, cache, calendar, disk and data were not looked at"
        lines = [_Line("desk", Finding(level="warning", message="no desk was named", hint=hint))]
        return [*_ended(looks, deadline), *lines], any(look.hangs for look in looks.values())
    loading = _Call(lambda: load_desk(desk_name))
    desk = loading.outcome(deadline)
    if isinstance(desk, Exception):
        lines = [_Line("desk", _told(desk))]
    else:
        strategies = ", ".join(strategy.name for strategy in desk.strategies)
        lines = [_Line("desk", Finding(level="ok", message=f"{desk_name} with {strategies}"))]
        looks |= _begun(checks_of_desk(desk) | checks_of_live_desk(desk))
    lines += _ended(looks, deadline)
    hangs = loading.hangs or any(look.hangs for look in looks.values())
    if not isinstance(desk, Exception) and not hangs:
        desk.close()
    return lines, hangs


class _Call(Generic[T]):
    """A call in a thread of its own, which nobody has to wait for."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._outcome: T | Exception = TimeoutError()
        self._thread = threading.Thread(target=self._run, args=(call,), daemon=True)
        self._thread.start()

    def outcome(self, deadline: float) -> T | Exception:
        """Waits for what it returns or raises; TimeoutError if that comes too late."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return self._outcome

    @property
    def hangs(self) -> bool:
        """Whether it still runs."""
        return self._thread.is_alive()

    def _run(self, call: Callable[[], T]) -> None:
        try:
            self._outcome = call()
        except Exception as error:  # noqa: BLE001 - whatever a component raises is what the doctor has to tell
            self._outcome = error


def _begun(checks: Mapping[str, Check]) -> dict[str, _Call[list[Finding]]]:
    def call(check: Check) -> _Call[list[Finding]]:
        return _Call(lambda: list(check()))

    return {name: call(check) for name, check in checks.items()}


def _ended(looks: Mapping[str, _Call[list[Finding]]], deadline: float) -> list[_Line]:
    lines = []
    for name, look in looks.items():
        outcome = look.outcome(deadline)
        findings = [_told(outcome)] if isinstance(outcome, Exception) else outcome
        lines += [_Line(name, finding) for finding in findings]
    return lines


def _told(error: Exception) -> Finding:
    from optarb.cli._checks import Finding, problem_of

    if isinstance(error, TimeoutError):
        return Finding(level="problem", message="no answer in time", hint="allow more with --timeout, or see why it hangs")
    return problem_of(error)


def _document(line: _Line) -> dict[str, str]:
    finding = line.finding
    return {"name": line.name, "level": finding.level, "message": finding.message, "hint": finding.hint}


def _print(lines: list[_Line]) -> None:
    print_table(("", "", ""), [row for line in lines for row in _rows(line)])
    counts = Counter(line.finding.level for line in lines)
    typer.echo(f"{counts['ok']} ok, {counts['warning']} warnings, {counts['problem']} problems")


def _rows(line: _Line) -> list[tuple[str, str, str]]:
    finding = line.finding
    rows: list[tuple[str, str, str]] = [(finding.level, line.name, finding.message)]
    return [*rows, ("", "", f"-> {finding.hint}")] if finding.hint else rows
