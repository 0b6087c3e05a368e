"""Strata of capture histories: kept through every change, estimated one by one."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
import pytest

from estimators.capture_recapture import (
    CaptureHistories,
    by_stratum,
    log_linear,
    select_bic,
    select_stepwise,
    stratified_log_linear,
)
from estimators.errors import InputError, NotEstimableError

# Independent lists: with two of them the estimate of Lincoln and Petersen.
independent = partial(log_linear, terms="[1,2]")
WOMEN = {"100": 7, "010": 5, "001": 9, "110": 2, "101": 3, "011": 1, "111": 4}
MEN = {"100": 17, "010": 25, "001": 19, "110": 6, "101": 8, "011": 3, "111": 2}
OLD = {"100": 4, "010": 8, "001": 3, "110": 2, "101": 1, "011": 1, "111": 1}


@pytest.fixture
def histories():
    return CaptureHistories.from_counts({"f": WOMEN, "m": MEN}, strata="sex")


@pytest.fixture
def two_columns():
    table = {("f", 2010): WOMEN, ("m", 2010): MEN, ("m", 2011): OLD}
    return CaptureHistories.from_counts(table, strata=["sex", "year"])


def test_constructors__agree_and_the_whole_is_the_sum(histories):
    plain = CaptureHistories.from_counts(
        {word: WOMEN[word] + MEN[word] for word in WOMEN}
    )
    table = histories.to_frame(by_stratum=True)
    assert list(table.columns) == ["sex", "A", "B", "C", "count"]
    persons = table.loc[table.index.repeat(table["count"])].drop(columns="count")
    persons = persons.sample(frac=1, random_state=3).reset_index(drop=True)
    records = persons.rename_axis("person").reset_index()
    records = records.melt(["person", "sex"], var_name="list").query("value == 1")
    for other in (
        histories,
        CaptureHistories.from_frame(table, count="count", strata="sex"),
        CaptureHistories.from_frame(persons, strata=["sex"]),
        CaptureHistories.from_individuals(
            records, person="person", list_name="list", strata="sex"
        ),
    ):
        assert other.strata == ("sex",)
        np.testing.assert_array_equal(other.dense(), plain.dense())
        assert [dict(label) for label, _ in other.by_stratum()] == [
            {"sex": "f"},
            {"sex": "m"},
        ]
        for sex, counts in (("f", WOMEN), ("m", MEN)):
            np.testing.assert_array_equal(
                other.stratum(sex=sex).dense(),
                CaptureHistories.from_counts(counts).dense(),
            )


def test_overlaps__by_stratum_add_to_those_of_the_whole(histories):
    table = histories.overlaps(by_stratum=True)
    assert table.index.names == ["sex", "list"]
    assert table.loc[("f", "A"), "C"] == 7
    pd.testing.assert_frame_equal(
        table.groupby(level="list").sum(), histories.overlaps(), check_names=False
    )
    assert "2 strata of sex" in histories.summary()


def test_pool__adds_what_differs_in_these_columns_only(two_columns):
    by_sex = two_columns.pool("year")
    assert by_sex.strata == ("sex",)
    assert by_sex.stratum(sex="m").n_observed == sum(MEN.values()) + sum(OLD.values())
    whole = two_columns.pool()
    assert whole.strata == ()
    np.testing.assert_array_equal(whole.dense(), two_columns.dense())
    men = two_columns.stratum(sex="m")
    assert men.strata == ("year",)
    assert [dict(label)["year"] for label, _ in men.by_stratum()] == [2010, 2011]


def test_changed_lists__change_in_every_stratum(two_columns):
    for change in (
        lambda table: table.merge({"AB": ["A", "B"]}),
        lambda table: table.omit("C"),
        lambda table: table.restrict("C", "A"),
    ):
        changed = change(two_columns)
        assert changed.strata == ("sex", "year")
        for label, part in two_columns.by_stratum():
            np.testing.assert_array_equal(
                changed.stratum(**label).dense(), change(part).dense()
            )


def test_list_that_is_empty_in_one_stratum__is_kept():
    table = {"f": {"110": 4, "100": 6, "010": 5}, "m": MEN}
    histories = CaptureHistories.from_counts(table, strata="sex")
    assert histories.stratum(sex="f").list_sizes().tolist() == [10, 9, 0]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda h: h.stratum(sex="x"), "No stratum has.*'sex': 'f'"),
        (lambda h: h.stratum(age=3), "No stratum has"),
        (lambda h: h.pool("age"), "No stratum column is called 'age'"),
        (lambda h: h.pool().overlaps(by_stratum=True), "have no strata"),
        (lambda h: by_stratum(independent, h.pool()), "have no strata"),
    ],
)
def test_unknown_strata__are_named(histories, call, words):
    with pytest.raises(InputError, match=words):
        call(histories)


def test_person_in_two_strata__is_named():
    records = pd.DataFrame(
        {"who": [1, 1, 2, 3], "list": list("abab"), "sex": ["f", "m", "f", None]}
    )
    with pytest.raises(InputError, match=r"missing \(rows 3.*1 persons stand.*\(1\)"):
        CaptureHistories.from_individuals(
            records, person="who", list_name="list", strata="sex"
        )


def test_history_that_stands_twice__is_named_with_its_stratum():
    frame = pd.DataFrame(
        {"a": [1, 1, 0, 1], "b": [0, 0, 1, 0], "n": [3, 4, 5, 1], "sex": list("ffmm")}
    )
    with pytest.raises(InputError, match="more than once: 10 in f"):
        CaptureHistories.from_frame(frame, count="n", strata="sex")


@pytest.mark.parametrize("table", [{"10": 3, "01": 2}, {("f", 1): {"10": 3}}, {"f": 3}])
def test_counts_of_another_shape_than_the_strata__are_refused(table):
    with pytest.raises(InputError, match="mapping of histories"):
        CaptureHistories.from_counts(table, strata="sex")


def test_by_stratum__rows_are_the_estimates_and_their_sum_adds_variances(histories):
    got = by_stratum(log_linear, histories, terms="[1,2,3]")
    each = [
        log_linear(CaptureHistories.from_counts(counts), terms="[1,2,3]")
        for counts in (WOMEN, MEN)
    ]
    assert [row.estimate for row in got] == pytest.approx(
        [*(one.estimate for one in each), sum(one.estimate for one in each)], rel=1e-12
    )
    total = got.get(sex="all")
    assert total.std_error == pytest.approx(
        math.hypot(*(one.std_error for one in each)), rel=1e-12
    )
    assert total.n_obs == histories.n_observed
    # A sum's covariance with itself is that of the sum of its parts.
    signs = np.array([1.0, 1.0, -1.0])
    assert signs @ got.covariance @ signs == pytest.approx(0, abs=1e-6)


def test_by_stratum__lists_that_depend_through_strata_only():
    # Expected counts of independent lists in two strata of 1 000, with chances of .1
    # and .5 on both lists: pooled, the lists seem to depend.
    def table(p):
        return {
            "11": round(1000 * p * p),
            "10": round(1000 * p * (1 - p)),
            "01": round(1000 * p * (1 - p)),
        }

    histories = CaptureHistories.from_counts(
        {"rare": table(0.1), "often": table(0.5)}, strata="kind"
    )
    assert by_stratum(independent, histories).get(kind="all").estimate == (
        pytest.approx(2000, rel=1e-9)
    )
    assert independent(histories).estimate < 1500


def test_by_stratum__resampling_has_a_stream_for_each_stratum(histories):
    run = {"n_resamples": 20, "rng": 3}
    one, other = (by_stratum(select_stepwise, histories, **run) for _ in range(2))
    assert one.to_frame().equals(other.to_frame())


def test_by_stratum__names_every_stratum_without_an_estimate():
    table = {"f": {"10": 5, "01": 6}, "m": {"10": 5, "01": 6, "11": 2},
             "x": {"10": 1, "01": 1}}  # fmt: skip
    histories = CaptureHistories.from_counts(table, strata="sex")
    with pytest.raises(
        NotEstimableError, match=r"(?s)2 of 3 strata.*sex=f.*sex=x.*Pool"
    ):
        by_stratum(independent, histories)
    with pytest.raises(InputError, match="called 'all'"):
        by_stratum(
            independent,
            CaptureHistories.from_counts({"all": {"11": 4}}, strata="sex"),
        )


def test_stratified_log_linear__takes_histories_with_strata(histories):
    terms = [("A", "sex"), ("B", "sex"), ("C", "sex")]
    got = stratified_log_linear(histories, terms=terms, by="sex")
    each = by_stratum(log_linear, histories, terms="[1,2,3]")
    # All main effects within strata: the same as a model for each.
    for sex in ("f", "m"):
        assert got.get(sex=sex).estimate == pytest.approx(
            each.get(sex=sex).estimate, rel=1e-9
        )


@pytest.mark.parametrize("estimator", [independent, select_bic])
def test_disjoint_lists__have_no_estimate(estimator):
    disjoint = CaptureHistories.from_counts({"10": 30, "01": 20})
    with pytest.raises(NotEstimableError):
        estimator(disjoint)


def test_single_cell__everyone_on_both_lists_is_everyone():
    both = CaptureHistories.from_counts({"11": 30})
    with pytest.raises(NotEstimableError):
        independent(both)  # a list's parameter runs to infinity


def test_counts_near_two_to_the_thirty_first__estimate_in_full():
    big = 2**31
    table = CaptureHistories.from_counts({"10": big, "01": big, "11": big})
    assert independent(table).estimate == pytest.approx(4 * big, rel=1e-12)
    assert by_stratum(
        independent,
        CaptureHistories.from_counts(
            {s: {"10": big, "01": big, "11": big} for s in "fm"}, strata="sex"
        ),
    ).get(sex="all").estimate == pytest.approx(8 * big, rel=1e-12)
