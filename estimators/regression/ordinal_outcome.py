"""From a formula with an ordered outcome to its category codes and covariates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError, NotEstimableError
from estimators.model_formula import as_floats, parse_formula
from estimators.regression.model_data import INTERCEPT, BinaryData, read_complete_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import BoolVector, FloatVector, IntVector

__all__ = ["OrdinalData", "read_ordinal_rows"]


@dataclass(frozen=True, slots=True, eq=False)
class OrdinalData:
    """Complete rows; `category` (n,) counts from 0 in the order of `levels`."""

    rows: BinaryData
    category: IntVector
    levels: tuple[str, ...]
    notes: tuple[str, ...]


def read_ordinal_rows(
    formula: str,
    frame: pd.DataFrame,
    *,
    order: Sequence[Any] | None,
    count: str | None,
    inside: BoolVector | None,
) -> OrdinalData:
    """Read the complete rows of an ordinal model and refuse what cannot be fitted.

    Raises
    ------
    InputError
        If the outcome is no column with an order, has values that `order` does not
        name, or the formula has no intercept.
    NotEstimableError
        If fewer than three categories are observed.
    """
    check_columns(frame, {})
    name = _outcome_name(formula, frame)
    codes, values = _codes(frame[name], name, order)
    coded = frame.assign(**{name: codes})
    rows = read_complete_rows(formula, coded, _plain, count=count, inside=inside)
    if INTERCEPT not in rows.term:
        raise InputError(
            f"The formula {formula!r} must keep its intercept: the thresholds between "
            "categories stand in its place."
        )
    used = np.unique(rows.outcome[rows.frequency > 0]).astype(np.int64)
    names = [str(values[code]) for code in used]
    if len(used) < 3:
        raise NotEstimableError(
            f"The outcome {name} has {len(used)} categories ({', '.join(names)}) in "
            "complete rows: an ordinal model needs three. Use logistic or "
            "firth_logistic."
        )
    unseen = [str(v) for code, v in enumerate(values) if code not in set(used.tolist())]
    notes = (
        (f"categories without any person are left out: {', '.join(unseen)}",)
        if unseen
        else ()
    )
    category = np.searchsorted(used, rows.outcome.astype(np.int64))
    return OrdinalData(rows, np.asarray(category), tuple(names), notes)


def _outcome_name(formula: str, frame: pd.DataFrame) -> str:
    parsed = parse_formula(formula, left="outcome")
    name = str(parsed.lhs).strip().strip("`")
    if name not in frame.columns:
        raise InputError(
            f"The outcome of {formula!r} must be one column of the frame, as it is: "
            f"{name!r} is none of {', '.join(map(str, frame.columns))}."
        )
    if name in {str(v) for v in parsed.rhs.required_variables}:
        raise InputError(f"{name} is the outcome and a term of {formula!r}.")
    return name


def _codes(
    column: pd.Series[Any], name: str, order: Sequence[Any] | None
) -> tuple[FloatVector, list[Any]]:
    if order is not None:
        values = list(order)
        wrong = sorted({str(v) for v in column.dropna().unique() if v not in values})
        if wrong or len(set(values)) < len(values):
            raise InputError(
                f"order={values!r} must name every value of {name} once, lowest first; "
                f"not named: {', '.join(wrong) or 'none, but some twice'}."
            )
    elif isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered:
        values = list(column.dtype.categories)
    elif pd.api.types.is_numeric_dtype(column.dtype):
        values = sorted(column.dropna().unique().tolist())
        if (
            any(float(v) != int(v) for v in values if np.isfinite(v))
            or len(values) > 50
        ):
            raise InputError(
                f"The outcome {name} must hold few whole numbers or ordered "
                f"categories; it has {len(values)} values such as {values[:3]}."
            )
    else:
        raise InputError(
            f"The categories of {name} have no order: give order=, lowest first, or "
            "make the column pandas.Categorical(..., ordered=True)."
        )
    place = {value: float(code) for code, value in enumerate(values)}
    codes = column.astype(object).map(place).to_numpy(dtype=np.float64, na_value=np.nan)
    return codes, values


def _plain(columns: pd.DataFrame, index: pd.Index) -> FloatVector:  # noqa: ARG001 - the reader's form
    return np.ascontiguousarray(as_floats(columns)[:, 0])
