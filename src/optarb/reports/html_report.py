"""A result as one HTML file that needs no network: figures, charts, tables, assumptions and provenance."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from optarb.domain.money import UNITS_PER_DOLLAR
from optarb.errors import ConfigurationError, MissingExtra
from optarb.reports import report_tables as tables
from optarb.reports._words import counted, dollars, percent, ratio
from optarb.reports.report_charts import Chart, equity_chart, exposure_chart, price_chart
from optarb.reports.report_figures import (
    CurveFigures,
    capital_of,
    curve_figures,
    exposures,
    held_instead,
    trade_figures,
)
from optarb.reports.summary_table import sections_of

if TYPE_CHECKING:
    from optarb.reports.summary_table import Facts

__all__ = ["write_html_report"]


def write_html_report(path: str | Path, facts: Facts) -> Path:
    """Writes the report. Equal books give equal bytes with one version of plotly.

    Args:
        path: The file; it is replaced, and its folder is made if it does not exist.
        facts: What is stored.

    Returns:
        The file.

    Raises:
        MissingExtra: plotly is not installed.
        ConfigurationError: The file cannot be written.
    """
    page = _page(facts, _plotly_script())
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(page.encode())
    except OSError as error:
        raise ConfigurationError(
            f"cannot write the report to {str(path)!r}: {error.strerror}; choose a file that can be written to"
        ) from error
    return path


def _plotly_script() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise MissingExtra.of("plotly", "report") from error
    return str(get_plotlyjs())


def _page(facts: Facts, plotly: str) -> str:
    sections = {section.title: section for section in sections_of(facts)}
    charts = {"equity": equity_chart(facts), "exposure": exposure_chart(facts)}
    prices = {symbol: f"price-{number}" for number, symbol in enumerate(facts.report["buy_and_hold"])}
    charts.update({name: price_chart(facts, symbol) for symbol, name in prices.items()})
    assets = files("optarb.reports") / "assets"
    parts = [
        _header(facts),
        _section("Result", _tiles(facts) + _comparison(facts)),
        _section("Equity and drawdown", _chart("equity", "Marked equity, session by session, and its fall from the peak")),
        _section("Monthly returns", tables.months_table(facts)),
        *(
            _section(f"Trades on {symbol}", _chart(name, f"Closes of {symbol} with entries and exits") + _HINT)
            for symbol, name in prices.items()
        ),
        _section("Exposure", _chart("exposure", "Capital that open positions bind, and their number")),
        '<div class="pair">',
        _section("Exits by reason", tables.exits_table(facts)),
        _section("Denials by rule", tables.denials_table(facts)),
        "</div>",
        '<div class="pair">',
        _section("Quotes and data", tables.lines_table(sections["Quotes and data"])),
        _section("Assumptions", tables.lines_table(sections["Assumptions"])),
        "</div>",
        _section("Provenance", tables.provenance_table(facts)),
        # Last, because on paper it may go on for pages.
        _section(f"Trades ({len(facts.trades):,})", tables.trades_table(facts)),
    ]
    fills = {
        "title": escape(f"{facts.summary.strategy}: backtest {facts.summary.backtest_id}"),
        "style": (assets / "report.css").read_text(encoding="utf-8"),
        "script": (assets / "report.js").read_text(encoding="utf-8"),
        "plotly": plotly,
        "body": "\n".join([*parts, *map(_chart_data, charts.items())]),
    }
    # In one pass: what stands in a book is never taken for a gap.
    return re.sub(r"\{\{(\w+)\}\}", lambda gap: fills[gap[1]], (assets / "report.html").read_text(encoding="utf-8"))


_HINT = (
    '<p class="hint">Point at a mark to read its trade; click a word of the legend to hide or show its marks. '
    '<span class="wide">Drag to zoom, double-click to go back.</span></p>'
)


def _chart_data(item: tuple[str, Chart]) -> str:
    name, chart = item
    # Within a script element only "<" could end it or begin a comment.
    text = json.dumps(chart, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="data-{name}">{text}</script>'


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{inside}</section>"


def _chart(name: str, label: str) -> str:
    return f'<div class="chart" id="chart-{name}" data-chart="{name}" role="img" aria-label="{escape(label)}"></div>'


def _header(facts: Facts) -> str:
    overrides = facts.report["spec"].get("overrides") or {}
    changed = ", ".join(f"{path} = {value!r}" for path, value in overrides.items())
    badges = "".join(
        f'<span class="badge {"modelled" if modelled else "quoted"}">'
        f"{escape(symbol)}: {'modelled quotes' if modelled else 'real quotes'}</span>"
        for symbol, modelled in facts.report["modelled"].items()
    )
    told = (
        f"{facts.sessions[0]} to {facts.sessions[-1]}",
        counted(len(facts.sessions), "session"),
        f"capital {dollars(capital_of(facts))}",
    )
    with_overrides = f'<p class="told">with {escape(changed)}</p>' if changed else ""
    return (
        f'<header><p class="kicker">Backtest {escape(facts.summary.backtest_id)}</p>'
        f"<h1>{escape(facts.summary.strategy)}</h1>"
        f'<p class="told">{" &middot; ".join(map(escape, told))}</p>{with_overrides}'
        f'<p class="badges">{badges}</p></header>'
    )


def _tiles(facts: Facts) -> str:
    return f'<div class="tiles">{"".join(_tile(*tile) for tile in (*_curve_tiles(facts), *_trade_tiles(facts)))}</div>'


_Tile = tuple[str, str, str, str]
"""Name, label, value, detail."""


def _tile(name: str, label: str, value: str, detail: str) -> str:
    # What rounds to zero is neither.
    sign = {"+": " gain", "-": " loss"}.get(value[:1], "") if value.strip("+-$0. %") else ""
    return (
        f'<div class="tile"><div class="label">{escape(label)}</div>'
        f'<div class="value{sign}" data-figure="{name}">{escape(value)}</div>'
        f'<div class="detail" data-detail="{name}">{escape(detail)}</div></div>'
    )


def _curve_tiles(facts: Facts) -> Iterable[_Tile]:
    summary = facts.summary
    figures = _own_curve(facts)
    pnl = round(summary.pnl_usd * UNITS_PER_DOLLAR)
    yield "return", "Total return", percent(figures.total_return, signed=True), dollars(pnl, signed=True)
    grown = "compound, a year" if figures.annual_return is not None else "needs a year, and money left"
    yield "cagr", "CAGR", percent(figures.annual_return, signed=True), grown
    yield "sharpe", "Sharpe", ratio(summary.sharpe), "annual, risk-free rate 0"
    yield (
        "drawdown",
        "Max drawdown",
        percent(summary.max_drawdown),
        dollars(round(figures.drawdown_usd * UNITS_PER_DOLLAR)),
    )
    yield "volatility", "Volatility", percent(figures.volatility), "of daily returns, a year"
    # The first underlying; all of them stand in the comparison.
    symbol, other = next(iter(_held_curves(facts).items()))
    detail = f"Sharpe {ratio(other.sharpe)}, drawdown {percent(other.drawdown)}"
    yield "held", f"Buy and hold {symbol}", percent(other.total_return, signed=True), detail


def _trade_tiles(facts: Facts) -> Iterable[_Tile]:
    summary, figures = facts.summary, trade_figures(facts.trades)
    held = "none closed" if figures.held is None else f"held {figures.held:.1f} sessions on average"
    yield "trades", "Trades", f"{summary.trades:,}", held
    yield "win_rate", "Win rate", percent(figures.win_rate), f"{figures.won:,} with a gain after fees"
    yield "profit_factor", "Profit factor", ratio(figures.profit_factor), "gains by losses, after fees"
    extremes = f"{_result(figures.worst)} to {_result(figures.best)}" if figures.count else "after fees"
    yield "average", "Average trade", _result(figures.average), extremes
    fees = round(summary.fees_usd * UNITS_PER_DOLLAR)
    yield "fees", "Commissions and fees", dollars(fees), f"{percent(fees / capital_of(facts))} of the capital"
    shares = [share for share in exposures(facts) if share is not None]
    bound = percent(sum(shares) / len(shares)) if shares else "none"
    held_through = sum(count > 0 for count in facts.open_positions) / len(facts.open_positions)
    yield "exposure", "Average exposure", bound, f"of equity; in the market {percent(held_through)} of closes"


def _result(units: int | None) -> str:
    return "none" if units is None else dollars(units, signed=True)


def _own_curve(facts: Facts) -> CurveFigures:
    curve = [value / UNITS_PER_DOLLAR for value in (capital_of(facts), *facts.equity)]
    return curve_figures(curve, facts.sessions[0], facts.sessions[-1])


def _held_curves(facts: Facts) -> dict[str, CurveFigures]:
    curves = {symbol: [value for value in held if value == value] for symbol, held in held_instead(facts).items()}  # noqa: PLR0124 - NaN test
    return {symbol: curve_figures(curve, facts.sessions[0], facts.sessions[-1]) for symbol, curve in curves.items()}


def _comparison(facts: Facts) -> str:
    rows = []
    for name, figures in {"strategy": _own_curve(facts), **_held_curves(facts)}.items():
        rows.append(
            [
                tables.Cell(name if name == "strategy" else f"buy and hold {name}"),
                tables.Cell(percent(figures.total_return, signed=True), "number"),
                tables.Cell(percent(figures.annual_return, signed=True), "number"),
                tables.Cell(percent(figures.volatility), "number wide"),
                tables.Cell(ratio(figures.sharpe), "number"),
                tables.Cell(percent(figures.drawdown), "number"),
            ]
        )
    return tables.table(["", "Return", "CAGR", "Volatility", "Sharpe", "Drawdown"], rows, label="Against buy and hold")
