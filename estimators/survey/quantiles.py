"""Quantiles of a population with intervals that turn those of proportions round."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from estimators.checks import check_choice, check_level
from estimators.designs import Design, ReplicateDesign
from estimators.errors import InputError
from estimators.registry import estimator
from estimators.results import Estimate, Estimates, Interval
from estimators.survey.example import example_design
from estimators.survey.groups import DomainSample, LinearisedTotals, read_domains
from estimators.survey.linear import domain_means
from estimators.survey.proportion_intervals import (
    fallback_interval,
    proportion_interval,
    t_quantile,
)
from estimators.survey.quantile_replicates import replicate_spread
from estimators.survey.quantile_rules import QUANTILE_RULES, QuantileRule, SortedValues
from estimators.survey.quantile_score import score_limits
from estimators.survey.rows import row_notes, t_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from estimators.array_types import FloatVector, IntVector
    from estimators.designs.domains import RowSelector

__all__ = ["quantile"]

QuantileInterval: TypeAlias = Literal[
    "woodruff", "beta", "korn_graubard", "logit", "wilson", "arcsine", "likelihood",
    "score", "replicates",
]  # fmt: skip
_CLUSTER_EFFECT = 2.0  # the customary planning value for cluster surveys


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    ci: QuantileInterval
    rule: QuantileRule
    level: float


@estimator(
    family="survey",
    key="survey_quantile",
    label="Design-weighted quantile",
    source="Woodruff 1952; Francisco and Fuller 1991; Hyndman and Fan 1996",
    example=lambda: {"design": example_design(), "variable": "months"},
)
def quantile(
    design: Design,
    variable: str,
    *,
    q: float | Sequence[float] = 0.5,
    by: str | Sequence[str] | None = None,
    where: RowSelector | None = None,
    ci: QuantileInterval = "woodruff",
    rule: QuantileRule = "math",
    level: float = 0.95,
) -> Estimate | Estimates:
    """Estimate the value that a share of the population does not exceed.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign of n rows
    variable : str
        Numeric column. Missing values are unknown: such rows count as outside the
        domain, stay in the design and are counted in notes and ``n_unknown``.
    q : float or list of float
        Shares strictly between 0 and 1; 0.5 is the median.
    by : str or list of str, optional
        Group columns: one row per observed combination and share, in sorted order.
    where : str or array of shape (n,), optional
        Domain: a boolean column, a query or booleans.
    ci : str
        "woodruff": Student's limits of the share at or below the quantile, turned round
        (survey's "mean"); "beta", "korn_graubard", "logit" (survey's "xlogit"),
        "wilson", "arcsine", "likelihood": the same from that interval of a proportion.
        "score": all values whose share is not significantly different from q.
        "replicates": Student's limits from the quantile in every replicate. All take t
        with PSUs less strata of the domain.
    rule : str
        "math" (hf1) is the smallest value with share at least q; "school" (hf2) takes
        the mean of two neighbours where the share is exactly q; "hf3" to "hf9" are
        Hyndman and Fan's, of which "hf4" to "hf9" interpolate and so depend a little on
        the order of the rows where equal values have different weights.
    level : float

    Returns
    -------
    Estimate or Estimates
        `Estimates` if `by` or several shares are given, with group column ``quantile``
        last. The standard error is the interval's length over twice the quantile of t,
        or over the one side that is finite. Diagnostics: ``df``, ``share``,
        ``n_unknown``, ``sum_of_weights``, ``share_at_or_below`` and its
        ``share_std_error``.

    Raises
    ------
    InputError
        If a share, rule or interval is not known, a column is absent or not numeric, or
        replicates are asked of a design without.
    NotEstimableError
        If the domain is empty or a stratum has a single PSU and the design says fail.

    Notes
    -----
    "woodruff" and its kin take the interval of the share at or below the estimate, as
    survey does. With few distinct values that share can be far above q: take "score",
    which tests q itself. A limit that lies beyond all sampled values is infinite, and a
    note says so. Where the share has no variance (the largest value, a single PSU) its
    interval is Clopper-Pearson's at an assumed effective sample size: n by Kish's
    effect of the weights, and by 2 for clustered designs. The jackknife is not valid
    for quantiles: "replicates" then says so in a note.

    References
    ----------
    Woodruff, R. S. (1952). Confidence intervals for medians and other position
    measures. Journal of the American Statistical Association 47, 635-646.

    Francisco, C. A. and Fuller, W. A. (1991). Quantile estimation with a complex survey
    design. Annals of Statistics 19, 454-469.

    Hyndman, R. J. and Fan, Y. (1996). Sample quantiles in statistical packages. The
    American Statistician 50, 361-365.

    Examples
    --------
    >>> from estimators import survey
    >>> from estimators.survey import SurveyDesign
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"debt": [0.0, 100, 200, 400, 900] * 8,
    ...                       "w": [1.0, 2, 1, 1, 1] * 8})
    >>> result = survey.quantile(SurveyDesign.from_frame(frame, weights="w"), "debt")
    >>> result.estimate, result.ci.low, result.ci.high
    (100.0, 100.0, 400.0)
    """
    shares = _check_shares(q)
    check_choice("ci", ci, get_args(QuantileInterval))
    check_choice("rule", rule, QUANTILE_RULES)
    check_level(level)
    sample, (values,) = read_domains(design, [variable], by, where)
    if ci == "replicates" and not isinstance(design, ReplicateDesign):
        raise InputError(
            'ci="replicates" needs a ReplicateDesign; make one with '
            'to_replicates(design, kind="rao_wu"), or use ci="woodruff".'
        )
    options = _Options(ci=ci, rule=rule, level=level)
    found = [_share_rows(sample, variable, values, p, options) for p in shares]
    notes = (*design.notes, *sample.notes)
    if by is None and np.ndim(q) == 0:
        return found[0][0].with_notes(*notes)
    return Estimates(
        rows=tuple(rows[place] for place in range(len(sample)) for rows in found),
        groups=tuple(
            {**group, "quantile": p} for group in sample.domains.groups for p in shares
        ),
        notes=notes,
    )


def _check_shares(q: float | Sequence[float]) -> list[float]:
    try:
        shares = np.atleast_1d(np.asarray(q, dtype=np.float64)).ravel().tolist()
    except (TypeError, ValueError) as error:
        raise InputError(
            f"q={q!r} must be numbers between 0 and 1: {error}."
        ) from error
    wrong = [share for share in shares if not 0 < share < 1]
    if wrong or not shares or len(set(shares)) < len(shares):
        raise InputError(
            f"q={q!r}: one or more different shares strictly between 0 and 1 were "
            "expected, such as 0.5 for the median."
        )
    return shares


def _share_rows(
    sample: DomainSample,
    variable: str,
    values: FloatVector,
    share: float,
    options: _Options,
) -> list[Estimate]:
    """Return one quantile in every domain."""
    rows_of = _rows_by_domain(sample)
    weights = sample.design.weights
    ordered = [SortedValues.of(values[rows], weights[rows]) for rows in rows_of]
    at = np.array([one.quantile(share, options.rule) for one in ordered])
    below = (values <= sample.spread(at)).astype(np.float64)
    found = domain_means(sample, below)
    spread = None
    if options.ci == "replicates":
        spread = replicate_spread(sample, values, at, (share, options.rule))
    rows = []
    for place, one in enumerate(ordered):
        notes = row_notes(found, place)
        own_df = float(found.df[place])
        if spread is not None:
            std_error, more = spread[place]
            notes.extend(more)
            interval = t_interval(at[place], std_error, level=options.level, df=own_df)
            std_error = math.inf if own_df <= 0 else std_error
        elif options.ci == "score" and own_df > 0 and len(one) > 1:
            critical = t_quantile(options.level, own_df)
            low, high = score_limits(
                sample, values, place, share=share, critical=critical
            )
            interval = _join_limits(at[place], (low, high), options.level, "score")
            std_error = _std_error(at[place], interval, own_df)
        else:
            shares, more = _share_interval(found, place, own_df, options)
            limits = _turn_round(one, shares, options.rule)
            interval = _join_limits(at[place], limits, options.level, shares.method)
            std_error = _std_error(at[place], interval, own_df)
            notes.extend(more)
            notes.extend(_beyond(interval))
        if std_error == 0:
            notes.append(
                "the interval has no length: values repeat so often that both limits "
                "fall on the same one"
            )
        rows.append(
            Estimate(
                estimand=f"quantile {share:g} of {variable}",
                unit=variable,
                method="survey_quantile",
                estimate=float(at[place]),
                std_error=std_error,
                ci=interval,
                n_obs=int(sample.n_known[place]),
                notes=tuple(notes),
                diagnostics=_diagnostics(found, place, own_df, share),
            )
        )
    return rows


def _rows_by_domain(sample: DomainSample) -> list[IntVector]:
    """Return the rows of every domain, in the frame's order."""
    code = sample.domains.code
    order = np.argsort(code, kind="stable").astype(np.int64)
    bounds = np.searchsorted(code[order], np.arange(len(sample) + 1))
    return [order[low:high] for low, high in itertools.pairwise(bounds)]


def _share_interval(
    found: LinearisedTotals, place: int, df: float, options: _Options
) -> tuple[Interval, list[str]]:
    """Return the interval of the share at or below the quantile, with its doubts."""
    p, n = float(found.estimate[place]), int(found.sample.n_known[place])
    variance, simple = float(found.variance[place]), float(found.simple_variance[place])
    if 0 < p < 1 and df > 0 and variance > 1e-20 * simple:
        name = "wald" if options.ci in {"woodruff", "score"} else options.ci
        interval = proportion_interval(
            name,  # type: ignore[arg-type]  # "replicates" does not come here
            p, variance, n=n, df=df, level=options.level,
        )  # fmt: skip
        return interval, []
    sample = found.sample
    squares = sample.total(sample.design.weights**2)[place]
    effect = n * float(squares) / float(found.sum_of_weights[place]) ** 2
    if sample.design.is_clustered:
        effect *= _CLUSTER_EFFECT
    reason = "no degrees of freedom" if df <= 0 else "no variance of the share"
    interval = fallback_interval(p, n / effect, level=options.level, reason=reason)
    return interval, [
        f"{reason}: the interval is Clopper-Pearson's for the share at or below the "
        f"quantile, at {n / effect:.1f} rows, {n} divided by an assumed design effect "
        f"of {effect:.2f}"
    ]


def _turn_round(
    ordered: SortedValues, shares: Interval, rule: QuantileRule
) -> tuple[float, float]:
    low = ordered.quantile(shares.low, rule) if shares.low > 0 else -math.inf
    high = ordered.quantile(shares.high, rule) if shares.high < 1 else math.inf
    return low, high


def _join_limits(
    estimate: float, limits: tuple[float, float], level: float, method: str
) -> Interval:
    """Return the limits, drawn out to the estimate where a rule interpolates."""
    name = "woodruff" if method == "wald" else method
    return Interval(
        low=min(limits[0], float(estimate)),
        high=max(limits[1], float(estimate)),
        level=level,
        method=name,
    )


def _std_error(estimate: float, interval: Interval, df: float) -> float:
    """Return the length over 2 t, or that of the finite side over t."""
    sides = [float(estimate) - interval.low, interval.high - float(estimate)]
    finite = [side for side in sides if math.isfinite(side)]
    if df <= 0 or not finite or (len(finite) == 1 and finite[0] == 0):
        return math.inf
    return sum(finite) / len(finite) / t_quantile(interval.level, df)


def _beyond(interval: Interval) -> list[str]:
    sides = [
        words
        for words, limit in (("lower", interval.low), ("upper", interval.high))
        if math.isinf(limit)
    ]
    if not sides:
        return []
    return [
        f"the {' and '.join(sides)} limit lies beyond all sampled values and is "
        "infinite: the sample is too small for this share"
    ]


def _diagnostics(
    found: LinearisedTotals, place: int, df: float, share: float
) -> Mapping[str, float]:
    return {
        "df": df,
        "share": share,
        "n_unknown": float(found.sample.n_unknown[place]),
        "sum_of_weights": float(found.sum_of_weights[place]),
        "share_at_or_below": float(found.estimate[place]),
        "share_std_error": math.sqrt(float(found.variance[place])),
    }
