"""Commissions, and the fees of clearing house, exchanges and regulators as they were published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.brokers.fee_table import FeeRate, FeeTable
from optarb.domain.money import round_cash

if TYPE_CHECKING:
    from optarb.domain.legs import Leg

__all__ = ["COMMISSION", "US_OPTION_FEES", "PublishedFees"]

_ADVISORY = "SEC, Fee Rate Advisory for fiscal year {}"
_SECTION_31 = (
    (date(2007, 3, 17), "15.30", 2007),
    (date(2008, 1, 25), "11.00", 2008),
    (date(2008, 4, 1), "5.60", 2008),
    (date(2009, 4, 10), "25.70", 2009),
    (date(2010, 1, 15), "12.70", 2010),
    (date(2010, 4, 1), "16.90", 2010),
    (date(2011, 1, 21), "19.20", 2011),
    (date(2012, 2, 21), "18.00", 2012),
    (date(2012, 4, 1), "22.40", 2012),
    (date(2013, 5, 25), "17.40", 2013),
    (date(2014, 3, 18), "22.10", 2014),
    (date(2015, 2, 14), "18.40", 2015),
    (date(2016, 2, 16), "21.80", 2016),
    (date(2017, 7, 4), "23.10", 2017),
    (date(2018, 5, 22), "13.00", 2018),
    (date(2019, 4, 16), "20.70", 2019),
    (date(2020, 2, 18), "22.10", 2020),
    (date(2021, 2, 25), "5.10", 2021),
    (date(2022, 5, 14), "22.90", 2022),
    (date(2023, 2, 27), "8.00", 2023),
    (date(2024, 5, 22), "27.80", 2024),
    (date(2025, 5, 14), "0", 2025),
)
"""First day, dollars a million, and the fiscal year whose advisory says so."""


def _per_contract(since: date, usd: str, source: str, maximum_usd: str | None = None) -> FeeRate:
    most = None if maximum_usd is None else Decimal(maximum_usd)
    return FeeRate(since=since, per_contract_usd=Decimal(usd), maximum_usd=most, source=source)


COMMISSION = FeeTable(name="commission", rows=(_per_contract(date(2000, 1, 1), "0.65", "a common retail price"),))
"""0.65 dollars a contract and side."""

US_OPTION_FEES = (
    FeeTable(
        name="ORF",
        rows=(_per_contract(date(2025, 3, 3), "0.02815", "Interactive Brokers: sum over all exchanges on 2025-03-03"),),
    ),
    FeeTable(
        name="OCC",
        bounds="leg",
        rows=(
            _per_contract(date(2020, 1, 1), "0.055", "OCC, Schedule of Fees of January 2020", "55"),
            _per_contract(date(2020, 9, 1), "0.045", "OCC, SR-OCC-2020-009, 85 FR 50858", "55"),
            _per_contract(date(2021, 6, 1), "0.02", "OCC, press release of 2021-04-19, 86 FR 27916", "55"),
            _per_contract(date(2025, 2, 14), "0.025", "OCC, SR-OCC-2025-002, 90 FR 10544"),
        ),
    ),
    FeeTable(
        name="TAF",
        sales_only=True,
        rows=(
            _per_contract(date(2022, 1, 1), "0.00218", "FINRA, SR-FINRA-2020-032, first step"),
            _per_contract(date(2023, 1, 1), "0.00244", "FINRA, SR-FINRA-2020-032, second step"),
            _per_contract(date(2024, 1, 1), "0.00279", "FINRA, SR-FINRA-2020-032, third step"),
        ),
    ),
    FeeTable(
        name="Section 31",
        sales_only=True,
        cash_settled=False,
        rows=tuple(
            FeeRate(since=since, of_premium=Decimal(usd) / 1_000_000, source=_ADVISORY.format(year))
            for since, usd, year in _SECTION_31
        ),
    ),
    FeeTable(
        name="XSP exchange fee",
        bounds="leg",
        roots=("XSP",),
        contracts_from=10,
        rows=(_per_contract(date(2021, 9, 1), "0.04", "Cboe Options, Fees Schedule of 2021-09-01, customers"),),
    ),
)
"""What a customer pays on US listed options beside the commission, as far as it could be verified."""


@dataclass(frozen=True, kw_only=True)
class PublishedFees:
    """The commission and a table for each further fee, all looked up by trade date and added.

    The tables that are shipped hold what could be verified; fees that are missing in them, such as the exchange's fee on SPX
    options, are added as further tables. An order's sum is rounded half-even to 1/10,000 dollar; brokers round up to cents.
    """

    commission: FeeTable = COMMISSION
    """What the broker takes."""
    tables: tuple[FeeTable, ...] = US_OPTION_FEES
    """What is passed through."""

    def fees(self, legs: Sequence[Leg], units: int, session: date) -> Decimal:
        """Returns the fees of one order without those that depend on its prices; :meth:`fees_at` has them all.

        Args:
            legs: The legs of one unit, each ratio signed as traded.
            units: Units traded.
            session: Trade date.
        """
        unpriced = (table for table in (self.commission, *self.tables) if not table.needs_prices)
        nothing = [Decimal(0)] * len(legs)
        return round_cash(sum((table.fee(legs, nothing, units, session) for table in unpriced), Decimal(0)))

    def fees_at(self, legs: Sequence[Leg], prices: Sequence[Decimal], units: int, session: date) -> Decimal:
        """Returns the fees of one order at its prices; see ``SupportsPricedFees``."""
        tables = (self.commission, *self.tables)
        return round_cash(sum((table.fee(legs, prices, units, session) for table in tables), Decimal(0)))

    def notes(self, session: date) -> tuple[str, ...]:
        """Returns which fees have no rate as old as a trade date, in words."""
        notes = (table.note(session) for table in (self.commission, *self.tables))
        return tuple(note for note in notes if note is not None)
