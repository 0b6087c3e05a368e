"""How much a design costs: design effects, effective sample size, alikeness in PSUs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.designs import Design, ReplicateDesign
from estimators.survey.groups import LinearisedTotals, read_domains
from estimators.survey.linear import domain_means

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatVector, IntVector
    from estimators.designs.domains import RowSelector

__all__ = ["DesignEffect", "DesignEffects", "design_effect", "intra_class_correlation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignEffect:
    """What the design did to the mean of one variable in one domain.

    Attributes
    ----------
    n_obs : int
        Known rows.
    design_effect : float
        Variance over that of simple random sampling with replacement (survey's
        ``deff = "replace"``).
    design_effect_without_replacement : float
        The same with the finite population that the weights add up to (survey's
        ``deff = TRUE``).
    n_effective : float
        `n_obs` over `design_effect`.
    weights_effect : float
        Kish's ``n sum w^2 / (sum w)^2``: what unequal weights cost if they have nothing
        to do with the variable.
    n_effective_weights : float
        `n_obs` over `weights_effect`.
    cluster_size : float
        Rows of the PSU that a row sits in, on average: ``sum n_i^2 / n``.
    cv_cluster_size : float
        Coefficient of variation of the rows by PSU.
    intra_class_correlation : float
        Alikeness of rows in the same PSU by analysis of variance within strata, without
        weights; 0 is none, 1 is total, below 0 less than by chance.
    implied_correlation : float
        The correlation that would give the design effect from weights and clusters
        alone: ``(design_effect / weights_effect - 1) / (cluster_size - 1)``.
    notes : tuple of str
        Why a quantity is NaN, among others.
    """

    n_obs: int
    design_effect: float
    design_effect_without_replacement: float
    n_effective: float
    weights_effect: float
    n_effective_weights: float
    cluster_size: float
    cv_cluster_size: float
    intra_class_correlation: float
    implied_correlation: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DesignEffects:
    """Design effects by group; iterates over `DesignEffect`."""

    variable: str
    rows: tuple[DesignEffect, ...]
    groups: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> DesignEffect:
        return self.rows[index]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per group, group columns first."""
        records = []
        for group, row in zip(self.groups, self.rows, strict=True):
            values = asdict(row)
            values["notes"] = "; ".join(row.notes)
            records.append({"variable": self.variable, **group, **values})
        return pd.DataFrame(records)

    def summary(self) -> str:
        """Return one line per group, followed by the notes."""
        lines = [f"design effect of the mean of {self.variable}"]
        for group, row in zip(self.groups, self.rows, strict=True):
            name = ", ".join(f"{key}={value}" for key, value in group.items())
            lines.append(
                f"{name or 'all'}: {row.design_effect:.3g} (weights "
                f"{row.weights_effect:.3g}), {row.n_obs:,} rows are worth "
                f"{row.n_effective:,.0f}; intra-class correlation "
                f"{row.intra_class_correlation:.3g} in clusters of "
                f"{row.cluster_size:.3g}"
            )
            lines.extend(f"  note: {note}" for note in row.notes)
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def design_effect(
    design: Design,
    variable: str,
    *,
    by: str | Sequence[str] | None = None,
    where: RowSelector | None = None,
) -> DesignEffects:
    """Compare the variance of a mean with that of a simple random sample.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign of n rows
    variable : str
        Numeric or 0/1 column.
    by : str or list of str, optional
    where : str or array of shape (n,), optional
        As in `mean`.

    Returns
    -------
    DesignEffects
        One `DesignEffect` per group, with effective sample sizes, Kish's effect of the
        weights and the intra-class correlation, for planning the next round.

    Raises
    ------
    InputError, NotEstimableError
        As from `mean`.

    Notes
    -----
    The simple random variance is ``sum w (y - mean)^2 / sum w / (n - 1)``, times
    1 - n / sum w without replacement. An effect of one variable says little about
    another: rare outcomes that sit in few clusters have large ones. The correlation is
    ``(B - W) / (B + (m - 1) W)`` with mean squares B between the PSUs of a stratum and
    W within PSUs, m being ``(n - sum_h sum_i n_hi^2 / n_h) / (PSUs - strata)``.

    References
    ----------
    Kish, L. (1965). Survey Sampling. Wiley.

    Donner, A. (1986). A review of inference procedures for the intraclass correlation
    coefficient in the one-way random effects model. International Statistical Review
    54, 67-82.

    Examples
    --------
    >>> from estimators import survey
    >>> from estimators.survey import SurveyDesign
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"truck": [1, 1, 2, 2, 3, 3], "y": [1, 1, 0, 0, 0, 1]})
    >>> found = survey.design_effect(SurveyDesign.from_frame(frame, psu="truck"), "y")
    >>> round(found[0].design_effect, 3), round(found[0].intra_class_correlation, 3)
    (1.667, 0.5)
    """
    sample, (values,) = read_domains(design, [variable], by, where)
    found = domain_means(sample, values)
    return DesignEffects(
        variable=variable,
        rows=tuple(_row(found, values, place) for place in range(len(sample))),
        groups=sample.domains.groups,
        notes=(*design.notes, *sample.notes),
    )


def intra_class_correlation(
    values: FloatVector, psu: IntVector, stratum: IntVector
) -> float:
    """Return the correlation of rows in one PSU, NaN where nothing tells it.

    Parameters
    ----------
    values : ndarray of shape (n,)
    psu, stratum : ndarray of shape (n,)
        Whole-number labels; PSUs lie within strata.
    """
    psu_code, first = np.unique(psu, return_index=True)
    unit = np.searchsorted(psu_code, psu)
    stratum_of = np.unique(stratum[first], return_inverse=True)[1]
    size = np.bincount(unit).astype(np.float64)
    mean = np.bincount(unit, values) / size
    own = np.bincount(stratum_of, size)
    centre = (np.bincount(stratum_of, size * mean) / own)[stratum_of]
    df_between = psu_code.size - own.size
    df_within = values.size - psu_code.size
    if df_between <= 0 or df_within <= 0:
        return math.nan
    between = float((size * (mean - centre) ** 2).sum()) / df_between
    within = float(((values - mean[unit]) ** 2).sum()) / df_within
    alike = (np.bincount(stratum_of, size**2) / own).sum()
    m = (values.size - float(alike)) / df_between
    total = between + (m - 1) * within
    return (between - within) / total if total > 0 else math.nan


def _row(found: LinearisedTotals, values: FloatVector, place: int) -> DesignEffect:
    sample = found.sample
    rows = sample.domains.code == place
    n, size = int(sample.n_known[place]), float(found.sum_of_weights[place])
    weights = sample.design.weights[rows]
    variance, simple = float(found.variance[place]), float(found.simple_variance[place])
    effect = variance / simple if simple > 0 else math.nan
    kish = n * float((weights**2).sum()) / size**2
    notes = []
    if not simple > 0:
        notes.append("one row, or no spread: there is no design effect")
    elif found.df[place] <= 0:
        effect = math.nan
        notes.append("no degrees of freedom: the variance rests on nothing")
    elif effect == 0:
        notes.append("the design variance is 0: an effect of 0 is not a gain")
    if size <= n:
        notes.append(
            "weights do not add up to more than the rows: no effect without replacement"
        )
    cluster = _clusters(sample.design, values, rows)
    notes.extend(cluster.notes)
    length = cluster.size
    implied = (effect / kish - 1) / (length - 1) if length > 1 else math.nan
    return DesignEffect(
        n_obs=n,
        design_effect=effect,
        design_effect_without_replacement=(
            effect / (1 - n / size) if size > n else math.nan
        ),
        n_effective=n / effect if effect > 0 else math.nan,
        weights_effect=kish,
        n_effective_weights=n / kish,
        cluster_size=length,
        cv_cluster_size=cluster.cv,
        intra_class_correlation=cluster.correlation,
        implied_correlation=implied,
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clusters:
    size: float
    cv: float
    correlation: float
    notes: tuple[str, ...] = ()


def _clusters(design: Design, values: FloatVector, rows: BoolVector) -> _Clusters:
    origin = design.origin if isinstance(design, ReplicateDesign) else design
    if origin is None:
        note = "replicate weights that came with the data do not tell the PSUs"
        return _Clusters(
            size=math.nan, cv=math.nan, correlation=math.nan, notes=(note,)
        )
    stage = origin.stages[0]
    unit, stratum = stage.unit[rows], stage.row_stratum[rows]
    size = np.unique(unit, return_counts=True)[1]
    correlation = intra_class_correlation(values[rows], unit, stratum)
    notes = []
    if math.isnan(correlation):
        notes.append(
            "no intra-class correlation: PSUs of one row, one PSU per stratum, or no "
            "spread"
        )
    return _Clusters(
        size=float((size**2).sum() / size.sum()),
        cv=float(size.std() / size.mean()),
        correlation=correlation,
        notes=tuple(notes),
    )
