"""Nowcast: what the latest counts will be once late reports have come in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy.special import betaincinv, gammaln, logsumexp, ndtr, ndtri
from scipy.stats import qmc

from estimators.checks import check_choice, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate, Estimates, Interval

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["reporting_delay_nowcast"]

_POINTS = 11  # 2^11 points of a Sobol' sequence
_PRIOR_COUNT = 0.1  # of every delay's hazard


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Triangle:
    """Counts by period and delay; NaN where the report is still to come."""

    cells: FloatMatrix
    seen: FloatVector
    reported: FloatVector  # per delay x: reports with that delay
    at_risk: FloatVector  # per delay x: reports with that delay or a shorter one
    open_periods: range


def _example() -> FloatMatrix:
    cells = np.tile(np.array([6.0, 3.0, 1.0]), (8, 1))
    cells[::2] += 1
    cells[7, 1:] = cells[6, 2:] = np.nan
    return cells


@estimator(
    family="surveillance",
    label="Reporting-delay nowcast",
    source="Lawless 1994; Hoehle and an der Heiden 2014",
    example=lambda: {"triangle": _example()},
)
def reporting_delay_nowcast(
    triangle: FloatMatrix | pd.DataFrame,
    *,
    method: Literal["bayes_trunc", "lawless"] = "bayes_trunc",
    prior_mean: float | None = None,
    prior_variance: float | None = None,
    level: float = 0.95,
) -> Estimates:
    """Predict the final counts of the periods whose reports are still coming in.

    Parameters
    ----------
    triangle : array or DataFrame of shape (periods, delays)
        Reports by period of the event (rows, the latest last) and delay 0, 1, ... in
        the same unit (columns); NaN exactly where the report lies in the future: the
        last period knows delay 0 only. Longer delays are added to the last column
        beforehand. A frame's index names the periods.
    method : {"bayes_trunc", "lawless"}
        Beta posterior of each delay's hazard, counted from the truncated triangle, and
        a gamma-Poisson prior of the counts; or Lawless' moments with a normal limit.
    prior_mean, prior_variance : float, optional
        Of the gamma prior of a period's expected count. Default: the greatest count of
        any period so far, lest the prior hold back a rise, and its square.
    level : float

    Returns
    -------
    Estimates
        One row per incomplete period: the median of the final count and equal-tailed
        limits. Group columns ``period, reported``; diagnostic ``reported_share``.

    Raises
    ------
    InputError
        If the pattern of missing cells is not a triangle or a count is not whole.
    NotEstimableError
        If no period is complete: the longest delays are then unknown.

    Notes
    -----
    Delays are taken to be distributed alike in all periods, and the count after the
    last column as final. Given the reported share W the final count is W's posterior
    negative binomial, which is averaged over the posterior of W by a Sobol' sequence:
    no random numbers. As in the paper the prior of the hazards is a generalised
    Dirichlet with count 0.1 per delay, and W is not updated by the period's own count.

    References
    ----------
    Höhle, M. and an der Heiden, M. (2014). Bayesian nowcasting during the STEC O104:H4
    outbreak in Germany, 2011. Biometrics 70, 993-1002.

    Lawless, J. F. (1994). Adjustments for reporting delays and the prediction of
    occurred but not reported events. Canadian Journal of Statistics 22, 15-31.

    Examples
    --------
    >>> import numpy as np
    >>> from estimators import surveillance
    >>> triangle = np.array([[5.0, 5], [6, 4], [5, 5], [4, 6], [5, np.nan]])
    >>> result = surveillance.reporting_delay_nowcast(triangle)
    >>> [(row.estimate, row.n_obs) for row in result]
    [(10.0, 5)]
    """
    check_choice("method", method, ("bayes_trunc", "lawless"))
    check_level(level)
    labels = list(
        triangle.index
        if isinstance(triangle, pd.DataFrame)
        else range(1, len(triangle) + 1)
    )
    data = _read(triangle)
    prior = _prior(data, prior_mean, prior_variance)
    rows, groups = [], []
    for period in data.open_periods:
        if method == "lawless":
            found = _lawless(data, period, level)
        else:
            found = _bayes(data, period, prior, level)
        middle, error, low, high, share = found
        rows.append(
            Estimate(
                estimand="final count",
                unit="reports",
                estimate=middle,
                std_error=error,
                ci=Interval(low=low, high=high, level=level, method="equal-tailed"),
                method=f"reporting_delay_nowcast {method}",
                n_obs=max(int(data.seen[period]), 1),
                notes=() if data.seen[period] else ("nothing reported yet",),
                diagnostics={"reported_share": share},
            )
        )
        groups.append({"period": labels[period], "reported": int(data.seen[period])})
    notes = ["delays are taken to be distributed alike in all periods"]
    absent = [str(x) for x in range(1, data.at_risk.size) if not data.at_risk[x]]
    if absent:
        notes.append(f"no report informs the delays {', '.join(absent)}")
    return Estimates(rows=tuple(rows), groups=tuple(groups), notes=tuple(notes))


def _read(triangle: Any) -> _Triangle:  # noqa: ANN401 - checked here
    try:
        cells = np.array(triangle, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"triangle must be numbers: {error}.") from error
    if cells.ndim != 2 or cells.shape[1] < 2:
        raise InputError(
            f"triangle has shape {cells.shape}: periods by two delays or more were "
            "expected."
        )
    periods, delays = cells.shape
    age = periods - 1 - np.arange(periods)
    future = np.arange(delays)[None, :] > age[:, None]
    known = np.isnan(cells) == future
    if not known.all():
        wrong = [tuple(map(int, at)) for at in np.argwhere(~known)[:5]]
        raise InputError(
            f"triangle: cells must be missing exactly where period + delay lies after "
            f"the last period; not so at (row, delay) {wrong}."
        )
    filled = np.where(future, 0.0, cells)
    if (filled < 0).any() or (filled != np.floor(filled)).any():
        raise InputError("triangle must hold whole numbers >= 0.")
    if periods < delays:
        raise NotEstimableError(
            f"{periods} periods and {delays} delays: no period is complete, so that "
            "the longest delays are unknown. Add earlier periods or cut the delays."
        )
    reported, at_risk = np.zeros(delays), np.zeros(delays)
    for x in range(delays):
        whole = filled[: periods - x]
        reported[x] = whole[:, x].sum()
        at_risk[x] = whole[:, : x + 1].sum()
    return _Triangle(
        cells=filled,
        seen=filled.sum(axis=1),
        reported=reported,
        at_risk=at_risk,
        open_periods=range(periods - delays + 1, periods),
    )


def _prior(
    data: _Triangle, mean: float | None, variance: float | None
) -> tuple[float, float]:
    if mean is None:
        mean = max(float(data.seen.max()), 1.0)
    if variance is None:
        variance = mean**2
    if not (0 < mean < np.inf and 0 < variance < np.inf):
        raise InputError(
            f"prior_mean={mean!r}, prior_variance={variance!r}: numbers above 0."
        )
    return mean, variance


_Found = tuple[float, float, float, float, float]


def _bayes(
    data: _Triangle, period: int, prior: tuple[float, float], level: float
) -> _Found:
    delays = data.reported.size
    age = data.cells.shape[0] - 1 - period
    later = np.arange(age + 1, delays)
    # Generalised Dirichlet prior: the hazard of delay x among reports of delay <= x is
    # Beta(k, k * number of shorter delays), as if k reports had every delay.
    first = data.reported[later] + _PRIOR_COUNT
    second = data.at_risk[later] - data.reported[later] + _PRIOR_COUNT * later
    points = qmc.Sobol(later.size, scramble=True, rng=0).random_base2(_POINTS)
    hazard = betaincinv(first, second, points)
    share = np.prod(1 - hazard, axis=1)
    mean, variance = prior
    shape, rate = mean**2 / variance, mean / variance
    seen = float(data.seen[period])
    # Unreported given W: negative binomial of size shape + seen.
    odds = (rate + share) / (rate + 1)
    expected = (shape + seen) * (1 - odds) / odds
    spread = expected / odds
    moment = float(expected.mean())
    error = float(np.sqrt(spread.mean() + expected.var()))
    support = np.arange(int(moment + 12 * error + 30))
    cdf = np.cumsum(_mixture(support, shape + seen, odds))
    tail = (1 - level) / 2
    low, middle, high = (
        float(seen + np.searchsorted(cdf, q * (1 - 1e-12)))
        for q in (tail, 0.5, 1 - tail)
    )
    return middle, error, low, high, float(share.mean())


def _mixture(support: Any, size: float, odds: FloatVector) -> FloatVector:  # noqa: ANN401
    """Average negative binomial probabilities over the points, block by block."""
    log_p, log_q = np.log(odds), np.log1p(-np.minimum(odds, 1 - 1e-15))
    ways = gammaln(support + size) - gammaln(size) - gammaln(support + 1)
    blocks = [
        logsumexp(part[:, None] * log_q + size * log_p, axis=1)
        for part in np.array_split(support, max(1, support.size // 64))
    ]
    return np.asarray(np.exp(ways + np.concatenate(blocks) - np.log(odds.size)))


def _lawless(data: _Triangle, period: int, level: float) -> _Found:
    delays = data.reported.size
    age = data.cells.shape[0] - 1 - period
    later = np.arange(age + 1, delays)
    risk = data.at_risk[later]
    hazard = np.divide(
        data.reported[later], risk, out=np.zeros(later.size), where=risk > 0
    )
    share = float(np.prod(1 - hazard))
    if share <= 0:
        raise NotEstimableError(
            "All reports informing the longer delays came late: the reported share is "
            "0 and Lawless' estimate infinite. Use method='bayes_trunc'."
        )
    usable = (risk > 0) & (hazard < 1)
    relative = (hazard[usable] / (risk[usable] * (1 - hazard[usable]))).sum()
    seen = float(data.seen[period])
    mean = seen / share
    variance = seen * (seen + 1) / share**2 * float(relative)
    variance += seen * (1 - share) / share**2
    error = float(np.sqrt(variance))
    if error == 0:
        return mean, 0.0, mean, mean, share
    below = float(ndtr((seen - mean) / error))
    low, middle, high = (
        max(seen, mean + error * float(ndtri(below + q * (1 - below))))
        for q in ((1 - level) / 2, 0.5, (1 + level) / 2)
    )
    # Final counts are whole: a limit a hair above the count so far would leave out
    # that nothing more comes, which is likeliest for the oldest open periods.
    return middle, error, float(np.floor(low)), float(np.ceil(high)), share
