"""The pages name what there is: the reference all of it, with the defaults that hold, and no page anything else."""

from __future__ import annotations

import dataclasses
import importlib
import re
from decimal import Decimal
from pathlib import Path

import pytest

import optarb
from optarb.ledger.rows import TABLES

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
REFERENCE = DOCS / "reference"


def section(page, heading):
    text = (REFERENCE / page).read_text(encoding="utf-8")
    return re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]


def table(text, first):
    """Returns the rows of the table whose head begins with a word: cells by the name in the first column."""
    body = re.search(rf"^\| {first} \|.*?\n\|[-|]+\n((?:\|.*\n?)+)", text, re.MULTILINE)[1]
    rows = [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in body.splitlines()]
    return {row[0].strip("`"): row[1:] for row in rows}


def written(default):
    """Writes a default as the pages do."""
    if isinstance(default, Decimal):
        return str(default)
    if isinstance(default, str):
        return f'"{default}"'
    return repr(default)


@pytest.mark.parametrize("model", [optarb.BacktestSpec, optarb.ExecutionSpec], ids=lambda model: model.__name__)
def test_specs_page_when_read_then_names_every_field_with_its_default(model):
    rows = table(section("specs.md", model.__name__), "field")

    expected = {
        name: "required" if field.is_required() else written(field.get_default(call_default_factory=True))
        for name, field in model.model_fields.items()
    }
    if "execution" in expected:
        assert expected["execution"] == repr(optarb.ExecutionSpec())
        expected["execution"] = "ExecutionSpec()"
    assert {name: cells[0].strip("`") for name, cells in rows.items()} == expected


def test_desk_page_when_read_then_names_every_field_and_what_is_required():
    text = (REFERENCE / "desk.md").read_text(encoding="utf-8")
    for kind, first in ((optarb.Desk, "field of a desk"), (optarb.Strategy, "field of a strategy")):
        rows = table(text, first)
        fields = dataclasses.fields(kind)
        missing = dataclasses.MISSING

        assert list(rows) == [field.name for field in fields]
        required = [f.name for f in fields if f.default is missing and f.default_factory is missing]
        assert [name for name, cells in rows.items() if cells[0] == "required"] == required


def test_desk_page_when_read_then_its_defaults_are_those_of_a_desk():
    rows = table((REFERENCE / "desk.md").read_text(encoding="utf-8"), "field of a desk")

    for field in dataclasses.fields(optarb.Desk):
        if field.default is not dataclasses.MISSING:
            assert rows[field.name][0].strip("`") == repr(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            told = eval(rows[field.name][0].strip("`"), {name: getattr(optarb, name) for name in optarb.__all__})
            assert told == field.default_factory()


@pytest.mark.parametrize("name", TABLES)
def test_ledger_page_when_read_then_names_every_column_with_its_kind(name):
    rows = table(section("ledger.md", name), "column")

    kinds = {c.name: f"{c.kind} or NULL" if c.nullable else c.kind for c in TABLES[name].columns}
    assert {column: cells[0] for column, cells in rows.items()} == kinds


def test_ledger_page_when_read_then_has_no_other_table():
    text = (REFERENCE / "ledger.md").read_text(encoding="utf-8")

    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == [*TABLES, "API"]


def test_public_names_when_looked_for_then_each_is_documented():
    pages = "\n".join(page.read_text(encoding="utf-8") for page in REFERENCE.glob("*.md"))
    named = set(re.findall(r"^\.\. auto(?:class|function):: optarb\.(\w+)$", pages, re.MULTILINE))
    modules = set(re.findall(r"^\.\. automodule:: ([\w.]+)$", pages, re.MULTILINE))

    missing = [n for n in optarb.__all__ if n not in named and getattr(optarb, n).__module__ not in modules]

    assert missing == []
    assert named <= {*optarb.__all__}


@pytest.mark.parametrize("name", ["errors", "specs", "protocols", "ledger", "desk"])
def test_index_when_read_then_page_is_in_it(name):
    assert re.search(rf"^{name}$", (REFERENCE / "index.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_temporal_page_when_read_then_names_what_stands_in_histories():
    text = (REFERENCE / "temporal.md").read_text(encoding="utf-8")
    live = (one for one in vars(optarb.TradingActivities).values() if hasattr(one, "__temporal_activity_definition"))
    activities = [getattr(one, "__temporal_activity_definition").name for one in (*_activities(), *live)]
    assert len(activities) > 12

    for name in activities:
        prefix, _, last = name.rpartition(".")
        assert f"`{name}`" in text or (f"`.{last}`" in text and prefix in text)
    assert "`optarb.PhasedBacktest`" in text


def _activities():
    desk = optarb.Desk(
        strategies=[
            optarb.Strategy(
                name="any",
                underlyings=("SPX",),
                experts={"rules": optarb.RulesExpert()},
                policy=optarb.RiskPolicy(),
                exits=optarb.ExitRules(),
            )
        ],
        market_data=optarb.demo_market_data(),
    )
    return optarb.BacktestActivities(desk).all()


def exists(name):
    """Whether a dotted name is a module, or an attribute or a field of what the name before the last dot stands for."""
    found = optarb
    for count, word in enumerate(name.split(".")[1:], start=2):
        fields = {**getattr(found, "model_fields", {}), **getattr(found, "__dataclass_fields__", {})}
        if hasattr(found, word):
            found = getattr(found, word)
        elif word in fields:
            found = fields[word]
        else:
            try:
                found = importlib.import_module(".".join(name.split(".")[:count]))
            except ImportError:
                return False
    return True


NAMES_IN_TEMPORAL = {
    "optarb.backtest.claim",
    "optarb.enter",
    "optarb.flatten",
    "optarb.halt",
    "optarb.progress",
    "optarb.resume",
    "optarb.status",
    "optarb.trading.begin",
}


@pytest.mark.parametrize(
    "page",
    [*(DOCS.parent / name for name in ("README.md", "CHANGELOG.md")), *sorted(DOCS.glob("[!_]*/**/*.md"))],
    ids=lambda page: str(page.relative_to(DOCS.parent)),
)
def test_page_when_it_names_something_of_optarb_then_it_exists(page):
    named = set(re.findall(r"`~?(optarb(?:\.\w+)+)", page.read_text(encoding="utf-8")))

    assert [name for name in sorted(named - NAMES_IN_TEMPORAL) if not exists(name)] == []


@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("engine", r'_refusal\(\s*"(\w+)"'),
        ("engine", r'\brule="(\w+)"'),
        ("engine", r'\.count\("(\w+)"'),
        ("engine", r'\bskipped\("(\w+)"'),
    ],
)
def test_page_on_one_session_when_read_then_names_every_refusal_and_count_of_the_engine(folder, pattern):
    sources = (Path(optarb.__file__).parent / folder).glob("*.py")
    words = {word for source in sources for word in re.findall(pattern, source.read_text(encoding="utf-8"))}
    page = (DOCS / "explanation" / "one-session.md").read_text(encoding="utf-8")

    assert words
    assert [word for word in sorted(words - {"unfilled"}) if f"`{word}`" not in page] == []
