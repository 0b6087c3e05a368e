"""Trend of proportions over ordered groups: Cochran-Armitage, asymptotic and exact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import gammaln, ndtr

from estimators.checks import check_choice, finite_vector
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import wald_interval
from estimators.registry import estimator
from estimators.results import Estimate
from estimators.surveillance.monitored_series import read_counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import FloatVector

__all__ = ["trend_test"]


@estimator(
    family="surveillance",
    label="Cochran-Armitage trend test",
    source="Cochran 1954; Armitage 1955",
    example=lambda: {
        "events": np.array([3.0, 5, 9, 12]),
        "trials": np.array([40.0, 42, 39, 41]),
    },
)
def trend_test(
    events: Sequence[float] | FloatVector,
    trials: Sequence[float] | FloatVector,
    *,
    scores: Sequence[float] | FloatVector | None = None,
    p_value: Literal["asymptotic", "exact"] = "asymptotic",
    level: float = 0.95,
) -> Estimate:
    """Test whether a proportion rises or falls over ordered groups or rounds.

    Parameters
    ----------
    events, trials : array of shape (groups,)
        Positives and interviews of every round, in order.
    scores : array of shape (groups,), optional
        Times of the rounds; their distances matter. Default 1, 2, ...
    p_value : {"asymptotic", "exact"}
        Normal, or the conditional permutation distribution given all margins.
    level : float

    Returns
    -------
    Estimate
        Change of the proportion per unit of score (weighted least squares) with a Wald
        interval from the groups' own variances. Diagnostics ``statistic`` (z) and
        ``p_value``, two-sided.

    Raises
    ------
    InputError
        If counts are missing, not whole or contradictory, or scores are all equal.
    NotEstimableError
        If nobody or everybody is positive.

    Notes
    -----
    ``z = sum x (r - n p) / sqrt(p (1 - p) sum n (x - xbar)^2)``. The exact two-sided
    p-value adds all tables whose score lies as far from its mean or farther. A simple
    random sample is assumed; for clustered or weighted rounds use `survey.trend`.

    References
    ----------
    Armitage, P. (1955). Tests for linear trends in proportions and frequencies.
    Biometrics 11, 375-386.

    Cochran, W. G. (1954). Some methods for strengthening the common chi-squared tests.
    Biometrics 10, 417-451.

    Examples
    --------
    >>> from estimators import surveillance
    >>> test = surveillance.trend_test([83, 90, 129, 70], [86, 93, 136, 82])
    >>> round(test.diagnostics["statistic"] ** 2, 4)
    8.2249
    """
    check_choice("p_value", p_value, ("asymptotic", "exact"))
    r, n, x = _read(events, trials, scores)
    total, positive = n.sum(), r.sum()
    if positive in (0, total):
        raise NotEstimableError(
            f"{positive:g} of {total:g} are positive: nothing varies, so that no trend "
            "can be tested."
        )
    share = positive / total
    away = x - np.average(x, weights=n)
    square = float(n @ away**2)
    slope = float(away @ r) / square
    z = float(away @ r) / np.sqrt(share * (1 - share) * square)
    variance = float((away**2 * n * (r / n) * (1 - r / n)).sum()) / square**2
    error = float(np.sqrt(variance))
    p = _exact(r, n, x) if p_value == "exact" else float(2 * ndtr(-abs(z)))
    notes = ["a simple random sample in every group is assumed"]
    if p_value == "asymptotic" and min(positive, total - positive) < 20:
        notes.append("fewer than 20 on one side: p_value='exact' is safer")
    return Estimate(
        estimand="change in proportion per unit of score",
        unit="proportion per unit of score",
        estimate=slope,
        std_error=error,
        ci=wald_interval(slope, error, level=level),
        method=f"trend_test {p_value}",
        n_obs=int(total),
        notes=tuple(notes),
        diagnostics={"statistic": float(z), "p_value": p, "chi_squared": float(z**2)},
    )


def _read(
    events: Sequence[float] | FloatVector,
    trials: Sequence[float] | FloatVector,
    scores: Sequence[float] | FloatVector | None,
) -> tuple[FloatVector, FloatVector, FloatVector]:
    r, _ = read_counts(events, name="events")
    n, _ = read_counts(trials, name="trials")
    default = np.arange(1, r.size + 1, dtype=np.float64)
    x = default if scores is None else finite_vector(scores, "scores")
    if not r.size == n.size == x.size or r.size < 2:
        raise InputError(
            f"events ({r.size}), trials ({n.size}) and scores ({x.size}) must have one "
            "number per group, for two groups or more."
        )
    wrong = np.flatnonzero((n < 1) | (r > n))
    if wrong.size:
        raise InputError(
            f"Every group needs 1 trial or more and at most as many events: rows "
            f"{list(map(int, wrong[:5]))} do not. Leave empty groups out."
        )
    if np.ptp(x) == 0:
        raise InputError("scores are all equal: there is no order to test.")
    return r, n, x


def _exact(r: FloatVector, n: FloatVector, x: FloatVector) -> float:
    """Enumerate the score given the margins, group by group."""
    positive = int(r.sum())
    tables: dict[tuple[int, float], float] = {(0, 0.0): 1.0}
    centre = x - x.mean()
    for size, score in zip(n.astype(int), centre, strict=True):
        ways = np.exp(_log_binomial(int(size)) - _log_binomial(int(size)).max())
        grown: dict[tuple[int, float], float] = {}
        for (count, sum_), mass in tables.items():
            for here in range(min(int(size), positive - count) + 1):
                key = (count + here, round(sum_ + here * float(score), 9))
                grown[key] = grown.get(key, 0.0) + mass * float(ways[here])
        tables = grown
    found = {key[1]: weight for key, weight in tables.items() if key[0] == positive}
    value = np.array(list(found))
    chance = np.array(list(found.values()))
    chance /= chance.sum()
    middle = float(value @ chance)
    seen = abs(float(centre @ r) - middle)
    return float(min(1.0, chance[np.abs(value - middle) >= seen - 1e-7].sum()))


def _log_binomial(size: int) -> FloatVector:
    k = np.arange(size + 1)
    return np.asarray(gammaln(size + 1) - gammaln(k + 1) - gammaln(size - k + 1))
