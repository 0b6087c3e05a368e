"""Population totals to calibrate to, matched with the columns of a sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.designs.labels import as_names, list_names, list_rows, pair_codes
from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntVector

__all__ = ["CalibrationVariables", "Margins", "check_margins", "read_margins"]

_SAME_SIZE = 1e-9  # relative; two margins count the same population

Margins: TypeAlias = "Mapping[Any, Mapping[Any, float] | pd.Series[Any] | float]"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CalibrationVariables:
    """Distinct rows of the variables, the row of each person, totals and names."""

    matrix: FloatMatrix
    row: IntVector
    totals: FloatVector
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Margin:
    """One margin: the code of each person, columns by code, totals and names."""

    code: IntVector
    columns: FloatMatrix
    totals: FloatVector
    names: tuple[str, ...]
    size: float | None


def read_margins(
    frame: pd.DataFrame, margins: Margins, population: float | None
) -> CalibrationVariables:
    """Return the calibration variables of every row, and their population totals.

    Raises
    ------
    InputError
        With every problem: absent columns, missing values, levels without a total,
        totals without a sampled person, totals that are not numbers >= 0, margins that
        count different populations.
    """
    check_margins(margins)
    check_columns(
        frame,
        {f"margins[{key!r}]": name for key in margins for name in _columns(key)},
    )
    problems: list[str] = []
    read = [
        margin
        for key, totals in margins.items()
        if (margin := _read(frame, key, totals, problems)) is not None
    ]
    if population is not None:
        read.append(_constant(len(frame), population, problems))
    problems.extend(_different_sizes(read))
    if problems:
        raise InputError(
            "The population totals cannot be used:\n- " + ".\n- ".join(problems) + "."
        )
    return _join(read, len(frame))


def check_margins(margins: Margins) -> Margins:
    """Return `margins` if they map columns to totals."""
    if not isinstance(margins, Mapping) or not margins:
        raise InputError(
            "margins must map columns to population totals, such as "
            '{"sex": {"f": 5100, "m": 4900}, "deportations": 12400}.'
        )
    return margins


def _columns(key: Any) -> tuple[str, ...]:  # noqa: ANN401 - keys of a user's mapping
    return tuple(key) if isinstance(key, tuple) else as_names(key)


def _read(
    frame: pd.DataFrame,
    key: Any,  # noqa: ANN401 - keys of a user's mapping
    totals: Any,  # noqa: ANN401 - checked here
    problems: list[str],
) -> _Margin | None:
    columns = _columns(key)
    missing = [
        f"{name!r} is missing in {list_rows(gaps)}"
        for name in columns
        if (gaps := frame[name].isna().to_numpy(dtype=bool)).any()
    ]
    if missing:
        problems.extend(missing)
        return None
    if isinstance(totals, pd.Series | Mapping):
        return _groups(frame, columns, dict(totals), problems)
    if len(columns) > 1:
        problems.append(f"{key!r}: several columns need a mapping of cells to totals")
        return None
    return _number(frame, columns[0], totals, problems)


def _groups(
    frame: pd.DataFrame,
    columns: tuple[str, ...],
    totals: dict[Any, Any],
    problems: list[str],
) -> _Margin | None:
    code, levels = _code_cells(frame, columns)
    shown = "/".join(columns)
    known = {level: place for place, level in enumerate(levels)}
    values = {level: _positive(value) for level, value in totals.items()}
    wrong = [level for level, value in values.items() if value is None]
    unsampled = [
        f"{level} ({value:g})"
        for level, value in values.items()
        if level not in known and value
    ]
    unstated = [level for level in levels if level not in totals]
    nobody = [level for level in levels if values.get(level) == 0]
    found = {
        "totals must be finite numbers >= 0 in": wrong,
        "no sampled row in (merge these cells with others)": unsampled,
        "no population total for the sampled": unstated,
        "a population of 0, but sampled rows, in": nobody,
    }
    bad = [f"{shown}: {what} {list_names(who)}" for what, who in found.items() if who]
    problems.extend(bad)
    if bad:
        return None
    vector = np.array([values[level] for level in levels], dtype=np.float64)
    return _Margin(
        code=code,
        columns=np.eye(len(levels)),
        totals=vector,
        names=tuple(f"{shown}={level}" for level in levels),
        size=float(vector.sum()),
    )


def _code_cells(
    frame: pd.DataFrame, columns: tuple[str, ...]
) -> tuple[IntVector, list[Any]]:
    code = np.zeros(len(frame), dtype=np.int64)
    for column in columns:
        inner = pd.factorize(frame[column], sort=True)[0].astype(np.int64)
        code, _ = pair_codes(code, inner)
    first = np.unique(code, return_index=True)[1]
    cells = [frame[column].iloc[first].tolist() for column in columns]
    if len(columns) == 1:
        return code, cells[0]
    return code, list(zip(*cells, strict=True))


def _positive(value: Any) -> float | None:  # noqa: ANN401 - checks anything
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) and number >= 0 else None


def _number(
    frame: pd.DataFrame,
    column: str,
    total: Any,  # noqa: ANN401 - checked here
    problems: list[str],
) -> _Margin | None:
    value = pd.to_numeric(frame[column], errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    try:
        known = float(total)
    except (TypeError, ValueError):
        known = np.nan
    if not np.isfinite(known):
        problems.append(f"{column!r}: the total {total!r} is not a finite number")
    if not np.isfinite(value).all():
        problems.append(
            f"{column!r} is not a finite number in {list_rows(~np.isfinite(value))}; "
            "for groups give a mapping of levels to totals"
        )
        return None
    code, distinct = pd.factorize(value, sort=True)
    return _Margin(
        code=code.astype(np.int64),
        columns=np.asarray(distinct, dtype=np.float64)[:, None],
        totals=np.array([known]),
        names=(column,),
        size=None,
    )


def _constant(n_rows: int, population: float, problems: list[str]) -> _Margin:
    if not (np.isfinite(population) and population > 0):
        problems.append(f"population={population!r} is not a number above 0")
    return _Margin(
        code=np.zeros(n_rows, dtype=np.int64),
        columns=np.ones((1, 1)),
        totals=np.array([float(population)]),
        names=("population",),
        size=float(population),
    )


def _different_sizes(margins: list[_Margin]) -> list[str]:
    sizes = {margin.names[0].partition("=")[0]: margin.size for margin in margins
             if margin.size is not None}  # fmt: skip
    values = [size for size in sizes.values() if size is not None]
    if not values or max(values) - min(values) <= _SAME_SIZE * max(values):
        return []
    listed = ", ".join(f"{name} {size:,.10g}" for name, size in sizes.items())
    return [f"margins count different populations ({listed}): scale them to one size"]


def _join(margins: list[_Margin], n_rows: int) -> CalibrationVariables:
    row = np.zeros(n_rows, dtype=np.int64)
    for margin in margins:
        row, _ = pair_codes(row, margin.code)
    first = np.unique(row, return_index=True)[1]
    matrix = np.column_stack([margin.columns[margin.code[first]] for margin in margins])
    return CalibrationVariables(
        matrix=matrix,
        row=row,
        totals=np.concatenate([margin.totals for margin in margins]),
        names=tuple(name for margin in margins for name in margin.names),
    )
