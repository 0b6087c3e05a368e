"""The public fit and the verdict on a model, in words."""

import math

import numpy as np
import pytest

from estimators.capture_recapture.chosen_model import log_linear
from estimators.capture_recapture.estimability import check_estimability
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.model_terms import read_terms, write_terms
from estimators.errors import InputError, NotEstimableError

# The Korean table as in Silverman, Chan and Vincent (2024).
KOREA = {"100": 5, "010": 5, "001": 41, "110": 54, "101": 6, "111": 12}
# Artificial-3 of Chan, Silverman and Vincent (2021): A-C and B-C share nobody.
ARTIFICIAL = {"100": 40, "010": 30, "001": 20, "110": 6}


@pytest.fixture
def korea():
    return CaptureHistories.from_counts(KOREA, lists=["b", "c", "d"])


def test_log_linear__published_korean_estimate(korea):
    # 157 in Silverman, Chan and Vincent (2024). In [12,23], b and d are independent
    # given c, so the unseen are n100 n001 / n101.
    result = log_linear(korea, terms="[12,23]")
    assert result.estimate == pytest.approx(123 + 5 * 41 / 6, rel=1e-12)
    assert result.std_error == pytest.approx(22.1511014691436, rel=1e-5)  # Rcapture
    assert result.diagnostics["bic"] == pytest.approx(57.1408098754403, rel=1e-11)
    assert result.diagnostics["df"] == 1
    assert result.diagnostics["coefficient of c and d"] == pytest.approx(
        -1.77495235090545, abs=1e-6
    )
    assert result.ci.low > 123
    assert result.method == "log_linear [12,23]"


def test_terms__in_names_numbers_and_any_order_are_one_model(korea):
    assert (
        log_linear(korea, terms=[("d", "c"), ("c", "b")])
        .to_frame()
        .equals(log_linear(korea, terms="[12,23]").to_frame())
    )
    assert log_linear(korea).diagnostics["n_parameters"] == 4


def test_terms__order_of_lists_does_not_matter(korea):
    turned = korea.restrict("d", "b", "c")
    one = log_linear(korea, terms=[("b", "c"), "d"])
    other = log_linear(turned, terms=[("b", "c")])
    assert other.estimate == pytest.approx(one.estimate, rel=1e-12)
    assert other.std_error == pytest.approx(one.std_error, rel=1e-10)


def test_not_estimable__the_error_names_the_missing_overlap(korea):
    with pytest.raises(NotEstimableError, match="Leave out one of: b and c; b and d"):
        log_linear(korea, terms="[12,13,23]")


def test_verdict__names_the_histories_that_block_an_estimate(korea):
    # 011 is the one empty cell of the table; with one person in it all is well.
    assert check_estimability(korea, terms="[12,13,23]").blocking == ("c and d",)
    mended = CaptureHistories.from_counts({**KOREA, "011": 1})
    assert check_estimability(mended, terms="[12,13,23]").blocking == ()
    assert check_estimability(mended, terms="[12,13,23]").status == 0


def test_verdict__statuses_of_the_published_table():
    # Table 3 of Chan, Silverman and Vincent (2021).
    table = CaptureHistories.from_counts(ARTIFICIAL)
    expected = {
        "[12,13,23]": 2,
        "[12,13]": 1,
        "[12,23]": 1,
        "[13,23]": 0,
        "[12,3]": 1,
        "[13,2]": 0,
        "[23,1]": 0,
        "[1,2,3]": 0,
    }
    verdicts = {m: check_estimability(table, terms=m) for m in expected}
    assert {m: verdict.status for m, verdict in verdicts.items()} == expected
    assert all(bool(v.blocking) == (v.status in {1, 3}) for v in verdicts.values())


def test_verdict__says_which_overlap_is_missing_and_what_is_confounded():
    verdict = check_estimability(
        CaptureHistories.from_counts(ARTIFICIAL, lists=["police", "border", "shelter"]),
        terms="[12,13,23]",
    )
    assert verdict.missing_overlaps == ("police and shelter", "border and shelter")
    assert verdict.infinite == verdict.missing_overlaps
    assert "intercept" in verdict.confounded
    assert "police and shelter" in verdict.summary()
    assert not verdict.estimable


def test_verdict__an_empty_triple_over_full_pairs_is_one_missing_overlap():
    table = CaptureHistories.from_counts(
        {"100": 9, "010": 8, "001": 7, "110": 3, "101": 2, "011": 4}
    )
    verdict = check_estimability(table, terms="[123]")
    assert verdict.missing_overlaps == ("A, B and C",)


def test_infinite_coefficient__is_noted_and_counted():
    table = CaptureHistories.from_counts({**KOREA, "101": 0, "111": 0})
    result = log_linear(table, terms=[("A", "C")])
    assert any("A and C" in note for note in result.notes)
    assert result.diagnostics["n_parameters"] == 5
    assert result.diagnostics["coefficient of A and C"] == -math.inf


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ("12,3", "brackets"),
        ("[14]", "none has number 4"),
        ([("b", "x"), "y"], "'x', 'y'"),
        ("[12;3]", "brackets"),
    ],
)
def test_terms__errors_say_what_came(korea, terms, words):
    with pytest.raises(InputError, match=words):
        log_linear(korea, terms=terms)


def test_terms__numbers_are_refused_where_they_are_ambiguous():
    lists = [f"list {place}" for place in range(12)]
    with pytest.raises(InputError, match="two digits"):
        read_terms("[12]", lists)
    assert write_terms(read_terms([("list 0", "list 11")], lists)).startswith(
        "[1.12,2,"
    )


def test_counts_near_two_to_the_31__fit():
    big = 2**31 - 1
    table = CaptureHistories.from_counts({"10": big, "01": big, "11": big})
    assert log_linear(table).estimate == pytest.approx(4.0 * big, rel=1e-12)


def test_level__is_checked_and_interval_exceeds_the_seen(korea):
    with pytest.raises(InputError, match="level"):
        log_linear(korea, level=95)
    wide, narrow = (log_linear(korea, level=level) for level in (0.99, 0.5))
    assert wide.ci.width > narrow.ci.width
    assert np.isclose(wide.estimate, narrow.estimate)


def test_profile__is_offered_and_can_be_open_at_the_top(korea):
    result = log_linear(korea, terms="[12,23]", interval="profile")
    # Rcapture: 128.95 to 226.40, with Stirling's factorials.
    assert result.ci.low == pytest.approx(128.953119, rel=3e-4)
    assert result.ci.high == pytest.approx(226.400466, rel=3e-4)
    assert result.ci.method == "profile likelihood"
    assert result.diagnostics["profile_maximum"] == pytest.approx(151.676, rel=3e-4)
    with pytest.raises(InputError, match="interval="):
        log_linear(korea, interval="wald")


def test_profile__lower_limit_stops_at_the_persons_seen():
    table = CaptureHistories.from_counts({"10": 1, "01": 1, "11": 40})
    result = log_linear(table, interval="profile")
    assert result.ci.low == 42
    assert 42 < result.ci.high < 44


@pytest.mark.parametrize("times", [10**power for power in range(1, 9)])
def test_profile__limits_bracket_the_estimate_at_every_scale(times):
    counts = {"10": 2 * times, "01": 3 * times, "11": times}
    result = log_linear(CaptureHistories.from_counts(counts), interval="profile")
    assert result.n_obs <= result.ci.low < result.estimate < result.ci.high
    reach = 1.959964 * result.std_error
    # Asymmetry falls as one over the root of the counts.
    within = 2.5 / times**0.5 + 1e-3
    assert result.estimate - result.ci.low == pytest.approx(reach, rel=within)
    assert result.ci.high - result.estimate == pytest.approx(reach, rel=within)
