"""What ``optarb doctor`` looks at, one function a subject. Each looks, tells, and leaves nothing behind."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from optarb.cli.cache import usage_text
from optarb.errors import BookNotFound, ConfigurationError, OptarbError, SchemaMismatch, ServerUnavailable, Superseded

if TYPE_CHECKING:
    from optarb.desk import Desk

__all__ = ["Check", "Finding", "Level", "checks_of_desk", "checks_of_machine", "problem_of"]

Level = Literal["ok", "warning", "problem"]
"""Whether all is well, something may surprise, or something will not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor's."""

    level: Level
    """How bad it is."""
    message: str
    """What was found."""
    hint: str = ""
    """What to do; empty where nothing need be done."""


Check = Callable[[], Iterator[Finding]]

_LIBRARIES = ("optarb", "temporalio", "numpy", "pandas", "pyarrow", "scipy", "pydantic", "sqlalchemy", "exchange_calendars")
_KEYS: Mapping[str, tuple[str, ...]] = {
    "Temporal": ("TEMPORAL_API_KEY", "TEMPORAL_TLS_CLIENT_KEY_PATH", "TEMPORAL_TLS_CLIENT_KEY_DATA"),
    "PostgreSQL": ("PGPASSWORD",),
    "Alpaca": ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY"),
    "OpenAI": ("OPENAI_API_KEY",),
}
_FEW_BYTES = 1_000_000_000
_TOO_FEW_BYTES = 100_000_000
_QUOTES_BACK = timedelta(days=14)
_CALENDAR_AHEAD = timedelta(days=14)


def checks_of_machine(task_queue: str, address: str | None) -> dict[str, Check]:
    """Returns the checks that need no desk.

    Args:
        task_queue: Whose workers to look for.
        address: ``host:port``; None for what the environment and ``temporal.toml`` say.
    """
    return {"python": _python, "keys": _keys, "server": partial(_server, task_queue, address)}


def checks_of_desk(desk: Desk) -> dict[str, Check]:
    """Returns the checks of a desk.

    Args:
        desk: The desk.
    """
    return {
        "store": partial(_store, desk),
        "cache": partial(_cache, desk),
        "calendar": partial(_calendar, desk),
        "disk": partial(_disk, desk),
        **{f"data {symbol}": partial(_data, desk, symbol) for symbol in _symbols(desk)},
    }


def _symbols(desk: Desk) -> list[str]:
    return list(dict.fromkeys(symbol for strategy in desk.strategies for symbol in strategy.symbols))


def _python() -> Iterator[Finding]:
    found, missing = [], []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    yield Finding(level="ok", message=f"Python {platform.python_version()}, {', '.join(found)}")
    if missing:
        yield Finding(
            level="problem", message=f"not installed: {', '.join(missing)}", hint="install optarb anew: pip install optarb"
        )


def _keys() -> Iterator[Finding]:
    for service, names in _KEYS.items():
        present = [name for name in names if os.environ.get(name)]
        yield Finding(level="ok", message=f"{service}: {', '.join(present) + ' set' if present else 'none set'}")


def _server(task_queue: str, address: str | None) -> Iterator[Finding]:
    from optarb.cli._asking import server_facts

    try:
        facts = server_facts(task_queue, address)
    except ServerUnavailable as error:
        yield _without_server(address, error)
        return
    yield Finding(level="ok", message=f"Temporal server {facts.version} at {facts.address}")
    if not facts.has_namespace:
        yield Finding(
            level="problem",
            message=f"the server knows no namespace {facts.namespace!r}",
            hint="create it, or set TEMPORAL_NAMESPACE to one that exists",
        )
        return
    yield Finding(level="ok", message=f"namespace {facts.namespace!r}")
    if facts.pollers:
        names = ", ".join(one.identity for one in facts.pollers)
        yield Finding(level="ok", message=f"heard on task queue {task_queue!r} in the last minutes: {names}")
    else:
        yield Finding(
            level="warning", message=f"no worker listens on task queue {task_queue!r}", hint="start some: optarb worker start"
        )


def _without_server(address: str | None, error: ServerUnavailable) -> Finding:
    """Judges that no server answers: bad where one was named, and no harm where a backtest can start its own."""
    from optarb.cli._asking import named_address
    from optarb.temporal.server import find_cli

    if address is not None or named_address():
        return Finding(
            level="problem", message=str(error), hint="start it, or correct --address, TEMPORAL_ADDRESS or temporal.toml"
        )
    cli = find_cli()
    if cli is not None:
        return Finding(
            level="warning",
            message=f"no Temporal server runs; a backtest starts one of its own with {str(cli)!r}",
            hint="for one that stays: optarb server --port 7233 --database temporal.db",
        )
    return Finding(
        level="warning",
        message="no Temporal server runs, and no temporal executable is on this machine",
        hint="fetch one: python -m optarb.temporal.server fetch; or run with --in-process",
    )


def _store(desk: Desk) -> Iterator[Finding]:
    try:
        count = len(desk.store.books())
    except SchemaMismatch as error:
        yield Finding(level="problem", message=str(error), hint="bring it to this version: optarb store upgrade")
        return
    yield Finding(
        level="ok",
        message=f"{desk.store!r} can be read: {count} {'backtest' if count == 1 else 'backtests'}{_schema_version(desk)}",
    )
    try:
        # Takes the lock of a writer and then finds nothing to write.
        desk.store.renew("optarb.doctor", 0, 0.0)
    except (BookNotFound, Superseded):
        yield Finding(level="ok", message="it can be written")
    if not desk.store.is_shared:
        yield Finding(
            level="warning",
            message="its books live and end with one process, so it cannot be used with Temporal",
            hint="give the desk a store in a file, such as SqlStore(url='sqlite:///optarb.db')",
        )


def _schema_version(desk: Desk) -> str:
    from optarb.stores import SqlStore
    from optarb.stores._schema import SCHEMA_VERSION

    return f", schema version {SCHEMA_VERSION}" if isinstance(desk.store, SqlStore) else ""


def _cache(desk: Desk) -> Iterator[Finding]:
    key, value = f"optarb.doctor/{secrets.token_hex(8)}", b"probe"
    desk.cache.put(key, value, ttl=60.0)
    found = desk.cache.get(key)
    desk.cache.delete(key)
    if found is None:
        yield Finding(level="warning", message=f"{desk.cache!r} keeps nothing: every run computes everything")
    elif bytes(found) != value:
        yield Finding(level="problem", message=f"{desk.cache!r} returns other bytes than were put", hint="use another cache")
    else:
        yield Finding(level="ok", message=f"{desk.cache!r} can be written; {usage_text(desk.cache)}")


def _calendar(desk: Desk) -> Iterator[Finding]:
    today = datetime.now(UTC).date()
    ahead = desk.calendar.sessions(today, today + _CALENDAR_AHEAD)
    if not ahead:
        yield Finding(
            level="problem",
            message=f"the calendar has no session from {today} to {today + _CALENDAR_AHEAD}",
            hint="update exchange_calendars, or mend the desk's calendar",
        )
        return
    opens, closes = desk.calendar.opens_at(ahead[0]), desk.calendar.closes_at(ahead[0])
    yield Finding(level="ok", message=f"next session {ahead[0]}, {opens:%H:%M} to {closes:%H:%M} UTC")


def _disk(desk: Desk) -> Iterator[Finding]:
    seen: set[int] = set()
    for folder in _folders(desk):
        device = folder.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        free = shutil.disk_usage(folder).free
        level: Level = "ok" if free >= _FEW_BYTES else "warning" if free >= _TOO_FEW_BYTES else "problem"
        yield Finding(
            level=level,
            message=f"{free / 1e9:,.1f} GB free where {str(folder)!r} lies",
            hint="" if level == "ok" else "make room; optarb cache clear removes what can be computed again",
        )


def _folders(desk: Desk) -> Iterator[Path]:
    """Finds the folders that this machine's part of a desk writes to; where one is not made yet, the one it will be made in."""
    from optarb.caches import FileCache
    from optarb.stores import SqlStore

    yield Path.cwd()
    named = [desk.cache.path] if isinstance(desk.cache, FileCache) else []
    if isinstance(desk.store, SqlStore) and desk.store.url.startswith("sqlite:///"):
        named.append(desk.store.url.removeprefix("sqlite:///"))
    for name in named:
        path = Path(name).expanduser().absolute()
        yield next(folder for folder in (path, *path.parents) if folder.is_dir())


def _data(desk: Desk, symbol: str) -> Iterator[Finding]:
    bars = desk.market_data.bars(symbol).checked()
    first, last = bars.dates[0], bars.dates[-1]
    yield Finding(level="ok", message=f"{len(bars)} daily bars, {first} to {last}")
    if not any(symbol in strategy.underlyings for strategy in desk.strategies):
        return
    rows, sessions, modelled = 0, set(), False
    for table in desk.market_data.chains(symbol, last - _QUOTES_BACK, last):
        rows += len(table)
        sessions.update(table.sessions.tolist())
        modelled = modelled or table.modelled
    if sessions:
        kind = "modelled" if modelled else "real"
        yield Finding(
            level="ok", message=f"{rows} {kind} quotes in the {len(sessions)} sessions from {min(sessions)} to {max(sessions)}"
        )
    else:
        yield Finding(
            level="warning",
            message=f"no option quotes in the last {_QUOTES_BACK.days} days of the bars, which end on {last}",
            hint="end backtests where the quotes end, or add quotes",
        )


def problem_of(error: Exception) -> Finding:
    """Tells an error that ended a check.

    Args:
        error: What was raised.
    """
    known = isinstance(error, OptarbError)
    message = str(error) if known else f"{type(error).__name__}: {error}"
    hint = "" if known else "this is an error of a component or of a library, not of the setting"
    if isinstance(error, ConfigurationError):
        hint = "correct the desk"
    return Finding(level="problem", message=message, hint=hint)
