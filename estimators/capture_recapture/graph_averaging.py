"""Population size averaged over all decomposable graphs of list dependence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.capture_recapture.histories import CaptureHistories
from estimators.checks import check_counts, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate, Interval

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntMatrix, IntVector

__all__ = ["decomposable_graphs", "graph_probabilities"]

FEWEST_LISTS, MOST_LISTS = 3, 6
# Up to 30 n, but not more than this, every whole number is summed (up to a million
# under a bound); beyond, the grid opens smoothly.
WHOLE_NUMBERS, MOST_WHOLE_NUMBERS = 20_000, 1_000_000
# End of an open grid, and what may lie beyond it at most: with the default strength the
# slowest tail, the complete graph's, leaves 1e-16.
FAR, UNCOVERED = 1e18, 1e-6
# The mean is taken up to 30 times the observed, as is customary, and further in
# doublings for as long as this much probability lies beyond.
CUSTOMARY_LIMIT, LEFT_OUT = 30, 0.01
# A graph whose peak lies this far (natural log) below the best graph's cannot matter.
HOPELESS = 40.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GraphPosterior:
    """Posterior of the unobserved count: point masses on a grid, and of the graphs.

    `cumulative` is P(unobserved <= grid), `mode` the node of the largest density;
    `graph` holds the rows of the catalogue that were kept, with their `probability`.
    """

    grid: FloatVector
    mass: FloatVector
    cumulative: FloatVector
    whole: int
    mode: float
    graph: IntVector
    probability: FloatVector

    def quantile(self, share: float) -> float:
        """Return the smallest whole number with at least `share` at or below it."""
        place = int(np.searchsorted(self.cumulative, share))
        if place < self.whole:
            return float(self.grid[place])
        place = min(place, self.grid.size - 1)
        ends = slice(place - 1, place + 1)
        return math.ceil(np.interp(share, self.cumulative[ends], self.grid[ends]))

    def moments(self, limit: float) -> tuple[float, float]:
        """Return mean and standard deviation of what lies at or below `limit`."""
        inside = self.grid <= limit
        grid, mass = self.grid[inside], self.mass[inside]
        mean = float(grid @ mass / mass.sum())
        return mean, math.sqrt(float((grid - mean) ** 2 @ mass / mass.sum()))

    def beyond(self, limit: float) -> float:
        """Return the probability above `limit`."""
        return float(self.mass[self.grid > limit].sum())


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
    https://doi.org/10.1093/biomet/84.1.19

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
    posterior = _posterior(histories, prior_strength, largest)
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
            "mode": n + posterior.mode,
            "graphs": float(len(_catalogue(histories.n_lists))),
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
    posterior = _posterior(histories, prior_strength, largest)
    rows = _catalogue(histories.n_lists)[posterior.graph]
    order = np.argsort(-posterior.probability, kind="stable")
    return pd.DataFrame(
        {
            "graph": [_words(rows[place]) for place in order],
            "probability": posterior.probability[order],
        }
    )


@lru_cache(maxsize=MOST_LISTS)
def _catalogue(n_lists: int) -> IntMatrix:
    """Clique and separator coefficients of all graphs, (graphs, 2 ** n_lists)."""
    from estimators.capture_recapture._kernels_graphs import chordal_coefficients

    rows = chordal_coefficients(n_lists)
    rows.setflags(write=False)
    return rows


def _posterior(
    histories: CaptureHistories, prior_strength: float | None, largest: int | None
) -> GraphPosterior:
    from estimators.capture_recapture._kernels_graphs import graph_mixture, graph_peaks

    strength = _checked(histories, prior_strength, largest)
    n = histories.n_observed
    offsets, constants = subset_terms(histories, strength)
    rows = _catalogue(histories.n_lists)
    # A coarse look at every graph finds the best one and drops the hopeless.
    # n persons tell x to a relative error of n ** -0.5 at best: steps are a part of it.
    finest = min(0.02, n**-0.5)
    coarse, weight, _ = unobserved_grid(largest, whole=256, opening=finest)
    peaks = graph_peaks(
        coarse,
        np.log(weight) - np.log(n + coarse),
        (offsets, *_sparse(rows), rows @ constants),
    )
    kept = np.flatnonzero(peaks > peaks.max() - HOPELESS)
    bounded = largest is not None and largest <= MOST_WHOLE_NUMBERS
    grid, weight, whole = unobserved_grid(
        largest,
        whole=MOST_WHOLE_NUMBERS
        if bounded
        else min(WHOLE_NUMBERS, CUSTOMARY_LIMIT * n),
        opening=finest / 10,
    )
    density, mass = graph_mixture(
        grid,
        -np.log(n + grid),
        weight,
        (offsets, *_sparse(rows[kept]), rows[kept] @ constants - peaks.max()),
    )
    if largest is None:
        _check_tail(grid, density, float(mass.sum()), strength)
    mode = float(grid[np.argmax(density)])
    unobserved = weight * density / mass.sum()
    # Half of a wide node's mass lies above it; a whole number has all of it at itself.
    above = np.where(np.arange(grid.size) < whole, 0.0, unobserved / 2)
    return GraphPosterior(
        grid=grid,
        mass=unobserved,
        cumulative=np.cumsum(unobserved) - above,
        whole=whole,
        mode=mode,
        graph=kept,
        probability=mass / mass.sum(),
    )


def _check_tail(
    grid: FloatVector, density: FloatVector, total: float, strength: float
) -> None:
    """Refuse unless the power law at the grid's end proves that little lies beyond."""
    last, before = density[-1], density[-2]
    if last == 0:
        return
    fall = math.log(before / last) / math.log(grid[-1] / grid[-2]) - 1
    if fall <= 0 or last * grid[-1] / fall > UNCOVERED * total:
        raise NotEstimableError(
            f"With prior_strength={strength!r} the posterior of the population size "
            "has so heavy a tail that it cannot be summed: take the default strength "
            "or a larger one, or state the `largest` number of unobserved persons."
        )


def _checked(
    histories: CaptureHistories, prior_strength: float | None, largest: int | None
) -> float:
    if not FEWEST_LISTS <= histories.n_lists <= MOST_LISTS:
        raise InputError(
            f"Graphs are averaged for {FEWEST_LISTS} to {MOST_LISTS} lists, "
            f"{histories.n_lists} came: "
            + (
                "with two lists take `chapman`."
                if histories.n_lists < FEWEST_LISTS
                else "join lists of one kind with `histories.merge(...)`, or leave "
                "some out with `histories.omit(...)`."
            )
        )
    if largest is not None and check_counts(largest=largest)["largest"] < 1:
        raise InputError(f"largest={largest}: at least one unobserved person, or None.")
    if prior_strength is None:
        return 2.0**-histories.n_lists
    if not (
        isinstance(prior_strength, int | float | np.number)
        and 0 < float(prior_strength) < math.inf
    ):
        raise InputError(
            f"prior_strength={prior_strength!r}: a prior count above 0 per cell was "
            f"expected, by default 2 ** -{histories.n_lists}."
        )
    return float(prior_strength)


def subset_terms(
    histories: CaptureHistories, strength: float
) -> tuple[FloatVector, FloatVector]:
    """Return, by list-subset, what x is added to, and all of L(S) that x is not in.

    Offsets have one entry more, n + 1, for the factor Gamma(N + 1) / Gamma(x + 1).
    """
    from scipy.special import gammaln

    t, dense = histories.n_lists, histories.dense()
    offsets = np.empty((1 << t) + 1)
    constants = np.empty(1 << t)
    cells = np.arange(1 << t)
    for subset in range(1 << t):
        bits = subset.bit_count()
        delta = strength * 2.0 ** (t - bits)
        margin = np.bincount(cells & subset, weights=dense, minlength=1 << t)
        seen = margin[1:][(cells[1:] & ~subset) == 0]
        offsets[subset] = margin[0] + delta
        constants[subset] = gammaln(seen + delta).sum() - 2.0**bits * gammaln(delta)
    offsets[-1] = histories.n_observed + 1
    return offsets, constants


def unobserved_grid(
    largest: int | None, *, whole: int, opening: float
) -> tuple[FloatVector, FloatVector, int]:
    """Return nodes, weights and how many nodes are consecutive whole numbers.

    All numbers up to `whole`, then whole + sinh(k v) / k at v = 1, 2, ...: steps start
    at 1 without a kink and end in proportion to x, so that the trapezoid rule keeps the
    accuracy that it has for smooth functions. k is `opening`, or a little less.
    """
    if largest is not None and largest <= whole:
        grid = np.arange(largest + 1.0)
        return grid, np.ones_like(grid), grid.size
    reach = (FAR if largest is None else float(largest)) - whole
    steps = math.ceil(math.asinh(opening * reach) / opening)
    k = opening
    for _ in range(60):  # makes the last node the end of the range
        k = math.asinh(k * reach) / steps
    angle = k * np.arange(1, steps + 1)
    grid = np.concatenate([np.arange(whole + 1.0), whole + np.sinh(angle) / k])
    weight = np.concatenate([np.ones(whole + 1), np.cosh(angle)])
    weight[-1] /= 2
    return grid, weight, whole + 1


def _sparse(rows: IntMatrix) -> tuple[IntVector, IntVector, FloatVector]:
    """Return starts, list-subsets and coefficients by row, with Gamma(N + 1) last."""
    wide = np.column_stack([rows, np.ones(len(rows), dtype=np.int64)])
    graph, subset = np.nonzero(wide)
    starts = np.searchsorted(graph, np.arange(len(rows) + 1)).astype(np.int64)
    return starts, subset.astype(np.int64), wide[graph, subset].astype(np.float64)


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
