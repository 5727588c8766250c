from __future__ import annotations

import dataclasses
import hashlib
import json
import pickle
from decimal import Decimal

import pytest

from optarb.domain.contracts import OptionContract
from optarb.domain.orders import OrderIntent, OrderLeg, OrderStatus, Purpose

CALL, PUT = OptionContract.parse("SPXW180131C02800000"), OptionContract.parse("SPXW180131P02800000")


def order(**changes):
    fields = {
        "book_id": "dips-20180117-0a1b2c3d",
        "position_id": "20180117.1",
        "purpose": Purpose.OPEN,
        "attempt": 1,
        "legs": (OrderLeg(contract=CALL, quantity=2), OrderLeg(contract=PUT, quantity=-4)),
        "limit": Decimal("1.25"),
        "units": 2,
        **changes,
    }
    return OrderIntent(**fields)


def test_order_id_when_built_then_names_book_position_purpose_and_attempt():
    assert order().order_id == "dips-20180117-0a1b2c3d/20180117.1/open/1"
    digest = hashlib.sha256(b"dips-20180117-0a1b2c3d/20180117.1/open/1").hexdigest()
    assert order().client_order_id == f"optarb-{digest[:40]}"


def test_ids_when_retried_then_equal_whatever_else_the_order_holds():
    again = [order(), pickle.loads(pickle.dumps(order())), order(limit=None, reason="stop_loss")]
    assert {one.order_id for one in again} == {order().order_id}
    assert {one.client_order_id for one in again} == {order().client_order_id}


@pytest.mark.parametrize(
    "changes", [{"attempt": 2}, {"purpose": Purpose.CLOSE}, {"position_id": "20180117.11"}, {"book_id": "another"}]
)
def test_ids_when_another_order_then_different(changes):
    assert order(**changes).order_id != order().order_id
    assert order(**changes).client_order_id != order().client_order_id


@pytest.mark.parametrize("book_id", ["b", "x" * 100, "Bücher", "書" * 50])
def test_client_order_id_when_names_are_long_or_odd_then_short_ascii(book_id):
    found = order(book_id=book_id, attempt=10**9).client_order_id
    assert len(found) <= 128
    assert found.isascii()
    assert found.replace("-", "").isalnum()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"legs": ()}, r"at least one leg and each contract once, got \[\]"),
        ({"legs": (OrderLeg(contract=CALL, quantity=2),) * 2}, r"each contract once.*SPXW180131C02800000"),
        ({"attempt": 0}, "attempt 0"),
        ({"units": 0}, "units 0"),
        ({"units": 4}, "divide every leg.*units 4"),
    ],
)
def test_order_when_it_makes_no_sense_then_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        order(**changes)


def test_order_leg_when_quantity_is_zero_then_refused():
    with pytest.raises(ValueError, match=r"must not be 0.*SPXW180131C02800000"):
        OrderLeg(contract=CALL, quantity=0)


def test_order_when_changed_then_it_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        order().attempt = 2


def test_status_when_terminal_then_all_but_working():
    assert [status for status in OrderStatus if not status.is_terminal] == [OrderStatus.WORKING]


LEG = (OrderLeg(contract=CALL, quantity=2),)


def test_order_id_when_one_leg_alone_then_names_the_leg_before_the_attempt():
    assert order(leg=0, legs=LEG).order_id == "dips-20180117-0a1b2c3d/20180117.1/open/leg0/1"
    assert len({order(leg=leg, legs=LEG).client_order_id for leg in (None, 0, 1)}) == 3


@pytest.mark.parametrize("changes", [{"leg": 0}, {"leg": -1, "legs": LEG}])
def test_order_when_leg_does_not_fit_then_refused(changes):
    with pytest.raises(ValueError, match="trades that leg alone"):
        order(**changes)


@pytest.mark.parametrize("changes", [{}, {"limit": None, "reason": "flatten"}, {"leg": 1, "legs": LEG, "units": 1}])
def test_dump_when_read_back_as_json_then_equal(changes):
    one = order(**changes)
    assert OrderIntent.load(json.loads(json.dumps(one.dump()))) == one


def test_terms_when_legs_change_places_then_equal_and_when_price_or_size_differ_then_not():
    one = order()
    assert order(legs=one.legs[::-1], attempt=3).terms == one.terms
    assert order(limit=Decimal("1.250")).terms == one.terms
    assert order(limit=Decimal("1.30")).terms != one.terms
    assert order(legs=(one.legs[0],)).terms != one.terms
