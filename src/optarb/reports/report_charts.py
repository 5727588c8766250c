"""The charts of the HTML report, as plain figures of plotly.js: data and layout."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from optarb.domain.money import UNITS_PER_DOLLAR
from optarb.reports._words import contract_words, counted, dollars, percent, plain
from optarb.reports.report_figures import capital_of, exposures, held_instead

if TYPE_CHECKING:
    from optarb.reports.summary_table import Facts
    from optarb.reports.trades import Trade

__all__ = ["Chart", "equity_chart", "exposure_chart", "price_chart"]

Chart = dict[str, Any]
"""``data`` and ``layout`` of plotly.js: JSON values only, words of users escaped (plotly reads a little HTML)."""

_INK, _MUTED, _GAIN, _LOSS, _ACCENT = "#16202c", "#8a94a3", "#1a7f4b", "#b3261e", "#1f4e8c"
_FEW: Final = 8
"""Sessions up to which each one is named on the axis."""
_HELD_DASHES: Final = ("dot", "dash", "dashdot", "longdash")


def equity_chart(facts: Facts) -> Chart:
    """Draws marked equity beside the underlyings held instead, and the fall from the running peak beneath.

    Args:
        facts: What is stored.
    """
    x = _sessions(facts)
    capital = capital_of(facts)
    peaks = list(accumulate([capital, *facts.equity], max))[1:]
    falls = [-_rounded((peak - value) / peak) for peak, value in zip(peaks, facts.equity, strict=True)]
    data = [
        _line(
            x,
            [None if math.isnan(value) else round(value, 2) for value in held[1:]],
            f"buy and hold {_escaped(symbol)}",
            hovertemplate="%{y:$,.0f}",
            line={"color": _MUTED, "width": 1.4, "dash": _HELD_DASHES[number % len(_HELD_DASHES)]},
        )
        for number, (symbol, held) in enumerate(held_instead(facts).items())
    ]
    data.append(_line(x, _dollars(facts.equity), "strategy", hovertemplate="%{y:$,.0f}", line={"color": _ACCENT, "width": 2}))
    data.append(
        _line(
            x,
            falls,
            "drawdown",
            hovertemplate="%{y:.1%}",
            yaxis="y2",
            fill="tozeroy",
            fillcolor="rgba(179,38,30,0.16)",
            line={"color": _LOSS, "width": 1},
            showlegend=False,
        )
    )
    return {"data": data, "layout": _two_rows(x, "equity", "drawdown", "$~s", ".0%")}


def exposure_chart(facts: Facts) -> Chart:
    """Draws what open positions bind as a share of equity, and how many there are beneath.

    Args:
        facts: What is stored.
    """
    x = _sessions(facts)
    shares = [None if share is None else _rounded(share) for share in exposures(facts)]
    data = [
        _line(
            x,
            shares,
            "bound by positions",
            hovertemplate="%{y:.1%} of equity",
            fill="tozeroy",
            fillcolor="rgba(31,78,140,0.14)",
            line={"color": _ACCENT, "width": 1.2, "shape": "hv"},
        ),
        _line(
            x,
            list(facts.open_positions),
            "open positions",
            hovertemplate="%{y}",
            yaxis="y2",
            line={"color": _INK, "width": 1, "shape": "hv"},
        ),
    ]
    layout = _two_rows(x, "of equity", "positions", ".0%", "d")
    layout["showlegend"] = False
    layout["yaxis"]["rangemode"] = layout["yaxis2"]["rangemode"] = "tozero"
    return {"data": data, "layout": layout}


def price_chart(facts: Facts, symbol: str) -> Chart:
    """Draws the closes of an underlying with the entries and exits of its trades.

    Args:
        facts: What is stored.
        symbol: The underlying.
    """
    closes = [None if math.isnan(close) else _rounded(close) for close in facts.report["buy_and_hold"][symbol]]
    x = _sessions(facts)
    at = dict(zip(facts.sessions, closes, strict=True))
    mine = [trade for trade in facts.trades if trade.underlying == symbol]
    closed = [trade for trade in mine if trade.closed is not None]
    size = 10 if len(mine) <= 60 else 8 if len(mine) <= 250 else 6

    def marks(name: str, shape: str, colour: str, trades: Sequence[Trade], *, entry: bool) -> Chart:
        return {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": [str(trade.opened if entry else trade.closed) for trade in trades],
            "y": [at.get(trade.opened if entry else trade.closed or trade.opened) for trade in trades],
            "text": [(_entry_words if entry else _exit_words)(trade) for trade in trades],
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {"symbol": shape, "color": colour, "size": size, "line": {"color": "#ffffff", "width": 0.8}},
        }

    def of(trades: Iterable[Trade], test: Callable[[Trade], bool]) -> list[Trade]:
        return [trade for trade in trades if test(trade)]

    price = _line(x, closes, f"{_escaped(symbol)} close", hovertemplate="%{x|%Y-%m-%d}: %{y:,.2f}<extra></extra>")
    price["line"] = {"color": _INK, "width": 1.2}
    layers = [
        marks("entry, bullish", "triangle-up", _ACCENT, of(mine, lambda one: one.direction == "bullish"), entry=True),
        marks("entry, bearish", "triangle-down", "#8a4b08", of(mine, lambda one: one.direction == "bearish"), entry=True),
        marks(
            "entry, neutral",
            "diamond",
            "#5b4b8a",
            of(mine, lambda one: one.direction not in {"bullish", "bearish"}),
            entry=True,
        ),
        marks("exit with a gain", "circle", _GAIN, of(closed, lambda one: one.pnl > 0), entry=False),
        marks("exit without", "x", _LOSS, of(closed, lambda one: one.pnl <= 0), entry=False),
    ]
    layout = _layout(x)
    layout["hovermode"] = "closest"
    layout["yaxis"] = _axis(tickformat=",", title="dollars")
    return {"data": [price, *(layer for layer in layers if layer["x"])], "layout": layout}


def _entry_words(trade: Trade) -> str:
    paid = f"paid {dollars(trade.premium)}" if trade.premium >= 0 else f"received {dollars(-trade.premium)}"
    return _hover(
        trade,
        f"opened {trade.opened}: {paid}",
        f"{trade.expert}: {trade.direction}, confidence {trade.confidence:g}",
    )


def _exit_words(trade: Trade) -> str:
    return _hover(
        trade,
        f"closed {trade.closed} after {counted(trade.held_sessions or 0, 'session')}: {plain(trade.exit_reason)}",
        f"P&L {dollars(trade.pnl, signed=True)} ({percent(trade.return_on_risk, signed=True)} of the risk before fees)",
    )


def _hover(trade: Trade, *lines: str) -> str:
    head = (f"<b>{_escaped(leg)}</b>" for leg in contract_words(trade.legs))
    return "<br>".join([*head, *map(_escaped, lines), _escaped(f"trade {trade.trade_id}")])


def _escaped(words: str) -> str:
    """Escapes as plotly reads it: it does not know the entities of quotation marks."""
    return escape(words, quote=False)


def _sessions(facts: Facts) -> list[str]:
    return [str(session) for session in facts.sessions]


def _dollars(units: Iterable[int]) -> list[float]:
    return [round(value / UNITS_PER_DOLLAR, 2) for value in units]


def _rounded(value: float) -> float:
    """Keeps the page small: no chart shows more."""
    return round(value, 5)


def _line(x: list[str], y: Sequence[float | None], name: str, **more: Any) -> Chart:
    # A line of one point is invisible.
    mode = "lines" if len(x) > 1 else "lines+markers"
    return {"type": "scatter", "mode": mode, "name": name, "x": x, "y": list(y), **more}


def _layout(x: list[str]) -> Chart:
    axis: Chart = {**_axis(), "type": "date", "hoverformat": "%Y-%m-%d", "showgrid": False}
    if len(x) <= _FEW:
        # Left alone, plotly would divide days into hours.
        axis.update(tickvals=x, tickformat="%Y-%m-%d")
    return {
        "margin": {"l": 62, "r": 14, "t": 8, "b": 34},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "font": {"family": "system-ui, 'Liberation Sans', sans-serif", "size": 12, "color": _INK},
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": "#ffffff", "bordercolor": "#c9d0d9", "align": "left", "font": {"color": _INK}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
        "xaxis": axis,
    }


def _two_rows(x: list[str], upper: str, lower: str, upper_format: str, lower_format: str) -> Chart:
    layout = _layout(x)
    layout["xaxis"]["anchor"] = "y2"
    layout["yaxis"] = {**_axis(tickformat=upper_format, title=upper), "domain": [0.34, 1]}
    layout["yaxis2"] = {**_axis(tickformat=lower_format, title=lower), "domain": [0, 0.26], "nticks": 4}
    return layout


def _axis(*, tickformat: str = "", title: str = "") -> Chart:
    axis: Chart = {
        "gridcolor": "#e8ebef",
        "zerolinecolor": "#c9d0d9",
        "linecolor": "#c9d0d9",
        "tickcolor": "#c9d0d9",
        "automargin": True,
    }
    if tickformat:
        axis["tickformat"] = tickformat
    if title:
        axis["title"] = {"text": title, "font": {"size": 11, "color": _MUTED}, "standoff": 8}
    return axis
