"""Columns to impute: numbers or categories, what is missing, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector
    from estimators.designs import SurveyDesign

__all__ = ["Column", "design_predictors", "read_columns"]

_MOST_LEVELS = 20
_STRATA_SHARE = 20  # rows per stratum below which strata are too many to model


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """Values, or codes of `levels` for categories; NaN never stays after `started`."""

    name: str
    value: FloatVector
    missing: BoolVector
    levels: tuple[Any, ...] | None

    def started(self, rng: np.random.Generator) -> Column:
        """Return the column with observed values drawn into its gaps."""
        return self.completed(
            rng.choice(self.value[~self.missing], int(self.missing.sum()))
        )

    def completed(self, drawn: FloatVector) -> Column:
        """Return the column with these values in its gaps."""
        value = self.value.copy()
        value[self.missing] = drawn
        return replace(self, value=value)

    def indicators(self) -> FloatMatrix:
        """Return the column as predictors: standardised, or an indicator per level."""
        if self.levels is None:
            spread = self.value.std()
            centred = (self.value - self.value.mean()) / (spread if spread > 0 else 1)
            return np.asarray(centred[:, None])
        codes = np.arange(1, len(self.levels))
        return np.asarray((self.value[:, None] == codes).astype(np.float64))

    def restored(self, original: pd.Series[Any]) -> pd.Series[Any]:
        """Return the original column with its gaps filled, of the same dtype."""
        drawn: Any = self.value[self.missing]
        if self.levels is not None:
            drawn = [self.levels[int(code)] for code in drawn]
        filled = original.copy()
        filled.iloc[np.flatnonzero(self.missing)] = drawn
        return filled


def read_columns(
    frame: pd.DataFrame,
    columns: Sequence[str],
    predictors: Sequence[str],
    problems: list[str],
) -> tuple[list[Column], list[Column]]:
    """Return the columns to complete and the complete ones; problems are appended."""
    names = list(columns)
    if not names or len({*names, *predictors}) < len(names) + len(list(predictors)):
        problems.append("name every column once, and at least one to complete")
    read, fixed = [], []
    for name in dict.fromkeys([*names, *predictors]):
        problem, column = _read(frame[name], str(name))
        if column is None:
            problems.append(problem)
        elif name in names:
            read.append(column)
        elif column.missing.any():
            problems.append(
                f"predictor {name} lacks {int(column.missing.sum())} values: name it "
                "among the columns to complete"
            )
        else:
            fixed.append(column)
    return read, fixed


def _read(series: pd.Series[Any], name: str) -> tuple[str, Column | None]:
    missing = series.isna().to_numpy(dtype=bool)
    seen = series[~missing]
    if seen.empty:
        return f"{name} has no value at all: nothing tells what it could be", None
    kinds = seen.unique()
    if len(kinds) == 1 and missing.any():
        return (
            f"{name} has one observed value, {kinds[0]!r}: every draw would be the "
            "same, as if nothing were missing"
        ), None
    numeric = pd.api.types.is_numeric_dtype(series.dtype) and not (
        pd.api.types.is_bool_dtype(series.dtype)
    )
    if numeric and len(kinds) > 2:
        value = pd.to_numeric(series).to_numpy(dtype=np.float64, na_value=np.nan)
        if not np.isfinite(value[~missing]).all():
            return f"{name} has infinite values", None
        return "", Column(name=name, value=value, missing=missing, levels=None)
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return f"{name} holds dates: impute days since a fixed date", None
    if len(kinds) > _MOST_LEVELS:
        return (
            f"{name} has {len(kinds)} categories, at most {_MOST_LEVELS} can be "
            "modelled: pool them"
        ), None
    levels = tuple(sorted(kinds, key=lambda level: (str(type(level)), level)))
    place = {level: float(code) for code, level in enumerate(levels)}
    coded = np.array([place.get(v, np.nan) if k else np.nan for v, k in zip(
        series.astype(object), ~missing, strict=True)])  # fmt: skip
    return "", Column(name=name, value=coded, missing=missing, levels=levels)


def design_predictors(
    design: SurveyDesign | None, n: int
) -> tuple[FloatMatrix, tuple[str, ...]]:
    """Return weights and strata as predictors, and what was left out."""
    if design is None:
        return np.empty((n, 0)), ()
    parts = []
    weight = np.log(np.maximum(design.weights, np.finfo(float).tiny))
    weight = np.where(design.weights > 0, weight, weight[design.weights > 0].mean())
    if weight.std() > 0:
        parts.append(((weight - weight.mean()) / weight.std())[:, None])
    notes: tuple[str, ...] = ()
    first = design.stages[0]
    stratum = first.stratum[first.unit]
    codes = np.unique(stratum)
    if 1 < len(codes) <= max(n // _STRATA_SHARE, 1):
        parts.append((stratum[:, None] == codes[1:]).astype(np.float64))
    elif len(codes) > 1:
        notes = (
            f"{len(codes)} strata of {n} rows are too many to model: only the weights "
            "are among the predictors; name a coarser region",
        )
    return (np.column_stack(parts) if parts else np.empty((n, 0))), notes
