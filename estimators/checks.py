"""Argument checks that say what was expected, what came and what to do."""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatVector

__all__ = [
    "as_generator",
    "check_choice",
    "check_columns",
    "check_counts",
    "check_level",
    "check_resamples",
    "finite_vector",
]


def check_level(level: float) -> float:
    """Return `level` if it is a confidence level strictly between 0 and 1."""
    if not (isinstance(level, int | float | np.floating) and 0 < level < 1):
        raise InputError(
            f"level={level!r}: a confidence level lies strictly between 0 and 1, "
            "for example level=0.95."
        )
    return float(level)


def check_counts(**counts: Any) -> dict[str, int]:  # noqa: ANN401 - checks anything
    """Return the named counts as ints; each must be a whole number >= 0."""
    checked: dict[str, int] = {}
    problems: list[str] = []
    for name, value in counts.items():
        try:
            # 3.0 is a whole number that came out of a float column: let it pass.
            whole = int(value) if float(value).is_integer() else operator.index(value)
        except (TypeError, ValueError, OverflowError):
            problems.append(f"{name}={value!r} is not a whole number")
            continue
        if whole < 0:
            problems.append(f"{name}={whole} is below 0")
        checked[name] = whole
    if problems:
        raise InputError("Counts are whole numbers >= 0: " + "; ".join(problems) + ".")
    return checked


def check_choice(name: str, value: str, allowed: Collection[str]) -> str:
    """Return `value` if it is one of `allowed`."""
    if value not in allowed:
        raise InputError(
            f"{name}={value!r} is not known; choose one of "
            f"{', '.join(sorted(allowed))}."
        )
    return value


def check_columns(frame: pd.DataFrame, columns: Mapping[str, str]) -> None:
    """Raise unless `frame` has every column; `columns` maps its role to its name."""
    if not isinstance(frame, pd.DataFrame):
        raise InputError(
            f"A pandas DataFrame was expected, {type(frame).__name__} came."
        )
    missing = [
        f"{name!r} ({role})"
        for role, name in columns.items()
        if name not in frame.columns
    ]
    if missing:
        raise InputError(
            f"Missing from the frame: {', '.join(missing)}. "
            f"Its columns are {', '.join(map(str, frame.columns))}."
        )


def check_resamples(n_resamples: int, *, least: int = 1) -> int:
    """Return `n_resamples` if it is a whole number >= `least`."""
    count = check_counts(n_resamples=n_resamples)["n_resamples"]
    if count < least:
        raise InputError(f"n_resamples={count}, but at least {least} are needed.")
    return count


def finite_vector(values: Any, name: str) -> FloatVector:  # noqa: ANN401 - checks anything
    """Return `values` as float64 of shape (n,); refuse NaN, infinities and text."""
    try:
        array = np.asarray(pd.Series(values), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be numbers: {error}.") from error
    wrong = np.flatnonzero(~np.isfinite(array))
    if wrong.size:
        shown = ", ".join(str(row) for row in wrong[:5])
        raise InputError(
            f"{name} has {wrong.size} missing or infinite values (rows {shown}"
            f"{', ...' if wrong.size > 5 else ''}, counted from 0). "
            "Remove these rows knowingly, or state them as unknown to an estimator "
            "that takes unknowns."
        )
    return array


def as_generator(rng: int | np.random.Generator | None) -> np.random.Generator:
    """Turn the public `rng` argument into a generator, once, at the public door."""
    if isinstance(rng, bool):
        raise InputError(f"rng={rng!r}: give a whole number, a Generator or None.")
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"rng={rng!r}: give a whole number >= 0, a numpy Generator or None."
        ) from error
