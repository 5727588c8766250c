"""The probability of backtest overfitting, against paper and a plain second implementation."""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pytest

from optarb.errors import ComponentError, ConfigurationError
from optarb.statistics import backtest_overfitting, overfitting


def mean(rows):
    return rows.mean(axis=0)


def by_blocks(*settings):
    """A matrix of two equal rows a block, from each setting's value a block."""
    return np.repeat(np.array(settings, dtype=float).T, 2, axis=0)


def test_overfitting_when_worked_out_on_paper_then_every_figure():
    matrix = by_blocks([4, 4, -4, -4], [1, 1, 1, 1], [0, 0, 0, 0])

    found = backtest_overfitting(matrix, blocks=4, metric=mean)

    # Blocks 0 and 1 pick the first setting (4), which is last of three outside (-4): w = 1/4. All other halves pick the
    # second (1): it is first outside (w = 3/4), but for blocks 2 and 3, outside of which the first setting beats it (w = 1/2).
    assert found.combinations == 6
    assert found.logits == pytest.approx([-math.log(3), *[math.log(3)] * 4, 0])
    assert found.in_sample.tolist() == [4, 1, 1, 1, 1, 1]
    assert found.out_of_sample.tolist() == [-4, 1, 1, 1, 1, 1]
    assert found.pbo == pytest.approx(2 / 6)
    assert found.probability_of_loss == pytest.approx(1 / 6)
    assert found.degradation_slope == pytest.approx(-5 / 3)
    assert str(found) == (
        "probability of backtest overfitting 0.333, probability of loss 0.167, degradation slope -1.667 (6 combinations)"
    )


def plain_sharpe(values):
    return statistics.mean(values) / statistics.stdev(values)


def plain(matrix, blocks):
    """The same by the book: lists, one combination after the other."""
    length = len(matrix) // blocks
    found = []
    for chosen in itertools.combinations(range(blocks), blocks // 2):
        halves = [], []
        for row, values in enumerate(matrix.tolist()):
            halves[row // length not in chosen].append(values)
        inside, outside = ([plain_sharpe(column) for column in zip(*half, strict=True)] for half in halves)
        best = inside.index(max(inside))
        rank = sorted(outside).index(outside[best]) + 1
        w = rank / (len(outside) + 1)
        found.append((inside[best], outside[best], math.log(w / (1 - w))))
    return map(list, zip(*found, strict=True))


@pytest.mark.parametrize(("blocks", "chunk"), [(2, 500_000), (4, 500_000), (6, 500_000), (6, 12)])
def test_overfitting_when_done_by_the_book_then_equal(blocks, chunk, monkeypatch):
    monkeypatch.setattr(overfitting, "_CHUNK_VALUES", chunk)
    matrix = np.random.default_rng(7).normal(0.0005, 0.01, (36, 5))

    found = backtest_overfitting(matrix, blocks=blocks)

    in_sample, out_of_sample, logits = plain(matrix, blocks)
    assert found.in_sample == pytest.approx(in_sample)
    assert found.out_of_sample == pytest.approx(out_of_sample)
    assert found.logits == pytest.approx(logits)
    assert found.pbo == pytest.approx(sum(one <= 0 for one in logits) / len(logits))
    if blocks > 2:
        line = statistics.linear_regression(in_sample, out_of_sample)
        assert found.degradation_slope == pytest.approx(line.slope)


def test_overfitting_when_metric_is_given_then_as_built_in():
    matrix = np.random.default_rng(8).normal(0, 0.01, (40, 6))

    built_in = backtest_overfitting(matrix, blocks=4)
    given = backtest_overfitting(matrix, blocks=4, metric=lambda rows: rows.mean(axis=0) / rows.std(axis=0, ddof=1))

    assert given.in_sample == pytest.approx(built_in.in_sample)
    assert given.out_of_sample == pytest.approx(built_in.out_of_sample)
    assert given.logits == pytest.approx(built_in.logits)


def test_overfitting_when_noise_then_a_coin_toss():
    rng = np.random.default_rng(9)

    found = [backtest_overfitting(rng.normal(0, 0.01, (160, 21)), blocks=8).pbo for _ in range(100)]

    assert statistics.mean(found) == pytest.approx(0.5, abs=0.05)


def test_overfitting_when_one_setting_is_better_then_none():
    matrix = np.random.default_rng(10).normal(0, 0.01, (1250, 50))
    matrix[:, 17] += 0.005

    found = backtest_overfitting(matrix)

    assert (found.pbo, found.probability_of_loss, found.combinations) == (0.0, 0.0, 12_870)


def test_overfitting_when_settings_are_equal_then_they_share_their_rank():
    column = np.random.default_rng(11).normal(0, 0.01, (32, 1))

    found = backtest_overfitting(np.tile(column, 33), blocks=4)

    assert found.logits.tolist() == [0.0] * 6


def test_overfitting_when_a_setting_never_traded_then_it_counts_as_zero():
    matrix = by_blocks([0, 0, 0, 0], [-1, -2, -1, -2]) + [[0, 0], [0, 0.5]] * 4

    found = backtest_overfitting(matrix, blocks=4)

    assert found.in_sample.tolist() == [0.0] * 6
    assert found.probability_of_loss == 0
    assert found.logits == pytest.approx([math.log(2)] * 6)
    assert math.isnan(found.degradation_slope)


def test_overfitting_when_rows_do_not_divide_then_the_oldest_go():
    matrix = np.random.default_rng(12).normal(0, 0.01, (19, 3))

    found, exact = backtest_overfitting(matrix, blocks=4), backtest_overfitting(matrix[3:], blocks=4)

    assert (found.rows_dropped, exact.rows_dropped) == (3, 0)
    assert found.logits.tolist() == exact.logits.tolist()


def test_overfitting_when_arrays_are_written_to_then_refused():
    found = backtest_overfitting(np.random.default_rng(13).normal(0, 0.01, (8, 2)), blocks=4)

    with pytest.raises(ValueError, match="read-only"):
        found.logits[0] = 0


MATRIX = np.random.default_rng(14).normal(0, 0.01, (32, 3))


@pytest.mark.parametrize(
    ("matrix", "options", "message"),
    [
        (MATRIX, {"blocks": 5}, "blocks must be even and at most 24, got 5"),
        (MATRIX, {"blocks": 26}, "blocks must be even and at most 24, got 26"),
        (MATRIX, {"blocks": 0}, "blocks must be a whole number of at least 2"),
        (MATRIX[:31], {}, "at least 32 rows, got 31"),
        (MATRIX[:, :1], {}, "two settings at least, got 1"),
        (MATRIX[:, 0], {}, r"2 dimension\(s\)"),
        (np.where(MATRIX[4, 1] == MATRIX, np.nan, MATRIX), {}, "got nan in row 4"),
    ],
)
def test_overfitting_when_argument_is_out_of_range_then_configuration_error(matrix, options, message):
    with pytest.raises(ConfigurationError, match=message):
        backtest_overfitting(matrix, **options)


@pytest.mark.parametrize("metric", [lambda rows: rows.mean(), lambda rows: rows.mean(axis=0) * np.nan])
def test_overfitting_when_metric_gives_something_else_then_component_error(metric):
    with pytest.raises(ComponentError, match="the metric must give 3 finite values"):
        backtest_overfitting(MATRIX, blocks=4, metric=metric)
