from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optarb.errors import UnknownName
from optarb.indicators import CatalogueIndicator, named


@pytest.mark.parametrize(
    ("column", "family", "parameters", "warm_up"),
    [
        ("sma_37", "sma", (37,), 36),
        ("ema_20", "ema", (20,), 19),
        ("rsi_14", "rsi", (14,), 14),
        ("macd_12_26_9", "macd", (12, 26, 9), 33),
        ("macd_signal_12_26_9", "macd", (12, 26, 9), 33),
        ("macd_hist_12_26_9", "macd", (12, 26, 9), 33),
        ("bb_upper_20_2", "bollinger", (20, 2.0), 19),
        ("bb_width_20_2.5", "bollinger", (20, 2.5), 19),
        ("squeeze_20_2_1.5", "squeeze", (20, 2.0, 1.5), 20),
        ("adx_14", "adx", (14,), 27),
        ("plus_di_14", "di", (14,), 14),
        ("minus_di_14", "di", (14,), 14),
        ("stoch_k_14_3_3", "stochastic", (14, 3, 3), 17),
        ("stoch_d_14_3_3", "stochastic", (14, 3, 3), 17),
        ("atr_14", "atr", (14,), 14),
        ("roc_10", "roc", (10,), 10),
        ("return_1", "return", (1,), 1),
        ("realised_vol_20", "realised_vol", (20,), 20),
    ],
)
def test_named_when_column_exists_then_its_indicator(column, family, parameters, warm_up):
    indicator = named(column)

    assert indicator == CatalogueIndicator(family=family, parameters=parameters)
    assert column in indicator.columns
    assert indicator.warm_up == warm_up


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("smaa_37", "did you mean 'sma_37'"),
        ("rsi", "did you mean 'rsi_14'"),
        ("RSI_14", "columns are lower case, such as 'rsi_14'"),
        ("macd_12_26", "did you mean 'macd_12_26_9'"),
        ("macd_sgnal_5_35_5", "did you mean 'macd_signal_5_35_5'"),
        ("sma_037", "did you mean 'sma_37'"),
        ("bb_upper_20_2.0", "did you mean 'bb_upper_20_2'"),
        ("sma_0", "length must be a whole number of at least 1, got 0"),
        ("sma_2.5", "length must be a whole number of at least 1, got 2.5"),
        ("bb_upper_20_0", "deviations must be a finite number greater than 0, got 0"),
        ("macd_26_12_9", "fast must be less than slow"),
        ("zzzzzzzz", "known: ad, adx_14, "),
        ("", "known: ad, adx_14, "),
        ("sma_-3", "unknown indicator column 'sma_-3'"),
        ("sma_\uff11\uff14", "unknown indicator column"),
    ],
)
def test_named_when_column_does_not_exist_then_unknown_name_says_what_to_do(column, message):
    with pytest.raises(UnknownName) as caught:
        named(column)

    assert f"unknown indicator column {column!r}; " in str(caught.value)
    assert message in str(caught.value)


@given(
    length=st.integers(2, 10**6),
    deviations=st.floats(1e-12, 1e9) | st.integers(1, 100),
)
def test_named_when_given_a_column_of_any_indicator_then_that_indicator(length, deviations):
    indicator = CatalogueIndicator.of("bollinger", length=length, deviations=deviations)

    assert [named(column) for column in indicator.columns] == [indicator] * 5
