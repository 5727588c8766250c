from __future__ import annotations

import ast
from pathlib import Path

import pytest

import optarb

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
PROGRAMS = sorted(EXAMPLES.rglob("*.py"))


def names_of_optarb(tree):
    """Yields (line, name) for every use of optarb other than a public name of its root; name is what was used."""
    public = set(optarb.__all__)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, a.name) for a in node.names if a.name.startswith("optarb."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "optarb":
            yield from ((node.lineno, f"{node.module}.{a.name}") for a in node.names if node.module != "optarb")
            yield from ((node.lineno, a.name) for a in node.names if node.module == "optarb" and a.name not in public)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "optarb" and node.attr not in public:
            yield node.lineno, f"optarb.{node.attr}"


def test_examples_when_looked_for_then_there_are_some():
    assert {path.relative_to(EXAMPLES).parts[0] for path in PROGRAMS} >= {"strangers_worker", "buy_the_dip"}


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_example_when_it_uses_optarb_then_by_public_names_alone(path):
    assert list(names_of_optarb(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "line",
    [
        "import optarb.engine",
        "from optarb.domain.bars import Bars",
        "from optarb import _component",
        "x = optarb._component",
        "x = optarb.engine",
    ],
)
def test_names_of_optarb_when_not_public_then_found(line):
    assert len(list(names_of_optarb(ast.parse(line)))) == 1


def test_every_example_when_listed_then_has_a_readme_and_a_test():
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))}
    tests = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}

    assert folders <= tests
    assert all((EXAMPLES / name / "README.md").is_file() for name in folders)
