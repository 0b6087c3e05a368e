"""The result types: columns, refusals, read-only arrays, text."""

import math

import numpy as np
import pandas as pd
import pytest

from estimators import Estimate, Estimates, InputError, Interval, ModelFit
from estimators.proportions import proportion_ci
from estimators.results import RESULT_COLUMNS, TERM_COLUMNS


def one(estimate=10.0, **changes):
    values = {
        "estimand": "population size",
        "unit": "persons",
        "estimate": estimate,
        "std_error": 2.0,
        "ci": Interval(low=estimate - 4, high=estimate + 4, level=0.95, method="Wald"),
        "method": "chapman",
        "n_obs": 7,
        **changes,
    }
    return Estimate(**values)


def model(**changes):
    vectors = {name: np.array([0.5, -1.0]) for name in TERM_COLUMNS[1:]}
    values = {
        "method": "m",
        "formula": "y ~ x",
        "term": ("Intercept", "x"),
        **vectors,
        "covariance": np.eye(2),
        "ci_level": 0.95,
        "ci_method": "Wald",
        "n_obs": 9,
        **changes,
    }
    return ModelFit(**values)


def test_interval__contains_and_refuses_a_wrong_order():
    interval = Interval(low=-1.0, high=math.inf, level=0.9, method="profile")
    assert 5 in interval
    assert -2 not in interval
    assert interval.width == math.inf
    with pytest.raises(InputError, match=r"low=2.*high=1"):
        Interval(low=2, high=1, level=0.9, method="Wald")
    with pytest.raises(InputError, match="nan"):
        Interval(low=float("nan"), high=1, level=0.9, method="Wald")


def test_estimate__frame_and_text():
    frame = one().to_frame()
    assert tuple(frame.columns) == RESULT_COLUMNS
    assert frame.loc[0, ["ci_low", "ci_high", "ci_level"]].tolist() == [6, 14, 0.95]
    noted = one().with_notes("few persons")
    assert noted.notes == ("few persons",)
    assert noted.summary().splitlines()[-1] == "note: few persons"
    assert one().notes == ()
    assert one() == one()


def test_estimate__is_frozen():
    with pytest.raises(AttributeError):
        one().estimate = 3.0


def test_estimates__rows_by_group():
    table = Estimates(
        rows=(one(1.0), one(2.0)),
        groups=({"sex": "f", "round": 1}, {"sex": "m", "round": 1}),
        covariance=np.eye(2),
        notes=("shared sites",),
    )
    frame = table.to_frame()
    assert list(frame.columns) == [
        *RESULT_COLUMNS[:3], "sex", "round", *RESULT_COLUMNS[3:],
    ]  # fmt: skip
    assert table.get(sex="m").estimate == 2.0
    assert [row.estimate for row in table] == [1.0, 2.0]
    assert len(table) == 2
    assert table[0].estimate == 1.0
    assert table.summary().splitlines()[-1] == "note: shared sites"
    with pytest.raises(InputError, match="2 of the 2"):
        table.get(round=1)
    with pytest.raises(InputError, match="0 of the 2"):
        table.get(age=3)
    with pytest.raises(ValueError, match="read-only"):
        table.covariance[0, 0] = 9


def test_estimates__refuse_unequal_shapes():
    with pytest.raises(InputError, match="1 rows came with 0"):
        Estimates(rows=(one(),), groups=())
    with pytest.raises(InputError, match="same group columns"):
        Estimates(rows=(one(), one()), groups=({"a": 1}, {"b": 1}))


def test_model_fit__three_grains():
    fit = model(
        fit_statistics={"df": 1.0},
        linear_predictor=lambda frame: frame["x"].to_numpy() * 2.0,
        inverse_link=np.exp,
        notes=("doubt",),
    )
    assert tuple(fit.terms().columns) == TERM_COLUMNS
    assert fit.overview().loc[0, ["n_obs", "df"]].tolist() == [9, 1.0]
    frame = pd.DataFrame({"x": [0.0, 1.0]})
    added = fit.augment(frame)
    np.testing.assert_allclose(added[".fitted"], np.exp([0, 2]))
    assert list(frame.columns) == ["x"]
    assert "note: doubt" in fit.summary()
    with pytest.raises(ValueError, match="read-only"):
        fit.estimate[0] = 1


def test_model_fit__without_prediction_says_so():
    with pytest.raises(InputError, match="cannot predict"):
        model().augment(pd.DataFrame({"x": [1]}))


def test_summary__a_level_near_one_is_not_rounded_to_certainty():
    result = proportion_ci(5, 40, level=0.999)
    assert "99.9% " in result.summary()
    assert "100%" not in result.summary()
