"""Lists left out and merged: every row is the estimate of the changed table."""

import functools
import math

import pytest

from estimators.capture_recapture.dependence import no_highest_order_interaction
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.list_changes import (
    independent_lists,
    list_sensitivity,
)
from estimators.capture_recapture.simulate import dependent_cells
from estimators.errors import InputError, NotEstimableError

COUNTS = {"100": 60, "010": 45, "110": 14, "001": 70, "101": 18, "011": 12, "111": 5}


def three():
    return CaptureHistories.from_counts(COUNTS)


def test_three_lists__omitted_and_merged_rows_are_lincoln_petersen_by_hand():
    table = list_sensitivity(three())
    assert [tuple(group.values()) for group in table.groups] == [
        ("none", ""),
        ("omit", "A"),
        ("omit", "B"),
        ("omit", "C"),
        ("merge", "A + B"),
        ("merge", "A + C"),
        ("merge", "B + C"),
    ]
    # Without C: n10 = 60 + 18, n01 = 45 + 12, n11 = 14 + 5.
    without = table.get(change="omit", lists="C")
    assert without.estimate == pytest.approx(97 * 76 / 19, rel=1e-9)
    assert without.std_error == pytest.approx(
        math.sqrt(97 * 76 * 78 * 57 / 19**3), rel=1e-7
    )
    assert without.n_obs == 154
    # A and B merged: n10 = 60 + 45 + 14, n01 = 70, n11 = 18 + 12 + 5.
    merged = table.get(change="merge", lists="A + B")
    assert merged.estimate == pytest.approx(154 * 105 / 35, rel=1e-9)
    assert merged.n_obs == 224


def test_independent_lists__solves_the_equation_of_darroch():
    total = independent_lists(three()).estimate
    product = math.prod(1 - size / total for size in (97, 76, 105))
    assert 1 - 224 / total == pytest.approx(product, rel=1e-10)
    ratio = [1 / (1 - size / total) for size in (97, 76, 105)]
    variance = total / (math.prod(ratio) + 2 - sum(ratio))
    assert independent_lists(three()).std_error ** 2 == pytest.approx(
        variance, rel=1e-7
    )


def test_one_dependent_pair__merging_it_restores_the_truth():
    cells = dependent_cells([0.3, 0.2, 0.25, 0.15], odds_ratios={(0, 1): 6.0})
    dense = (cells * 1e9).round().astype(int)
    base = CaptureHistories.from_counts({f"{m:04b}"[::-1]: 1 for m in range(1, 16)})
    table = list_sensitivity(base.with_counts(dense))
    # Whole persons out of 1e9: relative rounding error about 1e-7.
    assert table.get(change="merge", lists="A + B").estimate == pytest.approx(
        1e9, rel=1e-6
    )
    for name in "AB":
        assert table.get(change="omit", lists=name).estimate == pytest.approx(
            1e9, rel=1e-6
        )
    assert table[0].estimate < 0.97e9


def test_any_estimator__with_its_options_and_level():
    chosen = functools.partial(no_highest_order_interaction, ratio=2.0)
    table = list_sensitivity(three(), estimator=chosen, omit=False, level=0.5)
    assert table[0].estimate == no_highest_order_interaction(three(), ratio=2).estimate
    assert table[0].ci.level == 0.5
    assert table[0].method == "list_sensitivity: no_highest_order_interaction"
    assert len(table) == 4


def test_changes_without_an_estimate__are_named_not_dropped_silently():
    counts = {"100": 30, "010": 20, "001": 25, "101": 6, "011": 4}
    table = list_sensitivity(CaptureHistories.from_counts(counts), merge=False)
    assert [group["lists"] for group in table.groups] == ["", "A", "B"]
    assert len(table.notes) == 1
    assert "omit C" in table.notes[0]
    assert "Nobody is on two lists" in table.notes[0]


def test_all_lists_not_estimable__is_raised():
    disjoint = CaptureHistories.from_counts({"100": 3, "010": 2, "001": 5})
    with pytest.raises(NotEstimableError, match="Nobody is on two lists"):
        list_sensitivity(disjoint)


def test_two_lists_or_nothing_to_do__is_refused():
    with pytest.raises(InputError, match="2 lists came"):
        list_sensitivity(CaptureHistories.from_counts({"10": 3, "01": 2, "11": 1}))
    with pytest.raises(InputError, match="omit=False"):
        list_sensitivity(three(), omit=False, merge=False)


def test_estimator__must_return_one_estimate():
    with pytest.raises(InputError, match="it returned Estimates"):
        list_sensitivity(three(), estimator=list_sensitivity)
