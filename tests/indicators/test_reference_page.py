from __future__ import annotations

import re
from pathlib import Path

import pytest

from optarb.errors import UnknownName
from optarb.indicators import CatalogueIndicator, families, named

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "indicators.md"


def rows():
    """The catalogue as the page should show it."""
    for family in families().values():
        names = [parameter.name for parameter in family.parameters]
        columns = [f"`{stem}{''.join(f'_<{name}>' for name in names)}`" for stem in family.stems]
        defaults = [CatalogueIndicator(family=family.name, parameters=values) for values in family.defaults]
        shown = [f"`{indicator.columns[0]}` {indicator.warm_up}" for indicator in defaults]
        yield (f"| `{family.name}` | {', '.join(columns)} | {', '.join(shown)} | {family.version} | {family.source} |")


def test_page_when_compared_with_the_catalogue_then_one_row_a_family():
    table = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    expected = list(rows())

    assert table == expected, "write this table into the page:\n" + "\n".join(expected)


def test_page_when_its_example_is_run_then_every_assertion_holds():
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)

    assert example.count("assert ") == 4
    exec(compile(example, str(PAGE), "exec"), {})


@pytest.mark.parametrize("name", ["bb_upper_20_2.0", "sma_037"])
def test_page_when_it_says_a_name_does_not_exist_then_it_does_not(name):
    assert f"not `{name}`" in PAGE.read_text(encoding="utf-8")
    with pytest.raises(UnknownName):
        named(name)
