"""Each promise of the page names a test that is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
PAGE = TESTS.parent / "docs" / "explanation" / "guarantees.md"


def promised():
    rows = [line.split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return {row[1].strip(): row[3].strip().strip("`") for row in rows if row[1].strip() != "guarantee"}


def names_of_tests():
    found = set()
    for path in TESTS.rglob("test_*.py"):
        found |= set(re.findall(r"^ *(?:async )?def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE))
    for path in (TESTS.parent / "src" / "optarb" / "testing").glob("*_conformance.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return found


def test_guarantees_when_listed_then_each_names_a_test_that_is_there():
    table = promised()

    assert len(table) > 30
    assert sorted(set(table.values()) - names_of_tests()) == []
