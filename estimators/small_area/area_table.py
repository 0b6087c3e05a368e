"""The table of areas: direct estimates, their variances, and the model matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError, NotEstimableError
from estimators.model_formula import (
    as_floats,
    check_finite_terms,
    describe_collinear,
    materialise,
    model_columns,
    parse_formula,
)

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector

__all__ = ["AreaTable", "read_areas"]

_SHOWN = 5
_LEAST_FOR_SMOOTHING = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AreaTable:
    """k areas; arrays of shape (k,).

    Attributes
    ----------
    labels : tuple
    response : str
        Left side of the formula.
    direct : ndarray
        Direct estimates in their own unit; NaN without sample.
    y, sampling : ndarray
        Direct estimates on the scale of the model, and their sampling variances.
    matrix : ndarray of shape (k, p)
    term : tuple of str
    notes : tuple of str
    """

    labels: tuple[Any, ...]
    response: str
    direct: FloatVector
    y: FloatVector
    sampling: FloatVector
    matrix: FloatMatrix
    term: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def sampled(self) -> BoolVector:
        """Return which areas have a direct estimate."""
        return np.isfinite(self.y)


def read_areas(
    formula: str,
    frame: pd.DataFrame,
    *,
    area: str,
    variance: str | None,
    n_effective: str | None,
    arcsine: bool,
) -> AreaTable:
    """Read and check the table; every problem is listed."""
    roles = {"area": area, "variance": variance, "n_effective": n_effective}
    check_columns(frame, {role: name for role, name in roles.items() if name})
    labels = _read_labels(frame, area)
    parsed = parse_formula(formula, left="estimate")
    columns = model_columns(parsed, formula, frame)
    response = _response(parsed)
    numbers = {name: _numbers(frame, name) for name in (variance, n_effective) if name}
    _refuse_gaps(frame, [c for c in columns if c != response], labels)
    made = materialise(parsed, frame)
    left = as_floats(made.lhs)
    if left.shape[1] != 1:
        raise InputError(
            f"The left side of {formula!r} makes {left.shape[1]} columns, not one."
        )
    direct, matrix = left[:, 0], as_floats(made.rhs)
    term = tuple(map(str, made.rhs.columns))
    check_finite_terms(matrix, term, frame.index)
    direct = np.where(np.isfinite(direct), direct, np.nan)
    size = numbers.get(n_effective or "", np.full(direct.size, np.nan))
    if arcsine:
        y, sampling = _arcsine(direct, size, labels)
        notes: list[str] = []
    else:
        spread = numbers[variance or ""]
        y = direct
        sampling, notes = _sampling_variance(direct, spread, size, labels, variance)
    _check_model(matrix[np.isfinite(y)], term)
    absent = np.asarray(np.isnan(y))
    if absent.any():
        notes.append(
            f"{int(absent.sum())} areas have no direct estimate and get the "
            f"regression's (synthetic): {_where(labels, absent)}"
        )
    return AreaTable(
        labels=labels,
        response=response,
        direct=direct,
        y=np.asarray(y),
        sampling=np.asarray(sampling),
        matrix=matrix,
        term=term,
        notes=tuple(notes),
    )


def _response(parsed: Any) -> str:  # noqa: ANN401 - formulaic is untyped
    return str(parsed.lhs).strip()


def _read_labels(frame: pd.DataFrame, area: str) -> tuple[Any, ...]:
    column = frame[area]
    problems = []
    if column.isna().any():
        problems.append(f"{int(column.isna().sum())} rows have none")
    twice = column[column.duplicated() & column.notna()]
    if len(twice):
        problems.append(f"these come more than once: {_names(list(twice.unique()))}")
    if problems:
        raise InputError(
            f"area={area!r}: one row per area was expected, but {'; '.join(problems)}."
        )
    return tuple(column)


def _numbers(frame: pd.DataFrame, name: str) -> FloatVector:
    try:
        values = pd.to_numeric(frame[name]).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InputError(f"The column {name!r} must hold numbers: {error}.") from error
    return np.asarray(values)


def _refuse_gaps(
    frame: pd.DataFrame, columns: list[str], labels: tuple[Any, ...]
) -> None:
    gaps = []
    for name in columns:
        absent = frame[name].isna().to_numpy()
        if absent.any():
            areas = [label for label, gap in zip(labels, absent, strict=True) if gap]
            gaps.append(f"{name!r} in {_names(areas)}")
    if gaps:
        raise InputError(
            f"Every area needs its covariates, sampled or not; missing are "
            f"{'; '.join(gaps)}. Leave these areas out knowingly."
        )


def _arcsine(
    direct: FloatVector, size: FloatVector, labels: tuple[Any, ...]
) -> tuple[FloatVector, FloatVector]:
    """Return arcsin sqrt p with its sampling variance 1 / (4 n)."""
    known = np.isfinite(direct)
    problems = []
    outside = known & ((direct < 0) | (direct > 1))
    if outside.any():
        problems.append(f"proportions outside [0, 1] in {_where(labels, outside)}")
    sizeless = known & ~(np.isfinite(size) & (size > 0))
    if sizeless.any():
        problems.append(
            f"no effective sample size above 0 in {_where(labels, sizeless)}"
        )
    if problems:
        raise InputError(
            f"transform='arcsine' needs proportions and n_effective > 0: "
            f"{'; '.join(problems)}. An area without sample has no estimate: leave it "
            "missing."
        )
    angle = np.arcsin(np.sqrt(np.where(known, direct, 0.0)))
    return (
        np.where(known, angle, np.nan),
        np.where(known, 1 / (4 * np.where(known, size, 1.0)), np.nan),
    )


def _sampling_variance(
    direct: FloatVector,
    spread: FloatVector,
    size: FloatVector,
    labels: tuple[Any, ...],
    name: str | None,
) -> tuple[FloatVector, list[str]]:
    """Return the variances, those that are 0 or infinite smoothed over areas."""
    known = np.isfinite(direct)
    problems = []
    absent = known & np.isnan(spread)
    if absent.any():
        problems.append(f"missing in {_where(labels, absent)}")
    negative = known & (spread < 0)
    if negative.any():
        problems.append(f"below 0 in {_where(labels, negative)}")
    if problems:
        raise InputError(
            f"variance={name!r}: every direct estimate needs a variance >= 0, but it "
            f"is {'; '.join(problems)}."
        )
    useless = known & ((spread == 0) | np.isinf(spread))
    sampling = np.where(known & ~useless, spread, np.nan)
    if not useless.any():
        return sampling, []
    sized = np.isfinite(size) & (size > 0)
    basis = known & ~useless & sized
    if (useless & ~sized).any() or basis.sum() < _LEAST_FOR_SMOOTHING:
        raise NotEstimableError(
            f"variance={name!r} is 0 or infinite in {_where(labels, useless)}: such an "
            "area would count as known exactly, or as nothing. Name n_effective= "
            f"(above 0 there and in {_LEAST_FOR_SMOOTHING} areas with a variance) to "
            "smooth these, or take transform='arcsine' for proportions."
        )
    unit = float((spread[basis] * size[basis] ** 2).sum() / size[basis].sum())
    sampling = np.where(useless, unit / np.where(sized, size, 1.0), sampling)
    return sampling, [
        f"variance 0 or infinite in {_where(labels, useless)}: smoothed by a "
        f"generalised variance function, {unit:.4g} / n_effective, from "
        f"{int(basis.sum())} other areas"
    ]


def _check_model(matrix: FloatMatrix, term: tuple[str, ...]) -> None:
    m, p = matrix.shape
    if not p:
        raise InputError("The formula has no term: write '~ 1' for a common mean.")
    if m <= p:
        raise NotEstimableError(
            f"{m} areas with a direct estimate cannot carry {p} terms and a variance "
            "between areas. Use fewer terms."
        )
    length = np.linalg.norm(matrix, axis=0)
    if (length == 0).any():
        empty = ", ".join(np.array(term)[length == 0])
        raise NotEstimableError(f"No sampled area has anything but 0 in {empty}.")
    collinear = describe_collinear(matrix, term)
    if collinear:
        raise NotEstimableError(collinear)


def _where(labels: tuple[Any, ...], chosen: BoolVector) -> str:
    return _names([label for label, yes in zip(labels, chosen, strict=True) if yes])


def _names(labels: list[Any]) -> str:
    more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
    return ", ".join(map(str, labels[:_SHOWN])) + more
