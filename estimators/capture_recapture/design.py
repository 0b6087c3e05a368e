"""How wide the interval of a planned study will be, before any list is collected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture._fixed_dependence import fit_fixed_odds_ratio
from estimators.capture_recapture.simulate import dependent_cells, draw_tables
from estimators.checks import check_counts, check_level, check_resamples
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import unseen_log_interval

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntVector

__all__ = ["ExpectedWidth", "expected_interval_width"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedWidth:
    """What a capture-recapture study of given lists may be expected to deliver.

    Attributes
    ----------
    width, relative_width : float
        Median width of the interval, in persons and as a share of the population.
    large_sample_width : float
        Width at the expected counts, by the delta method under independence: what the
        median comes to in large samples.
    least_overlap : float
        Expected persons on the pair of lists that shares the fewest.
    median_estimate : float
        In persons; its distance from `population` is the bias of assuming independence
        where the lists are dependent.
    coverage : float
        Share of simulated tables whose interval holds the population.
    not_estimable : float
        Share of simulated tables from which nothing can be estimated; the medians leave
        them out.
    population, n_tables : int
    level : float
    """

    width: float
    relative_width: float
    large_sample_width: float
    least_overlap: float
    median_estimate: float
    coverage: float
    not_estimable: float
    population: int
    n_tables: int
    level: float

    def summary(self) -> str:
        """Return the two lines that a planner needs."""
        return (
            f"Of {self.population:,} persons: {100 * self.level:.4g}% interval about "
            f"{self.width:,.0f} wide ({self.relative_width:.0%} of the population), "
            f"holds the truth in {self.coverage:.0%} of {self.n_tables} simulated "
            f"tables; {self.not_estimable:.0%} of them give no estimate.\n"
            f"Fewest persons expected on a pair of lists: {self.least_overlap:.1f}; "
            f"median estimate {self.median_estimate:,.0f}."
        )


def expected_interval_width(
    population: int,
    capture_probability: Sequence[float] | FloatVector,
    *,
    odds_ratios: Mapping[tuple[int, ...], float] | None = None,
    n_resamples: int = 500,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> ExpectedWidth:
    """Simulate the interval that planned lists will give under independence.

    Tables of a population of the supposed size are drawn, each is estimated as if the
    lists were independent (`independent_lists`), and the widths are summarised.

    Parameters
    ----------
    population : int
        Supposed size, in persons, at least 1.
    capture_probability : array of shape (t,)
        Chance of a person to be on each list, inside (0, 1): planned list size divided
        by `population`.
    odds_ratios : mapping of tuple of int to float, optional
        Dependence of the lists in truth, as in `dependent_cells`; the estimate is not
        told, so that the summary shows the harm.
    n_resamples : int
        Tables drawn, at least 2.
    level : float
    rng : int or numpy.random.Generator, optional

    Returns
    -------
    ExpectedWidth

    Raises
    ------
    InputError
        If an argument is out of its range.
    NotEstimableError
        If no simulated table gives an estimate: the lists are too short to overlap.

    References
    ----------
    Darroch, J. N. (1958). The multiple-recapture census I: estimation of a closed
    population. Biometrika 45, 343-359.

    Examples
    --------
    >>> plan = expected_interval_width(1000, [0.3, 0.3], n_resamples=200, rng=1)
    >>> round(plan.least_overlap), 0.25 < plan.relative_width < 0.35
    (90, True)
    """
    check_level(level)
    size = check_counts(population=population)["population"]
    if size < 1:
        raise InputError(f"population={size}: at least 1 person was expected.")
    cells = dependent_cells(capture_probability, odds_ratios=odds_ratios or {})
    n_tables = check_resamples(n_resamples, least=2)
    tables = draw_tables(cells, population=size, n_tables=n_tables, rng=rng)
    held = np.arange(cells.size)[:, None] >> np.arange(cells.size.bit_length() - 1) & 1
    observed = size - tables[:, 0]
    limits = [
        row
        for sizes, seen in zip(tables @ held, observed, strict=True)
        if (row := _interval(sizes, int(seen), level)) is not None
    ]
    if not limits:
        raise NotEstimableError(
            f"None of {n_tables} simulated tables gives an estimate: lists this short "
            "hardly ever share a person. Plan longer lists, or fewer and longer ones."
        )
    estimate, low, high = np.array(limits).T
    width = float(np.median(high - low))
    pairs = held.T @ (cells[:, None] * held) * size
    chance = cells @ held
    variance = size / _information(chance)
    expected = unseen_log_interval(
        size, size * (1 - float(np.prod(1 - chance))), variance, level=level
    )
    return ExpectedWidth(
        width=width,
        relative_width=width / size,
        large_sample_width=expected.width,
        least_overlap=float(pairs[np.triu_indices_from(pairs, 1)].min()),
        median_estimate=float(np.median(estimate)),
        coverage=float(np.mean((low <= size) & (size <= high))),
        not_estimable=1 - len(limits) / n_tables,
        population=size,
        n_tables=n_tables,
        level=level,
    )


def _interval(
    sizes: IntVector, seen: int, level: float
) -> tuple[float, float, float] | None:
    if not sizes.all():
        return None
    try:
        total, variance = fit_fixed_odds_ratio(sizes, seen, (0, 1), 1.0)
    except NotEstimableError:
        return None
    ci = unseen_log_interval(total, seen, variance, level=level)
    return total, ci.low, ci.high


def _information(chance: FloatVector) -> float:
    """Return N / Var(N) of independent lists, formula of Darroch (1958)."""
    missed = 1 / (1 - chance)
    return float(missed.prod() + chance.size - 1 - missed.sum())
