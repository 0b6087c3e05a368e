"""True prevalence behind an imperfect classifier, by deterministic quadrature.

The bound is 50 ms for one posterior. The plain answer beside it is the same posterior
on a grid of a million points in three dimensions, with whose mean it is compared.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from benchmarks.speed._timing import report, time_calls
from estimators.diagnostics import bayesian_true_prevalence, melded_prevalence

POSITIVES, N = 35, 128
SENSITIVITY, SPECIFICITY = (89, 100), (148, 200)
GRID = 100


def posterior() -> float:
    """Return the posterior mean by the library's quadrature."""
    return bayesian_true_prevalence(
        POSITIVES, N, sensitivity=SENSITIVITY, specificity=SPECIFICITY
    ).estimate


def plain_grid() -> float:
    """Return it by midpoints of equal probability under the three priors."""
    middle = (np.arange(GRID) + 0.5) / GRID
    se, sp = (
        stats.beta.ppf(middle, right + 1, tested - right + 1)
        for right, tested in (SENSITIVITY, SPECIFICITY)
    )
    prevalence = middle[:, None, None]
    positive = prevalence * se[:, None] + (1 - prevalence) * (1 - sp)
    weight = np.exp(stats.binom.logpmf(POSITIVES, N, positive))
    return float((weight * prevalence).sum() / weight.sum())


def main() -> None:
    """Time them and compare the means."""
    timings = time_calls(
        {
            "bayesian_true_prevalence": posterior,
            "melded_prevalence": lambda: melded_prevalence(
                POSITIVES, N, sensitivity=SENSITIVITY, specificity=SPECIFICITY
            ),
            "plain grid, 100 x 100 x 100": plain_grid,
        }
    )
    report(timings)
    difference = abs(timings[0].value - timings[2].value)
    print(f"posterior means differ by {difference:.1e}")
    if difference > 1e-3:
        raise SystemExit("the quadrature and the plain grid disagree")


if __name__ == "__main__":
    main()
