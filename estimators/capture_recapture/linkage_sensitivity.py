"""What missed links would do to an estimate from any number of lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture._histories_argument import check_histories
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.list_changes import independent_lists, one_estimate
from estimators.checks import check_level, finite_vector
from estimators.errors import ConvergenceError, InputError, NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate, Estimates

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix

__all__ = ["missed_link_sensitivity"]

_KEY = "missed_link_sensitivity"
_MOST_LISTS = 10


def _example() -> CaptureHistories:
    counts = {"100": 60, "010": 45, "110": 14, "001": 70, "101": 18, "011": 12}
    return CaptureHistories.from_counts(counts | {"111": 5})


@estimator(
    family="capture_recapture",
    label="Sensitivity to links that were missed between lists",
    source="Ding and Fienberg 1994; Zult, de Wolf, Bakker and van der Heijden 2019",
    example=lambda: {"histories": _example()},
)
def missed_link_sensitivity(
    histories: CaptureHistories,
    *,
    missed_link_rates: Sequence[float] = (0.0, 0.02, 0.05, 0.1),
    estimator: Callable[..., Estimate] = independent_lists,
    level: float = 0.95,
) -> Estimates:
    """Estimate again from the table as it would be, had no link been missed.

    Missed links are supposed to work so: a person on k >= 2 lists keeps all k - 1 links
    with probability (1 - rate) ** (k - 1); otherwise one of the k records, each equally
    likely, stands apart as a person of its own. The expected observed table is then a
    linear map of the true one; its inverse is applied to the counts, which are rounded
    to whole persons and given to the estimator. For two lists the size is that of
    `linkage_error_correction` up to rounding. False links are not considered.

    Parameters
    ----------
    histories : CaptureHistories
        Two to ten lists, as linked.
    missed_link_rates : sequence of float
        Supposed probabilities of missing a link, in [0, 1); 0 leaves the table as it
        is.
    estimator : callable
        Takes ``(histories, level=...)`` and returns an `Estimate` in persons; by
        default `independent_lists`.
    level : float
        The intervals take the rate as known and leave out the chance of which links
        were missed: compare rows, and read no row as final.

    Returns
    -------
    Estimates
        Group column ``missed_link_rate``. `n_obs` falls with the rate, as records are
        joined. Rates that the counts refute (more records to join than there are) or
        after which nothing can be estimated are left out, and `notes` name each.

    Raises
    ------
    InputError
        If a rate is outside [0, 1) or there are more than ten lists.
    NotEstimableError
        If no row can be estimated.

    References
    ----------
    Ding, Y. and Fienberg, S. E. (1994). Dual system estimation of census undercount in
    the presence of matching error. Survey Methodology 20, 149-158. For several lists
    compare Zult, D., de Wolf, P.-P., Bakker, B. and van der Heijden, P. (2019). A
    linkage error correction model for population size estimation with multiple sources.
    Proceedings of the 62nd ISI World Statistics Congress; their model of the errors
    differs.

    Examples
    --------
    >>> two = CaptureHistories.from_counts({"10": 82, "01": 62, "11": 18})
    >>> table = missed_link_sensitivity(two, missed_link_rates=[0, 0.1])
    >>> [(row.n_obs, round(row.estimate)) for row in table]
    [(162, 444), (160, 400)]
    """
    check_level(level)
    rates = finite_vector(missed_link_rates, "missed_link_rates")
    if not rates.size or not ((rates >= 0) & (rates < 1)).all():
        raise InputError(
            f"missed_link_rates={rates.tolist()}: one or more probabilities in [0, 1) "
            "were expected."
        )
    check_histories(histories)
    if histories.n_lists > _MOST_LISTS:
        raise InputError(
            f"{histories.n_lists} lists came; at most {_MOST_LISTS} are taken."
        )
    rows: list[Estimate] = []
    groups: list[dict[str, float]] = []
    refused: list[str] = []
    for rate in rates.tolist():
        try:
            row = one_estimate(estimator, _relinked(histories, rate), level)
        except (NotEstimableError, ConvergenceError) as error:
            refused.append(f"left out: missed link rate {rate:g}: {error}")
            continue
        rows.append(replace(row, method=f"{_KEY}: {row.method}"))
        groups.append({"missed_link_rate": rate})
    if not rows:
        raise NotEstimableError(" ".join(refused))
    return Estimates(rows=tuple(rows), groups=tuple(groups), notes=tuple(refused))


def splitting_matrix(n_lists: int, rate: float) -> FloatMatrix:
    """Return expected persons observed with history i per person truly with history j.

    Shape (2 ** t, 2 ** t), upper triangular in the order of the masks.
    """
    n_cells = 1 << n_lists
    matrix = np.eye(n_cells)
    for mask in range(n_cells):
        held = [1 << place for place in range(n_lists) if mask >> place & 1]
        if len(held) < 2:
            continue
        apart = 1 - (1 - rate) ** (len(held) - 1)
        matrix[mask, mask] -= apart
        for single in held:
            matrix[mask ^ single, mask] += apart / len(held)
            matrix[single, mask] += apart / len(held)
    return matrix


def _relinked(histories: CaptureHistories, rate: float) -> CaptureHistories:
    if rate == 0:
        return histories
    mended = np.linalg.solve(
        splitting_matrix(histories.n_lists, rate), histories.dense().astype(np.float64)
    )
    whole = np.rint(mended)
    if (whole < 0).any():
        worst = int(whole.argmin())
        names = [
            name for place, name in enumerate(histories.lists) if worst >> place & 1
        ]
        raise NotEstimableError(
            f"{whole[worst]:.0f} persons would remain on exactly {' & '.join(names)}: "
            "fewer links than that can have been missed."
        )
    return histories.with_counts(whole.astype(np.int64))
