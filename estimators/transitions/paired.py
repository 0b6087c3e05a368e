"""Change between two measurements of the same persons, drop-out in view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy.special import stdtr
from scipy.stats import binomtest, norm, wilcoxon

from estimators.checks import check_choice, check_level, finite_vector
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import critical_value, t_interval, wald_interval
from estimators.registry import estimator
from estimators.results import Estimate, Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import BoolVector, FloatVector

__all__ = ["paired_change"]

Measure = Literal["mean", "binary", "rank"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    estimate: float
    std_error: float
    ci: Interval
    p_value: float


@estimator(
    family="transitions",
    label="Paired change with drop-out",
    source="McNemar 1947; Wilcoxon 1945; Bonett and Price 2012",
    example=lambda: {
        "before": np.array([4.0, 6, 5, 7, 3, 5, 6, 4]),
        "after": np.array([6.0, 7, 5, 9, 6, np.nan, 8, 5]),
        "score_range": (0, 10),
    },
)
def paired_change(
    before: Sequence[float] | FloatVector,
    after: Sequence[float] | FloatVector,
    *,
    measure: Measure = "mean",
    score_range: tuple[float, float] | None = None,
    groups: Sequence[Any] | None = None,
    level: float = 0.95,
) -> Estimate:
    """Estimate the change of scores or shares between two visits of the same persons.

    Parameters
    ----------
    before : array of shape (n,)
        First measurement of everyone who began; 0/1 for ``measure="binary"``.
    after : array of shape (n,)
        Second measurement in the same order, NaN for those who could not be met again.
    measure : {"mean", "binary", "rank"}
        Mean change with Student's t; change of a share with McNemar's exact test and
        Bonett and Price's limits; median of the Walsh averages with Wilcoxon's test.
    score_range : tuple of float, optional
        Least and greatest possible score ((0, 1) for binary): bounds of the mean change
        whatever those who dropped out would have scored.
    groups : array of shape (n,), optional
        What is known of everyone and foretells drop-out (sex, post): pairs are weighted
        so that each group counts as at the start. Not for ``"rank"``.
    level : float

    Returns
    -------
    Estimate
        Diagnostics ``p_value, dropped_out``, ``bound_low, bound_high`` where a range is
        known, and ``before_of_dropped_out_less_pairs``.

    Raises
    ------
    InputError
        If `before` is missing, lengths differ, or scores leave their range.
    NotEstimableError
        With fewer than two pairs, or a group without a pair.

    Notes
    -----
    Without a comparison group a change is no effect of the training: persons change,
    and low first scores rise by themselves. Pairs alone stand for everyone only if
    drop-out has nothing to do with the change; `groups` need this within groups only,
    and the bounds need nothing.

    References
    ----------
    Bonett, D. G. and Price, R. M. (2012). Adjusted Wald confidence interval for a
    difference of binomial proportions based on paired data. Journal of Educational and
    Behavioral Statistics 37, 479-488.

    McNemar, Q. (1947). Note on the sampling error of the difference between correlated
    proportions or percentages. Psychometrika 12, 153-157.

    Wilcoxon, F. (1945). Individual comparisons by ranking methods. Biometrics Bulletin
    1, 80-83.

    Examples
    --------
    >>> from estimators import transitions
    >>> change = transitions.paired_change([4, 6, 5, 7], [6, 7, 5, None])
    >>> change.estimate, change.diagnostics["dropped_out"]
    (1.0, 1.0)
    """
    check_choice("measure", measure, ("mean", "binary", "rank"))
    check_level(level)
    first, second, met = _read(before, after, measure, score_range)
    change = (second - first)[met]
    if change.size < 2:
        raise NotEstimableError(
            f"{change.size} of {first.size} persons were measured twice: two pairs or "
            "more are needed."
        )
    if groups is not None:
        found = _weighted(change, met, groups, measure, level)
    elif measure == "mean":
        found = _mean(change, level)
    elif measure == "binary":
        found = _binary(change, level)
    else:
        found = _rank(change, level)
    limits = (0.0, 1.0) if measure == "binary" else score_range
    dropped = int((~met).sum())
    return Estimate(
        estimand={
            "mean": "mean change",
            "binary": "change of the share",
            "rank": "median of the averages of two changes",
        }[measure],
        unit="proportion" if measure == "binary" else "score",
        estimate=found.estimate,
        std_error=found.std_error,
        ci=found.ci,
        method=f"paired_change {measure}",
        n_obs=int(change.size),
        notes=_notes(dropped, first.size, weighted=groups is not None),
        diagnostics={
            "p_value": found.p_value,
            "dropped_out": float(dropped),
            **_drop_out(first, second, met, limits),
        },
    )


def _read(
    before: Any,  # noqa: ANN401 - checked here
    after: Any,  # noqa: ANN401 - checked here
    measure: str,
    limits: tuple[float, float] | None,
) -> tuple[FloatVector, FloatVector, BoolVector]:
    first = finite_vector(before, "before")
    try:
        second = np.asarray(pd.Series(after), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"after must be numbers or missing: {error}.") from error
    if second.size != first.size:
        raise InputError(
            f"before has {first.size} and after {second.size} values: one pair per "
            "person in the same order, NaN where the second is missing."
        )
    if measure == "binary":
        limits = (0.0, 1.0)
    met = ~np.isnan(second)
    values = np.concatenate([first, second[met]])
    if (
        limits is not None
        and not (limits[0] <= values).all() & (values <= limits[1]).all()
    ):
        raise InputError(
            f"Scores must lie in {limits}; they run from {values.min():g} to "
            f"{values.max():g}."
        )
    if measure == "binary" and not np.isin(values, (0, 1)).all():
        raise InputError("measure='binary' needs 0 and 1 in before and after.")
    if np.isinf(second).any():
        raise InputError("after holds infinite scores.")
    return first, second, met


def _mean(change: FloatVector, level: float) -> _Change:
    mean, df = float(change.mean()), change.size - 1
    error = float(change.std(ddof=1) / np.sqrt(change.size))
    p = float(2 * stdtr(df, -abs(mean) / error)) if error else float(mean == 0)
    limits = t_interval(mean, error, df=df, level=level)
    return _Change(estimate=mean, std_error=error, ci=limits, p_value=p)


def _binary(change: FloatVector, level: float) -> _Change:
    n = change.size
    up, down = int((change == 1).sum()), int((change == -1).sum())
    gap = (up - down) / n
    error = float(np.sqrt(max(up + down - (up - down) ** 2 / n, 0)) / n)
    p12, p21 = (up + 1) / (n + 2), (down + 1) / (n + 2)
    spread = np.sqrt((p12 + p21 - (p12 - p21) ** 2) / (n + 2))
    reach = critical_value(level) * float(spread)
    limits = Interval(
        low=max(-1.0, min(p12 - p21 - reach, gap)),
        high=min(1.0, max(p12 - p21 + reach, gap)),
        level=level,
        method="Bonett-Price",
    )
    p = float(binomtest(up, up + down).pvalue) if up + down else 1.0
    return _Change(estimate=gap, std_error=error, ci=limits, p_value=p)


def _rank(change: FloatVector, level: float) -> _Change:
    n = change.size
    walsh = np.sort((change[:, None] + change[None, :])[np.triu_indices(n)] / 2)
    middle = float(np.median(walsh))
    # Normal quantile of the signed-rank sum, as counted from the outer Walsh averages.
    z = norm.ppf(0.5 + level / 2)
    cut = n * (n + 1) / 4 - z * np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    outer = int(np.clip(np.floor(cut), 0, (walsh.size - 1) // 2))
    limits = Interval(
        low=float(walsh[outer]),
        high=float(walsh[-1 - outer]),
        level=level,
        method="Hodges-Lehmann",
    )
    moved = change[change != 0]
    p = float(wilcoxon(moved).pvalue) if moved.size else 1.0
    return _Change(
        estimate=middle,
        std_error=float(limits.width / 2 / z),
        ci=limits,
        p_value=p,
    )


def _weighted(
    change: FloatVector,
    met: BoolVector,
    groups: Any,  # noqa: ANN401 - checked here
    measure: str,
    level: float,
) -> _Change:
    if measure == "rank":
        raise InputError("groups weight means and shares; measure='rank' has none.")
    label = pd.Series(groups).reset_index(drop=True)
    if label.size != met.size or label.isna().any():
        raise InputError(
            f"groups: {met.size} known values were expected, one per person; "
            f"{label.size} came, {int(label.isna().sum())} of them missing."
        )
    code, names = pd.factorize(label, sort=True)
    began = np.bincount(code, minlength=len(names)).astype(np.float64)
    pairs = np.bincount(code[met], minlength=len(names))
    thin = [str(name) for name, k in zip(names, pairs, strict=True) if k < 2]
    if thin:
        raise NotEstimableError(
            f"Fewer than two pairs in the groups {', '.join(thin)}: join them."
        )
    means = np.bincount(code[met], weights=change) / pairs
    squares = np.bincount(code[met], weights=(change - means[code[met]]) ** 2)
    share = began / began.sum()
    mean = float(share @ means)
    within = float((share**2 * squares / (pairs - 1) / pairs).sum())
    between = float(share @ (means - mean) ** 2) / met.size
    error = float(np.sqrt(within + between))
    limits = wald_interval(mean, error, level=level)
    p = float(2 * norm.sf(abs(mean) / error)) if error else float(mean == 0)
    return _Change(estimate=mean, std_error=error, ci=limits, p_value=p)


def _drop_out(
    first: FloatVector,
    second: FloatVector,
    met: BoolVector,
    limits: tuple[float, float] | None,
) -> dict[str, float]:
    found: dict[str, float] = {}
    if (~met).any():
        gap = first[~met].mean() - first[met].mean()
        found["before_of_dropped_out_less_pairs"] = float(gap)
    if limits is not None:
        for name, value in zip(("bound_low", "bound_high"), limits, strict=True):
            filled = np.where(met, second, value)
            found[name] = float((filled - first).mean())
    return found


def _notes(dropped: int, n: int, *, weighted: bool) -> tuple[str, ...]:
    notes = ["no comparison group: a change is not the effect of what came between"]
    if dropped:
        how = "pairs weighted to the groups that began" if weighted else "pairs only"
        notes.insert(0, f"{dropped} of {n} persons dropped out; {how}")
    return tuple(notes)
