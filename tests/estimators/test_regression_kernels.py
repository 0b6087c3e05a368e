"""Kernels of the penalised likelihood and the short way of reading a formula."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import expit

from estimators.model_formula import as_floats, materialise, parse_formula
from estimators.regression import firth_logistic
from estimators.regression._penalised_likelihood import Likelihood, maximise
from estimators.regression._profile import profile_limit
from estimators.regression.numeric_terms import _numeric_spec, model_matrices
from tests.twins import regression_penalised as twin


def table(entropy, terms=4, rows=14):
    rng = np.random.default_rng(entropy)
    x = np.column_stack([np.ones(rows), rng.normal(size=(rows, terms - 1))])
    trials = rng.integers(1, 9, rows).astype(float)
    events = rng.binomial(trials.astype(int), expit(x @ rng.normal(size=terms)))
    return x, trials, events.astype(float)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.sampled_from([0.0, 0.25, 0.5]))
def test_evaluate__equals_the_formulas(entropy, terms, tau):
    x, trials, events = table(entropy, terms)
    beta = np.random.default_rng(entropy).normal(size=terms) * 0.5
    state = Likelihood(x, trials, events, tau).at(beta)
    arguments = (x, trials, events, tau, beta)
    assert state.penalised == pytest.approx(twin.penalised(*arguments), rel=1e-12)
    # Rounding of sums whose parts are up to 100 times larger.
    np.testing.assert_allclose(state.score, twin.score(*arguments), atol=1e-10)
    # Central differences with steps of 1e-5 are good to about 1e-8 of the largest.
    expected = twin.curvature(*arguments)
    np.testing.assert_allclose(
        state.curvature, expected, atol=1e-6 * np.abs(expected).max()
    )


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_climb_and_limits__equal_plain_scoring_and_a_bracket(entropy):
    x, trials, events = table(entropy)
    likelihood = Likelihood(x, trials, events, 0.5)
    top = maximise(likelihood, np.zeros(4), np.ones(4, dtype=bool))
    problem = (x, trials, events, 0.5)
    np.testing.assert_allclose(top.beta, twin.maximum(*problem), atol=1e-7)
    drop = 1.92

    def height(value):
        held = twin.maximum(*problem, held=(1, value))
        return twin.penalised(*problem, held) - (top.penalised - drop)

    for side in (-1, 1):
        limit = profile_limit(likelihood, top, term=1, side=side, drop=drop)
        outer = top.beta[1] + side * 0.5
        while height(outer) > 0:
            outer += side * 0.5
        expected = brentq(height, top.beta[1], outer, xtol=1e-11)
        assert limit == pytest.approx(expected, abs=1e-7)


def test_at__says_where_the_information_is_singular():
    x = np.column_stack([np.ones(4), np.arange(4.0), 2 * np.arange(4.0)])
    likelihood = Likelihood(x, np.ones(4), np.array([0.0, 1, 0, 1]), 0.5)
    assert likelihood.at(np.zeros(3)) is None


FORMULAS = ["y ~ a + b", "y ~ 0 + a", "y ~ a*b + c", "y ~ `d e` + a:b:c", "y ~ 1"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_model_matrices__of_numbers_equal_formulaic(formula):
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.normal(size=(9, 4)), columns=["a", "b", "c", "d e"])
    frame["b"] = rng.integers(0, 9, 9)
    frame["y"] = rng.integers(0, 2, 9)
    parsed = parse_formula(formula, left="y")
    assert _numeric_spec(formula, tuple(frame.columns)) is not None
    left, matrix, term, spec = model_matrices(formula, parsed, frame)
    expected = materialise(parsed, frame)
    np.testing.assert_allclose(matrix, as_floats(expected.rhs), rtol=1e-15)
    assert list(term) == list(expected.rhs.columns)
    assert list(left.columns) == list(expected.lhs.columns)
    again = as_floats(materialise(spec, frame))
    np.testing.assert_array_equal(again, as_floats(expected.rhs))


@pytest.mark.parametrize("formula", ["y ~ log(a)", "y ~ C(b)", "y + c ~ a", "y ~ a/b"])
def test_model_matrices__of_anything_else_are_formulaics(formula):
    frame = pd.DataFrame({"y": [0, 1, 1], "a": [1.0, 2, 4], "b": [1, 2, 3]})
    frame["c"] = [1, 0, 1]
    parsed = parse_formula(formula, left="y")
    left, matrix, term, _ = model_matrices(formula, parsed, frame)
    expected = materialise(parsed, frame)
    np.testing.assert_array_equal(matrix, as_floats(expected.rhs))
    assert (list(term), list(left)) == (list(expected.rhs), list(expected.lhs))


def test_model_matrices__text_and_booleans_are_read_by_formulaic():
    frame = pd.DataFrame({"y": [0, 1, 1, 0] * 3, "a": ["x", "z", "z"] * 4})
    fit = firth_logistic("y ~ a", frame)
    assert fit.term == ("Intercept", "a[T.z]")
    flag = frame.assign(a=frame["a"] == "z")
    as_number = firth_logistic("y ~ a", flag.astype(int))
    for other in (fit, firth_logistic("y ~ a", flag)):
        np.testing.assert_allclose(other.estimate, as_number.estimate, atol=1e-12)


def test_model_matrices__a_column_may_change_its_kind_between_calls():
    numbers = pd.DataFrame({"y": [0, 1, 1, 0] * 3, "a": [1, 2, 3] * 4})
    first = firth_logistic("y ~ a", numbers)
    levels = firth_logistic("y ~ a", numbers.astype({"a": str}))
    assert first.term == ("Intercept", "a")
    assert levels.term == ("Intercept", "a[T.2]", "a[T.3]")
