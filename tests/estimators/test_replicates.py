"""Replicate weights: against R's own, against closed forms, and bad input."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators import survey
from estimators.designs import (
    ReplicateDesign,
    SurveyDesign,
    degrees_of_freedom,
    linearised_covariance,
    replicate_covariance,
    replicate_totals,
    to_replicates,
)
from estimators.designs.hadamard import hadamard_matrix
from estimators.designs.replicate_factors import replicate_rank
from estimators.errors import InputError, NotEstimableError


def stratified(rng, sizes, population=None):
    """Strata of so many PSUs with one to three rows each."""
    rows = [
        {"h": h, "psu": f"{h}-{i}", "w": rng.uniform(1, 5), "y": rng.normal(10, 3),
         "fpc": math.inf if population is None else population[h]}
        for h, n in enumerate(sizes)
        for i in range(n)
        for _ in range(int(rng.integers(1, 4)))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def read(frame, **options):
    return SurveyDesign.from_frame(
        frame, weights="w", strata="h", psu="psu", fpc="fpc", **options
    )


def total_variances(design, replicates):
    """Variance of the total of y: from the replicates, and linearised."""
    y = design.frame["y"].to_numpy()
    totals = replicate_totals(replicates, y)
    full = np.array([design.weights @ y])
    got = replicate_covariance(totals, full, replicates)[0, 0]
    return got, linearised_covariance(design, design.weights * y)[0, 0]


@pytest.mark.parametrize("order", [1, 2, 3, 4, 12, 20, 28, 36, 40, 49, 60, 77, 148])
def test_hadamard__is_orthogonal_with_a_constant_column(order):
    h = hadamard_matrix(order)
    assert order <= len(h) < 2 * order + 2
    np.testing.assert_array_equal(h.T @ h, len(h) * np.eye(len(h)))
    assert (h[:, 0] == 1).all()


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_totals__jackknife_and_half_samples_equal_linearisation(entropy, finite, mse):
    # For a total both are algebraically the same number, with or without FPC.
    rng = np.random.default_rng(entropy)
    sizes = [2] * int(rng.integers(1, 9))
    population = [int(rng.integers(2, 9)) for _ in sizes] if finite else None
    design = read(stratified(rng, sizes, population))
    for kind, rho in (("BRR", None), ("Fay", 0.3), ("JKn", None)):
        made = to_replicates(design, kind=kind, rho=rho, mse=mse)
        got, expected = total_variances(design, made)
        assert got == pytest.approx(expected, rel=1e-10, abs=1e-18)
    sizes = [int(rng.integers(2, 7)) for _ in range(int(rng.integers(1, 5)))]
    population = [n + int(rng.integers(0, 5)) for n in sizes] if finite else None
    design = read(stratified(rng, sizes, population))
    got, expected = total_variances(design, to_replicates(design, kind="JKn", mse=mse))
    assert got == pytest.approx(expected, rel=1e-10, abs=1e-18)
    if len(sizes) == 1:
        again = total_variances(design, to_replicates(design, kind="JK1", mse=mse))[0]
        assert again == pytest.approx(expected, rel=1e-10, abs=1e-18)


@pytest.mark.parametrize("population", [None, [16, 6, 40]])
@pytest.mark.parametrize(("kind", "sizes"), [("rao_wu", [8, 3, 5]),
                                             ("bootstrap", [6, 6, 6])])  # fmt: skip
def test_bootstrap__is_unbiased_for_the_variance_of_a_total(kind, sizes, population):
    # Conditional expectations are exact: 8000 replicates leave a standard error of
    # sqrt(2 / 8000) = 1.6 % (6 sigma allowed). The pseudo-population of N = 3.3 n
    # rounds n (N - 1) / (N (n - 1)), which costs 10 % at most here.
    rng = np.random.default_rng(20)
    if population is not None and kind == "bootstrap":
        population = [60, 12, 20]
    design = read(stratified(rng, sizes, population))
    made = to_replicates(design, kind=kind, n_replicates=8000, rng=3)
    got, expected = total_variances(design, made)
    rtol = 0.2 if kind == "bootstrap" and population else 0.095
    assert got == pytest.approx(expected, rel=rtol)
    assert (made.factors >= 0).all()
    size = replicate_totals(made, np.ones(len(made)) / made.weights)
    assert size.mean() == pytest.approx(len(design), rel=0.02)


@pytest.mark.parametrize("kind", ["JKn", "rao_wu", "bootstrap"])
def test_degrees_of_freedom__are_rank_less_one(kind):
    rng = np.random.default_rng(5)
    design = read(stratified(rng, [4, 3, 5]))
    made = to_replicates(design, kind=kind, rng=1)
    assert made.degrees_of_freedom == 9 == replicate_rank(made.factors) - 1
    assert np.linalg.matrix_rank(made.replicate_weights, tol=1e-8) == 10
    few = to_replicates(design, kind="rao_wu", n_replicates=6, rng=1)
    assert few.degrees_of_freedom == 5 == replicate_rank(few.factors) - 1
    part = made.subset(design.frame["h"] < 2)
    assert part.degrees_of_freedom == degrees_of_freedom(made, part.domain) == 5


def test_census_strata__and_certain_psus_never_change():
    rng = np.random.default_rng(6)
    frame = stratified(rng, [3, 1, 4], [3, 9, 8])
    design = read(frame, lonely_psu="certainty")
    for kind in ("JKn", "rao_wu", "bootstrap"):
        made = to_replicates(design, kind=kind, n_replicates=None, rng=2)
        moves = (made.factors != 1)[:, made.replicate_scales > 0].any(axis=1)
        assert not moves[made.unit][frame["h"] < 2].any()
        assert moves[made.unit][frame["h"] == 2].all()
        got, expected = total_variances(design, made)
        assert got == pytest.approx(expected, rel=1e-9 if kind == "JKn" else 0.5)
    with pytest.raises(NotEstimableError, match="h=1"):
        to_replicates(read(frame), kind="JKn")


def test_later_stages__are_noted_as_missed():
    frame = pd.DataFrame(
        {"a": [1, 1, 2, 2], "b": [1, 2, 1, 2], "n1": [4] * 4, "n2": [5] * 4}
    )
    design = SurveyDesign.from_frame(frame, psu=["a", "b"], fpc=["n1", "n2"])
    made = to_replicates(design, kind="JK1")
    assert any("50% of the later" in note for note in made.notes)


def test_same_rng__same_weights():
    design = read(stratified(np.random.default_rng(1), [5, 4]))
    for kind in ("rao_wu", "bootstrap"):
        one, two = (to_replicates(design, kind=kind, rng=9) for _ in range(2))
        np.testing.assert_array_equal(one.factors, two.factors)
        assert one.n_replicates == 500


def test_from_frame__round_trip():
    rng = np.random.default_rng(8)
    design = read(stratified(rng, [4, 5]))
    made = to_replicates(design, kind="JKn")
    names = [f"rep{i}" for i in range(9)]
    wide = pd.DataFrame(made.replicate_weights, columns=names)
    frame = pd.concat([design.frame, wide], axis=1)
    scales = made.scale * made.replicate_scales
    options = {"weights": "w", "kind": "JKn", "scale": scales.tolist()}
    for replicate_weights in ("rep", names):
        again = ReplicateDesign.from_frame(
            frame, replicate_weights=replicate_weights, **options
        )
        np.testing.assert_allclose(
            again.replicate_weights, made.replicate_weights, rtol=1e-12
        )
        assert again.factors.shape == (9, 9)
        assert again.degrees_of_freedom == 7
    factors = frame.assign(**{name: wide[name] / frame["w"] for name in names})
    again = ReplicateDesign.from_frame(
        factors, replicate_weights="rep", combined=False, **options
    )
    np.testing.assert_allclose(again.replicate_weights, made.replicate_weights)
    assert not again.replicate_weights.flags.writeable


def test_from_frame__lists_every_problem():
    frame = pd.DataFrame(
        {"w": [1.0, 0, np.nan], "r1": [1.0, -1, 2], "r2": [0.0, 0, 0], "r3": "x"}
    )
    with pytest.raises(InputError) as caught:
        ReplicateDesign.from_frame(
            frame, weights="w", replicate_weights="r", kind="JKn",
            degrees_of_freedom=0,
        )  # fmt: skip
    text = str(caught.value)
    for part in ("'w' (weights) is missing", "zero", "'r1'", "negative", "r2", "'r3'",
                 "needs scale", "degrees_of_freedom=0"):  # fmt: skip
        assert part in text


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"kind": "JK1", "n_replicates": 5}, "fixed by the design"),
        ({"kind": "JK1"}, "without strata"),
        ({"kind": "BRR"}, r"h=0 \(3\)"),
        ({"kind": "JKn", "rho": 0.5}, "rho belongs"),
        ({"kind": "rao_wu", "n_replicates": 1}, "at least 2"),
        ({"kind": "jackknife"}, "not known"),
    ],
)
def test_to_replicates__refuses(options, match):
    design = read(stratified(np.random.default_rng(1), [3, 2]))
    with pytest.raises(InputError, match=match):
        to_replicates(design, **options)


def test_replicate_covariance__refuses_what_it_cannot_use():
    design = read(stratified(np.random.default_rng(1), [3, 2]))
    made = to_replicates(design, kind="JKn")
    with pytest.raises(InputError, match="5 replicates"):
        replicate_covariance(np.ones((4, 1)), np.ones(1), made)
    values = np.ones((5, 1))
    values[2] = np.nan
    with pytest.raises(NotEstimableError, match="1 of 5"):
        replicate_covariance(values, np.ones(1), made)


def test_a_domain_that_replicates_lose__is_scaled_up_and_noted():
    # Half samples of one pair of PSUs each; the domain lies in one PSU of stratum 0.
    frame = pd.DataFrame(
        {
            "h": np.repeat([0, 1, 2], 4),
            "psu": np.repeat(np.arange(6), 2),
            "y": np.arange(12.0) ** 2,
            "few": [True, True, *[False] * 10],
            "some": [True, True, False, False, True, True, *[False] * 6],
        }
    )
    design = SurveyDesign.from_frame(frame, strata="h", psu="psu")
    made = to_replicates(design, kind="BRR")
    got = survey.mean(made, "y", where="few")
    assert math.isinf(got.std_error)
    assert any("2 replicates hold no row" in note for note in got.notes)
    # Two PSUs of two strata: 1 of 4 replicates holds neither; by hand from the others.
    got = survey.mean(made, "y", where="some", df=2)
    totals = [made.replicate_weights[frame["some"], r] for r in range(4)]
    values = [np.average(frame["y"][frame["some"]], weights=w)
              for w in totals if w.sum() > 0]  # fmt: skip
    assert len(values) == 3
    squares = ((np.array(values) - np.mean(values)) ** 2).sum()
    assert got.std_error**2 == pytest.approx(squares / 4 * 4 / 3)
    assert any("1 replicates hold no row" in note for note in got.notes)


def test_trend_and_contrast__work_on_replicates():
    rng = np.random.default_rng(4)
    frame = stratified(rng, [5, 6])
    frame["year"] = np.where(rng.random(len(frame)) < 0.5, 2010, 2014)
    frame["hit"] = rng.random(len(frame)) < 0.5
    design = read(frame)
    made = to_replicates(design, kind="JKn")
    for quantity, variable in (("mean", "y"), ("proportion", "hit")):
        ours = survey.trend(made, variable, time="year", quantity=quantity)
        other = survey.trend(design, variable, time="year", quantity=quantity)
        for row, linearised in zip(ours, other, strict=True):
            assert row.estimate == pytest.approx(linearised.estimate)
            assert row.std_error == pytest.approx(linearised.std_error, rel=0.3)
            assert row.diagnostics["df"] == 9
    means = survey.mean(made, "y", by="year")
    one = survey.contrast(means, [-4, 4], label="x").std_error
    slope = survey.trend(made, "y", time="year", quantity="mean")[0].std_error
    assert one == pytest.approx(16 * slope)


def test_wrong_type_of_design__says_how_to_make_one():
    with pytest.raises(InputError, match="or a ReplicateDesign"):
        survey.mean(pd.DataFrame({"y": [1.0]}), "y")
