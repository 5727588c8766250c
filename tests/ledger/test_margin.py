"""What positions of several expiries can lose: figures by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from optarb.domain.contracts import OptionContract
from optarb.ledger.margin import payoff_bounds

NEAR, FAR = "190531", "190628"


def bounds(*legs):
    """Legs as (OCC symbol, quantity, price a share)."""
    return payoff_bounds([(OptionContract.parse(symbol), quantity, Decimal(at)) for symbol, quantity, at in legs])


@pytest.mark.parametrize(
    ("legs", "max_loss"),
    [
        # Calendar: 60 paid, 40 received; below 2,900 both are nothing, above they cancel. (60 - 40) x 100.
        (((f"SPXW{FAR}C02900000", 1, "60"), (f"SPXW{NEAR}C02900000", -1, "40")), 2_000),
        # The same with puts, five of them: (55 - 35) x 100 x 5.
        (((f"SPXW{FAR}P02900000", 5, "55"), (f"SPXW{NEAR}P02900000", -5, "35")), 10_000),
        # Diagonal with the better strike bought: the debit of 95 - 15.
        (((f"SPXW{FAR}C02850000", 1, "95"), (f"SPXW{NEAR}C02950000", -1, "15")), 8_000),
        # Diagonal with the worse strike bought: 50 between the strikes less the credit of 70 - 45.
        (((f"SPXW{FAR}C02950000", 1, "45"), (f"SPXW{NEAR}C02900000", -1, "70")), 2_500),
        (((f"SPXW{FAR}P02800000", 1, "30"), (f"SPXW{NEAR}P02850000", -1, "38")), 4_200),
        # Double calendar: two shorts that expire together, each with its own long. 20 + 15.
        (
            (
                (f"SPXW{FAR}C02950000", 1, "45"),
                (f"SPXW{NEAR}C02950000", -1, "25"),
                (f"SPXW{FAR}P02850000", 1, "40"),
                (f"SPXW{NEAR}P02850000", -1, "25"),
            ),
            3_500,
        ),
        # One long for two shorts leaves one uncovered.
        (((f"SPXW{FAR}C02900000", 1, "60"), (f"SPXW{NEAR}C02900000", -2, "40")), None),
        # The short outlives the long.
        (((f"SPXW{NEAR}C02900000", 1, "40"), (f"SPXW{FAR}C02900000", -1, "60")), None),
        # The put that is sold for later may cost its strike less 55, and the 35 for the one that is gone.
        (((f"SPXW{NEAR}P02900000", 1, "35"), (f"SPXW{FAR}P02900000", -1, "55")), 288_000),
        # Shorts of two expiries are covered by nothing later: the index may fall by the first and rise by the second.
        (
            (
                (f"SPXW{NEAR}P02900000", -1, "35"),
                (f"SPXW{FAR}C02900000", -1, "60"),
                ("SPXW190731C02900000", 1, "80"),
                ("SPXW190731P02900000", 1, "75"),
            ),
            None,
        ),
        # A long of another underlying covers nothing.
        (((f"SPY{FAR}C00290000", 10, "6"), (f"SPXW{NEAR}C02900000", -1, "40")), None),
        # On one date the AM contract goes first: PM covers AM, AM does not cover PM.
        ((("SPXW190621C02900000", 1, "52"), ("SPX190621C02900000", -1, "50")), 200),
        ((("SPX190621C02900000", 1, "50"), ("SPXW190621C02900000", -1, "52")), None),
        # Nothing is sold: what was paid, although at any one price one of the two is worth 100 at least.
        (((f"SPXW{NEAR}C02800000", 1, "110"), (f"SPXW{FAR}P02900000", 1, "60")), 17_000),
    ],
)
def test_bounds_when_legs_expire_at_different_times_then_what_the_shorts_can_cost(legs, max_loss):
    assert bounds(*legs).max_loss_usd == max_loss
    assert bounds(*reversed(legs)).max_loss_usd == max_loss


def test_bounds_of_a_calendar_when_the_later_call_can_rise_then_the_gain_has_no_bound():
    assert bounds((f"SPXW{FAR}C02900000", 1, "60"), (f"SPXW{NEAR}C02900000", -1, "40")).max_profit_usd is None
    # Puts: 35 from the one that is sold, and 2,900 less 55 from the other.
    assert bounds((f"SPXW{FAR}P02900000", 1, "55"), (f"SPXW{NEAR}P02900000", -1, "35")).max_profit_usd == 288_000
