from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from optarb.testing import fake_account, fake_position

CALL, WING = "SPXW240628C05000000", "SPXW240628C05050000"
PUT, LOWER = "SPXW240628P05000000", "SPXW240628P04950000"

DEBIT = fake_position({CALL: (2, "30", "25"), WING: (-2, "10", "12")}, position_id="a")
"""4,000 paid, worth 2,600."""
CREDIT = fake_position({PUT: (-1, "12", "20"), LOWER: (1, "5", "9")}, position_id="b")
"""700 received, largest loss 4,300, closing costs 1,100."""
NAKED = fake_position({CALL: (-1, "12", "15")}, position_id="c", margin_usd=76_200)
"""1,200 received, no bound, closing costs 1,500."""


@pytest.mark.parametrize(
    ("position", "gain", "profit_basis", "loss_basis", "invested"),
    [
        (DEBIT, -1400, 4000, 4000, 4000),
        (CREDIT, -400, 700, 4300, 4300),
        (NAKED, -300, 1200, 76_200, 76_200),
        # A margin model that recognises a hedge binds less; the loss is measured by the whole margin all the same.
        (replace(NAKED, requirement_usd=Decimal("412.50")), -300, 1200, 76_200, Decimal("412.50")),
        (replace(CREDIT, requirement_usd=Decimal("412.50")), -400, 700, 4300, 4300),
        # A debit whose loss has no bound: its margin is bound, and its stop is still measured by what was paid.
        (replace(DEBIT, premium_usd=Decimal(100), max_loss_usd=None, margin_usd=Decimal(9000)), 2500, 100, 100, 9000),
        # A credit that cannot lose binds nothing.
        (replace(CREDIT, max_loss_usd=Decimal(0)), -400, 700, 0, 0),
        # What closed parts brought is part of the gain and of nothing else.
        (replace(DEBIT, proceeds_usd=Decimal(1500)), 100, 4000, 4000, 4000),
    ],
)
def test_position_when_read_then_gain_and_bases_by_hand(position, gain, profit_basis, loss_basis, invested):
    assert position.gain_usd == gain
    assert position.profit_basis_usd == profit_basis
    assert position.loss_basis_usd == loss_basis
    assert position.invested_usd == invested


def test_account_when_positions_are_open_then_sums_by_hand():
    """Of 100,000 with 500 won before: 4,000 paid, 700 and 1,200 received; 4,000 + 4,300 + 76,200 are bound."""
    account = fake_account([DEBIT, CREDIT, NAKED], initial_usd=100_000, realised_usd=500)

    assert account.cash_usd == 98_400
    assert account.invested_usd == 84_500
    assert account.available_usd == 16_000
    assert account.equity_usd == 98_400 + 2600 - 1100 - 1500
    assert account.margin_loan_usd == 0


@pytest.mark.parametrize(
    ("initial", "realised", "cash", "reserved", "available"),
    [
        (20_000, 0, 20_000, 0, 20_000),
        (20_000, -500, 19_500, 0, 19_500),
        (20_000, 0, 15_000, 0, 15_000),  # less cash than the formula leaves
        (20_000, 0, 25_000, 0, 20_000),  # credits received are not to be spent
        (20_000, 0, 20_000, 7000, 13_000),
        (20_000, 0, 5000, 7000, -2000),
        (20_000, 1000, -50, 0, -50),
    ],
)
def test_available_when_nothing_is_open_then_the_lesser_of_funds_and_cash_less_reserves(
    initial, realised, cash, reserved, available
):
    account = fake_account(initial_usd=initial, realised_usd=realised, cash_usd=cash)
    assert replace(account, reserved_usd=Decimal(reserved)).available_usd == available


@pytest.mark.parametrize(("cash", "loan"), [("0.01", "0"), ("0", "0"), ("-0.01", "0.01"), ("-250000", "250000")])
def test_margin_loan_when_cash_is_negative_then_what_is_owed(cash, loan):
    assert fake_account(cash_usd=cash).margin_loan_usd == Decimal(loan)


def test_account_when_empty_then_equity_is_cash():
    account = fake_account(initial_usd="123.4567")
    assert (account.equity_usd, account.invested_usd, account.available_usd) == (Decimal("123.4567"), 0, Decimal("123.4567"))
