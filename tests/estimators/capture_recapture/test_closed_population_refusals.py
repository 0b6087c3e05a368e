"""Classical models: what is refused, what is noted, and all of them side by side."""

from __future__ import annotations

import pytest

from estimators.capture_recapture import (
    CaptureHistories,
    closed_population,
    closed_population_models,
    independent_lists,
)
from estimators.capture_recapture.closed_population_fit import fit_column_model
from estimators.errors import InputError, NotEstimableError
from tests.twins.capture_recapture_closed_population import removal_example


def test_notes__say_what_is_assumed():
    histories = removal_example()
    narrow = closed_population(histories)
    assert any("too seldom" in note for note in narrow.notes)
    bound = closed_population(histories, model="Mth")
    assert any(note.startswith("a lower bound") for note in bound.notes)
    order = closed_population(histories, model="Mb")
    assert "the lists are taken in time order: A, B, C, D" in order.notes
    form = closed_population(histories, model="Mh", heterogeneity="darroch")
    assert any("other forms fit alike" in note for note in form.notes)


def test_negative_heterogeneity__is_said_and_the_mixed_logit_stops_at_0():
    counts = {"100": 30, "010": 30, "001": 30, "110": 25, "101": 25, "011": 25}
    histories = CaptureHistories.from_counts(counts | {"111": 2})
    reversed_ = closed_population(histories, model="Mth", heterogeneity="poisson2")
    assert reversed_.diagnostics["heterogeneity 1"] < 0
    assert any("coefficient of heterogeneity is below 0" in n for n in reversed_.notes)
    normal = closed_population(histories, model="Mth", heterogeneity="normal")
    plain = closed_population(histories)
    assert normal.estimate == pytest.approx(plain.estimate, rel=1e-12)
    assert any("boundary 0" in note for note in normal.notes)
    bound = closed_population(histories, model="Mth")
    assert bound.estimate == pytest.approx(plain.estimate, rel=1e-12)
    assert any("the bound is that of Mt" in note for note in bound.notes)


@pytest.mark.parametrize(
    ("counts", "options", "says"),
    [
        ({"10": 9, "01": 4}, {}, "Nobody is on two lists"),
        ({"11": 9, "01": 4}, {}, "One list holds everyone"),
        ({"11": 9}, {"model": "M0"}, "All lists hold everyone"),
        ({"10": 9, "01": 4, "11": 3}, {"model": "Mbh"}, "3 lists or more"),
        ({"10": 4, "01": 9, "11": 3}, {"model": "Mb"}, "do not fall"),
        ({"11": 9, "10": 2}, {"model": "Mb"}, "one list only"),
        (
            {"10": 9, "01": 4, "11": 3},
            {"model": "Mth", "heterogeneity": "darroch"},
            "three lists or more",
        ),
        (
            {"10": 9, "01": 4, "11": 3},
            {"model": "Mh", "heterogeneity": "normal"},
            "three lists or more",
        ),
        (
            {"100": 9, "010": 4, "001": 3, "110": 3},
            {"model": "Mh", "heterogeneity": "darroch"},
            "no maximum likelihood estimate",
        ),
        (
            {"100": 9, "010": 4, "001": 3, "111": 3},
            {"model": "Mth"},
            "no maximum likelihood estimate",
        ),
    ],
)
def test_not_estimable__is_refused_by_name(counts, options, says):
    with pytest.raises(NotEstimableError, match=says):
        closed_population(CaptureHistories.from_counts(counts), **options)


def test_removal__a_slope_of_exactly_0_is_infinite_not_large():
    # Rounding would give 5e16 persons.
    for counts in (
        {"100": 1, "110": 1, "101": 2, "001": 4, "010": 9},
        {"100": 5, "010": 9, "001": 8, "110": 3, "011": 3},
    ):
        with pytest.raises(NotEstimableError, match="do not fall"):
            closed_population(CaptureHistories.from_counts(counts), model="Mb")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": "Mtb"}, "model='Mtb'"),
        ({"heterogeneity": "chao"}, "goes with Mh and Mth"),
        ({"model": "Mh", "heterogeneity": "beta"}, "heterogeneity='beta'"),
        ({"interval": "wald"}, "interval='wald'"),
        ({"level": 95}, "level=95"),
        ({"bias_corrected": True, "interval": "profile"}, "no profile likelihood"),
        (
            {"model": "Mth", "heterogeneity": "normal", "bias_corrected": True},
            "no correction is known",
        ),
        (
            {"model": "Mh", "heterogeneity": "normal", "interval": "profile"},
            "no profile likelihood",
        ),
    ],
)
def test_bad_options__one_clear_error(options, says):
    with pytest.raises(InputError, match=says):
        closed_population(removal_example(), **options)
    with pytest.raises(InputError, match="CaptureHistories was expected"):
        closed_population({"10": 3})


def test_all_models__one_row_each_and_the_refused_in_notes():
    five = closed_population_models(removal_example())
    assert [tuple(group.values()) for group in five.groups][:3] == [
        ("M0", ""),
        ("Mt", ""),
        ("Mh", "chao"),
    ]
    assert len(five) == 14
    for row, group in zip(five, five.groups, strict=True):
        alone = closed_population(
            removal_example(),
            model=group["model"],
            heterogeneity=group["heterogeneity"] or None,
        )
        assert (row.estimate, row.ci) == (alone.estimate, alone.ci)
    measures = five.measures()
    assert list(measures)[2:] == [
        "estimate", "std_error", "deviance", "df", "aic", "bic",
    ]  # fmt: skip
    two = closed_population_models(
        CaptureHistories.from_counts({"10": 4, "01": 9, "11": 3})
    )
    assert {group["model"] for group in two.groups} == {"M0", "Mt", "Mh", "Mth"}
    assert any(note.startswith("left out: Mb: ") for note in two.notes)
    with pytest.raises(NotEstimableError, match="Nobody is on two lists"):
        closed_population_models(CaptureHistories.from_counts({"10": 4, "01": 9}))


def test_m0__does_not_hang_on_the_names_of_lists():
    histories = removal_example()
    turned = histories.restrict("D", "B", "A", "C")
    for model in ("M0", "Mt", "Mh", "Mth"):
        one, other = (
            closed_population(table, model=model) for table in (histories, turned)
        )
        assert one.estimate == pytest.approx(other.estimate, rel=1e-10)
        assert one.ci.high == pytest.approx(other.ci.high, rel=1e-9)


def test_counts_near_2_to_the_31__are_fitted():
    counts = {"100": 2**31, "010": 2**30, "001": 2**30, "110": 2**28, "101": 2**28}
    histories = CaptureHistories.from_counts(counts | {"011": 2**27, "111": 2**26})
    found = closed_population(histories)
    assert found.estimate == pytest.approx(
        independent_lists(histories).estimate, rel=1e-9
    )
    assert found.ci.low < found.estimate < found.ci.high
    assert fit_column_model(histories, by_list=False, column=None).df == 5
