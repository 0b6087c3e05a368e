"""Cases under the null, drawn for all replicates at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntMatrix

__all__ = ["draw_counts", "draw_mixed"]

_MOST_TRIALS = 10**9  # numpy's hypergeometric generator takes fewer


def draw_counts(
    kind: str,
    size: FloatVector,
    total: int,
    n_resamples: int,
    rng: np.random.Generator,
) -> IntMatrix:
    """Draw cases of shape (n_resamples, n).

    Poisson cases are multinomial given their total; Bernoulli cases are persons drawn
    without replacement, so no area can show more cases than it has persons; without a
    total given they are independent Poisson counts.
    """
    if kind == "poisson":
        drawn = rng.multinomial(total, size / size.sum(), size=n_resamples)
    elif kind == "bernoulli":
        if size.sum() >= _MOST_TRIALS:
            raise InputError(
                f"population sums to {size.sum():,.0f}: drawing cases without "
                'replacement takes fewer than 10^9 persons. Use model="poisson", which '
                "agrees where cases are rare."
            )
        drawn = rng.multivariate_hypergeometric(
            size.astype(np.int64), total, size=n_resamples, method="marginals"
        )
    else:
        drawn = rng.poisson(size, size=(n_resamples, size.size))
    return drawn.astype(np.int64, copy=False)


def draw_mixed(
    by_area: FloatVector,
    by_period: FloatVector,
    n_resamples: int,
    rng: np.random.Generator,
) -> IntMatrix:
    """Draw tables (n_resamples, n * periods) with both margins held.

    Every case keeps its area; the periods are dealt out anew.
    """
    areas = np.repeat(np.arange(by_area.size), by_area.astype(np.int64))
    periods = np.repeat(np.arange(by_period.size), by_period.astype(np.int64))
    drawn = np.empty((n_resamples, by_area.size * by_period.size), dtype=np.int64)
    for replicate in range(n_resamples):
        cells = areas * by_period.size + rng.permutation(periods)
        drawn[replicate] = np.bincount(cells, minlength=drawn.shape[1])
    return drawn
