"""The report as a file, and as a browser shows it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from tests.reports.hand_book import EMPTY_REPORT, EMPTY_ROWS, EMPTY_SUMMARY, REPORT, ROWS, S1, SUMMARY, money, write_book

from optarb.errors import ConfigurationError, MissingExtra
from optarb.stores import SqlStore


def test_to_html_when_written_then_the_file_in_a_folder_that_was_made(result, tmp_path):
    path = result.to_html(str(tmp_path / "deep" / "report.html"))

    assert path == tmp_path / "deep" / "report.html"
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.extend((tag, name, value) for name, value in attrs if name in {"src", "href", "data", "action"})


def test_to_html_when_read_then_nothing_points_outside(result, tmp_path):
    links = _Links()

    links.feed(result.to_html(tmp_path / "report.html").read_text(encoding="utf-8"))

    assert links.found == []


def test_to_html_when_written_twice_then_equal_bytes(result, tmp_path):
    first, again = result.to_html(tmp_path / "first.html"), result.to_html(tmp_path / "again.html")

    assert first.read_bytes() == again.read_bytes()


def test_to_html_when_another_process_has_only_the_store_then_equal_bytes(tmp_path):
    url = f"sqlite:///{tmp_path / 'books.db'}"
    here = write_book(SqlStore(url=url), ROWS).to_html(tmp_path / "here.html")
    code = (
        "import sys\n"
        "from types import SimpleNamespace\n"
        "from optarb.reports import load_result\n"
        "from optarb.stores import SqlStore\n"
        "load_result(SimpleNamespace(store=SqlStore(url=sys.argv[1])), 'by-hand').to_html(sys.argv[2])\n"
    )

    subprocess.run([sys.executable, "-c", code, url, tmp_path / "there.html"], check=True, timeout=60)

    assert (tmp_path / "there.html").read_bytes() == here.read_bytes()


def test_to_html_when_plotly_is_missing_then_extra_is_named_and_nothing_written(result, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.offline", None)

    with pytest.raises(MissingExtra, match=r'pip install "optarb\[report\]"'):
        result.to_html(tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_to_html_when_path_is_a_folder_then_configuration_error(result, tmp_path):
    with pytest.raises(ConfigurationError, match="cannot write the report to"):
        result.to_html(tmp_path)


@pytest.fixture(scope="module")
def shown(browser, tmp_path_factory):
    """The report of the book filled by hand, on a desk's screen."""
    book = write_book(SqlStore(url="sqlite://", name="shown"), ROWS)
    page = browser.open(book.to_html(tmp_path_factory.mktemp("shown") / "report.html"), width=1280)
    yield page
    browser.close(page)


@pytest.fixture
def phone(browser, tmp_path):
    """Opens a result's report on a narrow screen."""
    pages = []

    def opened(result):
        pages.append(browser.open(result.to_html(tmp_path / "report.html"), width=390))
        return pages[-1]

    yield opened
    for page in pages:
        browser.close(page)


def assert_sound(page):
    """Nothing was said or asked for, nothing sticks out, and every chart is drawn."""
    assert page.said == []
    assert [url.partition(":")[0] for url in page.asked] == ["file"]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    drawn = page.evaluate(
        "[...document.querySelectorAll('.chart')].map(n => n.querySelectorAll('.scatterlayer path').length > 0)"
    )
    assert drawn
    assert all(drawn)
    assert page.evaluate(
        "[...document.querySelectorAll('.chart .main-svg')].map(n => n.getBoundingClientRect())"
        ".every(box => box.left >= 0 && box.right <= window.innerWidth)"
    )


def figure(page, name):
    return page.text(f"[data-figure='{name}']"), page.text(f"[data-detail='{name}']")


def test_report_when_opened_on_a_desk_then_sound(shown):
    assert_sound(shown)


def test_report_when_opened_on_a_phone_then_sound(result, phone):
    assert_sound(phone(result))


def test_report_when_read_then_figures_are_those_of_the_summary(shown):
    assert shown.text("h1") == SUMMARY.strategy
    assert figure(shown, "return") == ("-9.3 %", "-$1,853.90")
    assert figure(shown, "sharpe")[0] == f"{SUMMARY.sharpe:.2f}"
    assert figure(shown, "drawdown") == ("9.3 %", "$1,853.90")
    assert figure(shown, "trades") == (str(SUMMARY.trades), "held 2.0 sessions on average")
    assert figure(shown, "fees") == ("$3.90", "0.0 % of the capital")
    assert figure(shown, "win_rate") == ("0.0 %", "0 with a gain after fees")
    assert figure(shown, "average") == ("-$926.95", "-$1,402.60 to -$451.30")
    # The mean of 5.26, 53.30, 47.60 and 0 %; three of four closes.
    assert figure(shown, "exposure") == ("26.5 %", "of equity; in the market 75.0 % of closes")
    assert figure(shown, "held") == ("-1.0 %", "Sharpe -2.03, drawdown 2.9 %")
    assert figure(shown, "cagr")[0] == "none"


def test_report_when_read_then_tables_tell_trades_reasons_and_origin(shown):
    rows = shown.texts(".trades tbody tr")
    assert len(rows) == 2
    assert [cell.strip() for cell in rows[0].split("\t")] == [
        "20180102.1", "2018-01-02", "2018-01-04", "2",
        "+1 SPXW 2018-01-31 2,800 call", "dip\nbullish", "stop loss",
        "$1,050.00", "$1.30", "-$451.30", "-42.9 %",
    ]  # fmt: skip
    assert shown.texts("[aria-label='Exits by reason'] tbody th") == ["expiry", "stop loss"]
    assert [" ".join(row.split()) for row in shown.texts("[aria-label='Denials by rule'] tbody tr")] == [
        "min confidence 1",
        "unfilled 1",
    ]
    assert shown.texts(".months tbody tr")[0].split("\t")[:2] == ["2018", "-9.3"]
    assert shown.texts(".badge") == ["SPX: modelled quotes"]
    text = shown.text("main")
    assert "quotes taken at 16:00 to 16:15 New York" in text
    assert "1 unquoted, at an older price" in text
    assert "no interest on idle cash" in text
    assert "dip.drop = 0.04" in text
    assert all(digest in text for digest in ("b" * 64, "c" * 64, "d" * 64, "e" * 64, "numpy 2.5.0"))


def test_report_when_a_mark_is_pointed_at_then_its_trade_is_told(shown):
    shown.evaluate("Plotly.Fx.hover(document.getElementById('chart-price-0'), [{curveNumber: 2, pointNumber: 0}])")

    (told,) = shown.evaluate("[...document.querySelectorAll('#chart-price-0 .hovertext')].map(n => n.textContent)")
    assert "+1 SPXW 2018-01-31 2,800 call" in told
    assert "stop loss" in told
    ink = shown.evaluate("getComputedStyle(document.querySelector('#chart-price-0 .hovertext text')).fill")
    assert ink == shown.evaluate("getComputedStyle(document.body).color")
    assert "-$451.30" in told


BAD = "</title></h1><script>window.hit=1</script><img src=x onerror=window.hit=2>{{plotly}}'\""


def test_report_when_words_of_users_hold_markup_then_they_stand_there_as_words(store, phone):
    def spoiled(table, column, row):
        return [tuple(BAD if n == column else v for n, v in enumerate(one)) if i == row else one for i, one in enumerate(table)]

    rows = {
        **ROWS,
        "signals": [(*one[:2], BAD, *one[3:]) if one[2] == "dip" else one for one in ROWS["signals"]],
        "verdicts": [(*one[:2], BAD, *one[3:]) if one[2] == "dip" else one for one in ROWS["verdicts"]],
        "exits": spoiled(ROWS["exits"], 3, 0),
    }
    report = {**REPORT, "denials": {BAD: 2}, "assumptions": [BAD], "inputs": {**REPORT["inputs"], "libraries": {BAD: BAD}}}
    summary = SUMMARY.model_copy(update={"strategy": BAD})

    page = phone(write_book(store, rows, summary, report))

    assert_sound(page)
    assert page.evaluate("window.hit") is None
    assert page.count("img, main script:not([type='application/json'])") == 0
    assert page.text("h1") == BAD
    assert page.evaluate("document.title").startswith(BAD)
    assert page.text("[aria-label='Denials by rule'] tbody th") == BAD
    page.evaluate("Plotly.Fx.hover(document.getElementById('chart-price-0'), [{curveNumber: 2, pointNumber: 0}])")
    assert BAD in page.evaluate("document.querySelector('#chart-price-0 .hovertext').textContent")
    assert page.said == []


def test_report_when_nothing_happened_in_one_session_then_sound(empty, phone):
    page = phone(empty)

    assert_sound(page)
    assert page.count(".nothing") == 3
    assert figure(page, "trades") == ("0", "none closed")
    assert figure(page, "average") == ("none", "after fees")
    assert [figure(page, name)[0] for name in ("sharpe", "win_rate", "profit_factor", "average", "volatility")] == ["none"] * 5


def test_report_when_all_is_lost_and_closes_are_missing_then_sound(store, phone):
    equity = [(S1 + n, 0, money(cash), 0, money(cash), 0, money(50), 0, 0, 1) for n, cash in enumerate((10_000, 0, -500))]
    summary = EMPTY_SUMMARY.model_copy(
        update={"final_equity_usd": Decimal(-500), "pnl_usd": Decimal(-20_500), "max_drawdown": 1.025, "sessions": 3}
    )
    report = {**EMPTY_REPORT, "modelled": {"SPX": False}, "buy_and_hold": {"SPX": [2700.0, float("nan"), float("nan")]}}

    page = phone(write_book(store, {"equity": equity}, summary, report))

    assert_sound(page)
    assert figure(page, "return") == ("-102.5 %", "-$20,500.00")
    assert figure(page, "held")[0] == "+0.0 %"
    assert page.texts(".badge") == ["SPX: real quotes"]


def test_to_html_when_no_close_is_known_then_written_all_the_same(store, tmp_path):
    report = {**EMPTY_REPORT, "buy_and_hold": {"SPX": [float("nan")]}}

    text = write_book(store, EMPTY_ROWS, EMPTY_SUMMARY, report).to_html(tmp_path / "report.html").read_text(encoding="utf-8")

    assert re.search(r'data-figure="held">([^<]*)<', text)[1] == "+0.0 %"


def test_report_when_printed_then_charts_fit_the_paper_and_details_are_open(shown):
    # The events that a browser's own printing sends; page.pdf() keeps the page's state out of reach.
    shown.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    widths = shown.evaluate("[...document.querySelectorAll('.chart .main-svg')].map(n => n.getBoundingClientRect().width)")
    assert max(widths) <= 700
    assert shown.count("details[open]") == shown.count("details") == 2
    shown.evaluate("window.dispatchEvent(new Event('afterprint'))")
    shown.evaluate("new Promise(requestAnimationFrame)")
    assert shown.evaluate("document.querySelector('.chart .main-svg').getBoundingClientRect().width") > 900
    assert shown.pdf().startswith(b"%PDF")
    assert shown.said == []


def test_data_when_embedded_then_json_that_cannot_end_its_element(result, tmp_path):
    text = result.to_html(tmp_path / "report.html").read_text(encoding="utf-8")

    found = dict(re.findall(r'<script type="application/json" id="data-([\w-]+)">(.*?)</script>', text))
    assert set(found) == {"equity", "exposure", "price-0"}
    assert not any("<" in data for data in found.values())
    assert all(set(json.loads(data)) == {"data", "layout"} for data in found.values())
