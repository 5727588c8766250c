"""The names of the root package: one table for the interpreter, one list of imports for type checkers."""

from __future__ import annotations

import ast
import inspect
import pickle
from pathlib import Path

import pytest

import optarb
from optarb._names import NAMES

SOURCE = ast.parse(Path(optarb.__file__).read_text(encoding="utf-8"))


def imports_for_checkers():
    """Yields (module, name, alias) of everything imported under ``if TYPE_CHECKING``."""
    for node in SOURCE.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for line in node.body:
                assert isinstance(line, ast.ImportFrom), ast.unparse(line)
                yield from ((line.module, alias.name, alias.asname) for alias in line.names)


def test_imports_for_checkers_when_compared_with_the_lazy_table_then_the_same():
    seen = [(module, name) for module, name, _ in imports_for_checkers()]
    lazy = [(module, name) for module, names in NAMES.items() for name in names]
    assert sorted(seen) == sorted(lazy)
    assert len(set(seen)) == len(seen)
    # `import x as x` is what makes a name public to a type checker.
    assert all(name == alias for _, name, alias in imports_for_checkers())


def test_all_when_read_then_sorted_and_each_once():
    assert optarb.__all__ == sorted(set(optarb.__all__))
    assert len(optarb.__all__) > 100


@pytest.mark.parametrize("name", optarb.__all__)
def test_name_when_asked_for_then_the_object_its_module_defines(name):
    value = getattr(optarb, name)
    assert getattr(optarb, name) is value
    assert not inspect.ismodule(value)
    assert value.__module__.startswith("optarb.")
    assert value.__name__ == name
    assert inspect.getdoc(value)


@pytest.mark.parametrize("name", [name for name in optarb.__all__ if inspect.isclass(getattr(optarb, name))])
def test_class_when_pickled_by_name_then_itself(name):
    assert pickle.loads(pickle.dumps(getattr(optarb, name))) is getattr(optarb, name)


@pytest.mark.parametrize("name", ["Bachtest", "backtests", "_NOTHING", "TYPE"])
def test_name_when_unknown_then_attribute_error_names_it(name):
    with pytest.raises(AttributeError, match=f"module 'optarb' has no attribute '{name}'"):
        getattr(optarb, name)
    assert not hasattr(optarb, name)


def test_dir_when_listed_then_every_public_name_is_there():
    assert set(optarb.__all__) <= set(dir(optarb))
    assert "__version__" in dir(optarb)


def test_public_name_when_it_names_a_function_then_no_package_or_module_bears_it():
    folder = Path(optarb.__file__).parent
    modules = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert modules.isdisjoint(optarb.__all__)
