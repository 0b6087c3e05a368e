"""R-hat and effective sample sizes, against chains whose worth is known."""

import numpy as np
import pytest
from scipy.signal import lfilter

from estimators.capture_recapture.chain_diagnostics import (
    chain_diagnostics,
    chain_doubts,
    effective_sample_size,
    split_r_hat,
)
from estimators.errors import InputError


def autoregressive(correlation, shape, rng=1):
    noise = np.random.default_rng(rng).normal(size=shape)
    noise[:, 0] /= np.sqrt(1 - correlation**2)
    return lfilter([1.0], [1.0, -correlation], noise, axis=1)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_effective_sample_size__of_an_autoregression(correlation):
    draws = autoregressive(correlation, (8, 20_000))
    expected = draws.size * (1 - correlation) / (1 + correlation)
    # The estimate's own error is about 4 % at a correlation of 0.9.
    assert effective_sample_size(draws) == pytest.approx(expected, rel=0.12)


def test_effective_sample_size__falls_when_chains_disagree():
    draws = np.random.default_rng(1).normal(size=(4, 1000))
    draws[0] += 3
    assert effective_sample_size(draws) < 20


def test_split_r_hat__by_hand():
    # Half chains (0, 2), (4, 6): within 2, between 2 * 8, so sqrt((1 + 8) / 2).
    assert split_r_hat(np.array([[0.0, 2.0, 4.0, 6.0]])) == pytest.approx(4.5**0.5)


def test_diagnostics__see_what_means_do_not():
    rng = np.random.default_rng(2)
    draws = rng.normal(size=(4, 1000))
    assert not chain_doubts(chain_diagnostics(draws))
    shifted, wider, drifting = draws.copy(), draws.copy(), draws.copy()
    shifted[0] += 1
    wider[0] *= 3
    drifting += np.linspace(-1, 1, 1000)
    for wrong in (shifted, wider, drifting):
        found = chain_diagnostics(wrong)
        assert found["r_hat"] > 1.01
        assert any("chains disagree" in note for note in chain_doubts(found))
    heavy = chain_diagnostics(rng.standard_cauchy((4, 1000)))
    assert heavy["r_hat"] < 1.01


def test_doubts__of_short_chains():
    draws = autoregressive(0.9, (4, 1000))
    notes = chain_doubts(chain_diagnostics(draws))
    assert any("independent ones" in note for note in notes)


def test_constant_draws__and_too_few():
    assert chain_diagnostics(np.ones((2, 10)))["r_hat"] == 1
    with pytest.raises(InputError, match="At least 8"):
        chain_diagnostics(np.ones((2, 5)))
