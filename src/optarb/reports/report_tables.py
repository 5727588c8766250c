"""The tables of the HTML report. Whatever comes from a book is escaped here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from optarb.reports._words import component_words, contract_words, dollars, percent, plain
from optarb.reports.report_figures import monthly_returns, trade_figures

if TYPE_CHECKING:
    from optarb.reports.summary_table import Facts, Section
    from optarb.reports.trades import Trade

__all__ = ["Cell", "denials_table", "exits_table", "lines_table", "months_table", "provenance_table", "table", "trades_table"]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DEEPEST = 0.10
"""Monthly return, as a fraction, from which on a cell is not coloured any deeper."""


class Cell(NamedTuple):
    """One cell; the text is escaped when it is written."""

    text: str
    """What stands in it; each line break starts a new line."""
    css: str = ""
    """Classes: ``number``, ``gain``, ``loss``, ``mono``, ``wide`` (left out where the page is narrow)."""
    style: str = ""
    """Styles of its own, never from a book."""
    bar: float | None = None
    """Length of a bar behind the text, 0..1."""


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]], *, css: str = "", label: str) -> str:
    """Writes a table that scrolls in a box of its own where the page is narrow.

    Args:
        head: Titles of the columns, each placed as the cells of the first row; none for a table of labels and values.
        rows: Cells; the first of each row is its heading.
        css: Classes of the table.
        label: What the table holds, for readers who do not see it.
    """
    rows = list(rows)
    titles = "".join(map(_title, head, rows[0]))
    body = "".join(map(_row, rows))
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}"><table class="{css}">'
        f"{f'<thead><tr>{titles}</tr></thead>' if head else ''}<tbody>{body}</tbody></table></div>"
    )


def _title(title: str, below: Cell) -> str:
    css = " ".join(word for word in below.css.split() if word in {"number", "wide"})
    return f'<th scope="col"{_attributes(Cell("", css))}>{escape(title)}</th>'


def _row(cells: Sequence[Cell]) -> str:
    first, *others = cells
    return f'<tr><th scope="row"{_attributes(first)}>{_text(first)}</th>{"".join(map(_data, others))}</tr>'


def _data(cell: Cell) -> str:
    return f"<td{_attributes(cell)}>{_text(cell)}</td>"


def _attributes(cell: Cell) -> str:
    css = f' class="{cell.css}"' if cell.css else ""
    return f'{css} style="{cell.style}"' if cell.style else css


def _text(cell: Cell) -> str:
    text = escape(cell.text).replace("\n", "<br>")
    if cell.bar is None:
        return text
    return f'<span class="bar" style="width:{100 * cell.bar:.1f}%"></span><span class="over">{text}</span>'


def months_table(facts: Facts) -> str:
    """Writes monthly returns, a row a year, coloured by size.

    Args:
        facts: What is stored.
    """
    rows = [
        [Cell(str(year)), *(_month(months, month) for month in range(1, 13)), _month(months, 0)]
        for year, months in monthly_returns(facts).items()
    ]
    return table(["%", *_MONTHS, "Year"], rows, css="months", label="Monthly returns in percent")


def _month(months: Mapping[int, float | None], month: int) -> Cell:
    if month not in months:
        return Cell("", "number")
    value = months[month]
    if value is None:
        return Cell("none", "number")
    depth = min(abs(value) / _DEEPEST, 1) * 0.5
    colour = f"rgba(26,127,75,{depth:.2f})" if value > 0 else f"rgba(179,38,30,{depth:.2f})"
    # No "-0.0": what rounds to zero has no sign.
    shown = round(100 * value, 1) + 0.0
    return Cell(f"{shown:.1f}", "number" if month else "number total", f"background:{colour}")


def exits_table(facts: Facts) -> str:
    """Writes what trades came to by the reason of their exit.

    Args:
        facts: What is stored.
    """
    by_reason: dict[str, list[Trade]] = {}
    for trade in facts.trades:
        by_reason.setdefault(trade.exit_reason or "still open", []).append(trade)
    rows = []
    for reason, trades in sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0])):
        figures = trade_figures(trades)
        rows.append(
            [
                Cell(plain(reason)),
                Cell(f"{figures.count:,}", "number", bar=figures.count / len(facts.trades)),
                Cell(percent(figures.win_rate), "number"),
                _money(figures.average or 0, "wide"),
                _money(figures.pnl),
            ]
        )
    return table(["Exit", "Trades", "Won", "Average", "P&L"], rows, label="Exits by reason") if rows else _nothing("No trades.")


def denials_table(facts: Facts) -> str:
    """Writes how many candidates each rule denied.

    Args:
        facts: What is stored.
    """
    counts = {rule: count for rule, count in facts.report["denials"].items() if count}
    rows = [
        [Cell(plain(rule)), Cell(f"{count:,}", "number", bar=count / sum(counts.values()))]
        for rule, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    return table(["Rule", "Candidates"], rows, label="Denials by rule") if rows else _nothing("No candidate was denied.")


def trades_table(facts: Facts) -> str:
    """Writes every trade.

    Args:
        facts: What is stored.
    """
    if not facts.trades:
        return _nothing("No trades.")
    head = ["Trade", "Opened", "Closed", "Held", "Contracts", "Expert", "Exit", "Premium", "Fees", "P&L", "On risk"]
    rows = (
        [
            Cell(trade.trade_id, "mono"),
            Cell(str(trade.opened)),
            Cell("open" if trade.closed is None else str(trade.closed)),
            Cell("" if trade.held_sessions is None else str(trade.held_sessions), "number"),
            Cell("\n".join(contract_words(trade.legs)), "legs"),
            Cell(f"{trade.expert}\n{trade.direction}"),
            Cell(plain(trade.exit_reason)),
            Cell(dollars(trade.premium), "number"),
            Cell(dollars(trade.fees), "number"),
            _money(trade.pnl),
            Cell(percent(trade.return_on_risk, signed=True), "number"),
        ]
        for trade in facts.trades
    )
    return table(head, rows, css="trades", label="Trades")


def lines_table(section: Section) -> str:
    """Writes a part of the page of figures.

    Args:
        section: Labels with their values, and sentences.
    """
    values = table(
        [], [[Cell(label), Cell(value)] for label, value in section.lines if label], css="facts", label=section.title
    )
    sentences = "".join(f"<li>{escape(value)}</li>" for label, value in section.lines if not label)
    return values + (f"<ul>{sentences}</ul>" if sentences else "")


def provenance_table(facts: Facts) -> str:
    """Writes what the run can be repeated from.

    Args:
        facts: What is stored.
    """
    inputs = facts.report["inputs"]
    rows = [
        [Cell("book"), Cell(facts.summary.backtest_id, "mono")],
        [Cell("ledger digest"), Cell(facts.summary.digest, "mono")],
    ]
    for symbol, kinds in inputs["data"].items():
        rows.extend([Cell(f"{symbol} {kind}"), Cell(digest, "mono")] for kind, digest in kinds.items())
    libraries = ", ".join(f"{name} {version}" for name, version in inputs["libraries"].items())
    rows.append([Cell("libraries"), Cell(libraries)])
    components = [
        [Cell(name), Cell(component_words(found["parameters"]), "mono"), Cell(_code(found), "mono")]
        for name, found in inputs["components"].items()
    ]
    return (
        table([], rows, css="facts", label="Provenance")
        + _details("Components", table(["Part", "Parameters", "Code"], components, css="facts", label="Components"))
        + _details("Spec", f'<pre tabindex="0">{escape(json.dumps(facts.report["spec"], indent=2))}</pre>')
    )


def _code(found: Mapping[str, Any]) -> str:
    version, source = found.get("version"), found.get("source")
    return " ".join([*([f"version {version}"] if version else []), *([source[:12]] if source else [])]) or "unknown"


def _details(title: str, inside: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{inside}</details>"


def _money(units: int, css: str = "") -> Cell:
    sign = "gain" if units > 0 else "loss" if units < 0 else ""
    return Cell(dollars(units, signed=True), " ".join(filter(None, ("number", sign, css))))


def _nothing(text: str) -> str:
    return f'<p class="nothing">{escape(text)}</p>'
