"""Calibration: totals reproduced, bounds kept, variances of residuals, bad input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators import survey
from estimators.designs import linearised_covariance
from estimators.designs.calibration_solver import solve_ratios
from estimators.errors import InputError, NotEstimableError
from estimators.survey import ReplicateDesign, SurveyDesign, to_replicates


def sample(entropy=0, n=120):
    rng = np.random.default_rng(entropy)
    psu = rng.integers(0, 12, n)
    frame = pd.DataFrame(
        {
            "h": psu // 6,
            "psu": psu,
            "w": rng.uniform(2, 9, n),
            "sex": rng.choice(["f", "m"], n),
            "age": rng.choice(["young", "mid", "old"], n, p=[0.2, 0.5, 0.3]),
            "trips": rng.gamma(2, 2, n),
        }
    )
    frame["y"] = 3 * frame["trips"] + (frame["sex"] == "f") + rng.normal(size=n)
    return SurveyDesign.from_frame(frame, weights="w", strata="h", psu="psu")


def shifted(design, by, rng, width=0.2):
    """Population totals of a group near the sample's own, always of one size."""
    sums = design.frame.groupby(by)["w"].sum() * (1 + width * rng.random())
    changed = sums * (1 + rng.uniform(-width, width, len(sums)))
    return (changed * (1000 / changed.sum())).to_dict()


@settings(deadline=None, derandomize=True, max_examples=20)
@given(
    st.integers(0, 2**31),
    st.sampled_from(
        [("linear", None), ("raking", None), ("logit", (0.3, 4.0)),
         ("linear", (0.4, 3.5)), ("raking", (0.4, 3.5))]
    ),
)  # fmt: skip
def test_calibrate__reproduces_every_total_within_the_bounds(entropy, form):
    rng = np.random.default_rng(entropy)
    design, (distance, bounds) = sample(entropy), form
    margins = {
        "sex": shifted(design, "sex", rng),
        ("sex", "age"): None,
        "trips": 1000
        * float(np.average(design.frame["trips"], weights=design.weights)),
    }
    del margins[("sex", "age")]
    margins["age"] = shifted(design, "age", rng)
    scaled = SurveyDesign.from_frame(
        design.frame.assign(w=design.weights * 1000 / design.weights.sum()),
        weights="w", strata="h", psu="psu",
    )  # fmt: skip
    found = survey.calibrate(scaled, margins, distance=distance, bounds=bounds)
    for name in ("sex", "age"):
        got = pd.Series(found.weights).groupby(design.frame[name]).sum()
        pd.testing.assert_series_equal(
            got, pd.Series(margins[name]).rename_axis(name).sort_index(),
            check_names=False, rtol=1e-9,
        )  # fmt: skip
    total = survey.total(found, "trips")
    assert total.estimate == pytest.approx(margins["trips"], rel=1e-9)
    # what is known without error has no variance
    assert total.std_error < 1e-7 * survey.total(scaled, "trips").std_error
    ratio = found.weights / scaled.weights
    if bounds:
        assert ratio.min() >= bounds[0] * (1 - 1e-12)
        assert ratio.max() <= bounds[1] * (1 + 1e-12)
    assert found.weights.min() > 0
    # y is nearly 3 trips: calibration must pay
    assert survey.mean(found, "y").std_error < 0.5 * survey.mean(scaled, "y").std_error


def test_post_stratify__has_the_textbook_variance():
    # One stratum, independent rows: sum over cells of (N_g / n_g)^2 times the squares
    # round the cell's mean, times n / (n - 1).
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"g": rng.integers(0, 3, 60), "y": rng.normal(5, 2, 60)})
    design = SurveyDesign.from_frame(frame)
    totals = {0: 500, 1: 300, 2: 900}
    got = survey.total(survey.post_stratify(design, "g", totals), "y")
    size, mean = frame.groupby("g")["y"].count(), frame.groupby("g")["y"].mean()
    factor = pd.Series(totals) / size
    assert got.estimate == pytest.approx((pd.Series(totals) * mean).sum())
    scores = (frame["y"] - frame["g"].map(mean)) * frame["g"].map(factor)
    variance = 60 / 59 * (scores**2).sum()
    assert got.std_error == pytest.approx(np.sqrt(variance))


def test_calibrate__linear_is_the_regression_estimator():
    # GREG: T_y = sum w y + B' (T_x - sum w x), B from the weighted regression.
    design = sample(5)
    frame, w = design.frame, design.weights
    x = np.column_stack([np.ones(len(frame)), frame["trips"]])
    known = np.array([700.0, 2900.0])
    slopes = np.linalg.solve((x * w[:, None]).T @ x, (x * w[:, None]).T @ frame["y"])
    expected = w @ frame["y"] + slopes @ (known - w @ x)
    found = survey.calibrate(design, {"trips": known[1]}, population=known[0])
    assert survey.total(found, "y").estimate == pytest.approx(expected)
    residual = frame["y"].to_numpy() - x @ slopes
    variance = linearised_covariance(design, found.weights * residual)[0, 0]
    assert survey.total(found, "y").std_error == pytest.approx(np.sqrt(variance))


@pytest.mark.parametrize("distance", ["linear", "raking"])
@pytest.mark.parametrize("kind", ["JKn", "rao_wu"])
def test_replicates__agree_with_the_linearised_variance(distance, kind):
    rng = np.random.default_rng(1)
    design = sample(1, n=600)
    margins = {"sex": shifted(design, "sex", rng, 0.05),
               "age": shifted(design, "age", rng, 0.05)}  # fmt: skip
    found = survey.calibrate(design, margins, distance=distance)
    made = to_replicates(found, kind=kind, rng=3)
    again = survey.calibrate(
        to_replicates(design, kind=kind, rng=3), margins, distance=distance
    )
    np.testing.assert_allclose(made.replicate_weights, again.replicate_weights)
    for level, size in margins["sex"].items():
        inside = (design.frame["sex"] == level).to_numpy()
        np.testing.assert_allclose(made.replicate_weights[inside].sum(axis=0), size)
    for function in (survey.mean, survey.total):
        replicated = function(made, "y").std_error
        # 10 degrees of freedom and 500 draws: second-order terms of a tenth
        assert replicated == pytest.approx(function(found, "y").std_error, rel=0.15)


def test_rake__equals_proportional_fitting():
    rng = np.random.default_rng(9)
    design = sample(9)
    margins = {"sex": shifted(design, "sex", rng), "age": shifted(design, "age", rng)}
    weights = design.weights.copy()
    for _ in range(60):
        for name, totals in margins.items():
            cell = design.frame[name]
            have = pd.Series(weights).groupby(cell).sum()
            weights *= cell.map(pd.Series(totals) / have).to_numpy()
    np.testing.assert_allclose(survey.rake(design, margins).weights, weights, rtol=1e-9)


def test_a_later_step_and_trimming__are_repeated_in_replicates():
    rng = np.random.default_rng(4)
    design = sample(4, n=300)
    sexes, ages = shifted(design, "sex", rng), shifted(design, "age", rng)
    found = survey.post_stratify(design, "sex", sexes)
    found = survey.trim_weights(found, upper=1.5 * found.weights.mean())
    found = survey.post_stratify(found, "age", ages)
    made = to_replicates(found, kind="JKn")
    np.testing.assert_allclose(made.weights, found.weights)
    for level, size in ages.items():
        inside = (design.frame["age"] == level).to_numpy()
        np.testing.assert_allclose(made.replicate_weights[inside].sum(axis=0), size)
    got, linearised = (survey.mean(d, "y").std_error for d in (made, found))
    assert got == pytest.approx(linearised, rel=0.1)
    assert len(found.calibration) == 3


def test_calibrated_coverage__near_its_level_and_shorter_than_without():
    # 300 samples of 60 from a known population: 95 % +- 3.7 points (3 sigma), and
    # residuals of a true correlation of .9 shorten intervals to about 0.44.
    rng = np.random.default_rng(12)
    size = 3000
    x = rng.gamma(3, 2, size)
    y = x + rng.normal(0, 0.5 * x.std(), size)
    hits, lengths = 0, []
    for _ in range(300):
        rows = rng.choice(size, 60, replace=False)
        frame = pd.DataFrame({"x": x[rows], "y": y[rows], "N": size})
        design = SurveyDesign.from_frame(frame, fpc="N")
        found = survey.calibrate(
            design, {"x": x.sum()}, population=size, allow_negative=True
        )
        got = survey.mean(found, "y")
        hits += y.mean() in got.ci
        lengths.append(got.ci.width / survey.mean(design, "y").ci.width)
    assert 0.91 <= hits / 300 <= 0.99
    assert np.mean(lengths) == pytest.approx(0.447, abs=0.03)


@pytest.mark.parametrize(
    ("margins", "parts"),
    [
        (
            {"sex": {"f": 10, "x": 5}, "age": {"young": 1, "mid": -2, "old": "many"}},
            ["sex: no sampled row in", "x (5)", "no population total", "m",
             "age: totals must be finite", "mid", "old"],
        ),
        ({"sex": {"f": 10, "m": 0}}, ["a population of 0, but sampled rows", "m"]),
        ({"sex": {"f": 5, "m": 5}, "age": {"young": 1, "mid": 4, "old": 4}},
         ["different populations", "sex 10", "age 9"]),
        ({"trips": np.nan}, ["'trips': the total nan"]),
        ({"sex": 5}, ["'sex' is not a finite number", "mapping"]),
        ({("sex", "age"): 4}, ["several columns need a mapping"]),
        ({}, ["margins must map"]),
        ({"nosuch": {"a": 1}}, ["nosuch"]),
    ],
)  # fmt: skip
def test_calibrate__lists_what_is_wrong_with_the_totals(margins, parts):
    with pytest.raises(InputError) as caught:
        survey.calibrate(sample(), margins)
    for part in parts:
        assert part in str(caught.value)


def test_wrong_types__are_named():
    design = sample()
    for call in (survey.rake, survey.calibrate):
        with pytest.raises(InputError, match="margins must map"):
            call(design, [1])
    with pytest.raises(InputError, match="totals must map every cell"):
        survey.post_stratify(design, "sex", [1, 2])
    with pytest.raises(InputError, match="not one number: trips"):
        survey.rake(design, {"trips": 4})
    for wrong in (design.frame, to_replicates(design, kind="JKn")):
        with pytest.raises(InputError, match="A SurveyDesign was expected"):
            to_replicates(wrong, kind="JKn")


def test_calibrate__missing_values_are_named():
    design = sample()
    frame = design.frame.assign(sex=design.frame["sex"].mask(design.frame.index == 7))
    gappy = SurveyDesign.from_frame(frame, weights="w", strata="h", psu="psu")
    with pytest.raises(InputError, match=r"'sex' is missing in 1 row \(7\)"):
        survey.post_stratify(gappy, "sex", {"f": 1, "m": 1})


def test_post_stratify__cells_of_two_columns():
    design = sample(3)
    cells = design.frame.groupby(["sex", "age"])["w"].sum() * 2
    found = survey.post_stratify(design, ["sex", "age"], cells)
    np.testing.assert_allclose(found.weights, 2 * design.weights)
    with pytest.raises(InputError, match="no population total for the sampled"):
        survey.post_stratify(design, ["sex", "age"], cells.iloc[1:])


def test_bounds__too_narrow_are_refused_with_the_totals_they_miss():
    design = sample()
    have = design.frame.groupby("sex")["w"].sum()
    far = {"f": 3 * have["f"], "m": 0.1 * have["m"]}
    with pytest.raises(InputError, match=r"(?s)sex=f.*sex=m.*Widen"):
        survey.calibrate(design, {"sex": far}, bounds=(0.5, 2))
    # Each total can be reached, both together cannot: many women, few trips.
    both = {"sex": (have * [1.9, 0.6]).to_dict(),
            "trips": 0.55 * float(design.weights @ design.frame["trips"])}  # fmt: skip
    for distance in ("linear", "raking", "logit"):
        with pytest.raises(NotEstimableError, match=r"(?s)within these bounds.*widen"):
            survey.calibrate(design, both, distance=distance, bounds=(0.5, 2))


@pytest.mark.parametrize(
    "options",
    [{"distance": "logit"}, {"bounds": (0, 2)}, {"bounds": (0.5, 0.9)},
     {"bounds": (1.2, 3)}, {"bounds": 0.5}, {"bounds": (0.5, "x")},
     {"distance": "chi2"}],
)  # fmt: skip
def test_options__are_checked(options):
    with pytest.raises(InputError, match=r"bounds|distance"):
        survey.calibrate(sample(), {"sex": {"f": 400, "m": 400}}, **options)


def test_negative_weights__are_refused_or_noted():
    frame = pd.DataFrame({"x": [1.0, 2, 3, 10], "y": [1.0, 2, 4, 9]})
    design = SurveyDesign.from_frame(frame)
    with pytest.raises(NotEstimableError, match=r"1 row \(3\).*raking"):
        survey.calibrate(design, {"x": 7}, population=5)
    found = survey.calibrate(design, {"x": 7}, population=5, allow_negative=True)
    assert found.weights[3] < 0
    got = survey.total(found, "x")
    assert got.estimate == pytest.approx(7)  # the row of negative weight counts
    assert any("0 or below in 1 row (3)" in note for note in got.notes)


def test_a_replicate_without_a_cell__is_an_error_that_names_it():
    frame = pd.DataFrame({"psu": [1, 1, 2, 2, 3, 3], "g": list("aaabbb")})
    frame.loc[2:, "g"] = "b"
    design = SurveyDesign.from_frame(frame, psu="psu")
    with pytest.raises(NotEstimableError, match=r"1 of 3 replicates.*1 \(g=a\)"):
        survey.post_stratify(to_replicates(design, kind="JK1"), "g", {"a": 5, "b": 5})


def test_subsets__are_calibrated_before_not_after():
    design = sample().subset("sex == 'f'")
    for call in (lambda: survey.rake(design, {"sex": {"f": 1}}),
                 lambda: survey.trim_weights(design, upper=5)):  # fmt: skip
        with pytest.raises(InputError, match="calibrate the whole sample"):
            call()


def test_by_psu__one_ratio_per_psu_and_equal_weights_needed():
    design = sample(6)
    with pytest.raises(InputError, match="equal weights within PSUs"):
        survey.calibrate(design, {"sex": {"f": 4, "m": 4}}, by_psu=True)
    frame = design.frame.assign(w=1.0 + design.frame["psu"])
    even = SurveyDesign.from_frame(frame, weights="w", strata="h", psu="psu")
    sums = frame.groupby("sex")["w"].sum() * [1.05, 0.98]
    found = survey.calibrate(even, {"sex": sums.to_dict()}, by_psu=True)
    ratio = pd.Series(found.weights / even.weights).groupby(frame["psu"])
    assert (ratio.max() - ratio.min() < 1e-12).all()
    assert survey.total(found, "w", where="sex == 'f'").estimate > 0
    got = pd.Series(found.weights).groupby(frame["sex"]).sum()
    np.testing.assert_allclose(got, sums)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(0, 2**31), st.floats(0.3, 0.99), st.floats(1.02, 4))
def test_trim_weights__keeps_the_sum_and_the_limits(entropy, low, high):
    rng = np.random.default_rng(entropy)
    frame = pd.DataFrame({"w": rng.lognormal(0, 1, int(rng.integers(2, 40)))})
    design = SurveyDesign.from_frame(frame, weights="w")
    mean = frame["w"].mean()
    found = survey.trim_weights(design, lower=low * mean, upper=high * mean)
    assert found.weights.sum() == pytest.approx(frame["w"].sum(), rel=1e-9)
    assert found.weights.min() >= low * mean * (1 - 1e-12)
    assert found.weights.max() <= high * mean * (1 + 1e-12)


def test_trim_weights__refuses_limits_that_cannot_hold():
    design = sample()
    for options in ({}, {"lower": 5, "upper": 4}, {"lower": -1}):
        with pytest.raises(InputError, match="give a lower limit"):
            survey.trim_weights(design, **options)
    with pytest.raises(InputError, match="no weights within"):
        survey.trim_weights(design, upper=2)
    with pytest.raises(InputError, match="then make replicates"):
        survey.trim_weights(to_replicates(design, kind="JKn"), upper=8)


def test_solver__says_when_it_found_nothing():
    matrix = np.array([[1.0, 0], [1, 0]])
    found = solve_ratios(matrix, np.ones(2), np.array([3.0, 2.0]), distance="raking")
    assert not found.converged
    assert np.isinf(found.error[1])
    matrix = np.array([[1.0, 2.0], [1.0, 2.0]])  # columns that contradict each other
    found = solve_ratios(matrix, np.ones(2), np.array([3.0, 2.0]), distance="linear")
    assert not found.converged


def test_user_supplied_replicates__are_raked_one_set_at_a_time():
    design = sample(8, n=200)
    made = to_replicates(design, kind="rao_wu", n_replicates=20, rng=1)
    wide = pd.DataFrame(made.replicate_weights).add_prefix("r")
    frame = pd.concat([design.frame, wide], axis=1)
    found = ReplicateDesign.from_frame(
        frame, weights="w", replicate_weights="r", kind="rao_wu"
    )
    margins = {
        "sex": {"f": 500, "m": 450},
        "age": {"young": 250, "mid": 400, "old": 300},
    }
    raked = survey.rake(found, margins)
    by_hand = survey.rake(
        SurveyDesign.from_frame(frame[frame["r3"] > 0], weights="r3"), margins
    )
    np.testing.assert_allclose(
        raked.replicate_weights[(frame["r3"] > 0).to_numpy(), 3], by_hand.weights
    )
