"""Planned width: textbook variance, known bias under dependence, refusals."""

import math

import pytest

from estimators.capture_recapture.design import expected_interval_width
from estimators.errors import InputError, NotEstimableError


def test_large_samples__width_is_that_of_the_textbook_variance():
    plan = expected_interval_width(100_000, [0.3, 0.2], n_resamples=300, rng=4)
    # Two lists: Var = N q1 q2 / (p1 p2); the log-normal interval is then nearly Wald.
    wanted = 2 * 1.959964 * math.sqrt(100_000 * 0.7 * 0.8 / 0.06)
    assert plan.large_sample_width == pytest.approx(wanted, rel=2e-3)
    # The median of 300 simulated widths is known to about 0.2 %.
    assert plan.width == pytest.approx(wanted, rel=0.01)
    assert plan.least_overlap == pytest.approx(6000, rel=1e-9)
    # Central 99.9 % band of 300 hits with probability 0.95.
    assert 271 / 300 <= plan.coverage <= 296 / 300
    assert plan.not_estimable == 0


def test_more_lists__narrower():
    widths = [
        expected_interval_width(2000, [0.2] * t, n_resamples=200, rng=1).width
        for t in (2, 3, 4)
    ]
    assert widths[0] > widths[1] > widths[2]


def test_dependence__the_plan_shows_the_harm():
    plan = expected_interval_width(
        20_000, [0.3, 0.3], odds_ratios={(0, 1): 4.0}, n_resamples=200, rng=1
    )
    # Limit of Lincoln-Petersen: p1 p2 / p11 with p11 from the odds ratio's quadratic:
    # 3 p11^2 - (1 + 3 * 0.6) p11 + 4 * 0.09 = 0.
    p11 = (2.8 - math.sqrt(2.8**2 - 12 * 0.36)) / 6
    assert plan.median_estimate == pytest.approx(20_000 * 0.09 / p11, rel=0.01)
    assert plan.coverage < 0.05


def test_short_lists__say_how_often_nothing_comes_out():
    plan = expected_interval_width(100, [0.1, 0.1], n_resamples=400, rng=2)
    # No overlap with probability (1 - 0.01)^100 = 0.366, or a list inside the other.
    assert plan.not_estimable == pytest.approx(0.366, abs=0.1)
    with pytest.raises(NotEstimableError, match="longer lists"):
        expected_interval_width(10, [0.001, 0.001], n_resamples=5, rng=1)


def test_same_rng__same_plan_and_readable():
    one, other = (
        expected_interval_width(500, [0.3, 0.3], n_resamples=50, rng=9)
        for _ in range(2)
    )
    assert one == other
    assert "Of 500 persons: 95% interval" in one.summary()


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((0, [0.3, 0.3]), {}, "population=0"),
        ((10.5, [0.3, 0.3]), {}, "population=10.5"),
        ((100, [0.3]), {}, "1 lists"),
        ((100, [0.3, 1.3]), {}, "inside"),
        ((100, [0.3, 0.3]), {"n_resamples": 1}, "n_resamples=1"),
        ((100, [0.3, 0.3]), {"level": 95}, "level=95"),
    ],
)
def test_bad_input__is_named(arguments, options, words):
    with pytest.raises(InputError, match=words):
        expected_interval_width(*arguments, **options)
