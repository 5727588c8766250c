"""The page of figures."""

from __future__ import annotations

import pytest
from tests.reports.hand_book import EMPTY_REPORT, REPORT, ROWS, SUMMARY, write_book

from optarb.reports.summary_table import Section, sections_html, sections_text


def value_of(text, label):
    (line,) = (line for line in text.splitlines() if line.strip().startswith(f"{label}  "))
    return line.strip().removeprefix(label).strip()


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("strategy", "mixed"),
        ("sessions", "2018-01-02 to 2018-01-05 (4)"),
        ("overrides", "dip.drop=0.04"),
        ("capital", "$20,000.00"),
        ("final equity", "$18,146.10"),
        ("P&L", "-$1,853.90 (-9.3 %)"),
        ("commissions and fees", "$3.90"),
        ("max drawdown", "9.3 %, $1,853.90"),
        ("Sharpe", "-1.50"),
        ("round trips", "2, 0 with a gain after fees"),
        ("exit stop_loss", "1, P&L -$451.30"),
        ("exit expiry", "1, P&L -$1,402.60"),
        ("min confidence", "1"),
        ("unfilled", "1"),
        ("modelled quotes", "SPX"),
        ("fills", "4, 2 on modelled quotes; quotes taken at 16:00 to 16:15 New York; 1 on quotes taken at an unknown time"),
        ("marks", "at the closing side, 1 unquoted, at an older price"),
        ("bars seen", "through the previous session"),
        ("sessions and orders", "sessions without chain 1"),
        ("evaluations skipped", "not warmed up 3"),
        ("quotes by kind", "crossed 7, zero bid 9"),
        ("bars of SPX", "not a session 2"),
        ("simulator", "Simulator(fills=CrossSpread(), fees=PerContractFee(commission_usd=0.65))"),
        ("data SPX", f"bars {'b' * 12}, quotes {'c' * 12}"),
        ("libraries", "optarb 0.1.0, numpy 2.5.0"),
        ("digest", "e" * 64),
    ],
)
def test_text_when_printed_then_figure_stands_beside_its_label(result, label, value):
    assert value_of(str(result), label) == value


def test_text_when_printed_then_buy_and_hold_has_its_own_figures(result):
    # 20,000 -> 20,200 -> 20,400 -> 19,800: a fall of 600 from 20,400; returns 0, 1 %, 1/101, -1/34 (numpy: Sharpe -2.03).
    assert value_of(str(result), "buy and hold SPX") == "-$200.00 (-1.0 %), max drawdown 2.9 %, Sharpe -2.03"


def test_text_when_printed_then_assumptions_are_told(result):
    assert "\n  no interest on idle cash\n" in str(result)
    assert "bars of VIX" not in str(result)  # nothing to tell


def test_text_when_nothing_happened_then_none_instead_of_figures(empty):
    text = str(empty)

    assert value_of(text, "Sharpe") == "none"
    assert value_of(text, "P&L") == "$0.00 (+0.0 %)"
    assert value_of(text, "round trips") == "none"
    assert value_of(text, "fills") == "none"
    assert value_of(text, "marks") == "at the closing side, all quoted"
    assert "Denials by rule\n  none\n" in text


def test_text_when_margin_is_modelled_then_said_so(store):
    report = {**EMPTY_REPORT, "margin": "modelled portfolio margin"}
    text = str(write_book(store, {"equity": ROWS["equity"][:1]}, SUMMARY, report))

    assert value_of(text, "margin of unbounded losses") == "modelled portfolio margin"


def test_text_when_quotes_are_real_then_said_so(store):
    report = {**EMPTY_REPORT, "modelled": {"SPX": False}, "mark": "mid"}
    text = str(write_book(store, {"equity": ROWS["equity"][:1]}, SUMMARY, report))

    assert value_of(text, "real quotes") == "SPX"
    assert "modelled quotes  " not in text
    assert value_of(text, "marks").startswith("at the mid")


def test_html_when_shown_then_same_figures_as_the_text(result):
    html = result._repr_html_()

    assert html.startswith("<table>")
    assert "<tr><td>final equity</td><td>$18,146.10</td></tr>" in html
    assert "P&amp;L" in html
    for label in ("commissions and fees", "round trips", "digest"):
        assert f"<td>{label}</td><td>{value_of(str(result), label)}</td>" in html
    assert f'<td colspan="2">{REPORT["assumptions"][0]}</td>' in html


def test_html_when_values_hold_markup_then_escaped():
    html = sections_html([Section(title="<b>", lines=(("a<b", "<script>"), ("", "x & y")))])

    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "a&lt;b" in html
    assert "x &amp; y" in html


def test_sections_text_when_printed_then_values_of_a_section_align():
    text = sections_text([Section(title="T", lines=(("a", "1"), ("long", "2"), ("", "words"))), Section(title="U", lines=())])

    assert text == "T\n  a     1\n  long  2\n  words\n\nU"
