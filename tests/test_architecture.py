"""Rules of the house that a reviewer would otherwise have to remember."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "optarb"

# From the ground up. A part may import parts of lower layers; parts of one layer may import each other, in one
# direction only, unless they stand in APART.
LAYERS = (
    {"_names", "errors"},
    {"domain"},
    {"indicators", "ledger", "pricing", "statistics", "structures"},
    {"_component", "_connections", "decisions", "protocols", "specs", "strategy"},
    {
        "adapters",
        "brokers",
        "caches",
        "calendars",
        "experts",
        "market_data",
        "notifiers",
        "policies",
        "position_managers",
        "stores",
    },
    {"desk"},
    {"engine"},
    {"reports"},
    {"backtesting", "trading"},
    {"lookahead", "trial"},
    {"temporal"},
    {"testing"},
    {"api", "cli"},
)
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}
APART = (LAYERS[4], {"backtesting", "trading"})
MAY_IMPORT_TEMPORALIO = {"api", "cli", "temporal", "testing"}
MAY_IMPORT_ROOT = {"api", "cli"}

MAX_FILE_LINES = 450
MAX_FUNCTION_LINES = 60


def modules(source):
    """Yields each module as (dotted name below optarb, path, tree); the root package has the name ''."""
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield name, path, ast.parse(path.read_text(encoding="utf-8"))


def imported_names(tree):
    """Yields all that a module imports, at any depth and under TYPE_CHECKING too: a type is a dependency."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            if module == "optarb":
                yield from (f"optarb.{alias.name}" for alias in node.names)
            else:
                yield module


def broken_imports(source):
    """Returns one line for each import that points up, sideways into another room, or at what it may not."""
    found, edges = [], set()
    for name, _, tree in modules(source):
        part = name.partition(".")[0]
        if not part:
            continue  # the root package loads the public names on first use, from anywhere
        if part not in RANK:
            found.append(f"{part}: has no place in LAYERS")
            continue
        for target in imported_names(tree):
            found.extend(_judge(source, name, part, target))
            top, _, rest = target.partition(".")
            other = rest.partition(".")[0]
            if top == "optarb" and other in RANK and other != part:
                edges.add((part, other))
    found.extend(f"{a} and {b} import each other" for a, b in sorted(edges) if a < b and (b, a) in edges)
    return found


def _judge(source, name, part, target):
    top, _, rest = target.partition(".")
    other = rest.partition(".")[0]
    if top == "":
        yield f"{name}: relative import of {target!r}"
    elif top == "temporalio" and part not in MAY_IMPORT_TEMPORALIO:
        yield f"{name}: imports {target}"
    elif top != "optarb" or other == part:
        return
    elif not other or not ((source / other).is_dir() or (source / f"{other}.py").is_file()):
        if part not in MAY_IMPORT_ROOT:
            yield f"{name}: imports {target} from the root package; name the module that defines it"
    elif RANK.get(other, len(LAYERS)) > RANK[part]:
        yield f"{name}: imports {target}, which stands above"
    elif any(part in rooms and other in rooms for rooms in APART):
        yield f"{name}: imports {target}, a room beside"


def long_files(source):
    """Returns one line for each file that is too long."""
    counts = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path, _ in modules(source)}
    return [f"{name}: {count} lines" for name, count in counts.items() if count > MAX_FILE_LINES]


def long_functions(source):
    """Returns one line for each function that is too long; its docstring does not count."""
    found = []
    for name, _, tree in modules(source):
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            lines = node.end_lineno - node.lineno + 1
            if ast.get_docstring(node, clean=False) is not None:
                lines -= node.body[0].end_lineno - node.body[0].lineno + 1
            if lines > MAX_FUNCTION_LINES:
                found.append(f"{name}.{node.name}: {lines} lines")
    return found


def positional_dataclasses(source):
    """Returns the public dataclasses whose fields can be passed by position."""
    found = []
    for name, _, tree in modules(source):
        if any(part.startswith("_") for part in name.split(".")):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.extend(f"{name}.{node.name}" for deco in node.decorator_list if _is_positional_dataclass(deco))
    return found


def _is_positional_dataclass(decorator):
    call = decorator if isinstance(decorator, ast.Call) else None
    if ast.unparse(call.func if call else decorator).rpartition(".")[2] != "dataclass":
        return False
    keywords = call.keywords if call else []
    return not any(word.arg == "kw_only" and ast.unparse(word.value) == "True" for word in keywords)


def shadowed_modules(source):
    """Returns the names that a package exports although a module of it has that name and they are not that module."""
    found = []
    for path in sorted(source.rglob("__init__.py")):
        folder = path.parent
        children = {child.stem for child in folder.glob("*.py")} | {child.name for child in folder.iterdir()}
        dotted = ".".join(("optarb", *folder.relative_to(source).parts))
        package = importlib.import_module(dotted)
        names = children.intersection(getattr(package, "__all__", ()))
        found.extend(f"{dotted}.{name}" for name in sorted(names) if not inspect.ismodule(getattr(package, name)))
    return found


@pytest.mark.parametrize(
    "rule",
    [broken_imports, long_files, long_functions, positional_dataclasses, shadowed_modules],
    ids=lambda f: f.__name__,
)
def test_source_when_checked_then_rule_holds(rule):
    assert rule(SOURCE) == []


@pytest.fixture
def house(tmp_path):
    """Builds a source tree from {relative path: text}."""

    def build(files):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return tmp_path

    return build


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"domain/a.py": "from optarb.desk import Desk", "desk.py": ""}, "which stands above"),
        ({"domain/a.py": "def f():\n    from optarb.ledger.b import x", "ledger/b.py": ""}, "which stands above"),
        (
            {
                "domain/a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import optarb.desk",
                "desk.py": "",
            },
            "which stands above",
        ),
        ({"domain/a.py": "from optarb import desk", "desk.py": ""}, "which stands above"),
        ({"stores/a.py": "from optarb.caches.b import x", "caches/b.py": ""}, "a room beside"),
        ({"trading/a.py": "from optarb.backtesting import x", "backtesting/b.py": ""}, "a room beside"),
        ({"engine/a.py": "import temporalio.client"}, "engine.a: imports temporalio.client"),
        ({"engine/a.py": "import optarb"}, "from the root package"),
        ({"engine/a.py": "from optarb import Signal"}, "from the root package"),
        ({"engine/a.py": "from .b import x"}, "relative import"),
        ({"cellar/a.py": ""}, "cellar: has no place in LAYERS"),
        (
            {"ledger/a.py": "import optarb.pricing.b", "pricing/b.py": "import optarb.ledger.a"},
            "ledger and pricing import each other",
        ),
    ],
)
def test_broken_imports_when_import_breaks_rule_then_named(house, files, message):
    found = broken_imports(house(files))

    assert len(found) == 1
    assert message in found[0]


def test_broken_imports_when_imports_point_down_then_nothing_found(house):
    files = {
        "__init__.py": "from optarb.cli import main",
        "errors.py": "",
        "stores/a.py": "import numpy\nfrom optarb import errors\nfrom optarb.stores import b",
        "stores/b.py": "",
        "cli/a.py": "import temporalio.client\nimport optarb",
    }

    assert broken_imports(house(files)) == []


def test_long_functions_when_docstring_makes_it_long_then_not_counted(house):
    body = "\n".join("    x = 1" for _ in range(MAX_FUNCTION_LINES - 1))
    docstring = '    """' + "\n" * 20 + '    """'

    assert long_functions(house({"errors.py": f"def f():\n{docstring}\n{body}\n"})) == []
    assert long_functions(house({"errors.py": f"def f():\n{body}\n    x = 2\n"})) == [
        f"errors.f: {MAX_FUNCTION_LINES + 1} lines"
    ]


def test_long_files_when_one_line_too_many_then_named(house):
    assert long_files(house({"errors.py": "x = 1\n" * MAX_FILE_LINES})) == []
    assert long_files(house({"errors.py": "x = 1\n" * (MAX_FILE_LINES + 1)})) == [f"errors: {MAX_FILE_LINES + 1} lines"]


@pytest.mark.parametrize(
    ("decorator", "found"),
    [
        ("@dataclass", ["errors.Thing"]),
        ("@dataclass(frozen=True)", ["errors.Thing"]),
        ("@dataclasses.dataclass(kw_only=False)", ["errors.Thing"]),
        ("@dataclasses.dataclass(kw_only=True)", []),
        ("@other", []),
    ],
)
def test_positional_dataclasses_when_decorated_then_judged(house, decorator, found):
    assert positional_dataclasses(house({"errors.py": f"{decorator}\nclass Thing:\n    x: int"})) == found


def test_positional_dataclasses_when_module_or_class_is_private_then_not_judged(house):
    files = {
        "stores/_rows.py": "@dataclass\nclass Row:\n    x: int",
        "errors.py": "@dataclass\nclass _Row:\n    x: int",
    }

    assert positional_dataclasses(house(files)) == []


def test_optarb_when_imported_then_heavy_libraries_stay_out():
    heavy = ["exchange_calendars", "pandas", "pyarrow", "scipy", "sqlalchemy", "temporalio"]
    code = f"import sys, optarb; print(sorted(set({heavy}).intersection(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "[]"
