"""Weights for persons who could have been sampled more than once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from estimators.checks import check_choice
from estimators.designs.labels import list_rows
from estimators.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from estimators.array_types import FloatVector

__all__ = ["multiplicity_weights"]


def multiplicity_weights(
    weights: ArrayLike,
    prior_events: ArrayLike,
    *,
    unknown: Literal["error", "as_zero"] = "error",
) -> FloatVector:
    """Turn weights of events (deportations) into weights of persons.

    Parameters
    ----------
    weights : array of shape (n,)
        Event weights > 0.
    prior_events : array of shape (n,)
        Earlier events of the same person inside the sampling frame (site and window):
        whole numbers >= 0, missing where unknown.
    unknown : {"error", "as_zero"}
        Missing counts are an error, or count as no earlier event. The latter gives
        these persons too much weight; tell the reader how many there are.

    Returns
    -------
    ndarray of shape (n,)
        ``weight / (1 + prior_events)``: a person met at one of m events stands for 1/m
        of a person at each, so totals of these weights count persons.

    Raises
    ------
    InputError
        With all rows that are missing, negative or not whole.

    References
    ----------
    Sirken (1970), Household surveys with multiplicity, Journal of the American
    Statistical Association 65(329), doi:10.1080/01621459.1970.10481077.

    Examples
    --------
    >>> from estimators.survey import multiplicity_weights
    >>> multiplicity_weights([12.0, 12.0, 6.0], [0, 1, 2]).tolist()
    [12.0, 6.0, 2.0]
    """
    check_choice("unknown", unknown, ("error", "as_zero"))
    weight, prior = _vector(weights, "weights"), _vector(prior_events, "prior_events")
    if weight.size != prior.size:
        raise InputError(
            f"{weight.size} weights came with {prior.size} counts of earlier events."
        )
    missing = np.isnan(prior)
    checks = {
        "weights must be above 0 and finite": ~(np.isfinite(weight) & (weight > 0)),
        "prior_events must be >= 0": prior < 0,
        "prior_events must be whole numbers": ~missing & (np.floor(prior) != prior),
        "prior_events must be finite": np.isinf(prior),
    }
    if unknown == "error":
        checks['prior_events is unknown (unknown="as_zero" counts it as 0)'] = missing
    problems = [
        f"{rule}: {list_rows(wrong)}" for rule, wrong in checks.items() if wrong.any()
    ]
    if problems:
        raise InputError("; ".join(problems) + ".")
    result: FloatVector = weight / (1 + np.where(missing, 0, prior))
    return result


def _vector(values: Any, name: str) -> FloatVector:  # noqa: ANN401 - checks anything
    try:
        array = pd.Series(values).astype("float64")
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be numbers: {error}.") from error
    return np.array(array.to_numpy(dtype=np.float64, na_value=np.nan))
