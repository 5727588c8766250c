"""Figures and ledger values as words for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from optarb.domain.contracts import OptionContract, Right
from optarb.domain.money import UNITS_PER_DOLLAR
from optarb.domain.time import NEW_YORK

__all__ = ["component_words", "contract_words", "counted", "dollars", "new_york", "per_share", "percent", "plain", "ratio"]


def dollars(units: int, *, signed: bool = False) -> str:
    """Writes ledger units as dollars and cents, such as ``"-$1,234.50"``.

    Args:
        units: Ledger units of 1/10,000 dollar.
        signed: Whether gains carry a plus sign.
    """
    sign = "-" if units < 0 else "+" if signed and units > 0 else ""
    return f"{sign}${abs(units) / UNITS_PER_DOLLAR:,.2f}"


def per_share(units: int | None) -> str:
    """Writes a price per share with the decimals it needs, two at least; None as ``"none"``."""
    if units is None:
        return "none"
    whole = f"{units / UNITS_PER_DOLLAR:,.4f}"
    return whole.removesuffix("00")


def percent(fraction: float | None, *, signed: bool = False) -> str:
    """Writes a fraction as percent, such as ``"12.3 %"``; None as ``"none"``."""
    if fraction is None:
        return "none"
    return f"{100 * fraction:+.1f} %" if signed else f"{100 * fraction:.1f} %"


def ratio(value: float | None) -> str:
    """Writes a ratio with two decimals; None as ``"none"``."""
    return "none" if value is None else f"{value:.2f}"


def contract_words(legs: str) -> list[str]:
    """Writes the contracts of a trade as people do, such as ``"+1 SPXW 2018-01-31 2,800 call"``.

    Args:
        legs: Quantities and OCC symbols, as a trade's ``legs``.
    """
    words = legs.split()
    told = []
    for quantity, symbol in zip(words[::2], words[1::2], strict=True):
        contract = OptionContract.parse(symbol)
        right = "call" if contract.right is Right.CALL else "put"
        told.append(f"{quantity} {contract.root} {contract.expiry} {contract.strike.normalize():,f} {right}")
    return told


def counted(number: int, what: str) -> str:
    """Writes a number with its noun, such as ``"1 unit"`` or ``"2 units"``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def plain(name: str) -> str:
    """Turns a stable short name into words: ``"no_chain"`` becomes ``"no chain"``."""
    return name.replace("_", " ")


def new_york(instant: str | None) -> str:
    """Writes a stored instant in New York time; None as ``"at an unknown time"``."""
    if instant is None:
        return "at an unknown time"
    return f"{datetime.fromisoformat(instant).astimezone(NEW_YORK):%Y-%m-%d %H:%M} New York"


def component_words(canonical: Any) -> str:
    """Writes a component's stored canonical form as a call, such as ``"PerContractFee(commission_usd=0.65)"``.

    Args:
        canonical: JSON values as :func:`optarb._component.canonical` makes them.
    """
    if isinstance(canonical, list):
        return "(" + ", ".join(map(component_words, canonical)) + ")"
    if not isinstance(canonical, Mapping):
        return repr(canonical)
    if "component" in canonical:
        name = str(canonical["component"]).rpartition(":")[2]
        fields = canonical.get("parameters", {})
        return f"{name}({', '.join(f'{field}={component_words(value)}' for field, value in fields.items())})"
    ((tag, value),) = canonical.items()
    if tag == "float":
        return repr(float.fromhex(value))
    if tag == "mapping":
        return "{" + ", ".join(f"{component_words(key)}: {component_words(item)}" for key, item in value) + "}"
    return "{" + ", ".join(value) + "}" if tag == "set" else str(value)
