"""Components: frozen dataclasses whose fields are their parameters, or plain module-level functions.

What every room needs to know of a component without knowing its kind: whether it is one, what it is called, its parameters as
canonical JSON values, the digest of its source, the components nested in it, and how a parameter is overridden by path.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from types import FunctionType
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from optarb.errors import ConfigurationError, UnknownName

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["canonical", "check_component", "component_name", "nested", "override", "source_digest"]


def check_component(value: object, role: str, *, methods: Sequence[str] = (), function: bool = False) -> None:
    """Refuses what cannot serve as a component.

    Args:
        value: What the user passed.
        role: What it was passed as, for the message, such as ``"expert 'dip'"``.
        methods: What the role asks of it.
        function: Whether a plain function may stand in its place.

    Raises:
        ConfigurationError: A class instead of an instance, an ``async def``, a lambda, a closure, a partial, an object that is
            not a frozen dataclass, or one without the role's methods.
    """
    if isinstance(value, type):
        raise ConfigurationError(f"{role}: pass {value.__name__}(), not {value.__name__}")
    if inspect.iscoroutinefunction(value):
        raise ConfigurationError(
            f"{role}: {_called(value)} is an async def; optarb calls components in threads, use a plain def"
        )
    if isinstance(value, FunctionType) and function:
        _check_function(value, role)
        return
    if not dataclasses.is_dataclass(value):
        raise ConfigurationError(
            f"{role}: {value!r} is {'neither a dataclass nor a module-level function' if function else 'no dataclass'}; use a "
            "frozen dataclass, so that its parameters have names and its results can be cached"
        )
    parameters: Any = getattr(type(value), "__dataclass_params__", None)
    if not parameters.frozen:
        raise ConfigurationError(
            f"{role}: {type(value).__name__} is not frozen; declare it with @dataclass(frozen=True, kw_only=True)"
        )
    _check_methods(value, role)
    missing = [name for name in methods if not hasattr(value, name)]
    if missing:
        raise ConfigurationError(f"{role}: {type(value).__name__} has no {', '.join(missing)}; is it meant for another role?")


def _check_function(function: FunctionType, role: str) -> None:
    if function.__name__ == "<lambda>" or function.__closure__ or "<locals>" in function.__qualname__:
        kind = "a lambda" if function.__name__ == "<lambda>" else "a closure or local function"
        raise ConfigurationError(
            f"{role}: {_called(function)} is {kind}; its parameters cannot be named in a cache key, use a frozen dataclass"
        )


def _check_methods(value: object, role: str) -> None:
    for name, _ in inspect.getmembers(type(value), inspect.iscoroutinefunction):
        if not name.startswith("_"):
            raise ConfigurationError(
                f"{role}: {type(value).__name__}.{name} is an async def; optarb calls components in threads, use a plain def"
            )


def _called(value: object) -> str:
    return repr(getattr(value, "__qualname__", value))


def component_name(value: object) -> str:
    """Names a component's class or function as ``module:qualified.name``."""
    kind = value if isinstance(value, FunctionType) else type(value)
    return f"{kind.__module__}:{kind.__qualname__}"


def canonical(value: Any) -> Any:
    """Turns a component or a parameter into JSON values that are equal exactly when the parameters are.

    Args:
        value: A component, or anything that stands in a component's fields.

    Raises:
        ConfigurationError: A value that has no canonical form, such as an open file.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        params = {field.name: canonical(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"component": component_name(value), "parameters": params}
    if isinstance(value, FunctionType):
        return {"component": component_name(value)}
    if isinstance(value, Mapping):
        return {"mapping": [[canonical(key), canonical(item)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, set | frozenset):
        return {"set": sorted(repr(canonical(item)) for item in value)}
    return _canonical_scalar(value)


def _canonical_scalar(value: object) -> Any:
    if isinstance(value, Enum | PurePath):
        return str(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return {"float": value.hex()}
    if isinstance(value, Decimal):
        return {"decimal": str(value.normalize())}
    if isinstance(value, date | time):  # a datetime is a date too
        return {type(value).__name__: value.isoformat()}
    if isinstance(value, timedelta):
        return {"seconds": value.total_seconds()}
    raise ConfigurationError(
        f"parameter {value!r} of type {type(value).__name__} has no canonical form; use numbers, text, dates, enums, tuples, "
        "mappings or frozen dataclasses"
    )


def nested(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yields the component and all components in its fields, with their paths.

    Args:
        value: A component.
        path: Path of the component itself.
    """
    yield path, value
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return
    for field in dataclasses.fields(value):
        inner = getattr(value, field.name)
        where = f"{path}.{field.name}" if path else field.name
        if isinstance(inner, FunctionType) or (dataclasses.is_dataclass(inner) and not isinstance(inner, type)):
            yield from nested(inner, where)
        elif isinstance(inner, list | tuple | Mapping):
            items = inner.items() if isinstance(inner, Mapping) else enumerate(inner)
            for name, item in items:
                if isinstance(item, FunctionType) or (dataclasses.is_dataclass(item) and not isinstance(item, type)):
                    yield from nested(item, f"{where}.{name}")


def source_digest(value: object) -> str | None:
    """Hashes the source of the modules that define a component, its bases and the components nested in it.

    Whole modules are hashed, since a class's own source misses the helpers beside it. What those modules import from elsewhere
    is versioned by its owner.

    Args:
        value: A component.

    Returns:
        SHA-256 in hexadecimal, or None if some of the source cannot be had (a notebook or an interactive session without it).
    """
    digest = hashlib.sha256()
    modules: set[str] = set()
    for _, component in nested(value):
        kinds = (component,) if isinstance(component, FunctionType) else type(component).__mro__
        modules.update(kind.__module__ for kind in kinds)
    for module in sorted(modules - {"builtins", "typing", "abc", "typing_extensions"}):
        source = _module_source(module) if module != "__main__" else _main_source(value)
        if source is None:
            return None
        digest.update(module.encode() + b"\0" + source + b"\0")
    return digest.hexdigest()


def _module_source(name: str) -> bytes | None:
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        return None
    try:
        stat = os.stat(file)  # noqa: PTH116 - a hot path
        return _read(file, stat.st_mtime_ns, stat.st_size)
    except OSError:
        return None


@functools.lru_cache(maxsize=512)
def _read(file: str, mtime_ns: int, size: int) -> bytes:  # noqa: ARG001 - they tell versions of the file apart
    return Path(file).read_bytes()


def _main_source(value: object) -> bytes | None:
    """Source of a component that lives in ``__main__``: the script, or in a notebook the cells of its classes."""
    script = _module_source("__main__")
    if script is not None:
        return script
    parts: list[str] = []
    for _, component in nested(value):
        kinds = (component,) if isinstance(component, FunctionType) else type(component).__mro__
        for kind in kinds:
            if kind.__module__ == "__main__":
                try:
                    parts.append(inspect.getsource(kind))
                except (OSError, TypeError):
                    return None
    return "\0".join(parts).encode()


def override(component: object, path: str, value: object, *, full_path: str | None = None) -> Any:
    """Returns a copy of a component with one nested field replaced.

    Args:
        component: A frozen dataclass.
        path: Field names joined by dots, such as ``"simulator.fees.commission_usd"``.
        value: New value; it is checked against the field's annotation (an int serves for a float, text for
            a Decimal or a date).
        full_path: The path as the user wrote it, for messages.

    Raises:
        UnknownName: The path names no field.
        ConfigurationError: The value does not fit the annotation, or the component refuses it.
    """
    name, _, rest = path.partition(".")
    shown = full_path or path
    if not dataclasses.is_dataclass(component) or isinstance(component, type):
        raise UnknownName(f"override {shown!r}: {component!r} has no parameters")
    names = [field.name for field in dataclasses.fields(component) if field.init]
    if name not in names:
        raise UnknownName.of(f"parameter {shown!r} of {type(component).__name__}:", name, names)
    present = getattr(component, name)
    if rest:
        new = override(present, rest, value, full_path=shown)
    elif dataclasses.is_dataclass(present) or isinstance(present, FunctionType):
        raise ConfigurationError(f"override {shown!r} names a component, not a parameter; write {shown}.<parameter>")
    else:
        new = _checked(type(component), name, value, shown)
    try:
        return dataclasses.replace(component, **{name: new})
    except ValueError as error:
        raise ConfigurationError(f"override {shown!r} = {value!r} is refused: {error}") from error


@functools.lru_cache(maxsize=512)
def _adapter(owner: type, name: str) -> tuple[Any, TypeAdapter[object]] | None:
    """Returns a field's annotation and what checks values against it; None where the annotation cannot be read."""
    from pydantic import PydanticUserError, TypeAdapter

    try:
        annotation = get_type_hints(owner, include_extras=True)[name]
        return annotation, TypeAdapter(annotation)
    except (NameError, KeyError, PydanticUserError):
        return None


def _checked(owner: type, name: str, value: object, shown: str) -> object:
    from pydantic import ValidationError

    known = _adapter(owner, name)
    if known is None:
        return value
    annotation, adapter = known
    try:
        if isinstance(value, float) and Decimal in (annotation, *get_args(annotation)):
            value = str(value)
        if isinstance(value, str):
            return adapter.validate_strings(value) if annotation is not str else value
        if isinstance(value, list):
            return adapter.validate_python(tuple(value))
        return adapter.validate_python(value, strict=not isinstance(value, int) or isinstance(value, bool))
    except ValidationError as error:
        problem = error.errors()[0]["msg"]
        raise ConfigurationError(f"override {shown!r} = {value!r} does not fit {owner.__name__}.{name}: {problem}") from error
