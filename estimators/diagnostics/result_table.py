"""Reading test results of persons into counts of result patterns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.diagnostics.latent_status import ResultPatterns
from estimators.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntVector

__all__ = ["read_patterns"]


def read_patterns(
    frame: pd.DataFrame,
    tests: Sequence[str],
    population: str | None,
    count: str | None,
) -> tuple[ResultPatterns, list[object], tuple[str, ...]]:
    """Return the counted patterns, the populations' labels and notes.

    Raises
    ------
    InputError
        With every problem: absent columns, results that are not 0, 1 or missing, counts
        that are not whole numbers >= 0.
    NotEstimableError
        If nobody is left.
    """
    names = [tests] if isinstance(tests, str) else list(tests)
    if len(names) < 2 or len(set(names)) < len(names):
        raise InputError(f"tests={names}: two or more different columns are needed.")
    columns = {f"test {i + 1}": name for i, name in enumerate(names)}
    if population is not None:
        columns["population"] = population
    if count is not None:
        columns["count"] = count
    check_columns(frame, columns)
    problems: list[str] = []
    results = np.column_stack([_results(frame, name, problems) for name in names])
    counts = np.ones(len(frame)) if count is None else _counts(frame, count, problems)
    if problems:
        raise InputError("; ".join(problems) + ".")
    labels: list[object] = ["all"]
    code: IntVector = np.zeros(len(frame), dtype=np.int64)
    if population is not None:
        found, uniques = pd.factorize(frame[population], sort=True)
        code, labels = found.astype(np.int64), list(uniques)
    nowhere, untested = code < 0, (results < 0).all(axis=1)
    notes = [
        f"{counts[wrong].sum():g} persons {words} are left out"
        for wrong, words in (
            (nowhere, f"without {population!r}"),
            (untested & ~nowhere, "without any result"),
        )
        if counts[wrong].sum() > 0
    ]
    kept = ~nowhere & ~untested & (counts > 0)
    if not kept.any():
        raise NotEstimableError("Nobody has a test result.")
    used, code = np.unique(code[kept], return_inverse=True)
    gaps = counts[kept][(results[kept] < 0).any(axis=1)].sum()
    if gaps:
        notes.append(
            f"{gaps:g} persons lack some result: taken as missing at random, given the "
            "others"
        )
    rows, place = np.unique(
        np.column_stack([code, results[kept]]), axis=0, return_inverse=True
    )
    data = ResultPatterns(
        result=rows[:, 1:],
        population=rows[:, 0],
        count=np.bincount(place.ravel(), counts[kept]).astype(np.float64),
        n_populations=used.size,
    )
    return data, [labels[int(i)] for i in used], tuple(notes)


def _results(frame: pd.DataFrame, name: str, problems: list[str]) -> IntVector:
    try:
        values = frame[name].astype("float64").to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        problems.append(f"{name!r} must be 0, 1 or missing: {error}")
        return np.zeros(len(frame), dtype=np.int64)
    missing = np.isnan(values)
    wrong = ~missing & (values != 0) & (values != 1)
    if wrong.any():
        problems.append(
            f"{name!r} must be 0, 1 or missing; it is {values[wrong][0]:g} in row "
            f"{int(np.argmax(wrong))}"
        )
    return np.where(missing, -1, np.where(values == 1, 1, 0)).astype(np.int64)


def _counts(frame: pd.DataFrame, name: str, problems: list[str]) -> FloatVector:
    values = pd.to_numeric(frame[name], errors="coerce").to_numpy(
        np.float64, na_value=np.nan
    )
    wrong = ~np.isfinite(values) | (values < 0) | (values % 1 != 0)
    if wrong.any():
        problems.append(
            f"{name!r} must hold whole numbers >= 0; row {int(np.argmax(wrong))} does "
            "not"
        )
    return np.array(values, dtype=np.float64)
