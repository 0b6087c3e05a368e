"""Forward selection of list pairs, with the selection repeated in every resample."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.capture_recapture._extended_likelihood import fit_extended
from estimators.capture_recapture._histories_argument import check_histories
from estimators.capture_recapture.chosen_model import fit_diagnostics, infinite_note
from estimators.capture_recapture.estimability import check_estimability
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.model_terms import term_label
from estimators.capture_recapture.resampled_sizes import (
    ResampledSizes,
    resampled_sizes,
)
from estimators.capture_recapture.simulated_coverage import coverage_notes
from estimators.checks import check_counts, check_level, check_resamples
from estimators.errors import ConvergenceError, InputError, NotEstimableError
from estimators.intervals import unseen_log_interval
from estimators.registry import estimator
from estimators.resampling import multinomial_counts
from estimators.results import Estimate

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntMatrix, IntVector
    from estimators.capture_recapture._extended_likelihood import LogLinearFit

__all__ = ["Selections", "select_stepwise", "select_tables"]

# About 50 ms of work for five lists: what a task should cost at least.
TABLES_PER_TASK = 1000
MOST_LISTS = 14
# Of the committed accuracy table, three to six lists.


def _example() -> dict[str, Any]:
    return {
        "histories": CaptureHistories.from_counts(
            {"100": 41, "010": 38, "001": 54, "110": 29, "101": 12, "011": 7, "111": 3}
        )
    }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Selections:
    """Pairs selected in each of many tables.

    Attributes
    ----------
    pairs : ndarray of int64, shape (pairs,)
        Masks in the order (1,2), (1,3), ..., (2,3), ...
    order : ndarray of int64, shape (tables, pairs)
        Step at which the pair came in, 0 if it did not.
    population_size : ndarray of shape (tables,)
        NaN where even the main effects cannot be estimated or a fit did not settle.
    settled : ndarray of bool, shape (tables,)
        False where a fit did not settle.
    """

    pairs: IntVector
    order: IntMatrix
    population_size: FloatVector
    settled: IntVector

    def terms(self, table: int) -> tuple[int, ...]:
        """Return the masks of the pairs of one table, in the order of selection."""
        steps = self.order[table]
        ranked = np.argsort(steps, kind="stable")[(steps == 0).sum() :]
        return tuple(int(pair) for pair in self.pairs[ranked])


@estimator(
    family="capture_recapture",
    label="Log-linear model by stepwise selection of list pairs",
    source="Chan, Silverman and Vincent 2021",
    example=_example,
)
def select_stepwise(
    histories: CaptureHistories,
    *,
    threshold: float = 0.02,
    n_resamples: int = 0,
    rng: int | np.random.Generator | None = None,
    n_jobs: int | None = None,
    level: float = 0.95,
) -> Estimate:
    """Estimate a closed population's size after adding list pairs one at a time.

    From independent lists on, each absent pair's observed overlap is set against its
    expectation m under the current fit: p = min(P(X <= overlap), P(X >= overlap)), X
    Poisson with mean m. The pair of least p comes in, if p is below `threshold` and the
    larger model can be estimated; nothing is taken out again. Persons are independent,
    lists do not err, and no interaction of three lists exists.

    Parameters
    ----------
    histories : CaptureHistories
        Two to fourteen lists.
    threshold : float
        In [0, 1]. The answer depends on it: 0.02 did best in the authors' simulations.
    n_resamples : int
        Multinomial resamples of the table, in each of which the selection is repeated;
        the interval is then BCa with a jackknife that repeats it as well. With 0 it is
        log-normal and takes the selected model as given: too short, and a note says so.
    rng : int, numpy.random.Generator or None
    n_jobs : int, optional
        As joblib understands it; the answer does not depend on it.
    level : float

    Returns
    -------
    Estimate
        `notes` name the pairs in the order they came in. `diagnostics` are those of
        `log_linear` on the selected model, and with resamples ``n_failed``,
        ``share_same_model`` and ``bootstrap_mean``; `std_error` is then the
        replicates' standard deviation.

    Raises
    ------
    InputError
        If an option is out of its range.
    NotEstimableError
        If even independent lists cannot be estimated; the message says what is missing.
        Or if more than half of the resamples, or all jackknife tables, cannot be.
    ConvergenceError
        If a fit does not settle.

    References
    ----------
    Chan, L., Silverman, B. W. and Vincent, K. (2021). Multiple systems estimation for
    sparse capture data: inferential challenges when there are nonoverlapping lists.
    Journal of the American Statistical Association 116, 1297-1306.
    https://doi.org/10.1080/01621459.2019.1708748

    Examples
    --------
    >>> from estimators.capture_recapture import CaptureHistories
    >>> korea = CaptureHistories.from_counts(
    ...     {"001": 41, "010": 5, "100": 5, "110": 54, "101": 6, "111": 12}
    ... )
    >>> result = select_stepwise(korea)
    >>> result.method, round(result.estimate, 1)
    ('select_stepwise [12,3]', 268.8)
    """
    check_histories(histories)
    check_level(level)
    count = check_counts(n_resamples=n_resamples)["n_resamples"]
    if count:
        check_resamples(count, least=2)
    if not (isinstance(threshold, int | float | np.floating) and 0 <= threshold <= 1):
        raise InputError(f"threshold={threshold!r}: a probability was expected.")
    chosen = select_tables(histories, histories.count[None, :], threshold=threshold)
    if not np.isfinite(chosen.population_size[0]):
        raise _failure(histories, settled=bool(chosen.settled[0]))
    terms = chosen.terms(0)
    fit = fit_extended(histories.dense(), terms, histories.n_lists)
    labels = [term_label(term, histories.lists) for term in terms]
    notes = (
        *histories.notes,
        f"pairs added, in this order: {'; '.join(labels) if labels else 'none'}",
        *infinite_note(fit, histories.lists),
    )
    if count:
        spread, share = _resample(
            histories, fit, count, threshold=threshold, rng=rng, n_jobs=n_jobs
        )
        std_error, ci = spread.std_error, spread.interval(level)
        again = f"{share:.0%} of the resamples selected the same pairs"
        simulated = coverage_notes("select_stepwise_resampled")
        notes = (*notes, again, *spread.notes, *simulated)
        more = {**spread.diagnostics, "share_same_model": share}
    else:
        std_error, more = fit.std_error, {}
        ci = unseen_log_interval(
            fit.population_size, fit.n_observed, std_error**2, level=level
        )
        notes = (
            *notes,
            "standard error and interval take the selected model as given and are too "
            "short: set n_resamples (1000) to repeat the selection",
            *coverage_notes("select_stepwise"),
        )
    return Estimate(
        estimand="population size",
        unit="persons",
        estimate=fit.population_size,
        std_error=std_error,
        ci=ci,
        method=f"select_stepwise {fit.model}",
        n_obs=fit.n_observed,
        notes=notes,
        diagnostics=MappingProxyType({**fit_diagnostics(fit, histories.lists), **more}),
    )


def select_tables(
    histories: CaptureHistories,
    counts: IntMatrix,
    *,
    threshold: float,
    n_jobs: int | None = None,
) -> Selections:
    """Repeat the selection on other counts of the same histories.

    Parameters
    ----------
    histories : CaptureHistories
    counts : ndarray of shape (tables, cells)
        Columns in the order of ``histories.history``.
    threshold : float
    n_jobs : int, optional
    """
    if histories.n_lists > MOST_LISTS:
        raise InputError(
            f"{histories.n_lists} lists came; at most {MOST_LISTS} are taken. Merge or "
            "omit lists first."
        )
    starts = range(0, len(counts), TABLES_PER_TASK)
    chunks = [counts[at : at + TABLES_PER_TASK] for at in starts]
    if n_jobs == 1 or len(chunks) == 1:
        parts = [_select(histories, chunk, threshold) for chunk in chunks]
    else:
        from joblib import Parallel, delayed

        parts = Parallel(n_jobs=n_jobs)(
            delayed(_select)(histories, chunk, threshold) for chunk in chunks
        )
    unseen = np.concatenate([results[:, 0] for _, results in parts])
    codes = np.concatenate([results[:, 1] for _, results in parts])
    return Selections(
        pairs=_pairs(histories.n_lists),
        order=np.vstack([order for order, _ in parts]),
        population_size=counts.sum(axis=1) + unseen,
        settled=(codes < 2).astype(np.int64),
    )


def _resample(
    histories: CaptureHistories,
    fit: LogLinearFit,
    n_resamples: int,
    *,
    threshold: float,
    rng: int | np.random.Generator | None,
    n_jobs: int | None,
) -> tuple[ResampledSizes, float]:
    """Return the sizes and the share of resamples that selected the same pairs."""
    counts = histories.count
    drawn = multinomial_counts(
        counts.astype(np.float64), fit.n_observed, n_resamples, rng
    )
    boot = select_tables(histories, drawn, threshold=threshold, n_jobs=n_jobs)
    less = counts - np.eye(counts.size, dtype=np.int64)
    jack = select_tables(histories, less, threshold=threshold, n_jobs=n_jobs)
    spread = resampled_sizes(
        fit.population_size, boot.population_size, jack.population_size, counts
    )
    same = (boot.order > 0) == np.isin(boot.pairs, fit.terms)
    return spread, float(same.all(axis=1)[spread.good].mean())


def _select(
    histories: CaptureHistories, counts: IntMatrix, threshold: float
) -> tuple[IntMatrix, np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    from estimators.capture_recapture._kernels_stepwise import select_pairs_of_tables

    pairs = _pairs(histories.n_lists)
    orders = np.zeros((len(counts), pairs.size), dtype=np.int64)
    results = np.zeros((len(counts), 2))
    select_pairs_of_tables(
        histories.history,
        np.ascontiguousarray(counts, dtype=np.int64),
        1 << histories.n_lists,
        pairs,
        float(threshold),
        orders,
        results,
    )
    return orders, results


def _pairs(n_lists: int) -> IntVector:
    two = combinations(range(n_lists), 2)
    return np.array([1 << one | 1 << other for one, other in two], dtype=np.int64)


def _failure(
    histories: CaptureHistories, *, settled: bool
) -> NotEstimableError | ConvergenceError:
    if settled:
        return NotEstimableError(check_estimability(histories).summary())
    return ConvergenceError(
        "A fit on the way did not settle: the counts are nearly on the border of what "
        "the model can express. Choose the terms by hand with `log_linear`."
    )
