"""The story of a trade."""

from __future__ import annotations

import pytest
from tests.reports.hand_book import ROWS, S2, A, B, write_book

from optarb.errors import UnknownName

STORY_OF_A = """\
Trade 20180102.1: dip, bullish SPX, LongCall(delta=0.5), 1 unit
  +1 SPXW180131C02800000
  opened 2018-01-02, closed 2018-01-04 after 2 sessions: stop_loss
  premium $1,050.00, proceeds $600.00, fees $1.30, P&L -$451.30
  gain before fees -$450.00: -42.9 % of the premium, -42.9 % of the risk

Signals of 2018-01-02
  * dip on SPX: bullish, confidence 0.7, LongCall(delta=0.5) -> +1 SPXW180131C02800000
      5 % below
      oversold
    rules on SPX: bearish, confidence 0.4, LongPut() -> no expiry within 5 days
      because

Verdicts
    rules on SPX: denied by min_confidence: confidence 0.4 < 0.6 (confidence 0.4)
  * dip on SPX: entered as 20180102.1, 1 unit (premium 1050.0000)

Orders
  2018-01-02  open, attempt 1: +1 SPXW180131C02800000, limit 10.50 a share (LongCall(delta=0.5))
  2018-01-04  close, attempt 1: -1 SPXW180131C02800000 (stop_loss)

Fills
  2018-01-02  open +1 SPXW180131C02800000 at 10.50, cash -$1,050.00, fees $0.65; \
quote 10.20 / 10.50 taken 2018-01-02 16:00 New York
  2018-01-04  close -1 SPXW180131C02800000 at 6.00, cash +$600.00, fees $0.65; quote 6.00 / 6.40 taken at an unknown time

Marks at the end of the session
  2018-01-02  +1 SPXW180131C02800000 at 10.20, worth $1,020.00
  2018-01-03  +1 SPXW180131C02800000 at 8.00, worth $800.00; unquoted, an older mark

Notes
  2018-01-03  {"peak": "11.0"}

Exit
  2018-01-04  stop_loss: value $600.00, gain before fees -$450.00 (-42.9 % of the premium), held 2 sessions"""


def test_explain_when_trade_was_stopped_then_whole_story(result):
    assert str(result.explain(A)) == STORY_OF_A


def test_explain_when_settled_on_modelled_quotes_then_both_are_told(result):
    story = str(result.explain(B))

    assert "2 units\n  -2 SPXW180105P02700000 +2 SPXW180105P02650000\n" in story
    assert "limit -3.00 a share" in story
    assert "modelled quote 5.00 / 5.50 taken 2018-01-03 16:15 New York" in story
    assert "2018-01-03  -2 SPXW180105P02700000 at 5.50, worth -$1,100.00" in story
    assert "2018-01-05  settled -2 SPXW180105P02700000 at 10.00, cash -$2,000.00: on 2690.00" in story
    assert "-233.3 % of the premium, -14.9 % of the risk" in story


def test_explain_when_read_then_rows_are_those_of_the_trade(result):
    explanation = result.explain(B)

    assert explanation.trade.trade_id == B
    assert {row["position_id"] for row in explanation.fills + explanation.marks + explanation.exits} == {B}
    assert [len(rows) for rows in (explanation.fills, explanation.marks, explanation.events)] == [2, 4, 2]
    assert {row["session"] for row in explanation.signals + explanation.verdicts} == {S2}


def test_explain_when_position_is_open_then_said_so(store):
    rows = {**ROWS, "events": [], "exits": ROWS["exits"][:1]}

    assert "opened 2018-01-03, still open" in str(write_book(store, rows).explain(B))


def test_explain_when_trade_is_unknown_then_suggestion(result):
    with pytest.raises(UnknownName, match=r"unknown trade '20180102.2'; did you mean '20180102.1'\?"):
        result.explain("20180102.2")


def test_explain_when_nothing_was_traded_then_error_says_none(empty):
    with pytest.raises(UnknownName, match="known: none"):
        empty.explain(A)


def test_html_when_shown_then_story_is_escaped(result):
    html = result.explain(A)._repr_html_()

    assert html.startswith("<pre>Trade 20180102.1")
    assert "P&amp;L" in html
    assert "-&gt; +1 SPXW" in html
