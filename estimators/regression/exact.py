"""Exact conditional logistic regression for samples too small for anything else."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd

from estimators.checks import check_choice, check_counts, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.regression._conditional_distribution import (
    TooManyStatesError,
    condition_on_others,
)
from estimators.regression.exact_inference import ConditionalFamily, ExactTests
from estimators.regression.model_data import INTERCEPT
from estimators.regression.model_rows import ModelRows, read_model_rows
from estimators.regression.survey_models import event_statistics
from estimators.results import ModelFit

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntMatrix

__all__ = ["ExactFit", "exact_logistic"]

ExactInterval: TypeAlias = Literal["exact", "mid_p"]
ExactTest: TypeAlias = Literal["score", "probability", "twice_smaller_tail"]
PointEstimate: TypeAlias = Literal["likelihood", "median"]

# Fractions with denominators up to this are recognised in a column of numbers.
_DENOMINATOR = 10_000
_MOST_UNITS = 10**9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExactFit(ModelFit):
    """A conditional model: its terms, all its tests, and the distributions they use.

    Attributes
    ----------
    family : tuple of ConditionalFamily
        Distribution of each term's sufficient statistic given all others.
    test : tuple of ExactTests
    """

    family: tuple[ConditionalFamily, ...]
    test: tuple[ExactTests, ...]

    def tests(self) -> pd.DataFrame:
        """Return one row per term: its statistic, both estimates, every p-value."""
        rows = [
            {
                "term": name,
                "observed": family.observed,
                "n_values": len(family.value),
                "likelihood_estimate": family.likelihood_estimate(),
                "median_estimate": family.median_estimate(),
                **asdict(test),
            }
            for name, family, test in zip(
                self.term, self.family, self.test, strict=True
            )
        ]
        return pd.DataFrame(rows)

    def distribution(self, term: str) -> pd.DataFrame:
        """Return the values of a term's statistic and their probabilities at 0."""
        if term not in self.term:
            raise InputError(
                f"The model has no term {term!r}; its terms are {', '.join(self.term)}."
            )
        family = self.family[self.term.index(term)]
        return pd.DataFrame(
            {"value": family.value, "probability": family.probability(0.0)}
        )


def _example() -> dict[str, object]:
    rows = [(0, 0, 1, 1), (0, 0, 0, 9), (1, 0, 1, 3), (1, 0, 0, 5), (0, 1, 1, 1),
            (0, 1, 0, 6), (1, 1, 1, 4), (1, 1, 0, 3)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["debt", "minor", "exploited", "persons"])
    return {"formula": "exploited ~ debt + minor", "frame": frame, "count": "persons"}


@estimator(
    family="regression",
    label="Exact conditional logistic regression",
    source="Cox 1970; Hirji, Mehta and Patel 1987; Mehta and Patel 1995",
    example=_example,
)
def exact_logistic(
    formula: str,
    frame: pd.DataFrame,
    *,
    count: str | None = None,
    estimate: PointEstimate = "likelihood",
    ci: ExactInterval = "exact",
    test: ExactTest = "score",
    most_states: int = 2_000_000,
    level: float = 0.95,
) -> ExactFit:
    """Test and estimate log odds ratios exactly, by conditioning on all other terms.

    Each term's sufficient statistic (the sum of its values over persons with the
    outcome) is compared with its exact distribution given those of all other terms. No
    large-sample approximation enters, and separation is no obstacle: limits are then
    one-sided. Persons must be independent, for instance not clustered in trucks; for a
    survey design take `firth_logistic`.

    Parameters
    ----------
    formula : str
        ``outcome ~ terms`` with an intercept; the outcome is 0/1 or boolean. Terms need
        few distinct values: one with a value of its own for every person leaves the
        others nothing to vary.
    frame : pandas.DataFrame of shape (n, ...)
        Rows with a missing value in a column of the model are left out, counted as
        ``n_excluded`` and named in `notes`.
    count : str, optional
        Column of whole numbers: how many persons a row stands for.
    estimate : {"likelihood", "median"}
        Conditional maximum likelihood; where that is infinite the median unbiased
        estimate, which the notes say. Or median unbiased for all terms.
    ci : {"exact", "mid_p"}
        Limits at which either tail, with the observed value, has half of 1 - level:
        they cover at least at their level. Or with half of the observed value's
        probability: shorter, about their level.
    test : {"score", "probability", "twice_smaller_tail"}
        Which p-value `terms` shows; `tests` of the result has all, with mid-P.
    most_states : int
        Partial sums held at once (8 bytes per term each) before the sample is refused.
    level : float

    Returns
    -------
    ExactFit
        A `ModelFit` of all terms but the intercept, which is conditioned out.
        `std_error` is from the conditional information, infinite where the likelihood
        estimate is; `covariance` is diagonal, for the terms have no joint distribution
        here; `statistic` is the conditional score chi-square. `tests()` and
        ``distribution(term)`` show the rest. `fit_statistics`: ``n_events``,
        ``events_per_variable``, ``largest_reference_set``, ``df``, ``n_excluded``.

    Raises
    ------
    InputError
        If the formula, a column, the outcome or an option is not as described, a term's
        values lie on no grid, or terms are collinear.
    NotEstimableError
        If all outcomes are alike, no row is complete, the other terms determine a
        term's statistic (it is named), or the reference set is too large.

    Notes
    -----
    The distribution comes from the multivariate shift algorithm over distinct covariate
    rows. "score" orders values by their distance from the mean, "probability" by their
    probability, as Fisher's test of a 2 x 2 table does.

    References
    ----------
    Hirji, K. F., Mehta, C. R. and Patel, N. R. (1987). Computing distributions for
    exact logistic regression. Journal of the American Statistical Association 82,
    1110-1117. https://doi.org/10.1080/01621459.1987.10478547

    Mehta, C. R. and Patel, N. R. (1995). Exact logistic regression: theory and
    examples. Statistics in Medicine 14, 2143-2160.
    https://doi.org/10.1002/sim.4780141908

    Examples
    --------
    Fisher's tea tasting; R's ``fisher.test`` gives an odds ratio of 6.408 and limits
    0.3136 and infinity for the one-sided 95 % (here 90 % on two sides).

    >>> import numpy as np
    >>> import pandas as pd
    >>> cups = pd.DataFrame({"milk": [1, 1, 0, 0], "guess": [1, 0, 1, 0],
    ...     "cups": [3, 1, 1, 3]})
    >>> fit = exact_logistic("guess ~ milk", cups, count="cups", level=0.9)
    >>> np.exp([fit.estimate[0], fit.ci_low[0]]).round(4).tolist()
    [6.4083, 0.3136]
    >>> round(float(fit.tests()["p_probability"][0]), 4)
    0.4857
    """
    check_level(level)
    check_choice("estimate", estimate, ("likelihood", "median"))
    check_choice("ci", ci, ("exact", "mid_p"))
    check_choice("test", test, ("score", "probability", "twice_smaller_tail"))
    check_counts(most_states=most_states)
    rows = read_model_rows(formula, frame, count=count)
    if INTERCEPT not in rows.term or not rows.slopes.size:
        raise InputError(
            f"The formula {formula!r} must have an intercept, which is conditioned on, "
            "and at least one term beside it."
        )
    families, largest = _families(rows, most_states)
    tests = tuple(family.tests() for family in families)
    median = [
        estimate == "median" or family.at_least or family.at_most for family in families
    ]
    values = [
        family.median_estimate() if by_median else family.likelihood_estimate()
        for family, by_median in zip(families, median, strict=True)
    ]
    std_error = np.array([_std_error(family) for family in families])
    tail = (1 - level) / 2
    limits = [
        [family.limit(tail, upper=upper, mid=ci == "mid_p") for family in families]
        for upper in (False, True)
    ]
    events, doubts = event_statistics(rows, "binomial")
    term = tuple(rows.term[place] for place in rows.slopes)
    names = {"exact": "exact conditional", "mid_p": "mid-P conditional"}
    return ExactFit(
        method="exact_logistic",
        formula=formula,
        term=term,
        estimate=np.array(values),
        std_error=std_error,
        statistic=np.array([each.score for each in tests]),
        p_value=np.array([getattr(each, f"p_{test}") for each in tests]),
        ci_low=np.array(limits[0]),
        ci_high=np.array(limits[1]),
        covariance=np.diag(std_error**2),
        ci_level=level,
        ci_method=names[ci],
        n_obs=int(rows.frequency.sum()),
        fit_statistics={
            **events,
            "largest_reference_set": float(largest),
            "df": float(len(term)),
            "n_excluded": float(rows.n_excluded),
        },
        notes=(
            *rows.notes,
            *doubts,
            *_notes(term, families, median=estimate == "median"),
        ),
        family=families,
        test=tests,
    )


def _families(
    rows: ModelRows, most_states: int
) -> tuple[tuple[ConditionalFamily, ...], int]:
    matrix, trials, events, _ = rows.distinct_rows(rows.frequency)
    slopes = rows.slopes
    term = [rows.term[place] for place in slopes]
    whole, unit, least = _on_grid(matrix[:, slopes], term)
    counts, hits = trials.astype(np.int64), events.astype(np.int64)
    families = []
    largest = 0
    for place, name in enumerate(term):
        try:
            found = condition_on_others(
                whole, counts, hits, interest=place, most_states=most_states
            )
        except TooManyStatesError as error:
            raise NotEstimableError(
                f"The reference set of {name} is too large: more than {most_states:,} "
                f"partial sums for {int(counts.sum())} persons, {int(hits.sum())} of "
                "them with the outcome. Use firth_logistic, whose profile limits are "
                "close to exact ones; or pool categories, round numbers, or raise "
                "most_states (8 bytes per term each)."
            ) from error
        largest = max(largest, found.states)
        observed = int(hits @ whole[:, place])
        value = found.value * unit[place] + least[place] * float(hits.sum())
        at = int(np.searchsorted(found.value, observed))
        families.append(ConditionalFamily(value, found.log_count, at))
    fixed = [
        name
        for name, family in zip(term, families, strict=True)
        if len(family.value) == 1
    ]
    if fixed:
        raise NotEstimableError(
            f"Given the other terms the data leave {', '.join(fixed)} no other value "
            "than the observed one (usually because some term has nearly a value of "
            "its own for every person): group or round such terms, or use "
            "firth_logistic."
        )
    return tuple(families), largest


def _on_grid(
    matrix: np.ndarray[tuple[int, int], np.dtype[np.float64]], term: list[str]
) -> tuple[IntMatrix, FloatVector, FloatVector]:
    """Return the columns as whole multiples of a unit above their least value."""
    whole = np.zeros(matrix.shape, dtype=np.int64)
    unit, least = np.ones(matrix.shape[1]), matrix.min(axis=0)
    wrong = []
    for place, name in enumerate(term):
        above = matrix[:, place] - least[place]
        step = _unit(above)
        if step is None:
            wrong.append(name)
            continue
        unit[place] = step
        whole[:, place] = np.rint(above / step).astype(np.int64)
    if wrong:
        raise InputError(
            f"The values of {', '.join(wrong)} lie on no grid: exact inference "
            "compares sums of them for equality. Round them, or make categories."
        )
    return whole, unit, least


def _unit(above: FloatVector) -> float | None:
    """Return the greatest number of which all values are whole multiples."""
    scale = float(above.max())
    parts = [
        Fraction(value / scale).limit_denominator(_DENOMINATOR)
        for value in np.unique(above)
    ]
    exact = np.array([float(part) for part in parts]) * scale
    if not np.allclose(exact, np.unique(above), rtol=0, atol=1e-9 * scale):
        return None
    units = math.lcm(*(part.denominator for part in parts))
    shared = math.gcd(*(int(part * units) for part in parts))
    return None if units > _MOST_UNITS else scale * shared / units


def _std_error(family: ConditionalFamily) -> float:
    if family.at_least or family.at_most:
        return math.inf
    return 1 / math.sqrt(family.moments(family.likelihood_estimate())[1])


def _notes(
    term: tuple[str, ...], families: tuple[ConditionalFamily, ...], *, median: bool
) -> tuple[str, ...]:
    notes = [
        "exact inference takes persons as independent: clusters are not allowed for"
    ]
    infinite = [
        name
        for name, family in zip(term, families, strict=True)
        if family.at_least or family.at_most
    ]
    if infinite:
        notes.append(
            f"separation: the likelihood estimates of {', '.join(infinite)} are "
            "infinite; median unbiased estimates are shown, with one-sided limits"
        )
    if median:
        notes.append("all estimates are median unbiased")
    sparse = [
        name
        for name, family in zip(term, families, strict=True)
        if len(family.value) < 5
    ]
    if sparse:
        notes.append(
            f"the statistics of {', '.join(sparse)} have fewer than 5 possible values: "
            "p-values jump, exact limits are wide"
        )
    return tuple(notes)
