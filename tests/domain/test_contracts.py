from __future__ import annotations

import pickle
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optarb.domain.contracts import OptionContract, Right, Settlement

CALL = OptionContract(root="SPXW", expiry=date(2018, 1, 31), right=Right.CALL, strike=Decimal(2800))

contracts = st.builds(
    OptionContract,
    root=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=6),
    expiry=st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    right=st.sampled_from(Right),
    strike=st.integers(1, 99_999_999).map(lambda thousandths: Decimal(thousandths).scaleb(-3)),
)


@pytest.mark.parametrize(
    ("contract", "symbol", "padded"),
    [
        (CALL, "SPXW180131C02800000", "SPXW  180131C02800000"),
        (
            OptionContract(root="F", expiry=date(2025, 12, 5), right=Right.PUT, strike=Decimal("7.5")),
            "F251205P00007500",
            "F     251205P00007500",
        ),
        (
            OptionContract(root="ABCDEF", expiry=date(2099, 1, 1), right=Right.CALL, strike=Decimal("99999.999")),
            "ABCDEF990101C99999999",
            "ABCDEF990101C99999999",
        ),
        (
            OptionContract(root="X", expiry=date(2000, 2, 29), right=Right.PUT, strike=Decimal("0.001")),
            "X000229P00000001",
            "X     000229P00000001",
        ),
    ],
)
def test_symbol_when_written_then_as_occ_does_and_both_forms_are_read_back(contract, symbol, padded):
    assert (contract.symbol, contract.padded_symbol, str(contract)) == (symbol, padded, symbol)
    assert OptionContract.parse(symbol) == OptionContract.parse(padded) == contract
    assert OptionContract.parse(f"  {padded}\n") == contract


@settings(deadline=None)
@given(contracts)
def test_symbol_when_parsed_then_the_same_contract(contract):
    assert OptionContract.parse(contract.symbol) == contract
    assert OptionContract.parse(contract.padded_symbol) == contract
    assert len(contract.padded_symbol) == 21
    assert pickle.loads(pickle.dumps(contract)) == contract


@pytest.mark.parametrize("symbol", ["SPXW1180131C02800000", "AAPL1 250117C00150000", "7 250117C00150000"])
def test_parse_when_root_has_a_digit_then_adjusted_contracts_are_refused(symbol):
    with pytest.raises(ValueError, match="adjusted contracts are not supported"):
        OptionContract.parse(symbol)


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        ("", "not an OCC option symbol: ''"),
        ("SPXW", "'SPXW'"),
        ("SPXW180131X02800000", "not an OCC option symbol"),
        ("SPXW180131C0280000", "not an OCC option symbol"),
        ("SPXW180131C028000000", "not an OCC option symbol"),
        ("spxw180131C02800000", "not an OCC option symbol"),
        ("LONGROOT180131C02800000", "not an OCC option symbol"),
        ("SPXW181331C02800000", "'SPXW181331C02800000' has an impossible expiry"),
        ("SPXW180230C02800000", "impossible expiry"),
        ("SPXW180131C00000000", "strike"),
    ],
)
def test_parse_when_no_symbol_then_refused_with_what_was_given(symbol, words):
    with pytest.raises(ValueError, match=words):
        OptionContract.parse(symbol)


@pytest.mark.parametrize("root", ["", "spx", "SPXWABC", "SP X", "BRK.B", "SPX "])
def test_root_when_not_one_to_six_capitals_then_refused_with_the_root(root):
    with pytest.raises(ValueError, match=r"1-6 capital letters") as caught:
        OptionContract(root=root, expiry=CALL.expiry, right=Right.CALL, strike=Decimal(1))
    assert repr(root) in str(caught.value)


@pytest.mark.parametrize("strike", ["0", "-1", "100000", "1.0005", "0.0001", "NaN", "sNaN", "Infinity"])
def test_strike_when_no_listed_one_then_refused_with_the_strike(strike):
    with pytest.raises(ValueError, match=rf"steps of 0\.001, got Decimal\('{strike}'\)"):
        OptionContract(root="SPX", expiry=CALL.expiry, right=Right.CALL, strike=Decimal(strike))


@pytest.mark.parametrize("strike", ["0.001", "2800.125", "99999.999", "2.8E+3"])
def test_strike_when_in_steps_of_a_thousandth_then_taken(strike):
    contract = OptionContract(root="SPX", expiry=CALL.expiry, right=Right.CALL, strike=Decimal(strike))
    assert OptionContract.parse(contract.symbol).strike == Decimal(strike)


@pytest.mark.parametrize(
    ("root", "underlying", "settlement"),
    [
        ("SPX", "SPX", Settlement.AM),
        ("SPXW", "SPX", Settlement.PM),
        ("XSP", "XSP", Settlement.PM),
        ("SPY", "SPY", Settlement.PHYSICAL),
        ("AAPL", "AAPL", Settlement.PHYSICAL),
    ],
)
def test_terms_when_root_is_known_then_those_of_the_exchange(root, underlying, settlement):
    contract = OptionContract(root=root, expiry=CALL.expiry, right=Right.PUT, strike=Decimal(100))
    assert (contract.underlying, contract.settlement, contract.multiplier) == (underlying, settlement, 100)


@pytest.mark.parametrize(
    ("right", "price", "value"),
    [
        (Right.CALL, "2812.35", "12.35"),
        (Right.CALL, "2800", "0"),
        (Right.CALL, "2799.99", "0"),
        (Right.PUT, "2787.65", "12.35"),
        (Right.PUT, "2800.01", "0"),
        (Right.PUT, "0", "2800"),
    ],
)
def test_intrinsic_when_exercised_then_the_difference_and_never_negative(right, price, value):
    contract = OptionContract(root="SPXW", expiry=CALL.expiry, right=right, strike=Decimal(2800))
    assert contract.intrinsic(Decimal(price)) == Decimal(value)


def test_contracts_when_sorted_then_by_root_expiry_right_and_strike():
    symbols = [
        "SPX180131C02800000",
        "SPX180131C02900000",
        "SPX180131P02700000",
        "SPX180228C00100000",
        "SPXW180102C00100000",
    ]
    made = [OptionContract.parse(symbol) for symbol in reversed(symbols)]
    assert [contract.symbol for contract in sorted(made)] == symbols


def test_contract_when_right_and_strike_are_plain_then_they_become_what_they_mean():
    plain = OptionContract(root="SPX", expiry=date(2024, 6, 21), right="C", strike=100)
    assert plain == OptionContract.parse("SPX240621C00100000")
    assert plain.intrinsic(Decimal(120)) == 20
    with pytest.raises(ValueError, match="'X'"):
        OptionContract(root="SPX", expiry=date(2024, 6, 21), right="X", strike=Decimal(100))
    with pytest.raises(ValueError, match="strike must be a Decimal"):
        OptionContract(root="SPX", expiry=date(2024, 6, 21), right="C", strike=100.5)


@pytest.mark.parametrize("expiry", [date(1999, 12, 31), date(2100, 1, 1)])
def test_contract_when_its_symbol_could_not_name_the_year_then_refused(expiry):
    with pytest.raises(ValueError, match="two digits"):
        OptionContract(root="SPX", expiry=expiry, right=Right.CALL, strike=Decimal(100))
