from __future__ import annotations

import pytest


@pytest.fixture
def told(example):
    dip = example("buy_the_dip")
    return dip.run(str(dip.folder / "buy_the_dip.py"))


def test_buy_the_dip_when_run_then_shows_view_result_story_and_override(told):
    # As published: the closes of 20, 21 and 24 August 2015 are what may be known on the 25th.
    assert told.startswith("[2035.73 1970.89 1893.21] Chain('SPX', 2015-08-25, ")
    assert "strategy  dips" in told
    assert "modelled quotes  SPX" in told
    assert "Trade 2014" in told
    assert "drop 4 %: " in told
