from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from tests.indicators import pandas_ta_counterparts, talib_counterparts

from optarb.errors import UnknownName
from optarb.indicators import CatalogueIndicator, default_catalogue, families, named

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "indicators.md"


def rows():
    """The catalogue as the page should show it."""
    for family in families().values():
        names = [parameter.name for parameter in family.parameters]
        columns = [f"`{stem}{''.join(f'_<{name}>' for name in names)}`" for stem in family.stems]
        defaults = [CatalogueIndicator(family=family.name, parameters=values) for values in family.defaults]
        shown = [f"`{indicator.columns[0]}` {indicator.warm_up}" for indicator in defaults]
        yield (f"| `{family.name}` | {', '.join(columns)} | {', '.join(shown)} | {family.version} | {family.source} |")


def counterparts():
    """What the columns are in other libraries, as the page should show it; the claims have tests of their own."""
    for family in families().values():
        for stem in family.stems:
            cells = [
                claims[stem].cell if stem in claims else "no counterpart"
                for claims in (talib_counterparts.CLAIMS, pandas_ta_counterparts.CLAIMS)
            ]
            yield f"| `{stem}` | {' | '.join(cells)} |"


def tables():
    """The rows of the page's tables."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("|---"):
            found.append([])
        elif found and line.startswith("| `"):
            found[-1].append(line)
    return found


def test_page_when_compared_with_the_catalogue_then_one_row_a_family():
    expected = list(rows())

    assert tables()[0] == expected, "write this table into the page:\n" + "\n".join(expected)


def test_page_when_compared_with_the_claims_then_one_row_a_column():
    expected = list(counterparts())

    assert tables()[1] == expected, "write this table into the page:\n" + "\n".join(expected)
    assert f"pandas-ta {pandas_ta_counterparts.RELEASE}" in PAGE.read_text(encoding="utf-8")


def test_page_when_it_names_columns_that_differ_from_ta_lib_where_nothing_moves_then_those_that_do():
    (sentence,) = re.findall(
        r"TA-Lib gives another number there for (.*?)\.\n", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL
    )

    assert set(re.findall(r"`(\w+)`", sentence)) == talib_counterparts.WHERE_NOTHING_MOVES


def test_page_when_it_lists_what_a_symbol_without_volume_gives_then_every_family_that_reads_volume(random_walk):
    listed = re.findall(r"^- `(\w+)`", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    without = random_walk(300, seed=20)
    rising = dataclasses.replace(without, volume=np.arange(300.0) ** 2)
    reading = {
        indicator.family
        for indicator in default_catalogue()
        if any(
            first.tobytes() != second.tobytes()
            for first, second in zip(indicator.compute(without).values(), indicator.compute(rising).values(), strict=True)
        )
    }

    assert set(listed) == reading


def test_page_when_its_example_is_run_then_every_assertion_holds():
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)

    assert example.count("assert ") == 4
    exec(compile(example, str(PAGE), "exec"), {})


@pytest.mark.parametrize("name", ["bb_upper_20_2.0", "sma_037"])
def test_page_when_it_says_a_name_does_not_exist_then_it_does_not(name):
    assert f"not `{name}`" in PAGE.read_text(encoding="utf-8")
    with pytest.raises(UnknownName):
        named(name)
