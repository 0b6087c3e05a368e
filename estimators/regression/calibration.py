"""Whether predicted probabilities are true: groups, slope and intercept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit

from estimators.binomial_limits import binomial_limits
from estimators.checks import check_counts, check_level
from estimators.designs import ReplicateDesign
from estimators.errors import ConvergenceError, InputError, NotEstimableError
from estimators.intervals import critical_value
from estimators.regression.regression_fit import SampledFit, sampling_covariance
from estimators.results import Estimate, Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["Calibration", "calibration"]

_STEPS = 60


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """Observed against predicted.

    Attributes
    ----------
    table : DataFrame
        One row per group of like predictions, from low to high: ``group, predicted,
        estimate, std_error, ci_low, ci_high, ci_level, n_obs, n_events``.
    slope, intercept : Estimate
        Of the logistic regression of the outcome on the predicted log odds: 1 and 0 if
        predictions are true; a slope below 1 says that they are too extreme.
    observed_to_expected : float
        Weighted events over weighted sum of predictions.
    notes : tuple of str
    """

    table: pd.DataFrame
    slope: Estimate
    intercept: Estimate
    observed_to_expected: float
    notes: tuple[str, ...]

    def summary(self) -> str:
        """Return slope, intercept, the groups and the notes as text."""
        return "\n".join(
            [
                self.slope.summary(),
                self.intercept.summary(),
                f"observed / expected events {self.observed_to_expected:.4g}",
                self.table.to_string(index=False, float_format=lambda v: f"{v:.4g}"),
                *(f"note: {note}" for note in self.notes),
            ]
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the groups with their intervals, slope and intercept above."""
        from estimators.plotting import calibration_plot

        words = [
            f"{name} {found.estimate:.2f} [{found.ci.low:.2f}, {found.ci.high:.2f}]"
            for name, found in (("slope", self.slope), ("intercept", self.intercept))
        ]
        return calibration_plot(self.table, caption=", ".join(words), ax=ax)


def calibration(
    fit: SampledFit, *, groups: int = 10, level: float = 0.95
) -> Calibration:
    """Compare a logistic model's probabilities with what was observed.

    Parameters
    ----------
    fit : SampledFit
        Of `logistic`, `firth_logistic` or `survey_glm` with a 0/1 outcome and a logit
        link, with or without a `SurveyDesign`.
    groups : int
        At most so many groups of equal numbers of rows by predicted probability; equal
        predictions stay together. At least 2.
    level : float

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        If the model is not logistic, or its design has replicate weights.
    NotEstimableError
        If all predictions are equal.
    ConvergenceError
        If the predictions separate events from others.

    Notes
    -----
    Shares and slope are weighted, standard errors linearised under the design. Limits
    of shares are Clopper and Pearson's with the effective size ``p (1 - p) / v``, at
    most the rows of the group (the rows if nobody or everybody has the event). The
    predictions count as known.

    References
    ----------
    Cox, D. R. (1958). Two further applications of a model for binary regression.
    Biometrika 45, 562-565.

    Korn, E. L. and Graubard, B. I. (1998). Confidence intervals for proportions with
    small expected number of positive counts estimated from survey data. Survey
    Methodology 24, 193-201.

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.regression import calibration, logistic
    >>> frame = pd.DataFrame({"y": [0, 0, 1, 0, 1, 0, 1, 1], "x": range(8)})
    >>> found = calibration(logistic("y ~ x", frame), groups=2)
    >>> found.table[["estimate", "n_obs", "n_events"]].to_numpy().tolist()
    [[0.25, 4.0, 1.0], [0.75, 4.0, 3.0]]
    """
    check_level(level)
    if check_counts(groups=groups)["groups"] < 2:
        raise InputError(f"groups={groups}: at least 2 are needed.")
    _check_fit(fit)
    sample, rows = fit.sample, fit.sample.rows
    predictor = np.asarray(rows.matrix @ fit.estimate + rows.offset)
    if np.ptp(predictor) < 1e-12:
        raise NotEstimableError("All predictions are equal: they have no calibration.")
    predicted, outcome = expit(predictor), np.asarray(rows.outcome)
    beta, covariance = _recalibrate(fit, predictor, outcome)
    reach = critical_value(level, df=fit.df)
    found = []
    for place, name in enumerate(("intercept", "slope")):
        value = float(beta[place])
        error = float(np.sqrt(covariance[place, place]))
        found.append(
            Estimate(
                estimand=f"calibration {name}",
                unit="log odds" if name == "intercept" else "per log odds",
                estimate=value,
                std_error=error,
                ci=Interval(
                    low=value - reach * error,
                    high=value + reach * error,
                    level=level,
                    method="Wald",
                ),
                method="calibration",
                n_obs=fit.n_obs,
            )
        )
    mass = sample.mass
    notes = (
        "judged on the persons that the model was fitted to: slope and intercept are "
        "optimistic (1 and 0 by construction under maximum likelihood); confirm them "
        "on other persons",
    )
    return Calibration(
        table=_group_table(fit, predicted, groups, level),
        slope=found[1],
        intercept=found[0],
        observed_to_expected=float((mass * outcome).sum() / (mass * predicted).sum()),
        notes=notes,
    )


def _check_fit(fit: SampledFit) -> None:
    if not isinstance(fit, SampledFit):
        raise InputError(
            "A fit that knows its sample (of logistic, firth_logistic or survey_glm) "
            f"was expected, {type(fit).__name__} came."
        )
    if fit.model.family != "binomial" or fit.model.link != "logit":
        raise InputError(
            f"Calibration is of a logistic model; this one is {fit.model.family} with "
            f"a {fit.model.link} link."
        )
    if isinstance(fit.sample.design, ReplicateDesign):
        raise InputError(
            "Calibration needs strata and PSUs (a SurveyDesign): replicate weights "
            "have no linearised variance. Fit with the design that they were made from."
        )


def _recalibrate(
    fit: SampledFit, predictor: FloatVector, outcome: FloatVector
) -> tuple[FloatVector, FloatMatrix]:
    """Return intercept and slope with their sampling covariance, by Newton's steps."""
    matrix = np.column_stack([np.ones(predictor.size), predictor])
    mass, beta = fit.sample.mass, np.array([0.0, 1.0])
    for _ in range(_STEPS):
        mean = expit(matrix @ beta)
        bread = (matrix * (mass * mean * (1 - mean))[:, None]).T @ matrix
        if not np.isfinite(bread).all() or np.linalg.cond(bread) > 1e14:
            break
        step = np.linalg.solve(bread, matrix.T @ (mass * (outcome - mean)))
        size = float(np.abs(step).max())
        beta = beta + step * min(1.0, 5.0 / max(size, 1e-300))
        if size < 1e-9:
            residual = fit.sample.weight * (outcome - expit(matrix @ beta))
            inverse = np.linalg.inv(bread)
            scores = (matrix * residual[:, None]) @ inverse
            return beta, sampling_covariance(fit.sample, np.asarray(scores))
    raise ConvergenceError(
        "The predictions separate events from others: the calibration slope is "
        "infinite. The groups' table would say the same."
    )


def _group_table(
    fit: SampledFit, predicted: FloatVector, groups: int, level: float
) -> pd.DataFrame:
    frequency, mass = fit.sample.rows.frequency, fit.sample.mass
    outcome = np.asarray(fit.sample.rows.outcome)
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, groups + 1)[1:-1]))
    code = np.searchsorted(edges, predicted, side="left")
    records = []
    for number, group in enumerate(np.unique(code), start=1):
        inside = code == group
        size = float(mass[inside].sum())
        if size <= 0:
            continue
        share = float((mass * outcome)[inside].sum() / size)
        score = np.where(inside, fit.sample.weight * (outcome - share) / size, 0.0)
        variance = float(sampling_covariance(fit.sample, score[:, None])[0, 0])
        n = float(frequency[inside].sum())
        effective = min(n, share * (1 - share) / variance) if variance > 0 else n
        low, high = binomial_limits(
            share * effective, effective, "clopper_pearson", level=level
        )
        records.append(
            {
                "group": number,
                "predicted": float((mass * predicted)[inside].sum() / size),
                "estimate": share,
                "std_error": float(np.sqrt(variance)),
                "ci_low": low,
                "ci_high": high,
                "ci_level": level,
                "n_obs": int(n),
                "n_events": int((frequency * outcome)[inside].sum()),
            }
        )
    return pd.DataFrame(records)
