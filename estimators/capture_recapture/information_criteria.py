"""The hierarchical model of least BIC or AIC; intervals that repeat the choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estimators.capture_recapture._histories_argument import check_histories
from estimators.capture_recapture.criterion_selection import Choice, choose_model
from estimators.capture_recapture.hierarchies import can_be_enumerated, default_order
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.neighbour_search import search_widely
from estimators.capture_recapture.selected_model import SelectedModel
from estimators.checks import check_counts
from estimators.registry import estimator

if TYPE_CHECKING:
    import numpy as np

__all__ = ["korea_example", "select_aic", "select_bic"]


def korea_example() -> dict[str, CaptureHistories]:
    """Return the table of Korean women held in Palembang, three lists, n = 123."""
    counts = {"001": 41, "010": 5, "100": 5, "110": 54, "101": 6, "111": 12}
    return {"histories": CaptureHistories.from_counts(counts)}


@estimator(
    family="capture_recapture",
    label="Log-linear model of least BIC among all hierarchical ones",
    source="Silverman, Chan and Vincent 2024",
    example=korea_example,
)
def select_bic(
    histories: CaptureHistories,
    *,
    max_order: int | None = None,
    n_resamples: int = 0,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
    n_jobs: int | None = None,
    top: int | None = None,
) -> SelectedModel:
    """Estimate a closed population's size under the model of least BIC.

    Every hierarchical log-linear model that holds all main effects is fitted by
    extended maximum likelihood; BIC = k log n - 2 log L with n persons observed, and k
    counts the intercept and parameters at minus infinity. Bootstrap and jackknife
    repeat the selection over all models.

    Parameters
    ----------
    histories : CaptureHistories
        Two to ten lists. Beyond five lists, or six with pairs, the models are too many
        to fit all of them; they are searched then, and a note says so.
    max_order : int, optional
        Greatest number of lists in a term; by default all but one, 2 for six lists.
    n_resamples : int
        Bootstrap replicates; 0 gives a log-normal interval of the unseen with the
        selected model taken as known.
    level : float
        Of the interval.
    rng : int, numpy.random.Generator or None
        For the replicates.
    n_jobs : int, optional
        Threads; by default all. The answer does not depend on it.
    top : int, optional
        Replicates choose among so many best models of the data only. Published tables
        use it to save time; the interval is then too narrow.

    Returns
    -------
    SelectedModel
        An `Estimate` in persons; `rivals()` lists the other models with their weights
        and how often replicates chose them, `plot_rivals()` draws them.

    Raises
    ------
    InputError
        If there are too many models to fit all of them, or an option is not lawful.
    NotEstimableError
        If no model is estimable, or fewer than two replicates have an estimate.

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
    >>> chosen = select_bic(korea, n_resamples=200, rng=1)
    >>> chosen.model, round(chosen.estimate, 1)
    ('[12,23]', 157.2)
    """
    choice = Choice(
        method="select_bic",
        criterion="bic",
        max_order=_order(histories, max_order),
        level=level,
        n_resamples=n_resamples,
        rng=rng,
        n_jobs=n_jobs,
        top=top,
    )
    return _select(histories, choice)


@estimator(
    family="capture_recapture",
    label="Log-linear model of least AIC among all hierarchical ones",
    source="Akaike 1974; selection repeated as in Silverman, Chan and Vincent 2024",
    example=korea_example,
)
def select_aic(
    histories: CaptureHistories,
    *,
    max_order: int | None = None,
    n_resamples: int = 0,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
    n_jobs: int | None = None,
    top: int | None = None,
) -> SelectedModel:
    """Estimate a closed population's size under the model of least AIC.

    As `select_bic` with AIC = 2 k - 2 log L, which takes larger models.

    Parameters
    ----------
    histories : CaptureHistories
        Two to ten lists. Beyond five lists, or six with pairs, the models are too many
        to fit all of them; they are searched then, and a note says so.
    max_order : int, optional
        Greatest number of lists in a term; by default all but one, 2 for six lists.
    n_resamples : int
        Bootstrap replicates; 0 gives a log-normal interval of the unseen with the
        selected model taken as known.
    level : float
        Of the interval.
    rng : int, numpy.random.Generator or None
        For the replicates.
    n_jobs : int, optional
        Threads; by default all. The answer does not depend on it.
    top : int, optional
        Replicates choose among so many best models of the data only.

    Returns
    -------
    SelectedModel

    Raises
    ------
    InputError
        If there are too many models to fit all of them, or an option is not lawful.
    NotEstimableError
        If no model is estimable, or fewer than two replicates have an estimate.

    References
    ----------
    Akaike, H. (1974). A new look at the statistical model identification. IEEE
    Transactions on Automatic Control 19, 716-723.
    https://doi.org/10.1109/TAC.1974.1100705

    Examples
    --------
    >>> korea = CaptureHistories.from_counts(
    ...     {"001": 41, "010": 5, "100": 5, "110": 54, "101": 6, "111": 12}
    ... )
    >>> select_aic(korea).model
    '[12,23]'
    """
    choice = Choice(
        method="select_aic",
        criterion="aic",
        max_order=_order(histories, max_order),
        level=level,
        n_resamples=n_resamples,
        rng=rng,
        n_jobs=n_jobs,
        top=top,
    )
    return _select(histories, choice)


def _select(histories: CaptureHistories, choice: Choice) -> SelectedModel:
    """Choose among all models where they can be fitted, and search where not."""
    every = can_be_enumerated(histories.n_lists, choice.max_order)
    return choose_model(histories, choice, None if every else search_widely)


def _order(histories: CaptureHistories, max_order: int | None) -> int:
    check_histories(histories)
    if max_order is None:
        return default_order(histories.n_lists)
    return check_counts(max_order=max_order)["max_order"]
