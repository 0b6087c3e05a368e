"""Coverage and bias of the capture-recapture estimators with covariates."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import binom

from estimators.capture_recapture import doubly_robust, truncated_counts

N_TABLES = 1000
# Central 99.9 % of the hits of a 95 % interval.
LEAST, MOST = binom.ppf([0.0005, 0.9995], N_TABLES, 0.95)
SIZE = 3000


def repeat_counts(rng, dispersion):
    """Return the seen of a population whose rate depends on sex (and on luck)."""
    male = rng.random(SIZE) < 0.7
    rate = np.where(male, 0.6, 0.35)
    if dispersion:
        rate = rate * rng.gamma(1 / dispersion, dispersion, SIZE)
    frame = pd.DataFrame({"seen": rng.poisson(rate), "sex": np.where(male, "m", "f")})
    seen = frame[frame["seen"] > 0]
    return seen.groupby(["sex", "seen"], as_index=False).size()


def run(family, dispersion):
    results = [
        truncated_counts(
            "seen ~ sex",
            repeat_counts(np.random.default_rng([55, table]), dispersion),
            family=family,
            count="size",
        )
        for table in range(N_TABLES)
    ]
    hits = sum(SIZE in one.ci for one in results)
    return hits, np.array([one.estimate for one in results])


@pytest.mark.simulation
@pytest.mark.parametrize(("family", "dispersion"), [("poisson", 0), ("geometric", 1)])
def test_truncated_counts__cover_under_their_own_model(family, dispersion):
    hits, sizes = run(family, dispersion)
    assert LEAST <= hits <= MOST, hits
    # Skewed to the right by 1/n: 2 % of 3 000 is granted.
    assert abs(np.mean(sizes) / SIZE - 1) < 0.02


@pytest.mark.simulation
def test_poisson__is_too_low_where_rates_vary_and_chao_less_so():
    poisson, chao = (run(family, 1)[1].mean() for family in ("poisson", "chao"))
    assert poisson < chao < SIZE


@pytest.mark.simulation
def test_doubly_robust__covers_where_lists_share_a_covariate():
    hits, sizes = 0, []
    for table in range(N_TABLES):
        rng = np.random.default_rng([66, table])
        x = rng.normal(size=SIZE)
        first = rng.random(SIZE) < expit(0.5 * x + 0.2)
        second = rng.random(SIZE) < expit(0.7 * x)
        frame = pd.DataFrame({"a": first * 1.0, "b": second * 1.0, "x": x})
        got = doubly_robust(
            frame[first | second], lists=("a", "b"), covariates=["x"], rng=table
        )
        hits += SIZE in got.ci
        sizes.append(got.estimate)
    assert LEAST <= hits <= MOST, hits
    assert abs(np.mean(sizes) / SIZE - 1) < 0.005
