"""Log-linear models whose weak interactions are dropped by their posterior."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np

from estimators.capture_recapture._extended_likelihood import estimability_status
from estimators.capture_recapture._histories_argument import (
    check_histories,
    check_informative,
)
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.importance_draws import (
    LogLinearDraws,
    draw_log_linear,
    weighted_quantiles,
)
from estimators.capture_recapture.model_terms import hierarchical_closure
from estimators.capture_recapture.simulated_coverage import coverage_notes
from estimators.checks import as_generator, check_choice, check_counts, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate, Interval

if TYPE_CHECKING:
    pass

__all__ = ["bayesian_threshold"]

FEWEST_LISTS, FEWEST_DRAWS = 3, 100
# Precision of the intercept and the lists under the proper prior: nearly flat.
VAGUE = 1e-4
# A ratio this near the threshold might as well have fallen on its other side.
NEAR = 0.15
# Fewer effective draws than this do not carry a 95 % interval.
LEAST_EFFECTIVE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """What the fits of one call share."""

    histories: CaptureHistories
    proper: bool
    prior_variance: float
    threshold: float
    n_samples: int
    rng: np.random.Generator

    def absent(self, term: int) -> bool:
        """Whether nobody is on all lists of `term` (the parameter is -infinity)."""
        masks = self.histories.history
        return not self.proper and not ((masks & term) == term).any()

    def draw(
        self, interactions: list[int], minus_infinity: list[int]
    ) -> LogLinearDraws:
        """Draw from the posterior of the model with these interactions."""
        t = self.histories.n_lists
        cells = np.arange(1, 1 << t)
        for term in minus_infinity:
            cells = cells[(cells & term) != term]
        terms = [0, *(1 << j for j in range(t)), *interactions]
        design = np.array([(cells & term) == term for term in terms], dtype=float).T
        if not self.proper:
            self._check_proper_posterior([*interactions, *minus_infinity])
        precision = np.zeros(len(terms))
        if self.proper:
            precision[: t + 1] = VAGUE
            precision[t + 1 :] = 1 / self.prior_variance
        counts = self.histories.dense()[cells].astype(np.float64)
        return draw_log_linear(design, counts, precision, self.n_samples, self.rng)

    def _check_proper_posterior(self, interactions: list[int]) -> None:
        """Under flat priors a posterior exists if and only if the extended MLE does."""
        t = self.histories.n_lists
        terms = hierarchical_closure(interactions, t)
        if estimability_status(self.histories.dense(), terms, t):
            raise NotEstimableError(
                "The flat prior has no proper posterior with these counts: too many "
                f"overlaps are empty for {len(interactions)} interactions of {t} "
                "lists. Take prior='proper', or ask `check_estimability` which "
                "overlap is missing."
            )

    def ratios(
        self, draws: LogLinearDraws, interactions: list[int]
    ) -> dict[int, float]:
        """Return posterior mean over standard deviation of each interaction."""
        mean, deviation = draws.moments()
        skip = self.histories.n_lists + 1
        values = np.abs(mean / deviation)[skip:]
        return dict(zip(interactions, values.tolist(), strict=True))

    def words(self, term: int) -> str:
        """Name an interaction by its lists."""
        names = self.histories.lists
        return ":".join(name for j, name in enumerate(names) if term >> j & 1)


@estimator(
    family="capture_recapture",
    label="Bayesian log-linear model with thresholded interactions",
    source="Silverman 2020",
    example=lambda: {
        "histories": CaptureHistories.from_counts(
            {"001": 60, "010": 49, "011": 4, "100": 247, "101": 112, "110": 142}
            | {"111": 12}
        ),
        "n_samples": 4000,
    },
)
def bayesian_threshold(
    histories: CaptureHistories,
    *,
    order: Literal[2, 3] = 2,
    prior: Literal["proper", "improper"] = "proper",
    prior_variance: float = 1.0,
    threshold: float = 2.0,
    n_samples: int = 20_000,
    rng: int | np.random.Generator | None = None,
    level: float = 0.95,
) -> Estimate:
    """Estimate by a log-linear model of the interactions that its posterior supports.

    All pairs of lists are put in; those whose posterior mean is less than `threshold`
    standard deviations from 0 are dropped, and the rest is fitted again. The interval
    is conditional on what was kept: it does not know that a choice was made.

    Parameters
    ----------
    histories : CaptureHistories
        At least 3 lists; the population is closed and records are linked without error.
    order : {2, 3}
        3 goes on to triples of lists all of whose pairs were kept.
    prior : {"proper", "improper"}
        Of the interactions: normal with mean 0 and `prior_variance`, or flat. Under the
        flat prior interactions of lists that never overlap are minus infinity.
    prior_variance : float
        Above 0; only for ``prior="proper"``.
    threshold : float
        Above 0.
    n_samples : int
        Draws of each fit, at least 100.
    rng : int, numpy.random.Generator or None
    level : float
        Probability of the equal-tailed interval.

    Returns
    -------
    Estimate
        Posterior median and standard deviation, in persons. Notes name the interactions
        kept and any that nearly were or nearly were not, with the median that the
        other choice gives. Diagnostics: ``mean``, ``effective_draws``, ``interactions``
        and ``nearest_ratio``.

    Raises
    ------
    InputError
        If an option is out of range or there are fewer than 3 lists.
    NotEstimableError
        If the flat prior has no proper posterior with these counts, nobody is on two
        lists, or all persons have the same history.

    Notes
    -----
    Counts of observed histories are Poisson with log mean the sum of the parameters of
    the subsets of their lists; N = n + exp(intercept). Draws come by importance
    sampling from a multivariate t distribution fitted to the posterior in three rounds,
    not from a Markov chain: they are independent, and their worth is the effective
    number. The intercept and the lists have variance 10 000 under the proper prior.

    References
    ----------
    Silverman, B. W. (2020). Multiple-systems analysis for the quantification of modern
    slavery: classical and Bayesian approaches. Journal of the Royal Statistical
    Society A. https://doi.org/10.1111/rssa.12505

    Examples
    --------
    >>> from estimators.capture_recapture import CaptureHistories
    >>> histories = CaptureHistories.from_counts(
    ...     {"001": 60, "010": 49, "011": 4, "100": 247, "101": 112, "110": 142,
    ...      "111": 12})
    >>> result = bayesian_threshold(histories, rng=1)
    >>> 600 < result.ci.low < result.estimate < result.ci.high < 1000
    True
    """
    check_histories(histories)
    check_level(level)
    setting = _Setting(
        histories=histories,
        proper=check_choice("prior", prior, ("proper", "improper")) == "proper",
        prior_variance=_above_zero("prior_variance", prior_variance),
        threshold=_above_zero("threshold", threshold),
        n_samples=_enough(n_samples),
        rng=as_generator(rng),
    )
    _check_shape(histories, order)
    check_informative(histories)
    pairs = _subsets(histories.n_lists, 2)
    kept, absent, ratios = _screen(setting, [], pairs, [])
    if order == 3:
        triples = [
            term
            for term in _subsets(histories.n_lists, 3)
            if all(pair in kept for pair in pairs if pair & term == pair)
        ]
        if triples:
            kept, absent, more = _screen(setting, kept, triples, absent)
            ratios |= more
    return _result(setting, kept, absent, ratios, level)


def _screen(
    setting: _Setting, base: list[int], offered: list[int], absent: list[int]
) -> tuple[list[int], list[int], dict[int, float]]:
    """Fit with all terms offered; return what stays, what is -infinity, and ratios."""
    gone = [*absent, *(term for term in offered if setting.absent(term))]
    present = [term for term in offered if term not in gone]
    draws = setting.draw([*base, *present], gone)
    ratios = setting.ratios(draws, [*base, *present])
    tested = {term: ratios[term] for term in present}
    kept = [term for term, ratio in tested.items() if ratio >= setting.threshold]
    return [*base, *kept], gone, tested


def _result(
    setting: _Setting,
    kept: list[int],
    absent: list[int],
    ratios: dict[int, float],
    level: float,
) -> Estimate:
    n = setting.histories.n_observed
    draws = setting.draw(kept, absent)
    size = n + np.exp(draws.values[:, 0])
    shares = [(1 - level) / 2, 0.5, (1 + level) / 2]
    low, median, high = weighted_quantiles(size, draws.weight, shares)
    mean = float(draws.weight @ size)
    deviation = math.sqrt(float(draws.weight @ (size - mean) ** 2))
    distance = {term: abs(r - setting.threshold) for term, r in ratios.items()}
    nearest = min(distance, key=distance.__getitem__) if distance else 0
    notes = [_kept_words(setting, kept, absent)]
    if draws.effective < LEAST_EFFECTIVE:
        notes.append(
            f"the draws are worth {draws.effective:,.0f} independent ones (fewer than "
            f"{LEAST_EFFECTIVE:,}): raise n_samples"
        )
    if distance and distance[nearest] < NEAR:
        notes.append(_near_words(setting, kept, absent, nearest, ratios[nearest]))
    return Estimate(
        estimand="population size",
        unit="persons",
        estimate=float(median),
        std_error=deviation,
        ci=Interval(
            low=float(low),
            high=float(high),
            level=level,
            method="equal-tailed posterior, given the interactions kept",
        ),
        method="bayesian_threshold",
        n_obs=n,
        notes=(
            *setting.histories.notes,
            *notes,
            *coverage_notes("bayesian_threshold"),
        ),
        diagnostics={
            "mean": mean,
            "effective_draws": draws.effective,
            "interactions": float(len(kept)),
            "nearest_ratio": ratios.get(nearest, math.inf),
        },
    )


def _kept_words(setting: _Setting, kept: list[int], absent: list[int]) -> str:
    names = ", ".join(setting.words(term) for term in kept) or "none"
    text = f"interactions kept: {names}"
    if absent:
        text += "; minus infinity: " + ", ".join(setting.words(t) for t in absent)
    return text


def _near_words(
    setting: _Setting, kept: list[int], absent: list[int], term: int, ratio: float
) -> str:
    """Say what the estimate would be if the doubtful term had gone the other way."""
    text = (
        f"the interaction {setting.words(term)} is {ratio:.2f} standard deviations "
        f"from 0, next to the threshold of {setting.threshold:g}"
    )
    if any(other != term and other & term == term for other in kept):
        return text
    other_way = [one for one in kept if one != term]
    verb = "without"
    if term not in kept:
        other_way, verb = [*kept, term], "with"
    draws = setting.draw(other_way, absent)
    size = setting.histories.n_observed + np.exp(draws.values[:, 0])
    median = float(weighted_quantiles(size, draws.weight, [0.5])[0])
    return f"{text}; {verb} it the estimate is {median:,.0f}"


def _subsets(n_lists: int, size: int) -> list[int]:
    return [
        sum(1 << j for j in members) for members in combinations(range(n_lists), size)
    ]


def _enough(n_samples: int) -> int:
    count = check_counts(n_samples=n_samples)["n_samples"]
    if count < FEWEST_DRAWS:
        raise InputError(f"n_samples={count}, but at least {FEWEST_DRAWS} are needed.")
    return count


def _above_zero(name: str, value: float) -> float:
    if not (
        isinstance(value, int | float | np.number)
        and not isinstance(value, bool)
        and 0 < float(value) < math.inf
    ):
        raise InputError(f"{name}={value!r}: a number above 0 was expected.")
    return float(value)


def _check_shape(histories: CaptureHistories, order: int) -> None:
    if order not in (2, 3) or (isinstance(order, float) and not order.is_integer()):
        raise InputError(f"order={order!r}: 2 (pairs) or 3 (and triples).")
    if order >= histories.n_lists >= FEWEST_LISTS:
        raise InputError(
            f"order={order}: with {histories.n_lists} lists the interaction of all of "
            "them cannot be told from the unobserved; take order=2."
        )
    if histories.n_lists < FEWEST_LISTS:
        raise InputError(
            f"At least {FEWEST_LISTS} lists are needed, {histories.n_lists} came: with "
            "two lists take `chapman`."
        )
