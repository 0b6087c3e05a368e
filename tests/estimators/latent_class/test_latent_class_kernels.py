"""The compiled EM against one written out, and derivatives by differences."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators.latent_class import latent_class_analysis
from estimators.latent_class._kernels import em_step, expectation
from estimators.latent_class.climbing import ClassModel, evaluate
from estimators.latent_class.information import (
    FreeParameters,
    information,
    penalised_gradient,
    probability_jacobian,
)
from estimators.latent_class.patterns import collapse, read_items
from tests.twins import latent_class as twin


def drawn(entropy, *, n, sizes, missing):
    rng = np.random.default_rng(entropy)
    codes = np.stack([rng.integers(0, size, n) for size in sizes], axis=1)
    codes[:2] = np.arange(2)[:, None]  # every item has two answers
    codes = np.where(rng.random(codes.shape) < missing, -1, codes)
    frame = pd.DataFrame(codes, columns=[f"v{j}" for j in range(len(sizes))])
    return frame.where(frame >= 0), rng


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    entropy=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(2, 4), min_size=2, max_size=9),
    k=st.integers(1, 4),
    missing=st.sampled_from([0.0, 0.2, 0.6]),
)
def test_em_step__equals_twin(entropy, sizes, k, missing):
    frame, rng = drawn(entropy, n=60, sizes=sizes, missing=missing)
    frame.iloc[2:4] = 0.0
    frame.iloc[4:6] = 1.0
    scale = read_items(frame)
    codes, weight = scale.code(frame), rng.uniform(0.1, 3, len(frame))
    patterns = collapse(codes, weight, scale)
    old = np.empty((1 + scale.first[-1], k))
    old[0] = rng.dirichlet(np.ones(k))
    per_item = [rng.dirichlet(np.ones(len(a)), k).T for a in scale.categories]
    old[1:] = np.concatenate(per_item)
    data = patterns.collapsed()
    new, sub_mass = np.empty_like(old), np.empty((len(data[1]) - 1, k))
    value = em_step(data, np.zeros(len(old)), old, new, sub_mass)
    expected, shares, responses = twin.em_step(codes, weight, old[0], per_item)
    # Sums of 60 terms in another order: a few units of rounding.
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(new[0], shares, rtol=1e-12)
    np.testing.assert_allclose(new[1:], np.concatenate(responses), rtol=1e-11)


def test_underflow__is_summed_in_log_space():
    # 400 items, half of which rule out either class: products fall below 1e-308.
    frame = pd.DataFrame(np.r_[np.zeros((1, 400)), np.ones((1, 400))])
    scale = read_items(frame)
    codes = scale.code(frame)
    codes[0, 200:] = 1
    patterns = collapse(codes, np.ones(2), scale)
    p = np.tile([[1 - 1e-9, 1e-9], [1e-9, 1 - 1e-9]], (400, 1))
    data = patterns.collapsed()
    posterior = np.empty((len(patterns.mass), 2))
    value = expectation(
        data, np.full((1, 2), 0.5), p, posterior, np.empty((len(data[1]) - 1, 2))
    )
    mixed = 200 * np.log(1e-9) + 200 * np.log1p(-1e-9)
    alike = np.log(0.5) + 400 * np.log1p(-1e-9)
    assert value == pytest.approx(mixed + alike, rel=1e-12)
    np.testing.assert_allclose(np.sort(posterior.ravel()), [0, 0.5, 0.5, 1], atol=1e-12)


@pytest.mark.parametrize("prior", [0.0, 2.0])
@pytest.mark.parametrize("covariate", [False, True])
def test_information__equals_numeric_derivatives(prior, covariate):
    frame, rng = drawn(5, n=120, sizes=[2, 3, 2, 3, 2], missing=0.1)
    frame = frame[frame.notna().any(axis=1)].reset_index(drop=True)
    x = pd.DataFrame({"x": rng.integers(0, 3, len(frame)).astype(float)})
    fit = latent_class_analysis(
        frame,
        n_classes=2,
        prior_strength=prior,
        covariates=x if covariate else None,
        rng=1,
    )
    model: ClassModel = fit.model
    rng = np.random.default_rng(1)
    # Away from the maximum, so that no term vanishes by luck.
    free = FreeParameters.of(model, fit.climb)
    start = fit.climb
    moved = free.moved(start, rng.normal(0, 0.3, free.size))
    at = evaluate(model, *moved, converged=True)

    def objective(step):
        return evaluate(model, *free.moved(at, step), converged=True).objective

    h = 1e-4
    unit = np.eye(free.size) * h
    gradient = [(objective(e) - objective(-e)) / (2 * h) for e in unit]
    np.testing.assert_allclose(
        penalised_gradient(model, at, free), gradient, rtol=1e-5, atol=1e-5
    )

    def slope(step):
        there = evaluate(model, *free.moved(at, step), converged=True)
        return penalised_gradient(model, there, free)

    second = np.array([(slope(e) - slope(-e)) / (2 * h) for e in unit])
    np.testing.assert_allclose(
        information(model, at, free), -second, rtol=1e-5, atol=1e-5
    )

    def probabilities(step):
        there = evaluate(model, *free.moved(at, step), converged=True)
        return there.response.T.ravel()

    jacobian = probability_jacobian(model, at, free)[2:]
    numeric = np.array(
        [(probabilities(e) - probabilities(-e)) / (2 * h) for e in unit]
    ).T
    np.testing.assert_allclose(jacobian, numeric, atol=1e-7)


def test_climb__ends_where_long_plain_em_ends():
    frame, rng = drawn(11, n=200, sizes=[2, 2, 3, 2], missing=0.15)
    fit = latent_class_analysis(frame, n_classes=2, rng=1)
    codes = fit.scale.code(frame)
    codes = codes[(codes >= 0).any(axis=1)]
    noise = rng.uniform(0.9, 1.1, fit.response.shape)
    near = np.maximum(fit.response * noise, 1e-12)
    per_item = [
        near[low:high] / near[low:high].sum(axis=0)
        for low, high in zip(fit.scale.first[:-1], fit.scale.first[1:], strict=True)
    ]
    value, *_ = twin.plain_em(codes, np.ones(len(codes)), fit.share, per_item, 400)
    assert fit.climb.log_likelihood >= value - 1e-8
    model = replace(fit.model)
    again = evaluate(model, fit.climb.coefficient, fit.climb.response, converged=True)
    direct = twin.log_likelihood(
        codes,
        np.ones(len(codes)),
        fit.share,
        [
            fit.response[low:high]
            for low, high in zip(fit.scale.first[:-1], fit.scale.first[1:], strict=True)
        ],
    )
    assert again.log_likelihood == pytest.approx(direct, rel=1e-12)
