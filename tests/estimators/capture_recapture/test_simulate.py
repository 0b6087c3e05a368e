"""Simulated capture tables against closed forms and their own stated truth."""

import itertools

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import expit, logit

from estimators.capture_recapture.simulate import (
    dependent_cells,
    draw_tables,
    independent_cells,
    latent_class_cells,
    logit_normal_cells,
)
from estimators.errors import ConvergenceError, InputError

MARGINS = [0.3, 0.12, 0.05]


def held(n_lists):
    return np.arange(1 << n_lists)[:, None] >> np.arange(n_lists) & 1


def test_independent_cells__are_products_of_margins():
    cells = independent_cells(MARGINS)
    for mask in range(8):
        wanted = np.prod([p if mask >> j & 1 else 1 - p for j, p in enumerate(MARGINS)])
        assert cells[mask] == pytest.approx(wanted, rel=1e-14)


def test_dependent_cells__keep_margins_and_conditional_odds_ratios():
    cells = dependent_cells(MARGINS, odds_ratios={(0, 1): 3.0, (1, 2): 0.4})
    assert cells.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(cells @ held(3), MARGINS, atol=1e-12)
    table = cells.reshape(2, 2, 2)  # axes: list 2, list 1, list 0
    for third in (0, 1):
        two = table[third]
        assert two[1, 1] * two[0, 0] / (two[1, 0] * two[0, 1]) == pytest.approx(3)
        two = table[:, :, third]
        assert two[1, 1] * two[0, 0] / (two[1, 0] * two[0, 1]) == pytest.approx(0.4)


def test_dependent_cells__a_triple_is_a_ratio_of_odds_ratios():
    cells = dependent_cells(MARGINS, odds_ratios={(0, 1, 2): 2.5})
    sign = np.where(held(3).sum(axis=1) % 2 == 1, 1, -1)
    assert np.exp(sign @ np.log(cells)) == pytest.approx(2.5)


def test_latent_class_cells__mix_the_classes():
    within = np.array([[0.5, 0.4, 0.3], [0.05, 0.04, 0.03]])
    mixed = 0.2 * independent_cells(within[0]) + 0.8 * independent_cells(within[1])
    np.testing.assert_allclose(latent_class_cells([0.2, 0.8], within), mixed)


@pytest.mark.parametrize("spread", [0.0, 1.0, 2.0])
def test_logit_normal_cells__equal_adaptive_quadrature(spread):
    cells = logit_normal_cells(MARGINS, spread=spread)
    for mask in (0, 3, 7):
        on = held(3)[mask].astype(bool)

        def density(z, on=on):
            p = expit(logit(np.array(MARGINS)) + spread * z)
            return np.where(on, p, 1 - p).prod() * stats.norm.pdf(z)

        wanted = integrate.quad(density, -12, 12, epsabs=1e-13)[0]
        assert cells[mask] == pytest.approx(wanted, rel=1e-8)


def test_draw_tables__mean_and_total():
    cells = dependent_cells(MARGINS, odds_ratios={(0, 1): 3.0})
    tables = draw_tables(cells, population=2000, n_tables=4000, rng=7)
    assert (tables.sum(axis=1) == 2000).all()
    error = np.sqrt(2000 * cells * (1 - cells) / 4000)
    assert (np.abs(tables.mean(axis=0) - 2000 * cells) < 4.5 * error).all()


def test_draw_tables__same_rng_same_tables():
    cells = independent_cells(MARGINS)
    one, other = (
        draw_tables(cells, population=50, n_tables=5, rng=3) for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: independent_cells([0.5]), "1 lists came"),
        (lambda: independent_cells([0.5, 1.0]), "inside"),
        (lambda: dependent_cells(MARGINS, odds_ratios={(0, 3): 2}), r"\(0, 3\)"),
        (lambda: dependent_cells(MARGINS, odds_ratios={(0, 0): 2}), "two or more"),
        (lambda: dependent_cells(MARGINS, odds_ratios={(0, 1): 0}), "not above 0"),
        (lambda: latent_class_cells([1.0], np.full((2, 3), 0.5)), "one row per class"),
        (lambda: latent_class_cells([0.5, 0.6], np.full((2, 3), 0.5)), "sum to 1"),
        (lambda: latent_class_cells([0.5, 0.5], np.full((2, 3), 1.5)), "inside"),
        (lambda: logit_normal_cells(MARGINS, spread=-1), "spread=-1"),
        (lambda: draw_tables([0.5, 0.2, 0.3], population=9), "3 came"),
        (lambda: draw_tables([0.5, 0.2, 0.2, 0.2], population=9), "sum to 1"),
        (lambda: draw_tables([0.4, 0.2, 0.2, 0.2], population=-1), "population=-1"),
    ],
)
def test_bad_input__is_named(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_dependent_cells__extreme_ratios_are_refused():
    ratios = dict.fromkeys(itertools.combinations(range(4), 2), 1e12)
    with pytest.raises(ConvergenceError, match="margins"):
        dependent_cells([0.9, 0.5, 0.1, 0.01], odds_ratios=ratios)
