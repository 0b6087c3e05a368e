"""Population size averaged over all decomposable graphs of list dependence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.capture_recapture.graph_posterior import (
    CUSTOMARY_LIMIT,
    FAR,
    MOST_LISTS,
    GraphPosterior,
    graph_catalogue,
    graph_posterior,
)
from estimators.capture_recapture.histories import CaptureHistories
from estimators.checks import check_level
from estimators.registry import estimator
from estimators.results import Estimate, Interval

if TYPE_CHECKING:
    from estimators.array_types import IntVector

__all__ = ["decomposable_graphs", "graph_probabilities"]

# The mean is taken up to 30 times the observed, as is customary, and further in
# doublings for as long as this much probability lies beyond.
LEFT_OUT = 0.01


@estimator(
    family="capture_recapture",
    label="Bayesian averaging over decomposable graphs",
    source="Madigan and York 1997",
    example=lambda: {
        "histories": CaptureHistories.from_counts(
            {"001": 60, "010": 49, "011": 4, "100": 247, "101": 112, "110": 142}
            | {"111": 12}
        )
    },
)
def decomposable_graphs(
    histories: CaptureHistories,
    *,
    prior_strength: float | None = None,
    largest: int | None = None,
    level: float = 0.95,
) -> Estimate:
    """Average the population size over all decomposable graphs of 3 to 6 lists.

    Every way in which lists may depend on each other that can be drawn as a chordal
    graph is a model: 8, 61, 822 and 18 154 of them for 3, 4, 5 and 6 lists. All are
    equally likely beforehand, cell probabilities are hyper-Dirichlet, and the prior of
    the size N is proportional to 1 / N. Sums over graphs and over N are exact: nothing
    is drawn at random.

    Parameters
    ----------
    histories : CaptureHistories
        3 to 6 lists; the population is closed and records are linked without error.
    prior_strength : float, optional
        Prior count delta in each of the 2 ** t cells, above 0; by default 2 ** -t, one
        person in all.
    largest : int, optional
        Largest number of unobserved persons thought possible. By default there is
        none: sums run to 1e18, so that nothing of the tail is cut off.
    level : float
        Probability of the equal-tailed interval.

    Returns
    -------
    Estimate
        Posterior mean and standard deviation, in persons. Without `largest` they leave
        out what lies beyond 30 times the observed, or beyond the next doubling that
        leaves out at most 1 %: the complete graph's tail falls as x ** (delta - 2 **
        t delta - 1), and with the default strength no mean exists. The interval and
        ``diagnostics["median"]`` leave out nothing. Other diagnostics: ``mode``,
        ``graphs``, ``top_graph_probability``, ``mean_limit`` and
        ``probability_beyond_mean_limit``.

    Raises
    ------
    InputError
        If the number of lists, `prior_strength`, `largest` or `level` is out of range.
    NotEstimableError
        If the prior strength is so small that the posterior's tail does not fall fast
        enough to be summed; a bound `largest` helps.

    Notes
    -----
    Let L(S) be the sum of log Gamma(y + delta_S) - log Gamma(delta_S) over the 2 ** s
    cells of the margin of s lists S, with delta_S = 2 ** (t - s) delta. The posterior
    of graph G and x unobserved persons, N = n + x, is proportional to (1 / N)
    Gamma(N + 1) / Gamma(x + 1) exp(sum of L over cliques - sum of L over separators).
    Only one cell of each margin contains x, which is why six lists are quick. Up to
    20 000 (or `largest`, if that is at most a million) every whole number is summed;
    beyond, the sum is a trapezoid rule on a grid that opens smoothly.

    References
    ----------
    Madigan, D. and York, J. C. (1997). Bayesian methods for estimation of the size of
    a closed population. Biometrika 84(1): 19-31.

    Examples
    --------
    >>> from estimators.capture_recapture import CaptureHistories
    >>> histories = CaptureHistories.from_counts(
    ...     {"001": 60, "010": 49, "011": 4, "100": 247, "101": 112, "110": 142,
    ...      "111": 12})
    >>> result = decomposable_graphs(histories)
    >>> round(result.estimate), round(result.ci.low), round(result.ci.high)
    (734, 694, 787)
    """
    check_level(level)
    posterior = graph_posterior(histories, prior_strength, largest)
    n = histories.n_observed
    limit = _mean_limit(posterior, n) if largest is None else float(largest)
    mean, deviation = posterior.moments(limit)
    tail = (1 - level) / 2
    low, high = posterior.quantile(tail), posterior.quantile(1 - tail)
    median = posterior.quantile(0.5)
    beyond = posterior.beyond(limit)
    return Estimate(
        estimand="population size",
        unit="persons",
        estimate=n + mean,
        std_error=deviation,
        ci=Interval(
            low=n + low, high=n + high, level=level, method="equal-tailed posterior"
        ),
        method="decomposable_graphs",
        n_obs=n,
        notes=(*histories.notes, *_doubts(posterior, limit, largest, n)),
        diagnostics={
            "median": n + median,
            "mode": float(round(n + posterior.mode)),
            "graphs": float(len(graph_catalogue(histories.n_lists))),
            "top_graph_probability": float(posterior.probability.max()),
            "mean_limit": n + limit,
            "probability_beyond_mean_limit": beyond,
        },
    )


def graph_probabilities(
    histories: CaptureHistories,
    *,
    prior_strength: float | None = None,
    largest: int | None = None,
) -> pd.DataFrame:
    """Return the posterior probability of each decomposable graph, largest first.

    Parameters
    ----------
    histories : CaptureHistories
    prior_strength, largest
        As in `decomposable_graphs`.

    Returns
    -------
    pandas.DataFrame
        Columns ``graph`` (its cliques, as "[12,3]") and ``probability``; graphs of
        less than about 1e-26 are left out.

    Raises
    ------
    InputError
        As `decomposable_graphs`.

    Examples
    --------
    >>> histories = CaptureHistories.from_counts(
    ...     {"001": 60, "010": 49, "011": 4, "100": 247, "101": 112, "110": 142,
    ...      "111": 12})
    >>> graph_probabilities(histories).head(2).round(3)
         graph  probability
    0   [1,23]        0.722
    1  [12,23]        0.158
    """
    posterior = graph_posterior(histories, prior_strength, largest)
    rows = graph_catalogue(histories.n_lists)[posterior.graph]
    order = np.argsort(-posterior.probability, kind="stable")
    return pd.DataFrame(
        {
            "graph": [_words(rows[place]) for place in order],
            "probability": posterior.probability[order],
        }
    )


def _mean_limit(posterior: GraphPosterior, n: int) -> float:
    limit = float(CUSTOMARY_LIMIT * n)
    while posterior.beyond(limit) > LEFT_OUT and limit < FAR:
        limit *= 2
    return limit


def _doubts(
    posterior: GraphPosterior, limit: float, largest: int | None, n: int
) -> list[str]:
    notes: list[str] = []
    if largest is not None:
        last = posterior.mass[posterior.grid > largest / 2].sum()
        if last > LEFT_OUT:
            notes.append(
                f"{last:.0%} of the probability lies in the upper half of the range up "
                f"to largest={largest:,}: the answer depends on that bound"
            )
        return notes
    farther = posterior.moments(1e3 * limit)[0]
    mean = posterior.moments(limit)[0]
    if farther > mean + 0.01 * (n + mean):
        notes.append(
            f"the posterior mean depends on where its tail is cut: it leaves out the "
            f"{posterior.beyond(limit):.2%} beyond {n + limit:,.0f} persons, and would "
            f"be {n + farther:,.0f} with a limit 1,000 times as far; the median, "
            f"{n + posterior.quantile(0.5):,.0f}, and the interval leave out nothing"
        )
    return notes


def _words(row: IntVector) -> str:
    cliques = [
        "".join(str(place + 1) for place in range(MOST_LISTS) if mask >> place & 1)
        for mask in np.flatnonzero(row > 0)
    ]
    return f"[{','.join(sorted(cliques))}]"
