"""Numbers as covariates: polynomials over years, against a GLM of raw powers."""

import math

import numpy as np
import pandas as pd
import pytest

from estimators.capture_recapture import stratified_log_linear
from estimators.errors import InputError

LISTS = ["R1", "R2", "R3", "R4"]

CELLS = pd.DataFrame(
    {
        "a": [1, 0, 1] * 2,
        "b": [0, 1, 1] * 2,
        "sex": list("fffmmm"),
        "n": [30, 20, 10, 80, 40, 10],
    }
)
SIMPLE = {"lists": ("a", "b"), "covariates": ["sex"], "count": "n"}


@pytest.fixture
def folder(shared_folder):
    return shared_folder / "reference/capture_recapture"


@pytest.fixture
def yearly(folder):
    table = pd.read_csv(folder / "cruyff_simdat_table.csv")
    keys = ["R1", "R2", "R3", "R4", "X1", "Y"]
    table = table.groupby(keys, as_index=False)["Freq"].sum()
    return table.assign(Y=table.Y.astype(int) + 2009)


@pytest.mark.shared
def test_yearly_polynomial__equals_a_glm_on_raw_powers(yearly):
    api = pytest.importorskip("statsmodels.api")
    assert yearly.Y.nunique() > 2
    terms = [("R1", "Y"), ("R1", "X1"), ("X1", "Y"), ("R2", "R3")]
    run = {"lists": LISTS, "covariates": ["X1", "Y"], "count": "Freq", "terms": terms}
    got = stratified_log_linear(yearly, polynomials={"Y": 2}, **run)
    x = (yearly.Y - yearly.Y.mean()).to_numpy()
    powers = np.column_stack([x, x**2])
    man = (yearly.X1 == 2).to_numpy(float)
    on = yearly[LISTS].to_numpy(float)
    design = np.column_stack(
        [np.ones(len(x)), on, man, powers, on[:, :1] * powers, on[:, 0] * man,
         man[:, None] * powers, on[:, 1] * on[:, 2]]
    )  # fmt: skip
    seen = on.any(axis=1)
    fit = api.GLM(
        yearly.Freq.to_numpy(float)[seen], design[seen], family=api.families.Poisson()
    ).fit(tol=1e-12)
    mean = np.exp(design[~seen] @ fit.params)
    slope = mean @ design[~seen]
    assert got.estimate == pytest.approx(got.n_obs + mean.sum(), rel=1e-7)
    assert got.std_error == pytest.approx(
        math.sqrt(mean.sum() + slope @ fit.cov_params() @ slope), rel=1e-6
    )
    assert got.diagnostics["n_parameters"] == design.shape[1]
    by_year = stratified_log_linear(yearly, polynomials={"Y": 2}, by="Y", **run)
    assert sum(row.estimate for row in by_year) == pytest.approx(got.estimate)


@pytest.mark.shared
def test_polynomial__of_full_degree_is_the_model_of_levels(yearly):
    terms = [("R1", "Y"), ("R4", "Y")]
    run = {"lists": LISTS, "covariates": ["X1", "Y"], "count": "Freq", "terms": terms}
    levels = stratified_log_linear(yearly, **run)
    full = stratified_log_linear(
        yearly, polynomials={"Y": yearly.Y.nunique() - 1}, **run
    )
    assert full.estimate == pytest.approx(levels.estimate, rel=1e-9)
    assert full.std_error == pytest.approx(levels.std_error, rel=1e-8)


@pytest.mark.parametrize(
    ("polynomials", "words"),
    [
        ({"sex": 1}, "sex is no covariate of numbers"),
        ({"a": 1}, "a is no covariate"),
        ({"year": 3}, "3 values, too few for degree 3"),
        ({"year": 0, "zz": 1}, r"degree of year is 0.*; zz is no covariate"),
    ],
)
def test_polynomials__are_checked(polynomials, words):
    frame = pd.concat([CELLS.assign(year=year) for year in (2010, 2011, 2012)])
    run = {**SIMPLE, "covariates": ["sex", "year"], "polynomials": polynomials}
    with pytest.raises(InputError, match=words):
        stratified_log_linear(frame, **run)
