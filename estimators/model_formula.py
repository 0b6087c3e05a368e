"""Formulas and frames: which columns a model uses, and the matrix they make."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector

__all__ = [
    "as_floats",
    "check_finite_terms",
    "describe_collinear",
    "drop_empty_levels",
    "materialise",
    "model_columns",
    "parse_formula",
    "read_frequencies",
    "wrong_rows",
]

# Share of a column, scaled to length 1, that the others must leave unexplained.
COLLINEAR = 1e-9
_SHOWN = 5
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_BACKTICKS = re.compile(r"`([^`]+)`")
# A word that is no attribute, no function and no keyword argument.
_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*\b(?!\s*\()(?!\s*=(?!=))")


@lru_cache(maxsize=256)
def parse_formula(formula: str, *, left: str) -> Any:  # noqa: ANN401 - formulaic is untyped
    """Return formulaic's Formula of ``left ~ terms``.

    Raises
    ------
    InputError
        If it cannot be read or has no left side.
    """
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    try:
        parsed = Formula(formula)
    except FormulaicError as error:
        raise InputError(f"The formula {formula!r} cannot be read: {error}") from error
    if not hasattr(parsed, "lhs"):
        raise InputError(
            f"The formula {formula!r} has no {left}: write '{left} ~ terms'."
        )
    return parsed


def model_columns(parsed: Any, formula: str, frame: pd.DataFrame) -> list[str]:  # noqa: ANN401 - formulaic is untyped
    """Return the columns that a formula uses, sorted.

    formulaic does not list those that stand only inside transforms with a memory,
    bs(age), poly(age, 2), center(age): they are found among the formula's words.

    Examples
    --------
    >>> frame = pd.DataFrame(columns=["y", "age", "bs", "df", "pay a day"])
    >>> formula = "y ~ bs(age, df=4) + center(`pay a day`)"
    >>> model_columns(parse_formula(formula, left="y"), formula, frame)
    ['age', 'pay a day', 'y']
    """
    text = _QUOTED.sub(" ", formula)
    words = set(_BACKTICKS.findall(text)) | set(
        _NAME.findall(_BACKTICKS.sub(" ", text))
    )
    known = words & {name for name in frame.columns if isinstance(name, str)}
    return sorted(set(map(str, parsed.required_variables)) | known)


def materialise(model: Any, frame: pd.DataFrame) -> Any:  # noqa: ANN401 - formulaic is untyped
    """Return the model matrices of complete rows.

    Raises
    ------
    InputError
        If a term cannot be made, or a row has a level that the fit has not seen.
    """
    from formulaic.errors import DataMismatchWarning, FormulaicError

    # formulaic takes pandas' nullable strings for numbers, and plain ones for levels.
    nullable = [
        name
        for name, dtype in frame.dtypes.items()
        if isinstance(dtype, pd.StringDtype) and dtype.na_value is pd.NA
    ]
    frame = frame.astype(dict.fromkeys(nullable, object))
    # What is not finite is refused by the caller, with its rows.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # A level that the fit has not seen would silently count as the reference.
        warnings.simplefilter("error", DataMismatchWarning)
        try:
            return model.get_model_matrix(frame, na_action="ignore")
        except (FormulaicError, DataMismatchWarning) as error:
            raise InputError(f"The model's terms cannot be made: {error}") from error


def read_frequencies(
    frame: pd.DataFrame, count: str | None, *, advice: str = ""
) -> FloatVector:
    """Return how many persons each row stands for: 1 without a `count` column.

    Raises
    ------
    InputError
        With the rows whose count is no whole number >= 0.
    """
    if count is None:
        return np.ones(len(frame))
    values = pd.to_numeric(frame[count], errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    wrong = ~(np.isfinite(values) & (values >= 0) & (values == np.round(values)))
    if wrong.any():
        raise InputError(
            f"count={count!r}: whole numbers of persons >= 0 were expected, "
            f"{wrong_rows(frame.index, wrong)}.{advice and ' '}{advice}"
        )
    return np.asarray(values, dtype=np.float64)


def drop_empty_levels(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the frame without categories that no row has, and notes that name them."""
    notes = []
    for name in frame.columns:
        if not isinstance(frame[name].dtype, pd.CategoricalDtype):
            continue
        used = frame[name].cat.remove_unused_categories()
        gone = frame[name].cat.categories.difference(used.cat.categories)
        if len(gone):
            frame = frame.assign(**{name: used})
            levels = ", ".join(map(str, gone))
            notes.append(f"no complete row has these levels of {name}: {levels}")
    return frame, notes


def as_floats(matrix: pd.DataFrame) -> FloatMatrix:
    """Return a frame's numbers, row by row in memory."""
    return np.ascontiguousarray(matrix.to_numpy(dtype=np.float64))


def check_finite_terms(
    matrix: FloatMatrix, term: tuple[str, ...], index: pd.Index
) -> None:
    """Raise InputError that names terms which are not finite, and their rows."""
    infinite = np.asarray(~np.isfinite(matrix))
    if infinite.any():
        named = ", ".join(np.array(term)[infinite.any(axis=0)])
        rows = wrong_rows(index, np.asarray(infinite.any(axis=1)))
        raise InputError(f"The terms {named} must be finite numbers, {rows}.")


def describe_collinear(matrix: FloatMatrix, term: tuple[str, ...]) -> str:
    """Return which terms are collinear, empty if none are.

    Columns of length 0 must have been refused before.
    """
    triangle = np.linalg.qr(matrix / np.linalg.norm(matrix, axis=0), mode="r")
    _, sizes, directions = np.linalg.svd(triangle, full_matrices=True)
    rank = int(np.count_nonzero(sizes > COLLINEAR))
    if rank == len(term):
        return ""
    involved = np.abs(directions[rank:]).max(axis=0) > 1e-6
    return (
        f"{len(term)} terms but only {rank} independent directions: "
        f"{', '.join(np.array(term)[involved])} are collinear. Leave "
        f"{len(term) - rank} of them out, or give more complete rows."
    )


def wrong_rows(
    index: pd.Index, wrong: BoolVector, values: FloatVector | None = None
) -> str:
    """Return ``2 rows are not (rows 4, 7)``, with values if they are given."""
    at = np.flatnonzero(wrong)
    shown = [
        f"{index[row]}" + ("" if values is None else f": {values[row]:g}")
        for row in at[:_SHOWN]
    ]
    more = ", ..." if at.size > _SHOWN else ""
    return f"{at.size} rows are not (rows {', '.join(shown)}{more})"
