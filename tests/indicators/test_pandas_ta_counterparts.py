from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.indicators.claims import moving_bars
from tests.indicators.pandas_ta_counterparts import CLAIMS, NO_COUNTERPART, RELEASE

from optarb.indicators import CatalogueIndicator, families

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".venv-pandas-ta"
pytestmark = pytest.mark.timeout(300)  # the first run in a new environment compiles every module it imports
CASES = [(stem, parameters) for stem, claim in CLAIMS.items() for parameters in claim.parameters]


@pytest.fixture(scope="module")
def bars():
    return moving_bars()


@pytest.fixture(scope="module")
def theirs(bars, tmp_path_factory):
    """What pandas-ta computes, by column and parameters: one run of its interpreter for all."""
    if not (ENVIRONMENT / ".optarb-stamp").exists():  # the last thing that scripts/pandas-ta-env writes
        if os.environ.get("OPTARB_REQUIRE_SERVER") == "1":
            pytest.fail("OPTARB_REQUIRE_SERVER=1, and there is no environment of pandas-ta (run: make pandas-ta)")
        pytest.skip("no environment of pandas-ta (run: make pandas-ta)")
    folder = tmp_path_factory.mktemp("pandas-ta")
    columns = {"o": bars.open, "h": bars.high, "l": bars.low, "c": bars.close, "v": bars.volume}
    columns["r"] = np.concatenate(([np.nan], np.diff(np.log(bars.close))))
    np.savez(folder / "bars.npz", sessions=bars.sessions.astype("datetime64[ns]"), **columns)
    calls = {
        str(number): (CLAIMS[stem].function, CLAIMS[stem].series, CLAIMS[stem].options(*parameters))
        for number, (stem, parameters) in enumerate(CASES)
    }
    (folder / "calls.json").write_text(json.dumps(calls), encoding="utf-8")
    worker = Path(__file__).with_name("pandas_ta_worker.py")
    command = [
        ENVIRONMENT / "bin" / "python",
        "-W",
        "ignore",
        worker,
        folder / "bars.npz",
        folder / "calls.json",
        folder / "results.npz",
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    with np.load(folder / "results.npz") as results:
        assert results["release"] == RELEASE, "run: make pandas-ta"
        return {case: results[str(number)] for number, case in enumerate(CASES)}


@pytest.mark.parametrize(("stem", "parameters"), CASES)
def test_column_when_compared_with_pandas_ta_then_as_claimed(bars, theirs, stem, parameters):
    claim = CLAIMS[stem]
    family = next(family for family in families().values() if stem in family.stems)
    indicator = CatalogueIndicator(family=family.name, parameters=parameters)
    ours = indicator.compute(bars)[indicator.columns[family.stems.index(stem)]]
    table = theirs[stem, parameters]
    found = table[claim.output[0]]
    for other in claim.output[1:]:
        found = np.where(np.isnan(found), table[other], found)

    claim.check(ours, claim.then(found), indicator.warm_up)


def test_claims_when_listed_then_every_column_of_the_catalogue_once():
    stems = [stem for family in families().values() for stem in family.stems]

    assert sorted([*CLAIMS, *NO_COUNTERPART]) == sorted(stems)


def test_release_when_pinned_then_the_one_the_claims_are_about():
    pins = (ROOT / "requirements" / "pandas-ta.txt").read_text(encoding="utf-8")

    assert f"pandas-ta=={RELEASE} " in pins


def test_library_when_searched_then_it_never_imports_pandas_ta():
    importing = re.compile(r"^\s*(?:import|from) pandas_ta\b", flags=re.MULTILINE)
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")}

    assert importing.search("    from pandas_ta import rsi")
    assert [path for path, text in sources.items() if importing.search(text)] == []
    assert any("pandas_ta_classic" in text for text in sources.values())
