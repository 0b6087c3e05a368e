"""The model at the end of a steepest descent of BIC or AIC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estimators.capture_recapture._histories_argument import check_histories
from estimators.capture_recapture.criterion_selection import Choice, choose_model
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.information_criteria import korea_example
from estimators.capture_recapture.neighbour_search import search_downhill
from estimators.checks import check_counts
from estimators.registry import estimator

if TYPE_CHECKING:
    import numpy as np

    from estimators.capture_recapture.all_models import Criterion
    from estimators.capture_recapture.selected_model import SelectedModel

__all__ = ["downhill"]

# From here on terms of four lists and more are not tried unless asked for.
MANY_LISTS = 6


@estimator(
    family="capture_recapture",
    label="Log-linear model at the end of a steepest descent of BIC",
    source="Silverman, Chan and Vincent 2024",
    example=korea_example,
)
def downhill(
    histories: CaptureHistories,
    *,
    criterion: Criterion = "bic",
    max_order: int | None = None,
    n_resamples: int = 0,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
    n_jobs: int | None = None,
) -> SelectedModel:
    """Estimate a closed population's size under the model where a descent ends.

    From independent lists on, the model moves to its best neighbour, one term in or
    out, as long as that lowers the criterion. It can end above the least: for the five
    British lists of 2013 it ends at 12 262 persons where the least BIC of all models is
    at 25 311. `select_bic` compares all models, or searches more widely.

    Parameters
    ----------
    histories : CaptureHistories
        Two to ten lists.
    criterion : {"bic", "aic"}
        What is lowered.
    max_order : int, optional
        Greatest number of lists in a term; by default all but one, 3 from six lists on.
    n_resamples : int
        Bootstrap replicates, in each of which the descent is repeated; 0 gives a
        log-normal interval of the unseen with the model taken as known.
    level : float
        Of the interval.
    rng : int, numpy.random.Generator or None
        For the replicates.
    n_jobs : int, optional
        Threads; by default all. The answer does not depend on it.

    Returns
    -------
    SelectedModel
        An `Estimate` in persons; `rivals()` are among the models on the way, their
        neighbours, and models that replicates chose.

    Raises
    ------
    InputError
        If there are more than ten lists, or an option is not lawful.
    NotEstimableError
        If neither independent lists nor their neighbours are estimable, or most
        replicates have no estimate.

    References
    ----------
    Silverman, B. W., Chan, L. and Vincent, K. (2024). Bootstrapping multiple systems
    estimates to account for model selection. Statistics and Computing 34, 44.
    https://doi.org/10.1007/s11222-023-10346-9

    Examples
    --------
    >>> korea = CaptureHistories.from_counts(
    ...     {"001": 41, "010": 5, "100": 5, "110": 54, "101": 6, "111": 12}
    ... )
    >>> found = downhill(korea)
    >>> found.model, round(found.estimate, 1), len(found.fits.models)
    ('[12,23]', 157.2, 7)
    """
    check_histories(histories)
    lists = histories.n_lists
    usual = max(lists - 1, 1) if lists < MANY_LISTS else 3
    if max_order is not None:
        usual = check_counts(max_order=max_order)["max_order"]
    choice = Choice(
        method="downhill",
        criterion=criterion,
        max_order=usual,
        level=level,
        n_resamples=n_resamples,
        rng=rng,
        n_jobs=n_jobs,
    )
    return choose_model(histories, choice, search_downhill)
