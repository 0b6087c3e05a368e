"""Linkage correction: closed forms, simulated links with known errors, refusals."""

import math

import numpy as np
import pytest

from estimators.capture_recapture.linkage_bias import linkage_error_correction
from estimators.errors import InputError, NotEstimableError


def test_no_errors__is_lincoln_petersen():
    found = linkage_error_correction(400, 300, 70)
    assert found.estimate == pytest.approx(400 * 300 / 70, rel=1e-14)
    assert found.std_error == pytest.approx(
        math.sqrt(400 * 300 * 330 * 230 / 70**3), rel=1e-14
    )
    assert found.n_obs == 630
    assert found.notes == ()


def test_expected_links__give_back_the_truth_exactly():
    # N = 2000, chances 0.4 and 0.5: 400 on both; 0.85 linked, 0.05 of 600 falsely.
    links = 400 * 0.85 + 600 * 0.05
    found = linkage_error_correction(
        800, 1000, int(links), missed_link_rate=0.15, false_link_rate=0.05
    )
    assert found.estimate == pytest.approx(2000, rel=1e-12)
    assert found.diagnostics["uncorrected"] == pytest.approx(800 * 1000 / 370)


def simulate(n_tables, rng, *, missed, false, reviewed):
    """Draw lists, links with errors, and reviewed estimates of both error rates."""
    both = rng.binomial(2000, 0.4 * 0.3, n_tables)
    first = both + rng.binomial(2000 - both, 0.4 * 0.7 / (1 - 0.12))
    second = both + rng.binomial(2000 - first, 0.3)
    links = rng.binomial(both, 1 - missed) + rng.binomial(second - both, false)
    rates = [
        rng.binomial(reviewed, rate, n_tables) / reviewed for rate in (missed, false)
    ]
    return first, second, links, *rates


def test_simulation__covers_with_estimated_rates_and_not_without_correction():
    rng = np.random.default_rng(17)
    reviewed, plain, corrected, sizes, errors = 300, 0, 0, [], []
    for n1, n2, m2, missed, false in zip(
        *simulate(1000, rng, missed=0.2, false=0.03, reviewed=reviewed), strict=True
    ):
        spread = [math.sqrt(rate * (1 - rate) / reviewed) for rate in (missed, false)]
        found = linkage_error_correction(
            n1,
            n2,
            m2,
            missed_link_rate=missed,
            false_link_rate=false,
            missed_link_std_error=spread[0],
            false_link_std_error=spread[1],
        )
        corrected += 2000 in found.ci
        plain += 2000 in linkage_error_correction(n1, n2, m2).ci
        sizes.append(found.estimate)
        errors.append(found.std_error)
    # Central 99.9 % band of 1000 hits with probability 0.95.
    assert 926 <= corrected <= 971
    assert plain < 900
    # Monte-Carlo error of the mean is std / sqrt(1000); second-order bias about 0.5 %.
    assert np.mean(sizes) == pytest.approx(2000, abs=25)
    # A standard deviation of 1000 draws is known to 2.2 %; 8 % is 3.5 of these.
    assert np.mean(errors) == pytest.approx(np.std(sizes), rel=0.08)


def test_missed_links__were_too_many_persons_and_false_links_too_few():
    plain = linkage_error_correction(400, 300, 70).estimate
    missed = linkage_error_correction(400, 300, 70, missed_link_rate=0.1).estimate
    false = linkage_error_correction(400, 300, 70, false_link_rate=0.05).estimate
    assert missed < plain < false


def test_uncertain_rates__widen_and_say_how_much():
    known = linkage_error_correction(400, 300, 70, missed_link_rate=0.1)
    unsure = linkage_error_correction(
        400, 300, 70, missed_link_rate=0.1, missed_link_std_error=0.05
    )
    assert unsure.ci.width > known.ci.width
    assert known.diagnostics["variance_share_rates"] == 0
    assert 0 < unsure.diagnostics["variance_share_rates"] < 1
    assert any("taken as known" in note for note in known.notes)


@pytest.mark.parametrize("rate", [0.25, 0.3])
def test_more_false_links_than_links__is_not_estimable(rate):
    with pytest.raises(NotEstimableError, match="outside"):
        linkage_error_correction(400, 300, 70, false_link_rate=rate)


def test_no_links__is_not_estimable():
    with pytest.raises(NotEstimableError, match=r"0\.0 persons on both"):
        linkage_error_correction(400, 300, 0)


def test_more_matches_than_persons__is_not_estimable():
    with pytest.raises(NotEstimableError, match="outside"):
        linkage_error_correction(100, 90, 80, missed_link_rate=0.5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"m2": 301}, "m2=301"),
        ({"n1": -1}, "n1=-1"),
        ({"missed_link_rate": 1.0}, "missed_link_rate=1.0"),
        ({"false_link_rate": -0.1}, "false_link_rate=-0.1"),
        ({"missed_link_rate": float("nan")}, "missed_link_rate=nan"),
        ({"missed_link_rate": 0.6, "false_link_rate": 0.4}, "sum to 1"),
        ({"missed_link_std_error": float("nan")}, "missed_link_std_error=nan"),
        ({"false_link_std_error": -1.0}, "false_link_std_error=-1"),
        ({"level": 1}, "level=1"),
    ],
)
def test_bad_input__is_named(options, words):
    with pytest.raises(InputError, match=words):
        linkage_error_correction(**{"n1": 400, "n2": 300, "m2": 70} | options)
