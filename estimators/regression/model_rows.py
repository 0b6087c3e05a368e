"""From a formula and a frame to the arrays of a generalised linear model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError
from estimators.model_formula import as_floats, wrong_rows
from estimators.regression.model_data import (
    BinaryData,
    read_binary_data,
    read_complete_rows,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import BoolVector, FloatVector, IntVector
    from estimators.regression.glm_families import FamilyName

__all__ = ["ModelRows", "read_model_rows", "term_columns"]

_KINDS = {
    "poisson": "finite and >= 0",
    "gamma": "finite and above 0",
    "gaussian": "finite",
}


@dataclass(frozen=True, slots=True, eq=False)
class ModelRows(BinaryData):
    """Complete rows of a model with any outcome; `offset` of shape (n,) is known."""

    offset: FloatVector


def read_model_rows(
    formula: str,
    frame: pd.DataFrame,
    *,
    family: FamilyName = "binomial",
    offset: str | None = None,
    count: str | None = None,
    inside: BoolVector | None = None,
) -> ModelRows:
    """Read the complete rows of a model and refuse what cannot be fitted.

    Parameters
    ----------
    formula : str
        ``outcome ~ terms``; the outcome is 0/1 or boolean for the binomial family.
    frame : pandas.DataFrame
        Rows with a missing value in a column of the model are left out and counted.
    family : {"binomial", "poisson", "gaussian", "gamma"}
    offset : str, optional
        Numeric column that is added to the linear predictor.
    count : str, optional
        Column of whole numbers >= 0: how many persons a row stands for.
    inside : ndarray of bool, optional
        Rows under study.

    Raises
    ------
    InputError
        If the formula cannot be read, columns are missing, outcome, offset or a term is
        not as the family needs it, or terms are collinear.
    NotEstimableError
        If no row is complete, or all outcomes are alike.
    """
    known, values, notes = _offset(frame, offset)
    if inside is not None:
        known &= inside
    if family == "binomial":
        data = read_binary_data(formula, frame, count=count, inside=known)
    else:
        data = read_complete_rows(
            formula,
            frame,
            partial(_numeric_outcome, family),
            count=count,
            inside=known,
        )
    return ModelRows(
        outcome=data.outcome,
        matrix=data.matrix,
        frequency=data.frequency,
        kept=data.kept,
        term=data.term,
        spec=data.spec,
        notes=(*notes, *data.notes),
        offset=values[data.kept],
    )


def term_columns(data: BinaryData, terms: str | Sequence[str]) -> IntVector:
    """Return the matrix columns of terms, named as in the formula or as columns.

    ``"race"`` stands for every column that the factor race became, ``"race[T.2]"`` for
    one of them; ``"a + b"`` for both.

    Raises
    ------
    InputError
        If the model has no such term; those it has are listed.
    """
    wanted = terms.split("+") if isinstance(terms, str) else list(terms)
    groups = {
        str(term): [int(place) for place in places]
        for term, places in data.spec.term_indices.items()
    }
    groups |= {name: [place] for place, name in enumerate(data.term)}
    plain = {_squeezed(name): places for name, places in groups.items()}
    unknown = [name.strip() for name in wanted if _squeezed(name) not in plain]
    if unknown or not wanted:
        raise InputError(
            f"The model has no term {', '.join(unknown) or '(none was named)'}; its "
            f"terms are {', '.join(dict.fromkeys(groups))}."
        )
    return np.unique([p for name in wanted for p in plain[_squeezed(name)]])


def _squeezed(name: str) -> str:
    return name.replace(" ", "").replace("`", "")


def _offset(
    frame: pd.DataFrame, offset: str | None
) -> tuple[BoolVector, FloatVector, tuple[str, ...]]:
    if offset is None:
        size = len(frame) if isinstance(frame, pd.DataFrame) else 0
        return np.ones(size, dtype=bool), np.zeros(size), ()
    check_columns(frame, {"offset": offset})
    missing = frame[offset].isna().to_numpy(dtype=bool)
    values = pd.to_numeric(frame[offset], errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    wrong = ~missing & ~np.isfinite(values)
    if wrong.any():
        raise InputError(
            f"offset={offset!r} must hold finite numbers (for a rate the logarithm of "
            f"the exposure), {wrong_rows(frame.index, np.asarray(wrong))}."
        )
    notes: tuple[str, ...] = ()
    if missing.any():
        notes = (f"{int(missing.sum())} rows are left out for a missing {offset}",)
    return np.asarray(~missing), np.where(missing, 0.0, values), notes


def _numeric_outcome(
    family: FamilyName, columns: pd.DataFrame, index: pd.Index
) -> FloatVector:
    values = as_floats(columns)
    if values.shape[1] != 1:
        raise InputError(
            f"The outcome of a {family} model must be one numeric column, it became "
            f"{', '.join(map(str, columns))}."
        )
    outcome = np.ascontiguousarray(values[:, 0])
    wrong = ~np.isfinite(outcome)
    if family != "gaussian":
        wrong |= outcome < 0 if family == "poisson" else outcome <= 0
    if wrong.any():
        raise InputError(
            f"The outcome {columns.columns[0]} of a {family} model must be "
            f"{_KINDS[family]}, {wrong_rows(index, wrong, outcome)}."
        )
    return outcome
