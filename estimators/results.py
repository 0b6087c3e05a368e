"""What every estimator returns: one number, rows of numbers, or a fitted model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from estimators.array_types import FloatMatrix, FloatVector

__all__ = [
    "RESULT_COLUMNS",
    "TERM_COLUMNS",
    "Estimate",
    "Estimates",
    "Interval",
    "ModelFit",
]

RESULT_COLUMNS = (
    "method",
    "estimand",
    "unit",
    "estimate",
    "std_error",
    "ci_low",
    "ci_high",
    "ci_level",
    "n_obs",
)
TERM_COLUMNS = (
    "term",
    "estimate",
    "std_error",
    "statistic",
    "p_value",
    "ci_low",
    "ci_high",
)
_EMPTY: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A confidence or credible interval: its limits, its level and how it was made."""

    low: float
    high: float
    level: float
    method: str

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise InputError(
                f"An interval runs from low to high, but low={self.low!r} and "
                f"high={self.high!r} came ({self.method})."
            )

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    @property
    def width(self) -> float:
        """Length of the interval, in the unit of the estimate."""
        return self.high - self.low


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One estimated quantity.

    Attributes
    ----------
    estimand : str
        What is estimated, in words: "population size", "proportion of sch_wide".
    unit : str
        Unit of `estimate`, `std_error` and `ci`: "persons", "proportion".
    estimate, std_error : float
        `std_error` is infinite where the method has none to offer, and `notes` say so.
    ci : Interval
        Interval at its stated level.
    method : str
        Key of the estimator in the catalogue.
    n_obs : int
        Distinct units observed.
    notes : tuple of str
        Doubts, fall-backs and refusals that a reader must know; printed by `summary`.
    diagnostics : mapping of str to float
        Degrees of freedom, design effect, draws kept, R-hat: what the method offers.
    """

    estimand: str
    unit: str
    estimate: float
    std_error: float
    ci: Interval
    method: str
    n_obs: int
    notes: tuple[str, ...] = ()
    diagnostics: Mapping[str, float] = field(default_factory=lambda: _EMPTY)

    def to_frame(self) -> pd.DataFrame:
        """Return one row with the columns of `RESULT_COLUMNS`."""
        return pd.DataFrame([_row(self)], columns=list(RESULT_COLUMNS))

    def summary(self) -> str:
        """Return the few lines that a reader needs."""
        head = f"{self.estimand} ({self.unit}), {self.method}, n = {self.n_obs:,}"
        body = (
            f"{self.estimate:,.6g}  [{self.ci.low:,.6g}, {self.ci.high:,.6g}] "
            f"{100 * self.ci.level:.4g}% {self.ci.method}"
        )
        return "\n".join([head, body, *(f"note: {note}" for note in self.notes)])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the estimate with its interval; returns the axes drawn on."""
        from estimators.plotting import forest_plot

        return forest_plot(self.to_frame(), label="estimand", ax=ax)

    def with_notes(self, *notes: str) -> Estimate:
        """Return the same result with more notes."""
        return replace(self, notes=(*self.notes, *notes))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimates:
    """Rows of one estimator, one row per group (a domain, a round, an item).

    Attributes
    ----------
    rows : tuple of Estimate
    groups : tuple of mapping
        One mapping of group column to value per row, all with the same keys.
    covariance : ndarray of shape (rows, rows), optional
        Joint covariance of the estimates where the method has one; read-only.
    notes : tuple of str
        What concerns all rows; a row's own doubts are in its own `notes`.
    """

    rows: tuple[Estimate, ...]
    groups: tuple[Mapping[str, Any], ...]
    covariance: FloatMatrix | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.groups):
            raise InputError(
                f"{len(self.rows)} rows came with {len(self.groups)} group labels."
            )
        if len({tuple(group) for group in self.groups}) > 1:
            raise InputError("Every row needs the same group columns.")
        if self.covariance is not None:
            self.covariance.setflags(write=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Estimate]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> Estimate:
        return self.rows[index]

    def get(self, **group: Any) -> Estimate:  # noqa: ANN401 - group values are anything
        """Return the row of the named group, ``estimates.get(sector="fishing")``."""
        wanted = [
            row
            for row, labels in zip(self.rows, self.groups, strict=True)
            if all(
                key in labels and labels[key] == value for key, value in group.items()
            )
        ]
        if len(wanted) != 1:
            raise InputError(
                f"{group} names {len(wanted)} of the {len(self.rows)} rows; the groups "
                f"are {[dict(labels) for labels in self.groups]}."
            )
        return wanted[0]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per group: `RESULT_COLUMNS`, group columns after unit."""
        group_columns = list(self.groups[0]) if self.groups else []
        columns = [*RESULT_COLUMNS[:3], *group_columns, *RESULT_COLUMNS[3:]]
        records = [
            {**_row(row), **labels}
            for row, labels in zip(self.rows, self.groups, strict=True)
        ]
        return pd.DataFrame(records, columns=columns)

    def summary(self) -> str:
        """Return the rows as text, followed by the notes."""
        lines = [
            f"{', '.join(f'{key}={value}' for key, value in labels.items())}: "
            f"{row.estimate:,.6g}  [{row.ci.low:,.6g}, {row.ci.high:,.6g}] "
            f"{100 * row.ci.level:.4g}%, n = {row.n_obs:,}"
            + "".join(f"\n  note: {note}" for note in row.notes)
            for row, labels in zip(self.rows, self.groups, strict=True)
        ]
        head = [f"{self.rows[0].estimand} ({self.rows[0].unit}), {self.rows[0].method}"]
        return "\n".join(
            [*(head if self.rows else []), *lines, *(f"note: {n}" for n in self.notes)]
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every row with its interval; returns the axes drawn on."""
        from estimators.plotting import forest_plot

        frame = self.to_frame()
        keys = list(self.groups[0]) if self.groups else ["estimand"]
        frame["group"] = frame[keys].astype(str).agg(", ".join, axis=1)
        return forest_plot(frame, label="group", ax=ax)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelFit:
    """A fitted regression in three grains: its terms, itself, and each person.

    Attributes
    ----------
    method : str
        Key of the estimator in the catalogue.
    formula : str
    term : tuple of str
        Names as formulaic gives them; the intercept is ``Intercept``.
    estimate, std_error, statistic, p_value, ci_low, ci_high : ndarray of shape (terms,)
        On the scale of the linear predictor; read-only.
    covariance : ndarray of shape (terms, terms)
    ci_level : float
    ci_method : str
        "profile penalised likelihood", "Wald", ...
    n_obs : int
        Rows that entered the fit.
    fit_statistics : mapping of str to float
        What `overview` shows beside `n_obs`: log_likelihood, df, events_per_variable.
    linear_predictor : callable, optional
        Maps a frame to linear predictors; `augment` needs it.
    inverse_link : callable, optional
        Maps linear predictors to the response scale.
    notes : tuple of str
    """

    method: str
    formula: str
    term: tuple[str, ...]
    estimate: FloatVector
    std_error: FloatVector
    statistic: FloatVector
    p_value: FloatVector
    ci_low: FloatVector
    ci_high: FloatVector
    covariance: FloatMatrix
    ci_level: float
    ci_method: str
    n_obs: int
    fit_statistics: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    linear_predictor: Callable[[pd.DataFrame], FloatVector] | None = None
    inverse_link: Callable[[FloatVector], FloatVector] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (*TERM_COLUMNS[1:], "covariance"):
            getattr(self, name).setflags(write=False)

    def terms(self) -> pd.DataFrame:
        """Return one row per term with the columns of `TERM_COLUMNS`."""
        return pd.DataFrame({name: getattr(self, name) for name in TERM_COLUMNS})

    def overview(self) -> pd.DataFrame:
        """Return one row about the whole fit."""
        return pd.DataFrame(
            [
                {
                    "method": self.method,
                    "formula": self.formula,
                    "n_obs": self.n_obs,
                    "ci_level": self.ci_level,
                    "ci_method": self.ci_method,
                    **self.fit_statistics,
                }
            ]
        )

    def augment(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a copy of `frame` with ``.linear_predictor`` and ``.fitted`` added."""
        if self.linear_predictor is None:
            raise InputError(f"{self.method} cannot predict for single persons.")
        predictor = self.linear_predictor(frame)
        link = self.inverse_link
        fitted = predictor if link is None else link(predictor)
        return frame.assign(**{".linear_predictor": predictor, ".fitted": fitted})

    def summary(self) -> str:
        """Return the terms as text, followed by the notes."""
        head = f"{self.method}: {self.formula}, n = {self.n_obs:,}"
        table = self.terms().to_string(index=False, float_format=lambda v: f"{v:.4g}")
        rest = [f"{key} = {value:.6g}" for key, value in self.fit_statistics.items()]
        limits = f"{100 * self.ci_level:.4g}% {self.ci_method} limits"
        notes = [f"note: {note}" for note in self.notes]
        return "\n".join([head, table, limits, ", ".join(rest), *notes])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw exp(estimate) of every term but the intercept on a log axis."""
        from estimators.plotting import ratio_plot

        return ratio_plot(self.terms(), ax=ax)


def _row(result: Estimate) -> dict[str, Any]:
    return {
        "method": result.method,
        "estimand": result.estimand,
        "unit": result.unit,
        "estimate": float(result.estimate),
        "std_error": float(result.std_error),
        "ci_low": float(result.ci.low),
        "ci_high": float(result.ci.high),
        "ci_level": float(result.ci.level),
        "n_obs": int(np.int64(result.n_obs)),
    }
