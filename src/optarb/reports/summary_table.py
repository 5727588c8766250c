"""The figures of a backtest in a page: what came out, why, on which quotes and under which assumptions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from typing import TYPE_CHECKING, Any

from optarb.domain.money import UNITS_PER_DOLLAR, to_units
from optarb.domain.time import NEW_YORK
from optarb.reports._words import component_words, dollars, percent, plain, ratio
from optarb.reports.equity_curve import buy_and_hold
from optarb.reports.metrics import drawdown, sharpe

if TYPE_CHECKING:
    from optarb.reports.trades import Trade
    from optarb.specs import BacktestSummary

__all__ = ["Facts", "Section", "sections_html", "sections_of", "sections_text"]

_Line = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A titled part of the page."""

    title: str
    """Its heading."""
    lines: tuple[_Line, ...]
    """Label and value; a line without a label is a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the page is made of, as it stands in the store."""

    summary: BacktestSummary
    """The figures."""
    report: Mapping[str, Any]
    """The stored provenance."""
    trades: Sequence[Trade]
    """The round trips."""
    sessions: Sequence[date]
    """Sessions of the run, oldest first."""
    equity: Sequence[int]
    """Marked equity in ledger units, one a session."""
    invested: Sequence[int]
    """What open positions bind, in ledger units, one a session."""
    open_positions: Sequence[int]
    """How many there are at the end of each session."""
    unquoted: int
    """Marks that kept an older price."""
    fills: Sequence[tuple[str | None, bool]]
    """When each fill's quote was taken, as stored, and whether it was modelled."""


def sections_of(facts: Facts) -> tuple[Section, ...]:
    """Builds the page.

    Args:
        facts: What is stored.
    """
    return (
        Section(title=f"Backtest {facts.summary.backtest_id}", lines=tuple(_run(facts))),
        Section(title="Result", lines=tuple(_result(facts))),
        Section(title="Trades", lines=tuple(_trades(facts.trades))),
        Section(title="Denials by rule", lines=_counts(facts.report["denials"]) or (("", "none"),)),
        Section(title="Quotes and data", lines=tuple(_data(facts))),
        Section(title="Assumptions", lines=tuple(_assumptions(facts.report))),
        Section(title="Provenance", lines=tuple(_provenance(facts))),
    )


def sections_text(sections: Iterable[Section]) -> str:
    """Writes the page as plain text."""
    parts = []
    for section in sections:
        width = max((len(label) for label, _ in section.lines), default=0) + 2
        lines = [f"  {label:<{width}}{value}" if label else f"  {value}" for label, value in section.lines]
        parts.append("\n".join([section.title, *lines]))
    return "\n\n".join(parts)


def sections_html(sections: Iterable[Section]) -> str:
    """Writes the page as an HTML fragment, every value escaped."""
    rows = []
    for section in sections:
        rows.append(f'<tr><th colspan="2" style="text-align:left">{escape(section.title)}</th></tr>')
        for label, value in section.lines:
            if label:
                rows.append(f"<tr><td>{escape(label)}</td><td>{escape(value)}</td></tr>")
            else:
                rows.append(f'<tr><td colspan="2">{escape(value)}</td></tr>')
    return "<table>" + "".join(rows) + "</table>"


def _run(facts: Facts) -> Iterable[_Line]:
    yield "strategy", facts.summary.strategy
    yield "sessions", f"{facts.sessions[0]} to {facts.sessions[-1]} ({len(facts.sessions):,})"
    overrides = facts.report["spec"].get("overrides") or {}
    if overrides:
        yield "overrides", ", ".join(f"{path}={value!r}" for path, value in overrides.items())


def _result(facts: Facts) -> Iterable[_Line]:
    summary = facts.summary
    pnl, final = to_units(summary.pnl_usd), to_units(summary.final_equity_usd)
    capital = final - pnl
    fall = drawdown([value / UNITS_PER_DOLLAR for value in (capital, *facts.equity)])
    yield "capital", dollars(capital)
    yield "final equity", dollars(final)
    yield "P&L", f"{dollars(pnl, signed=True)} ({percent(pnl / capital, signed=True)})"
    yield "commissions and fees", dollars(to_units(summary.fees_usd))
    yield "max drawdown", f"{percent(fall.fraction)}, {dollars(round(fall.usd * UNITS_PER_DOLLAR))}"
    yield "Sharpe", ratio(summary.sharpe)
    for symbol, closes in facts.report["buy_and_hold"].items():
        yield f"buy and hold {symbol}", _held_instead(capital / UNITS_PER_DOLLAR, closes)


def _held_instead(capital: float, closes: Sequence[float]) -> str:
    held = [value for value in buy_and_hold(capital, closes) if value == value]  # noqa: PLR0124 - NaN test
    curve = [capital, *held]
    gain = curve[-1] - capital
    told = f"{dollars(round(gain * UNITS_PER_DOLLAR), signed=True)} ({percent(gain / capital, signed=True)})"
    return f"{told}, max drawdown {percent(drawdown(curve).fraction)}, Sharpe {ratio(sharpe(curve))}"


def _trades(trades: Sequence[Trade]) -> Iterable[_Line]:
    won = sum(trade.pnl > 0 for trade in trades)
    yield "round trips", f"{len(trades):,}, {won:,} with a gain after fees" if trades else "none"
    by_reason: dict[str, list[Trade]] = {}
    for trade in trades:
        by_reason.setdefault(trade.exit_reason or "open", []).append(trade)
    for reason, ended in sorted(by_reason.items()):
        yield f"exit {reason}", f"{len(ended):,}, P&L {dollars(sum(trade.pnl for trade in ended), signed=True)}"


def _counts(counts: Mapping[str, int]) -> tuple[_Line, ...]:
    return tuple((plain(name), f"{number:,}") for name, number in sorted(counts.items()) if number)


def _data(facts: Facts) -> Iterable[_Line]:
    report = facts.report
    modelled = [symbol for symbol, is_modelled in report["modelled"].items() if is_modelled]
    quoted = [symbol for symbol in report["modelled"] if symbol not in modelled]
    if modelled:
        yield "modelled quotes", ", ".join(modelled)
    if quoted:
        yield "real quotes", ", ".join(quoted)
    yield "fills", _fills(facts.fills)
    unquoted = f"{facts.unquoted:,} unquoted, at an older price" if facts.unquoted else "all quoted"
    yield "marks", f"at the {plain(report['mark'])}, {unquoted}"
    yield "bars seen", f"through the {plain(report['bars'])}"
    counts = report["counts"]
    for title, found in (
        ("sessions and orders", counts["trade"]),
        ("evaluations skipped", counts["signals"]),
        ("quotes by kind", counts["quotes"]),
        *((f"bars of {symbol}", kinds) for symbol, kinds in report["bars_counts"].items()),
    ):
        told = [f"{plain(kind)} {number:,}" for kind, number in sorted(found.items()) if number]
        if told:
            yield title, ", ".join(told)


def _fills(fills: Sequence[tuple[str | None, bool]]) -> str:
    if not fills:
        return "none"
    told = f"{len(fills):,}, {sum(modelled for _, modelled in fills):,} on modelled quotes"
    times = Counter(None if at is None else datetime.fromisoformat(at).astimezone(NEW_YORK).time() for at, _ in fills)
    unknown = times.pop(None, 0)
    known = sorted(time for time in times if time is not None)
    if known:
        span = f"{known[0]:%H:%M}" if known[0] == known[-1] else f"{known[0]:%H:%M} to {known[-1]:%H:%M}"
        told += f"; quotes taken at {span} New York"
    return f"{told}; {unknown:,} on quotes taken at an unknown time" if unknown else told


def _assumptions(report: Mapping[str, Any]) -> Iterable[_Line]:
    yield "simulator", component_words(report["inputs"]["components"]["simulator"]["parameters"])
    if "margin" in report:  # books finished before there were margin models say nothing of it
        yield "margin of unbounded losses", report["margin"]
    for sentence in report["assumptions"]:
        yield "", sentence


def _provenance(facts: Facts) -> Iterable[_Line]:
    inputs = facts.report["inputs"]
    for symbol, kinds in inputs["data"].items():
        yield f"data {symbol}", ", ".join(f"{kind} {digest[:12]}" for kind, digest in kinds.items())
    yield "libraries", ", ".join(f"{name} {version}" for name, version in inputs["libraries"].items())
    yield "digest", facts.summary.digest
