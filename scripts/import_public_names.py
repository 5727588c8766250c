"""Imports every module and every public name of the installed optarb, with no extra installed."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import optarb

# Import names that extras bring. A module may need one of them; then its names cannot be looked at here.
_EXTRAS = {"alpaca", "arch", "fastapi", "lightgbm", "openai", "pandas_ta", "plotly", "psycopg", "redis", "uvicorn"}


def main() -> int:
    """Returns 1 if a name that is declared public does not exist."""
    if "site-packages" not in optarb.__path__[0]:
        print(f"optarb was imported from {optarb.__path__[0]}, not from the installed wheel")
        return 1
    names = ["optarb", *(found.name for found in pkgutil.walk_packages(optarb.__path__, "optarb."))]
    missing, count = [], 0
    for name in names:
        if name.endswith(".__main__"):
            continue
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            absent = (error.name or "").partition(".")[0]
            if absent not in _EXTRAS and not (absent == "pytest" and name.startswith("optarb.testing.")):
                raise
            print(f"  {name}: needs {error.name}")
            continue
        for public in getattr(module, "__all__", ()):
            count += 1
            try:
                getattr(module, public)
            except AttributeError:
                missing.append(f"{name}.{public}")
            except ModuleNotFoundError as error:
                # The conformance classes are pytest classes, for those who run pytest anyway.
                if error.name != "pytest" or name != "optarb.testing":
                    raise
    print(f"{len(names)} modules, {count} public names, {len(missing)} missing", *missing, sep="\n  ")
    return 1 if missing or not hasattr(optarb, "__all__") else 0


if __name__ == "__main__":
    sys.exit(main())
