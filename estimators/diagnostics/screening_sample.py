"""Checks of what a screening tool is built from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import check_choice, check_counts
from estimators.diagnostics.tool_selection import Points, Search
from estimators.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector

__all__ = [
    "check_folds",
    "check_search",
    "read_answers",
    "read_clusters",
    "read_sample",
]

LEAST = 5


def check_search(
    most_items: int, least_gain: float, floor: float | None, points: Points
) -> Search:
    """Return the search; raise for options out of range."""
    most = check_counts(most_items=most_items)["most_items"]
    if most < 1:
        raise InputError("most_items=0: a tool has at least one item.")
    if not 0 <= least_gain < 1:
        raise InputError(f"least_gain={least_gain!r} lies outside [0, 1).")
    if floor is not None and not 0 < floor <= 1:
        raise InputError(f"sensitivity_floor={floor!r} lies outside (0, 1].")
    check_choice("points", points, ("one", "integer"))
    return Search(
        most_items=most,
        least_gain=float(least_gain),
        sensitivity_floor=floor,
        points=points,
    )


def read_answers(items: pd.DataFrame) -> FloatMatrix:
    """Return answers as 0 and 1; raise with every item that has others."""
    problems = []
    columns = []
    for name in items.columns:
        values = pd.to_numeric(items[name], errors="coerce").to_numpy(np.float64)
        missing = int(np.isnan(values).sum())
        if missing:
            problems.append(f"{name} has {missing} missing or unreadable answers")
        elif not np.isin(values, (0.0, 1.0)).all():
            problems.append(f"{name} has answers other than 0 and 1")
        columns.append(values)
    if problems:
        raise InputError(
            "Items of a screening tool are 1 (yes) or 0 (no): "
            + "; ".join(problems)
            + ". State what the card counts an unknown answer as."
        )
    return np.column_stack(columns)


def read_sample(
    items: pd.DataFrame, truth: Sequence[float] | FloatVector
) -> tuple[FloatMatrix, BoolVector]:
    """Return answers and who is a case; raise where either is not 0 or 1."""
    if not isinstance(items, pd.DataFrame) or items.empty:
        raise InputError("items must be a DataFrame with one column per indicator.")
    values = pd.to_numeric(pd.Series(truth), errors="coerce").to_numpy(np.float64)
    if values.size != len(items):
        raise InputError(f"truth has {values.size} values for {len(items)} rows.")
    if not np.isin(values, (0.0, 1.0)).all():
        raise InputError(
            "truth must be 1 (case) or 0 (none) for every person: leave persons of "
            "unknown truth out knowingly."
        )
    answers, case = read_answers(items), values == 1
    n_cases, n_others = int(case.sum()), int((~case).sum())
    if min(n_cases, n_others) < LEAST:
        raise NotEstimableError(
            f"{n_cases} cases and {n_others} others: at least {LEAST} of each are "
            "needed to choose a tool and to try it."
        )
    return answers, case


def read_clusters(clusters: Sequence[object], n: int) -> IntVector:
    """Return the code of every person's cluster."""
    labels = pd.Series(list(clusters))
    if len(labels) != n or labels.isna().any():
        raise InputError(f"clusters needs one label for each of the {n} persons.")
    return np.asarray(pd.factorize(labels)[0], dtype=np.int64)


def check_folds(
    n_folds: int, n_repeats: int, case: BoolVector, codes: IntVector | None
) -> tuple[int, int]:
    """Return how many folds and repeats the sample can carry."""
    counts = check_counts(n_folds=n_folds, n_repeats=n_repeats)
    if counts["n_folds"] < 2 or counts["n_repeats"] < 1:
        raise InputError("At least 2 folds and 1 repeat are needed.")
    most = int(min(case.sum(), (~case).sum()))
    if codes is not None:
        most = int(codes.max()) + 1
        if most < LEAST:
            raise NotEstimableError(
                f"{most} clusters are too few to leave some out: {LEAST} are needed."
            )
    return min(counts["n_folds"], most), counts["n_repeats"]
