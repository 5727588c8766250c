"""Fees by hand, from the rates as they were published."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from tests.brokers.conftest import CALL, WING

from optarb.brokers import US_OPTION_FEES, FeeRate, FeeTable, PerContractFee, PublishedFees, Simulator
from optarb.brokers.simulated_account import SimulatedAccount
from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg
from optarb.domain.orders import OrderStatus
from optarb.protocols.brokers import order_fees

SPX, SPY, XSP = "SPXW240628C05000000", "SPY240628C00500000", "XSP240628C00500000"


def legs(*pairs):
    return [Leg(contract=OptionContract.parse(symbol), ratio=ratio) for symbol, ratio in pairs]


def prices(*values):
    return [Decimal(value) for value in values]


@pytest.mark.parametrize(
    ("session", "traded", "at", "units", "fees"),
    [
        # One call bought in 2024: 0.65 + ORF 0.02815 + OCC 0.02 = 0.69815, half to even.
        (date(2024, 6, 3), legs((SPX, 1)), prices("50"), 1, "0.6982"),
        # Ten SPY calls sold at 5.00, 2024-06-03: 6.50 + 0.2815 + 0.20 + TAF 0.0279 + 27.80 of a million of 5,000 = 0.139.
        (date(2024, 6, 3), legs((SPY, -10)), prices("5"), 1, "7.1484"),
        # An index option that is sold pays TAF and no Section 31: 0.65 + 0.02815 + 0.02 + 0.00279.
        (date(2024, 6, 3), legs((SPX, -1)), prices("50"), 1, "0.7009"),
        # The pair, three units. 33 x (0.65 + 0.02815 + 0.02) + 30 x 0.00279 + 0.417.
        (date(2024, 6, 3), legs((SPX, 1), (SPY, -10)), prices("50", "5"), 3, "23.5396"),
        # The day before a change: 8.00 a million of 5,000 is 0.04, and 7.0094 without Section 31.
        (date(2024, 5, 21), legs((SPY, -10)), prices("5"), 1, "7.0494"),
        # Since 2025-02-14 the clearing fee is 0.025; since 2025-05-14 Section 31 is nothing. 10 x 0.70594.
        (date(2025, 5, 14), legs((SPY, -10)), prices("5"), 1, "7.0594"),
        # Before 2020-09-01 it was 0.055, and no TAF is older than 2022: 10 x (0.65 + 0.02815 + 0.055 + 0.00218) + 0.1105.
        (date(2020, 3, 2), legs((SPY, -10)), prices("5"), 1, "7.4638"),
        # Ten XSP pay 0.04 each, nine pay nothing of it: 7.3815 and 6.28335.
        (date(2024, 6, 3), legs((XSP, 10)), prices("5"), 1, "7.3815"),
        (date(2024, 6, 3), legs((XSP, 9)), prices("5"), 1, "6.2834"),
    ],
)
def test_fees_when_an_order_fills_then_the_sum_of_the_published_rates(session, traded, at, units, fees):
    model = PublishedFees()
    assert model.fees_at(traded, at, units, session) == Decimal(fees)
    assert order_fees(model, traded, at, units, session) == Decimal(fees)


def test_clearing_fee_when_an_order_is_large_then_capped_for_each_leg_until_2025():
    occ = next(table for table in US_OPTION_FEES if table.name == "OCC")
    traded, at = legs((SPX, 3000), (SPY, -1000)), prices("1", "1")
    # 3,000 x 0.02 is above 55, 1,000 x 0.02 is not.
    assert occ.fee(traded, at, 1, date(2024, 6, 3)) == 75
    assert occ.fee(traded, at, 1, date(2025, 6, 3)) == 100
    # 999 contracts were below the cap in January 2020, 1,000 reach it.
    assert occ.fee(legs((SPX, 999)), prices("1"), 1, date(2020, 6, 1)) == Decimal("54.945")
    assert occ.fee(legs((SPX, 2000)), prices("1"), 1, date(2020, 6, 1)) == 55


def test_fees_when_prices_are_not_known_then_without_section_31():
    # 7.1484 less 0.139.
    assert PublishedFees().fees(legs((SPY, -10)), 1, date(2024, 6, 3)) == Decimal("7.0094")


def test_fees_when_a_model_knows_no_prices_then_asked_without():
    assert order_fees(PerContractFee(), legs((SPY, -10)), prices("5"), 2, date(2024, 6, 3)) == 13


def test_notes_when_a_date_is_before_the_first_row_then_say_so():
    assert PublishedFees().notes(date(2018, 1, 2)) == (
        "ORF: no rate before 2025-03-03, the rate of that date is used",
        "OCC: no rate before 2020-01-01, the rate of that date is used",
        "TAF: no rate before 2022-01-01, the rate of that date is used",
        "XSP exchange fee: no rate before 2021-09-01, the rate of that date is used",
    )
    assert PublishedFees().notes(date(2025, 6, 2)) == ()


@pytest.mark.parametrize(
    ("session", "contracts", "fee"),
    [
        (date(2018, 1, 2), 1, "1.00"),  # before the first row; the minimum
        (date(2019, 9, 30), 10, "4.95"),  # an order 2.45, 10 x 0.25
        (date(2019, 9, 30), 100, "9.95"),  # the maximum
        (date(2019, 10, 1), 100, "65.00"),
    ],
)
def test_commission_when_it_has_parts_then_an_order_a_contract_minimum_and_maximum(session, contracts, fee):
    old = {"per_order_usd": "2.45", "per_contract_usd": "0.25", "minimum_usd": "1.00", "maximum_usd": "9.95"}
    commission = FeeTable(
        name="commission",
        rows=(
            FeeRate(since=date(2019, 1, 1), **{name: Decimal(value) for name, value in old.items()}),
            FeeRate(since=date(2019, 10, 1), per_contract_usd=Decimal("0.65")),
        ),
    )
    if contracts == 1:
        commission = FeeTable(
            name="commission",
            rows=(FeeRate(since=date(2019, 1, 1), per_contract_usd=Decimal("0.5"), minimum_usd=Decimal(1)),),
        )
    model = PublishedFees(commission=commission, tables=())
    assert model.fees(legs((SPX, contracts)), 1, session) == Decimal(fee)


def test_exchange_fee_when_it_depends_on_the_premium_then_one_table_for_each_side():
    row = (FeeRate(since=date(2024, 1, 1), per_contract_usd=Decimal("0.36")),)
    dear = (FeeRate(since=date(2024, 1, 1), per_contract_usd=Decimal("0.45")),)
    low = FeeTable(name="low", roots=("SPX", "SPXW"), price_below=Decimal(1), rows=row)
    high = FeeTable(name="high", roots=("SPX", "SPXW"), price_from=Decimal(1), rows=dear)
    model = PublishedFees(commission=low, tables=(high,))
    traded = legs((SPX, 2), ("SPXW240628C06000000", -4), (SPY, 5))
    # Two at 1.00 or more, four below; SPY pays neither.
    assert model.fees_at(traded, prices("1.00", "0.95", "3"), 1, date(2024, 6, 3)) == Decimal("2.34")
    assert model.fees(traded, 1, date(2024, 6, 3)) == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"per_contract_usd": Decimal(-1)}, "per_contract_usd"),
        ({"per_contract_usd": 0.65}, "per_contract_usd"),
        ({"of_premium": Decimal("NaN")}, "of_premium"),
        ({"maximum_usd": Decimal("Infinity")}, "maximum_usd"),
        ({"minimum_usd": Decimal(2), "maximum_usd": Decimal(1)}, "below minimum_usd"),
    ],
)
def test_rate_when_an_amount_is_wrong_then_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        FeeRate(since=date(2024, 1, 1), **fields)


def test_table_when_its_dates_do_not_rise_then_refused():
    row = FeeRate(since=date(2024, 1, 1))
    for rows in ((), (row, row)):
        with pytest.raises(ValueError, match="rising dates"):
            FeeTable(name="x", rows=rows)
    with pytest.raises(ValueError, match="bounds"):
        FeeTable(name="x", rows=(row,), bounds="unit")


def test_section_31_when_read_then_rises_and_falls_as_the_advisories_say():
    table = next(table for table in US_OPTION_FEES if table.name == "Section 31")
    told = [(row.since, row.of_premium * 1_000_000) for row in table.rows]
    # SEC fee rate advisories: 2018-04-17, 2019-03-12, 2020-01-09, 2021-01-15, 2023-01-23, 2024-04-17, 2025-04-08.
    assert told[-8:] == [
        (date(2018, 5, 22), Decimal("13.00")),
        (date(2019, 4, 16), Decimal("20.70")),
        (date(2020, 2, 18), Decimal("22.10")),
        (date(2021, 2, 25), Decimal("5.10")),
        (date(2022, 5, 14), Decimal("22.90")),
        (date(2023, 2, 27), Decimal("8.00")),
        (date(2024, 5, 22), Decimal("27.80")),
        (date(2025, 5, 14), Decimal(0)),
    ]


def test_broker_when_fees_depend_on_prices_then_charges_those_of_the_fills(order, view):
    tax = FeeTable(name="tax", rows=(FeeRate(since=date(2024, 1, 1), of_premium=Decimal("0.001")),), sales_only=True)
    simulator = Simulator(fees=PublishedFees(commission=tax, tables=()))
    sent = order((CALL, 2), (WING, -2), units=2)
    broker, account = simulator.broker(), SimulatedAccount(simulator)
    for one in (broker, account):
        one.submit(sent)
        one.advance(view())
        report = one.find(sent.order_id)
        # Two sold at the bid of 70.20: 14,040 x 0.001.
        assert (report.status, report.fees) == (OrderStatus.FILLED, Decimal("14.04"))


def test_page_when_read_then_lists_the_rows_of_section_31():
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "fills-and-fees.md").read_text(encoding="utf-8")
    told = re.findall(r"\| (\d{4}-\d\d-\d\d) \| (\d+\.\d\d) ", page)
    table = next(table for table in US_OPTION_FEES if table.name == "Section 31")
    assert sorted(told) == [(str(row.since), f"{row.of_premium * 1_000_000:.2f}") for row in table.rows]
