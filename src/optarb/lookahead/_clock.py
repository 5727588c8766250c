"""The clock as a component's own modules read it, put forward."""

from __future__ import annotations

import datetime as dt
import sys
import time as real_time
from collections.abc import Generator
from contextlib import contextmanager
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

from optarb._component import nested

__all__ = ["clock_ahead"]

_READS = ("time", "time_ns", "localtime", "gmtime", "strftime", "ctime", "asctime")


@contextmanager
def clock_ahead(component: object, days: int) -> Generator[None]:
    """Puts the clock forward in the modules that define a component, and in those beside them in their package.

    Names of these modules that stand for :mod:`datetime`, :mod:`time` or what these define are bound to others for a
    while. What other packages read, such as pandas, is the real time.

    Args:
        component: The component.
        days: How far; 0 for not at all.
    """
    if not days:
        yield
        return
    stand_ins = _stand_ins(days)
    bound: list[tuple[ModuleType, str, object]] = []
    for module in _modules(component):
        for name, value in list(vars(module).items()):
            found = stand_ins.get(id(value))
            if found is not None:
                bound.append((module, name, value))
                setattr(module, name, found)
    try:
        yield
    finally:
        for module, name, value in bound:
            setattr(module, name, value)


def _modules(component: object) -> list[ModuleType]:
    own: set[str] = set()
    for _, part in nested(component):
        kinds = (part,) if isinstance(part, FunctionType) else type(part).__mro__
        own |= {kind.__module__ for kind in kinds if kind.__module__ not in {"builtins", "typing", "abc"}}
    packages = {name.partition(".")[0] for name in own} - {"optarb"}
    names = [name for name in sys.modules if name in own or name.partition(".")[0] in packages]
    return [sys.modules[name] for name in names]


def _stand_ins(days: int) -> dict[int, object]:
    """What replaces the clock's names, by the identity of what they stand for."""
    ahead = dt.timedelta(days=days, hours=5, seconds=17)
    date, at = _ahead_date(ahead), _ahead_datetime(ahead)
    functions = {name: _ahead_function(name, ahead.total_seconds()) for name in _READS}
    found: dict[int, object] = {id(getattr(real_time, name)): function for name, function in functions.items()}
    found |= {id(dt.date): date, id(dt.datetime): at}
    found[id(dt)] = SimpleNamespace(**{**vars(dt), "date": date, "datetime": at})
    found[id(real_time)] = SimpleNamespace(**{**vars(real_time), **functions})
    return found


class _StandsIn(type):
    """Lets ``isinstance`` and ``issubclass`` see the real class."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.__mro__[1])

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.__mro__[1])


def _ahead_date(ahead: dt.timedelta) -> type:
    class Date(dt.date, metaclass=_StandsIn):
        def __new__(cls, *arguments: Any, **named: Any) -> Any:
            return dt.date(*arguments, **named)

        @classmethod
        def today(cls) -> Any:
            return (dt.datetime.now() + ahead).date()  # noqa: DTZ005 - as the one it stands for

        @classmethod
        def fromisoformat(cls, text: str) -> Any:
            return dt.date.fromisoformat(text)

        @classmethod
        def fromordinal(cls, day: int) -> Any:
            return dt.date.fromordinal(day)

    return Date


def _ahead_datetime(ahead: dt.timedelta) -> type:
    class Datetime(dt.datetime, metaclass=_StandsIn):
        def __new__(cls, *arguments: Any, **named: Any) -> Any:
            return dt.datetime(*arguments, **named)  # noqa: DTZ001 - as the one it stands for

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return dt.datetime.now(tz) + ahead

        @classmethod
        def today(cls) -> Any:
            return dt.datetime.now() + ahead  # noqa: DTZ005

        @classmethod
        def utcnow(cls) -> Any:
            return dt.datetime.now(dt.UTC).replace(tzinfo=None) + ahead

    return Datetime


def _ahead_function(name: str, seconds: float) -> Any:
    function: Any = getattr(real_time, name)
    if name == "time":
        return lambda: real_time.time() + seconds
    if name == "time_ns":
        return lambda: real_time.time_ns() + int(seconds) * 1_000_000_000
    given = {"strftime": 1, "asctime": 0}.get(name, 0)
    broken_down = name in {"strftime", "asctime"}

    def ahead(*arguments: Any) -> Any:
        if len(arguments) > given:
            return function(*arguments)
        now = real_time.time() + seconds
        return function(*arguments, real_time.localtime(now) if broken_down else now)

    return ahead
