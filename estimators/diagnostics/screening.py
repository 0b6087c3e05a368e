"""How well a classifier does against the truth: shares, predictive values, ratios."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.special import expit, logit

from estimators.binomial_limits import BINOMIAL_METHODS, BinomialMethod, binomial_limits
from estimators.checks import check_choice, check_counts, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import critical_value
from estimators.registry import estimator
from estimators.results import Estimate, Estimates, Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Confusion", "performance_rows", "screening_performance"]

_Row = tuple[str, float, float, tuple[float, float], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Counts of a classifier against the truth, with how to report them."""

    tp: int
    fp: int
    fn: int
    tn: int
    level: float
    ci: BinomialMethod

    @property
    def cases(self) -> int:
        """True cases."""
        return self.tp + self.fn

    @property
    def others(self) -> int:
        """True non-cases."""
        return self.fp + self.tn

    @property
    def n(self) -> int:
        """All persons."""
        return self.cases + self.others


@estimator(
    family="diagnostics",
    label="Screening performance of a classifier",
    source="Simel, Samsa and Matchar 1991; Mercaldo, Lau and Zhou 2007; Newcombe 1998",
    example=lambda: {
        "true_positives": 670,
        "false_positives": 202,
        "false_negatives": 74,
        "true_negatives": 640,
    },
)
def screening_performance(
    true_positives: int,
    false_positives: int,
    false_negatives: int,
    true_negatives: int,
    *,
    prevalence: float | Estimate | None = None,
    ci: BinomialMethod = "wilson",
    level: float = 0.95,
) -> Estimates:
    """Estimate sensitivity, specificity, predictive values and likelihood ratios.

    Parameters
    ----------
    true_positives, false_positives, false_negatives, true_negatives : int
        Persons by what the classifier said and what is true.
    prevalence : float or Estimate, optional
        Prevalence in (0, 1) at which the predictive values are wanted; an `Estimate`
        brings its standard error along. Without it they are those of the table itself,
        which means something only if the persons are a sample of the population and
        were not chosen by their truth.
    ci : str
        Interval of the shares (see `estimators.proportions.proportion_ci`).
    level : float

    Returns
    -------
    Estimates
        One row per ``measure``: sensitivity, specificity, positive_predictive_value,
        negative_predictive_value, accuracy, youden (Se + Sp - 1), share_flagged,
        share_cases, likelihood_ratio_positive, likelihood_ratio_negative and
        diagnostic_odds_ratio. With an empty cell the ratios are those of the table with
        1/2 added to every cell, and say so.

    Raises
    ------
    InputError
        If counts are not whole numbers >= 0 or the prevalence is not inside (0, 1).
    NotEstimableError
        If there is no true case or no true non-case.

    Notes
    -----
    Ratios have Wald intervals on the log scale (Simel et al.); predictive values at a
    given prevalence are likelihood ratios in other clothes,
    ``logit PPV = logit prevalence + log LR+``, and share their intervals (Mercaldo et
    al.); Youden's index joins the limits of both shares by square and add (Newcombe).

    References
    ----------
    Simel, D. L., Samsa, G. P. and Matchar, D. B. (1991). Likelihood ratios with
    confidence: sample size estimation for diagnostic test studies. Journal of Clinical
    Epidemiology 44, 763-770.

    Mercaldo, N. D., Lau, K. F. and Zhou, X. H. (2007). Confidence intervals for
    predictive values with an emphasis to case-control studies. Statistics in Medicine
    26, 2170-2183.

    Newcombe, R. G. (1998). Interval estimation for the difference between independent
    proportions. Statistics in Medicine 17, 873-890.

    Examples
    --------
    >>> from estimators.diagnostics import screening_performance
    >>> result = screening_performance(89, 26, 11, 74, prevalence=0.04)
    >>> ppv = result.get(measure="positive_predictive_value")
    >>> print(f"{ppv.estimate:.3f} [{ppv.ci.low:.3f}, {ppv.ci.high:.3f}]")
    0.125 [0.092, 0.167]
    """
    check_level(level)
    check_choice("ci", ci, BINOMIAL_METHODS)
    counts = check_counts(
        true_positives=true_positives,
        false_positives=false_positives,
        false_negatives=false_negatives,
        true_negatives=true_negatives,
    )
    tp, fp, fn, tn = counts.values()
    table = Confusion(tp=tp, fp=fp, fn=fn, tn=tn, level=level, ci=ci)
    missing = [
        name
        for name, size in (("true case", table.cases), ("non-case", table.others))
        if not size
    ]
    if missing:
        raise NotEstimableError(
            f"There is no {' and no '.join(missing)}: sensitivity needs true cases and "
            "specificity needs persons who are none."
        )
    return performance_rows(table, prevalence, method="screening_performance")


def performance_rows(
    table: Confusion,
    prevalence: float | Estimate | None,
    *,
    method: str,
    notes: Sequence[str] = (),
) -> Estimates:
    """Return one row per measure."""
    rows = [*_shares(table), _youden(table), *_ratios(table)]
    if prevalence is None:
        rows[2:2] = _table_values(table)
    else:
        rows[2:2] = _values_at(table, prevalence)
    made = tuple(
        Estimate(
            estimand=name.replace("_", " "),
            unit="ratio" if "ratio" in name else "proportion",
            estimate=value,
            std_error=std_error,
            ci=Interval(
                low=min(limits[0], value),
                high=max(limits[1], value),
                level=table.level,
                method=ci_method,
            ),
            method=method,
            n_obs=table.n,
            notes=_notes(table, name, given=prevalence is not None),
        )
        for name, value, std_error, limits, ci_method in rows
    )
    groups = tuple({"measure": row[0]} for row in rows)
    return Estimates(rows=made, groups=groups, notes=tuple(notes))


def _share(table: Confusion, name: str, x: int, n: int) -> _Row:
    p = x / n
    low, high = binomial_limits(x, n, table.ci, level=table.level)
    limits = (max(low, 0.0), min(high, 1.0))
    return name, p, math.sqrt(p * (1 - p) / n), limits, table.ci.replace("_", " ")


def _shares(table: Confusion) -> list[_Row]:
    return [
        _share(table, "sensitivity", table.tp, table.cases),
        _share(table, "specificity", table.tn, table.others),
        _share(table, "accuracy", table.tp + table.tn, table.n),
        _share(table, "share_flagged", table.tp + table.fp, table.n),
        _share(table, "share_cases", table.cases, table.n),
    ]


def _table_values(table: Confusion) -> list[_Row]:
    flagged, passed = table.tp + table.fp, table.fn + table.tn
    rows: list[_Row] = []
    for name, x, n in (
        ("positive_predictive_value", table.tp, flagged),
        ("negative_predictive_value", table.tn, passed),
    ):
        if n:
            rows.append(_share(table, name, x, n))
    return rows


def _youden(table: Confusion) -> _Row:
    se, sp = (
        _share(table, "", table.tp, table.cases),
        _share(table, "", table.tn, table.others),
    )
    value = se[1] + sp[1] - 1
    below = math.hypot(se[1] - se[3][0], sp[1] - sp[3][0])
    above = math.hypot(se[3][1] - se[1], sp[3][1] - sp[1])
    limits = (max(value - below, -1.0), min(value + above, 1.0))
    return "youden", value, math.hypot(se[2], sp[2]), limits, "square and add"


def _cells(table: Confusion) -> tuple[float, float, float, float]:
    cells = (table.tp, table.fp, table.fn, table.tn)
    added = 0.5 if 0 in cells else 0.0
    tp, fp, fn, tn = (cell + added for cell in cells)
    return tp, fp, fn, tn


def _log_ratios(table: Confusion) -> dict[str, tuple[float, float]]:
    """Return logs of the ratios with their variances."""
    tp, fp, fn, tn = _cells(table)
    cases, others = tp + fn, fp + tn
    return {
        "likelihood_ratio_positive": (
            math.log(tp / cases) - math.log(fp / others),
            1 / tp - 1 / cases + 1 / fp - 1 / others,
        ),
        "likelihood_ratio_negative": (
            math.log(fn / cases) - math.log(tn / others),
            1 / fn - 1 / cases + 1 / tn - 1 / others,
        ),
        "diagnostic_odds_ratio": (
            math.log(tp * tn) - math.log(fp * fn),
            1 / tp + 1 / fp + 1 / fn + 1 / tn,
        ),
    }


def _ratios(table: Confusion) -> list[_Row]:
    rows: list[_Row] = []
    for name, (centre, variance) in _log_ratios(table).items():
        limits = _back(math.exp, centre, variance, table.level)
        value = math.exp(centre)
        rows.append((name, value, value * math.sqrt(variance), limits, "log Wald"))
    return rows


def _values_at(table: Confusion, prevalence: float | Estimate) -> list[_Row]:
    p, extra = _read_prevalence(prevalence)
    logs = _log_ratios(table)
    rows: list[_Row] = []
    for name, ratio, sign in (
        ("positive_predictive_value", "likelihood_ratio_positive", 1),
        ("negative_predictive_value", "likelihood_ratio_negative", -1),
    ):
        centre, variance = logs[ratio]
        centre = sign * (float(logit(p)) + centre)
        variance += extra
        value = float(expit(centre))
        limits = _back(lambda x: float(expit(x)), centre, variance, table.level)
        std_error = value * (1 - value) * math.sqrt(variance)
        rows.append((name, value, std_error, limits, "logit at the given prevalence"))
    return rows


def _back(
    inverse: Callable[[float], float], centre: float, variance: float, level: float
) -> tuple[float, float]:
    reach = critical_value(level) * math.sqrt(variance)
    return inverse(centre - reach), inverse(centre + reach)


def _read_prevalence(prevalence: float | Estimate) -> tuple[float, float]:
    """Return the prevalence and the variance of its logit."""
    p = prevalence.estimate if isinstance(prevalence, Estimate) else prevalence
    if not (isinstance(p, int | float) and 0 < p < 1):
        raise InputError(
            f"prevalence={p!r}: predictive values need a prevalence inside (0, 1)."
        )
    if not isinstance(prevalence, Estimate):
        return float(p), 0.0
    if not 0 <= prevalence.std_error < math.inf:
        raise InputError("The prevalence's standard error is not finite.")
    return float(p), (prevalence.std_error / (p * (1 - p))) ** 2


def _notes(table: Confusion, name: str, *, given: bool) -> tuple[str, ...]:
    empty = 0 in (table.tp, table.fp, table.fn, table.tn)
    notes = []
    value = "predictive" in name
    if empty and ("ratio" in name or (value and given)):
        notes.append("a cell is empty: 1/2 was added to every cell")
    if value and not given:
        notes.append(
            f"holds at the share of cases in this table, {table.cases / table.n:.3g}, "
            "and not at another prevalence"
        )
    return tuple(notes)
