"""Times at which a rate or a share changed, found by exact dynamic programming."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import betaincinv, chdtri, xlogy

from estimators.checks import (
    as_generator,
    check_counts,
    check_level,
    check_resamples,
    finite_vector,
)
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate, Estimates, Interval
from estimators.surveillance.monitored_series import read_counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from estimators.array_types import FloatVector

__all__ = ["changepoints"]


@estimator(
    family="surveillance",
    label="Changepoints of a rate or share (optimal partitioning)",
    source="Jackson et al. 2005; Killick, Fearnhead and Eckley 2012",
    example=lambda: {
        "counts": np.array([3.0, 4, 2, 5, 3, 4, 11, 9, 12, 10, 13, 9]),
        "n_resamples": 99,
    },
)
def changepoints(
    counts: Sequence[float] | FloatVector | pd.Series,
    *,
    population: Sequence[float] | FloatVector | None = None,
    trials: Sequence[float] | FloatVector | None = None,
    penalty: float | Literal["scaled"] | None = None,
    least_length: int = 2,
    n_resamples: int = 999,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> Estimates:
    """Cut a series into stretches of one rate each, and test whether there is a change.

    Parameters
    ----------
    counts : array or Series of shape (n,)
        Whole numbers, one per period in order of time.
    population : array of shape (n,), optional
        Exposure: stretches of one rate per unit of it.
    trials : array of shape (n,), optional
        Interviews of which `counts` were positive: stretches of one share.
    penalty : float or "scaled", optional
        What a change must lower minus twice the log likelihood by; default
        ``2 log(n)``, BIC's for a time and a rate. "scaled" multiplies it by how much
        neighbouring periods scatter beyond Poisson (or binomial) chance, if more than
        1: counts of calls and arrests nearly always do, and are cut into noise else.
    least_length : int
        Periods of a stretch, at least 1.
    n_resamples : int
        Series without change for the p-value.
    level : float
    rng : int or numpy.random.Generator, optional

    Returns
    -------
    Estimates
        One row per stretch, with exact limits; group columns ``first, last``.
        Diagnostic ``p_value`` of a change at any time, alike in all rows.

    Raises
    ------
    InputError
        If a count is missing or not whole, or options clash.
    NotEstimableError
        If the series is too short for two stretches or holds no case.

    Notes
    -----
    The scatter of "scaled" is the median, over pairs of neighbours, of Pearson's
    statistic that both have one rate (in the manner of von Neumann's successive
    differences: a change touches one pair), by the median of chi-squared with one
    degree of freedom.

    The best cut of all is found (no pruning, no greedy split). The p-value compares
    the greatest likelihood ratio of one cut with that of series in which the periods
    are exchanged (counts alone: overdispersion stays as it is), in which the cases fall
    to periods by their exposure, or in which the positives fall to interviews at
    random. The stretches' limits know nothing of the search for their ends. A slow
    trend is cut into steps: look at it before believing in a date.

    References
    ----------
    Jackson, B. et al. (2005). An algorithm for optimal partitioning of data on an
    interval. IEEE Signal Processing Letters 12, 105-108.

    Killick, R., Fearnhead, P. and Eckley, I. A. (2012). Optimal detection of
    changepoints with a linear computational cost. Journal of the American Statistical
    Association 107, 1590-1598.

    Examples
    --------
    >>> from estimators import surveillance
    >>> calls = [3, 4, 2, 5, 3, 4, 11, 9, 12, 10, 13, 9]
    >>> found = surveillance.changepoints(calls, n_resamples=99, rng=1)
    >>> [(group["first"], group["last"]) for group in found.groups]
    [(1, 6), (7, 12)]
    """
    check_level(level)
    least = check_counts(least_length=least_length)["least_length"]
    check_resamples(n_resamples, least=19)
    values, labels = read_counts(counts)
    weight = _weight(values, population, trials)
    shares = trials is not None
    if least < 1 or values.size < 2 * least or not values.any():
        raise NotEstimableError(
            f"{values.size} periods with {values.sum():g} cases and least_length="
            f"{least}: two stretches of at least one period and a case are needed."
        )
    scatter = _scatter(values, weight, shares=shares) if penalty == "scaled" else 1.0
    bic = 2 * float(np.log(values.size)) * scatter
    cost = bic if penalty is None or penalty == "scaled" else float(penalty)
    if not 0 <= cost < np.inf:
        raise InputError(f"penalty={penalty!r}: a number >= 0 was expected.")
    cuts = _partition(values, weight, cost, least, shares=shares)
    exchange = population is None and not shares
    p_value = _p_value(
        values, weight, least, n_resamples, rng=rng, shares=shares, exchange=exchange
    )
    rows, groups = [], []
    for start, end in pairwise(cuts):
        total, size = float(values[start:end].sum()), float(weight[start:end].sum())
        rows.append(_stretch(total, size, p_value, level, shares=shares))
        groups.append({"first": labels[start], "last": labels[end - 1]})
    more = f", scatter {scatter:.3g} times chance" if penalty == "scaled" else ""
    notes: tuple[str, ...] = (
        f"{len(rows) - 1} changes at penalty {cost:.3g}{more}; "
        "limits ignore the search",
        f"p-value of any change {p_value:.3g} from {n_resamples} series without one",
    )
    if scatter > 1:
        wide = float(np.sqrt(scatter))
        notes += (f"limits are those of chance alone, too narrow by {wide:.2g} times",)
    return Estimates(rows=tuple(rows), groups=tuple(groups), notes=notes)


def _scatter(values: FloatVector, weight: FloatVector, *, shares: bool) -> float:
    """Return how much neighbours differ beyond chance, at least 1; robust to jumps."""
    first, second = values[:-1], values[1:]
    of_first, of_second = weight[:-1], weight[1:]
    total, whole = first + second, of_first + of_second
    spread = of_first * of_second * total
    if shares:
        spread = spread * (1 - total / whole)
    apart = (first * of_second - second * of_first) ** 2
    known = spread > 0
    if not known.any():
        return 1.0
    pearson = apart[known] / spread[known]
    return max(1.0, float(np.median(pearson)) / float(chdtri(1.0, 0.5)))


def _weight(
    values: FloatVector,
    population: Any,  # noqa: ANN401 - checked here
    trials: Any,  # noqa: ANN401 - checked here
) -> FloatVector:
    if population is not None and trials is not None:
        raise InputError("Give population (rates) or trials (shares), not both.")
    name = "population" if trials is None else "trials"
    given = population if trials is None else trials
    if given is None:
        return np.ones(values.size)
    weight = read_counts(given, name=name)[0] if trials is not None else None
    weight = finite_vector(given, name) if weight is None else weight
    if weight.size != values.size or (weight <= 0).any():
        raise InputError(
            f"{name}: {values.size} numbers above 0 were expected, one per period."
        )
    if trials is not None and (values > weight).any():
        rows = list(map(int, np.flatnonzero(values > weight)[:5]))
        raise InputError(f"counts exceed trials in rows {rows}.")
    return weight


def _loss(total: FloatVector, size: FloatVector, *, shares: bool) -> FloatVector:
    """Return minus twice the greatest log likelihood of a stretch, up to a constant."""
    if not shares:
        return np.asarray(-2 * xlogy(total, np.where(total > 0, total / size, 1)))
    rest = size - total
    share = total / size
    return np.asarray(-2 * (xlogy(total, share) + xlogy(rest, 1 - share)))


def _partition(
    values: FloatVector, weight: FloatVector, cost: float, least: int, *, shares: bool
) -> list[int]:
    """Return the ends of the best stretches, from 0 to n."""
    n = values.size
    y, e = (np.concatenate([[0.0], np.cumsum(v)]) for v in (values, weight))
    best = np.full(n + 1, np.inf)
    best[0] = -cost
    last = np.zeros(n + 1, dtype=np.int64)
    for end in range(least, n + 1):
        starts = np.arange(0, end - least + 1)
        total = best[starts] + cost
        total = total + _loss(y[end] - y[starts], e[end] - e[starts], shares=shares)
        last[end] = int(np.argmin(total))
        best[end] = total[last[end]]
    cuts = [n]
    while cuts[-1]:
        cuts.append(int(last[cuts[-1]]))
    return cuts[::-1]


def _p_value(
    values: FloatVector,
    weight: FloatVector,
    least: int,
    n_resamples: int,
    *,
    rng: int | np.random.Generator | None,
    shares: bool,
    exchange: bool,
) -> float:
    generator = as_generator(rng)
    whole = values.astype(np.int64)
    if exchange:
        drawn = generator.permuted(np.tile(values, (n_resamples, 1)), axis=1)
    elif shares:
        drawn = generator.multivariate_hypergeometric(
            weight.astype(np.int64),
            int(whole.sum()),
            size=n_resamples,
            method="marginals",
        ).astype(np.float64)
    else:
        chance = weight / weight.sum()
        drawn = generator.multinomial(whole.sum(), chance, size=n_resamples)
    every = np.vstack([values, drawn])
    size = np.cumsum(weight)
    total = np.cumsum(every, axis=1)
    cut = slice(least - 1, values.size - least)
    before = _loss(total[:, cut], size[cut], shares=shares)
    after = _loss(total[:, -1:] - total[:, cut], size[-1] - size[cut], shares=shares)
    gain = -(before + after).min(axis=1)
    return float((1 + (gain[1:] >= gain[0] - 1e-9).sum()) / (n_resamples + 1))


def _stretch(
    total: float, size: float, p_value: float, level: float, *, shares: bool
) -> Estimate:
    tail = (1 - level) / 2
    if shares:
        rest = size - total
        low = betaincinv(total, rest + 1, tail) if total else 0.0
        high = betaincinv(total + 1, rest, 1 - tail) if rest else 1.0
        error = np.sqrt(total * rest / size) / size
    else:
        low = chdtri(2 * total, 1 - tail) / 2 / size if total else 0.0
        high = chdtri(2 * total + 2, tail) / 2 / size
        error = np.sqrt(total) / size
    return Estimate(
        estimand="share" if shares else "rate",
        unit="proportion" if shares else "cases per period and unit of exposure",
        estimate=total / size,
        std_error=float(error),
        ci=Interval(
            low=float(low),
            high=float(high),
            level=level,
            method="Clopper-Pearson" if shares else "exact Poisson",
        ),
        method="changepoints",
        n_obs=max(int(size if shares else total), 1),
        diagnostics={"p_value": p_value},
    )
