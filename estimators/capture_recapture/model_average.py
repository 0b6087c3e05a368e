"""The estimate averaged over all hierarchical models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture._histories_argument import check_histories
from estimators.capture_recapture.all_models import Criterion, fit_all_models
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.information_criteria import korea_example
from estimators.capture_recapture.simulated_coverage import coverage_notes
from estimators.checks import check_choice, check_level
from estimators.intervals import unseen_log_interval
from estimators.registry import estimator
from estimators.results import Estimate

if TYPE_CHECKING:
    from estimators.array_types import FloatVector

__all__ = ["average_models"]


@estimator(
    family="capture_recapture",
    label="Average over all hierarchical log-linear models by BIC or AIC weight",
    source="Buckland, Burnham and Augustin 1997",
    example=korea_example,
)
def average_models(
    histories: CaptureHistories,
    *,
    criterion: Criterion = "bic",
    max_order: int | None = None,
    level: float = 0.95,
) -> Estimate:
    """Average a closed population's size over all estimable hierarchical models.

    Weights w are exp(-criterion / 2), scaled to sum to 1; the standard error is
    sum(w sqrt(v + (N - average)^2)), N and v being a model's estimate and variance.

    Parameters
    ----------
    histories : CaptureHistories
        As for `select_bic`.
    criterion : {"bic", "aic"}
        What the weights come from.
    max_order : int, optional
        Greatest number of lists in a term; by default all but one, 2 for six lists.
    level : float
        Of the log-normal interval of the unseen.

    Returns
    -------
    Estimate
        In persons. Where models disagree the average lies between humps and is itself
        no likely value: see `SelectedModel.plot_rivals`.

    Raises
    ------
    InputError
        If there are too many models to fit all of them, or an option is not lawful.
    NotEstimableError
        If no model is estimable.

    References
    ----------
    Buckland, S. T., Burnham, K. P. and Augustin, N. H. (1997). Model selection: an
    integral part of inference. Biometrics 53, 603-618.
    https://doi.org/10.2307/2533961

    Examples
    --------
    >>> korea = CaptureHistories.from_counts(
    ...     {"001": 41, "010": 5, "100": 5, "110": 54, "101": 6, "111": 12}
    ... )
    >>> round(average_models(korea).estimate)
    189
    """
    check_histories(histories)
    check_level(level)
    check_choice("criterion", criterion, ("bic", "aic"))
    fits = fit_all_models(histories, max_order=max_order)
    weight = fits.weights(criterion)
    used = fits.estimable
    share, unseen = weight[used], fits.unseen[used]
    average = float(share @ unseen)
    std_error = float(share @ np.hypot(fits.std_error[used], unseen - average))
    n = histories.n_observed
    middle = _weighted_quantiles(n + unseen, share, (0.1, 0.9))
    return Estimate(
        estimand="population size",
        unit="persons",
        estimate=n + average,
        std_error=std_error,
        ci=unseen_log_interval(n + average, n, std_error**2, level=level),
        method="average_models",
        n_obs=n,
        notes=(
            *histories.notes,
            f"the models' own estimates lie between {middle[0]:,.0f} and "
            f"{middle[1]:,.0f} for 80 % of the weight",
            *(coverage_notes("average_models") if criterion == "bic" else ()),
        ),
        diagnostics={
            "n_models": float(used.sum()),
            "greatest_weight": float(share.max()),
            "effective_models": float(1 / (share @ share)),
        },
    )


def _weighted_quantiles(
    values: FloatVector, weight: FloatVector, shares: tuple[float, float]
) -> tuple[float, float]:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    low, high = (
        values[order[min(int(np.searchsorted(reached, share)), values.size - 1)]]
        for share in shares
    )
    return float(low), float(high)
