"""Scores against the truth: the ROC curve, the area under it, and a threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.binomial_limits import binomial_limits
from estimators.checks import check_level, finite_vector
from estimators.diagnostics.screening import Confusion, performance_rows
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import wald_interval
from estimators.registry import estimator
from estimators.results import Estimate, Estimates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from estimators.array_types import BoolVector, FloatVector

__all__ = ["AreaUnderRoc", "area_under_roc", "choose_threshold", "roc_curve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaUnderRoc(Estimate):
    """Area under an ROC curve together with the curve, as `roc_curve` gives it."""

    curve: pd.DataFrame = field(compare=False, repr=False)

    def plot_roc(
        self, *, thresholds: Sequence[float] = (), ax: Axes | None = None
    ) -> Axes:
        """Draw the curve with its band; `thresholds` are marked."""
        from estimators.plotting import roc_plot

        return roc_plot(self.curve, thresholds=thresholds, ax=ax)


_SCORES = [1.0, 3, 2, 5, 4, 6, 2, 7, 5, 8, 3, 6]
_TRUTH = [0.0, 0, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1]


@estimator(
    family="diagnostics",
    label="Area under the ROC curve",
    source="DeLong, DeLong and Clarke-Pearson 1988; Sun and Xu 2014",
    example=lambda: {"scores": np.array(_SCORES), "truth": np.array(_TRUTH)},
)
def area_under_roc(
    scores: Sequence[float],
    truth: Sequence[float],
    *,
    level: float = 0.95,
) -> AreaUnderRoc:
    """Estimate the chance that a case has a higher score than a non-case.

    Parameters
    ----------
    scores : array of shape (n,)
        Higher means more like a case; ties count half.
    truth : array of shape (n,)
        1 (true) for a case, 0 (false) for none.
    level : float

    Returns
    -------
    AreaUnderRoc
        An `Estimate` with ``plot_roc``, in [0, 1]: 0.5 is chance, below it the scores
        point the wrong way, and a note says so. DeLong's standard error; the interval
        is cut at 0 and 1. Diagnostics: ``n_cases``, ``n_others``.

    Raises
    ------
    InputError
        If lengths differ, a value is missing or `truth` is not 0 or 1.
    NotEstimableError
        If there are fewer than two cases or two non-cases.

    Notes
    -----
    The Mann-Whitney statistic by midranks, in n log n time. Persons are independent.

    References
    ----------
    DeLong, E. R., DeLong, D. M. and Clarke-Pearson, D. L. (1988). Comparing the areas
    under two or more correlated receiver operating characteristic curves: a
    nonparametric approach. Biometrics 44, 837-845.

    Sun, X. and Xu, W. (2014). Fast implementation of DeLong's algorithm for comparing
    the areas under correlated receiver operating characteristic curves. IEEE Signal
    Processing Letters 21, 1389-1393. https://doi.org/10.1109/LSP.2014.2337313

    Examples
    --------
    >>> from estimators.diagnostics import area_under_roc
    >>> result = area_under_roc([1, 2, 3, 4, 5, 6], [0, 0, 1, 0, 1, 1])
    >>> print(f"{result.estimate:.3f} ({result.std_error:.3f})")
    0.889 (0.157)
    """
    check_level(level)
    score, case = _read(scores, truth)
    n_cases, n_others = int(case.sum()), int((~case).sum())
    if min(n_cases, n_others) < 2:
        raise NotEstimableError(
            f"{n_cases} cases and {n_others} others: two of each are needed at least."
        )
    # Share of the other group below each person, ties half: DeLong's components.
    ranks, own = _midranks(score), np.empty(score.size)
    own[case], own[~case] = _midranks(score[case]), _midranks(score[~case])
    above = (ranks - own) / np.where(case, n_others, n_cases)
    area = float(above[case].mean())
    parts = (above[case], above[~case])
    variance = sum(float(part.var(ddof=1)) / part.size for part in parts)
    std_error = math.sqrt(variance)
    notes = []
    if variance == 0:
        notes.append(
            "scores separate cases from others perfectly (or not at all): the standard "
            "error of 0 says nothing about other persons"
        )
    if area < 0.5:
        notes.append("below 0.5: higher scores go with non-cases; reverse the scores?")
    return AreaUnderRoc(
        curve=roc_curve(scores, truth, level=level),
        estimand="area under the ROC curve",
        unit="probability",
        estimate=area,
        std_error=std_error,
        ci=wald_interval(area, std_error, level=level, bounds=(0.0, 1.0)),
        method="area_under_roc",
        n_obs=score.size,
        notes=tuple(notes),
        diagnostics={"n_cases": float(n_cases), "n_others": float(n_others)},
    )


def roc_curve(
    scores: Sequence[float], truth: Sequence[float], *, level: float = 0.95
) -> pd.DataFrame:
    """Return sensitivity and specificity at every threshold.

    Parameters
    ----------
    scores, truth : array of shape (n,)
        As in `area_under_roc`.
    level : float

    Returns
    -------
    DataFrame
        One row per distinct score, from infinity (nobody flagged) down: ``threshold``
        (flagged are scores at or above it), ``sensitivity``, ``specificity``,
        ``false_positive_rate``, ``true_positives``, ``false_positives``;
        ``sensitivity_low``, ``sensitivity_high`` are Wilson's limits, threshold by
        threshold and not for the whole curve. ``estimators.plotting.roc_plot`` draws
        it.

    Raises
    ------
    InputError
        As from `area_under_roc`.
    NotEstimableError
        If there is no case or no non-case.

    Examples
    --------
    >>> from estimators.diagnostics import roc_curve
    >>> curve = roc_curve([1, 2, 3, 4], [0, 1, 0, 1])
    >>> curve[["threshold", "sensitivity", "specificity"]].to_numpy().tolist()[1]
    [4.0, 0.5, 1.0]
    """
    check_level(level)
    score, case = _read(scores, truth)
    n_cases, n_others = int(case.sum()), int((~case).sum())
    if not (n_cases and n_others):
        raise NotEstimableError(
            f"{n_cases} cases and {n_others} others: a curve needs both."
        )
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), score.size - 1)
    hits = np.append(0, np.cumsum(case[order])[last])
    alarms = np.append(0, np.cumsum(~case[order])[last])
    limits = np.array(
        [binomial_limits(int(hit), n_cases, "wilson", level=level) for hit in hits]
    )
    return pd.DataFrame(
        {
            "threshold": np.append(np.inf, score[order][last]),
            "sensitivity": hits / n_cases,
            "specificity": 1 - alarms / n_others,
            "false_positive_rate": alarms / n_others,
            "true_positives": hits,
            "false_positives": alarms,
            "sensitivity_low": limits[:, 0],
            "sensitivity_high": limits[:, 1],
        }
    )


@estimator(
    family="diagnostics",
    label="Threshold of least expected cost",
    source="Metz 1978; Greiner, Pfeiffer and Smith 2000",
    example=lambda: {"scores": np.array(_SCORES), "truth": np.array(_TRUTH)},
)
def choose_threshold(
    scores: Sequence[float],
    truth: Sequence[float],
    *,
    cost_false_negative: float = 1.0,
    cost_false_positive: float = 1.0,
    prevalence: float | None = None,
    level: float = 0.95,
) -> Estimates:
    """Choose the score from which to flag a person, by costs and prevalence.

    Parameters
    ----------
    scores, truth : array of shape (n,)
        As in `area_under_roc`.
    cost_false_negative, cost_false_positive : float
        What a missed case and a false alarm cost, in one unit, 0 or more. Only their
        ratio matters for the choice: 10 and 1 say that a missed case is as bad as ten
        false alarms.
    prevalence : float, optional
        Share of cases where the classifier will be used, in (0, 1); that of the data by
        default.
    level : float

    Returns
    -------
    Estimates
        The rows of `screening_performance` at the threshold chosen, which stands in the
        group column ``threshold`` (flag at or above it), predictive values at
        `prevalence`. Notes give the expected cost per person, and say how far the
        choice is optimistic: it is judged on the persons it was made from.

    Raises
    ------
    InputError
        If costs are negative or both 0, or the prevalence is not inside (0, 1).
    NotEstimableError
        If there is no case or no non-case.

    Notes
    -----
    The cost ``prevalence (1 - Se) c_fn + (1 - prevalence) (1 - Sp) c_fp`` is least
    where the curve's slope is ``(1 - prevalence) c_fp / (prevalence c_fn)``. Among
    equals the threshold with the higher sensitivity is taken.

    References
    ----------
    Metz, C. E. (1978). Basic principles of ROC analysis. Seminars in Nuclear Medicine
    8, 283-298.

    Greiner, M., Pfeiffer, D. and Smith, R. D. (2000). Principles and practical
    application of the receiver-operating characteristic analysis for diagnostic tests.
    Preventive Veterinary Medicine 45, 23-41.

    Examples
    --------
    >>> from estimators.diagnostics import choose_threshold
    >>> result = choose_threshold([1, 2, 3, 4, 5, 6], [0, 0, 1, 0, 1, 1],
    ...                           cost_false_negative=5)
    >>> result.groups[0]["threshold"], result.get(measure="sensitivity").estimate
    (3.0, 1.0)
    """
    check_level(level)
    costs = (cost_false_negative, cost_false_positive)
    if not all(math.isfinite(cost) and cost >= 0 for cost in costs) or not any(costs):
        raise InputError(
            f"cost_false_negative={cost_false_negative!r}, cost_false_positive="
            f"{cost_false_positive!r}: costs are numbers >= 0, not both 0."
        )
    curve = roc_curve(scores, truth)
    _, case = _read(scores, truth)
    share = float(case.mean()) if prevalence is None else prevalence
    if not 0 < share < 1:
        raise InputError(f"prevalence={prevalence!r}: a share inside (0, 1) is needed.")
    missed = share * (1 - curve["sensitivity"].to_numpy()) * cost_false_negative
    alarmed = (1 - share) * curve["false_positive_rate"].to_numpy()
    cost = missed + alarmed * cost_false_positive
    least = float(cost.min())
    place = int(np.flatnonzero(cost <= least * (1 + 1e-12) + 1e-15)[-1])
    chosen = curve.iloc[place]
    table = Confusion(
        tp=int(chosen["true_positives"]),
        fp=int(chosen["false_positives"]),
        fn=int(case.sum() - chosen["true_positives"]),
        tn=int((~case).sum() - chosen["false_positives"]),
        level=level,
        ci="wilson",
    )
    notes = [
        f"expected cost per person {least:.4g} at a prevalence of {share:.3g}",
        f"chosen among {len(curve)} thresholds and judged on the same {case.size} "
        "persons: performance is optimistic and its intervals do not cover the choice; "
        "confirm it on other persons",
    ]
    if place in (0, len(curve) - 1):
        who = "nobody" if place == 0 else "everybody"
        notes.append(f"at these costs it is best to flag {who}")
    found = performance_rows(table, share, method="choose_threshold", notes=notes)
    threshold = float(chosen["threshold"])
    return Estimates(
        rows=found.rows,
        groups=tuple({**group, "threshold": threshold} for group in found.groups),
        notes=found.notes,
    )


def _read(
    scores: Sequence[float], truth: Sequence[float]
) -> tuple[FloatVector, BoolVector]:
    score, case = finite_vector(scores, "scores"), finite_vector(truth, "truth")
    if score.size != case.size:
        raise InputError(
            f"scores has {score.size} values and truth {case.size}: one each per "
            "person is needed."
        )
    wrong = (case != 0) & (case != 1)
    if wrong.any():
        raise InputError(
            f"truth must be 0 or 1 (false or true); it is {case[wrong][0]:g} in row "
            f"{int(np.argmax(wrong))}."
        )
    return score, case == 1


def _midranks(values: FloatVector) -> FloatVector:
    """Return ranks from 1, ties sharing their mean."""
    ordered = np.sort(values)
    left = np.searchsorted(ordered, values, side="left")
    right = np.searchsorted(ordered, values, side="right")
    return np.asarray((left + right + 1) / 2, dtype=np.float64)
