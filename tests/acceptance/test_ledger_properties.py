"""Properties of the ledger under random orders, fills and reports, and its bounds and margins against brute force."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optarb.domain.contracts import OptionContract, Right
from optarb.domain.orders import LegFill, OrderIntent, OrderLeg, OrderReport, OrderStatus, Purpose
from optarb.ledger.book import Book, PositionPlan
from optarb.ledger.margin import naked_margin, payoff_bounds

AT = datetime(2016, 1, 4, 21, tzinfo=UTC)
CAPITAL = Decimal(100_000)
EXPIRIES = (date(2016, 2, 19), date(2016, 3, 18))


def contract(strike, right="C", expiry=EXPIRIES[0], root="SPXW"):
    return OptionContract(root=root, expiry=expiry, right=Right(right), strike=Decimal(strike))


contracts = st.builds(
    contract, st.sampled_from([1900, 1950, 2000, 2050, 2100]), st.sampled_from("CP"), st.sampled_from(EXPIRIES)
)
prices = st.integers(0, 20_000).map(lambda cents: Decimal(cents).scaleb(-2))


# -- the book ---------------------------------------------------------------------------------------------------------------


@st.composite
def careers(draw):
    """Positions of one to four legs, each opened and, most of them, closed or settled."""
    positions = []
    for number in range(draw(st.integers(1, 5))):
        legs = draw(st.lists(contracts, min_size=1, max_size=4, unique=True))
        ratios = draw(st.lists(st.sampled_from([-3, -2, -1, 1, 2, 3]), min_size=len(legs), max_size=len(legs)))
        positions.append(
            {
                "id": f"20160104.{number + 1}",
                "units": draw(st.integers(1, 4)),
                "legs": list(zip(legs, ratios, strict=True)),
                "open": [draw(prices) for _ in legs],
                "close": [draw(prices) for _ in legs],
                "fees": Decimal(draw(st.integers(0, 50_000))).scaleb(-4),
                "end": draw(st.sampled_from(["close", "settle", "stay"])),
            }
        )
    return positions


def order(position, purpose):
    sign = 1 if purpose is Purpose.OPEN else -1
    return OrderIntent(
        book_id="book",
        position_id=position["id"],
        purpose=purpose,
        attempt=1,
        units=position["units"],
        legs=tuple(OrderLeg(contract=one, quantity=sign * ratio * position["units"]) for one, ratio in position["legs"]),
    )


def reports(intent, fills, fees, rng):
    """Cumulative reports of an order that fills in up to ``units`` steps, the last one terminal."""
    steps = sorted(rng.sample(range(1, intent.units), k=rng.randrange(intent.units))) if intent.units > 1 else []
    return [
        OrderReport(
            order_id=intent.order_id,
            status=OrderStatus.FILLED if done == intent.units else OrderStatus.WORKING,
            legs=tuple(
                LegFill(contract=leg.contract, quantity=leg.quantity // intent.units * done, price=price)
                for leg, price in zip(intent.legs, fills, strict=True)
            ),
            fees=(fees * done / intent.units).quantize(Decimal("0.0001")) if done < intent.units else fees,
        )
        for done in [*steps, intent.units]
    ]


PLAN = PositionPlan(expert="one", underlying="SPX", structure="random", unit_margin_usd=Decimal(0))


def live(book, positions, shake=lambda sequence: sequence):
    """Runs every position through the book; ``shake`` may repeat and reorder the reports of an order."""
    rng = random.Random(len(positions))
    book.begin_session(20160104)
    for position in positions:
        intent = order(position, Purpose.OPEN)
        book.place(intent, PLAN)
        for report in shake(reports(intent, position["open"], position["fees"], rng)):
            book.apply(report)
    book.begin_session(20160105)
    for position in positions:
        if position["end"] == "close":
            intent = order(position, Purpose.CLOSE)
            book.place(intent)
            for report in shake(reports(intent, position["close"], position["fees"], rng)):
                book.apply(report)
        elif position["end"] == "settle":
            for (one, _), price in zip(position["legs"], position["close"], strict=True):
                book.settle(position["id"], one, price)


def flow(position, side):
    """Cash per position at a side's prices: what the signed quantities are worth."""
    return sum(
        price * ratio * position["units"] * 100 for (_, ratio), price in zip(position["legs"], position[side], strict=True)
    )


def fees_of(position):
    return position["fees"] * (2 if position["end"] == "close" else 1)


def expected_cash(positions):
    cash = CAPITAL
    for position in positions:
        cash -= flow(position, "open") + fees_of(position)
        if position["end"] != "stay":
            cash += flow(position, "close")
    return cash


@given(careers())
def test_book_when_fed_random_careers_then_no_money_is_made_or_lost(positions):
    book = Book("book", CAPITAL)
    live(book, positions)
    account = book.account(AT)

    assert account.cash_usd == expected_cash(positions)
    open_ids = [position["id"] for position in positions if position["end"] == "stay"]
    assert [position.position_id for position in account.positions] == open_ids
    assert account.realised_usd == sum(
        flow(position, "close") - flow(position, "open") - fees_of(position)
        for position in positions
        if position["end"] != "stay"
    )
    # What was put in is in the cash, in the result, or still open at cost.
    open_cost = sum(position.premium_usd + position.fees_usd for position in account.positions)
    assert account.cash_usd == account.initial_usd + account.realised_usd - open_cost
    # Marked at what was paid, equity is lower by the fees alone.
    assert account.equity_usd == account.initial_usd + account.realised_usd - sum(
        position.fees_usd for position in account.positions
    )


@given(careers(), st.integers(0, 2**32))
def test_book_when_reports_are_repeated_and_reordered_then_the_same_book(positions, seed):
    rng = random.Random(seed)

    def shake(sequence):
        *working, last = sequence
        before = working * 2
        rng.shuffle(before)
        # The terminal report may come first; what straggles in behind it must change nothing.
        place = rng.randrange(len(before) + 1)
        return [*before[:place], last, *before[place:], last]

    plain, shaken = Book("book", CAPITAL), Book("book", CAPITAL)
    live(plain, positions)
    live(shaken, positions, shake)

    assert shaken.dump() == plain.dump()


@given(careers(), st.integers(0, 10))
def test_book_when_only_some_reports_arrive_then_the_last_one_makes_it_whole(positions, skipped):
    plain, patchy = Book("book", CAPITAL), Book("book", CAPITAL)
    live(plain, positions)
    live(patchy, positions, lambda sequence: sequence[min(skipped, len(sequence) - 1) :])
    assert patchy.dump() == plain.dump()


@given(careers(), st.text(max_size=20))
def test_book_when_dumped_and_loaded_then_it_goes_on_as_if_it_had_not_been(positions, note):
    book = Book("book", CAPITAL)
    live(book, positions)
    for position in book.account(AT).positions:
        book.note(position.position_id, {"note": note})

    loaded = Book.load("book", book.dump())

    assert loaded.dump() == book.dump()
    assert loaded.account(AT) == book.account(AT)
    for one in (book, loaded):
        one.begin_session(20160106)
        one.mark(lambda contract, quantity: Decimal("12.34"))
        for position in positions:
            if position["end"] == "stay":
                intent = order(position, Purpose.CLOSE)
                one.place(intent)
                for report in reports(intent, position["close"], position["fees"], random.Random(1)):
                    one.apply(report)
    assert loaded.dump() == book.dump()
    assert loaded.account(AT).equity_usd == loaded.account(AT).cash_usd


@given(careers())
def test_book_when_an_order_dies_unfilled_then_nothing_of_it_is_left(positions):
    book, untouched = Book("book", CAPITAL), Book("book", CAPITAL)
    for one in (book, untouched):
        one.begin_session(20160104)
    for position in positions:
        intent = order(position, Purpose.OPEN)
        book.place(intent, PLAN)
        legs = tuple(LegFill(contract=leg.contract, quantity=0, price=Decimal(0)) for leg in intent.legs)
        book.apply(OrderReport(order_id=intent.order_id, status=OrderStatus.EXPIRED, legs=legs))
    assert book.dump() == untouched.dump()


# -- bounds -----------------------------------------------------------------------------------------------------------------

holdings = st.lists(
    st.tuples(
        st.builds(contract, st.sampled_from([1900, 1950, 2000, 2050, 2100]), st.sampled_from("CP")),
        st.sampled_from([-10, -2, -1, 1, 2, 10]),
        prices,
    ),
    min_size=1,
    max_size=5,
)


def outcome(legs, spot):
    total = Decimal(0)
    for one, quantity, paid in legs:
        gain = spot - one.strike if one.right is Right.CALL else one.strike - spot
        total += (max(gain, Decimal(0)) - paid) * quantity * 100
    return total


@given(holdings)
@settings(max_examples=200)
def test_bounds_of_one_expiry_when_compared_with_a_fine_grid_then_equal(legs):
    bounds = payoff_bounds(legs)

    # From worthless to far beyond every strike in steps that hit each strike.
    grid = [outcome(legs, Decimal(spot)) for spot in range(0, 4001, 25)]
    far, further = outcome(legs, Decimal(10**6)), outcome(legs, Decimal(10**6 + 1))
    if further < far:
        assert bounds.max_loss_usd is None
    else:
        assert bounds.max_loss_usd == max(-min(*grid, far), Decimal(0))
    if further > far:
        assert bounds.max_profit_usd is None
    else:
        assert bounds.max_profit_usd == max(*grid, far)


@given(holdings, holdings)
def test_bounds_of_two_expiries_when_compared_with_every_pair_of_outcomes_then_never_better_than_the_truth(near, later):
    moved = [(contract(one.strike, one.right.value, EXPIRIES[1]), quantity, paid) for one, quantity, paid in later]
    both, first, second = payoff_bounds([*near, *moved]), payoff_bounds(near), payoff_bounds(moved)
    alone = any(quantity < 0 for _, quantity, _ in later)  # what is sold for later is covered by nothing
    if not alone and any(quantity < 0 for _, quantity, _ in near):
        # Longs that outlive every short count with what exercise brings when the shorts expire.
        assert both.max_loss_usd == payoff_bounds([*near, *later]).max_loss_usd
        return

    unbounded = first.max_loss_usd is None or second.max_loss_usd is None
    assert (both.max_loss_usd is None) == unbounded
    if both.max_loss_usd is not None:
        worst = min(outcome(near, Decimal(s)) for s in range(0, 4001, 50)) + min(
            outcome(moved, Decimal(s)) for s in range(0, 4001, 50)
        )
        assert both.max_loss_usd == max(-worst, Decimal(0))


# -- margin: figures by hand ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("legs", "spots", "expected"),
    [
        # 15 % of 2,000 less 100 out of the money = 200, as much as 10 % of 2,000; premium 20: 220 x 100.
        ([(contract(2100), -1, "20")], {"SPX": 2000}, 22_000),
        # 15 % of 2,000 less 50 = 250 beats 200; premium 30: 280 x 100.
        ([(contract(2050), -1, "30")], {"SPX": 2000}, 28_000),
        # In the money: nothing is deducted. 300 + 120 = 420 x 100 x 2.
        ([(contract(1900), -2, "120")], {"SPX": 2000}, 84_000),
        # Put: the floor is 10 % of the strike. 300 - 300 = 0, floor 170, premium 5: 175 x 100.
        ([(contract(1700, "P"), -1, "5")], {"SPX": 2000}, 17_500),
        # Put: 300 - 100 = 200 beats 190; premium 12.50: 212.50 x 100.
        ([(contract(1900, "P"), -1, "12.50")], {"SPX": 2000}, 21_250),
        # Shares: 20 %. 10 x (40 - 5 + 1.25) x 100.
        ([(contract(205, root="SPY"), -10, "1.25")], {"SPY": 200}, 36_250),
        # Shares, floor: 10 x (20 + 0.10) x 100.
        ([(contract(230, root="SPY"), -10, "0.10")], {"SPY": 200}, 20_100),
        # Strangle: call 250, put 200 without premium; the larger with its premium 30, and the other premium 12.50.
        ([(contract(2050), -1, "30"), (contract(1900, "P"), -1, "12.50")], {"SPX": 2000}, 29_250),
        # Longs cover nothing here.
        ([(contract(2050), -1, "30"), (contract(2060), 1, "25")], {"SPX": 2000}, 28_000),
        ([(contract(2060), 1, "25")], {"SPX": 2000}, 0),
        # The pair without recognition of the hedge: the ten short calls alone.
        ([(contract(2000), 1, "40"), (contract(200, root="SPY"), -10, "4")], {"SPX": 2000, "SPY": 200}, 44_000),
    ],
)
def test_naked_margin_when_compared_with_figures_by_hand_then_equal(legs, spots, expected):
    priced = [(one, quantity, Decimal(price)) for one, quantity, price in legs]
    assert naked_margin(priced, {symbol: Decimal(spot) for symbol, spot in spots.items()}) == expected
