"""From items, covariates and a design to what is climbed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.checks import check_counts
from estimators.designs import ReplicateDesign, SurveyDesign, check_design
from estimators.errors import InputError, NotEstimableError
from estimators.latent_class.class_covariates import distinct_rows, read_covariates
from estimators.latent_class.climbing import ClassModel
from estimators.latent_class.fit_statistics import n_parameters
from estimators.latent_class.latent_fit import ClassRows
from estimators.latent_class.patterns import collapse, read_items

if TYPE_CHECKING:
    import pandas as pd

    from estimators.array_types import BoolVector, IntMatrix
    from estimators.latent_class.patterns import ItemScale

__all__ = ["Start", "prepare"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Start:
    """What is fitted, before it is."""

    scale: ItemScale
    rows: ClassRows
    model: ClassModel
    notes: tuple[str, ...]


def prepare(
    items: pd.DataFrame,
    covariates: pd.DataFrame | None,
    design: SurveyDesign | None,
    sizes: tuple[int, int, float],
) -> Start:
    """Return what is fitted; `sizes` are classes, starts and strength of the prior."""
    n_classes, prior_strength = _check_sizes(*sizes)
    scale = read_items(items)
    _check_same_rows(items, design)
    codes = scale.code(items.set_axis(list(scale.names), axis=1))
    inside = np.ones(len(items), dtype=np.bool_)
    if design is not None:
        inside = design.domain & (design.weights > 0)
    answered = (codes >= 0).any(axis=1)
    found = read_covariates(covariates, len(items), answered & inside)
    kept = np.asarray(answered & inside & found.complete)
    if not kept.any():
        raise NotEstimableError("No person answered any item: nothing to fit.")
    weight = np.ones(int(kept.sum()))
    if design is not None:
        weight = design.weights[kept] / design.weights[kept].mean()
    matrix = found.matrix[kept]
    patterns = collapse(codes[kept], weight, scale, also=distinct_rows(matrix))
    of_pattern = np.empty((len(patterns.mass), matrix.shape[1]))
    of_pattern[patterns.of_row] = matrix
    model = ClassModel(
        patterns=patterns,
        matrix=of_pattern,
        n_classes=n_classes,
        prior_strength=prior_strength,
    )
    _check_enough_cells(model, scale)
    rows = ClassRows(
        kept=kept,
        pattern=patterns.of_row,
        weight=weight,
        covariates=found,
        design=design,
    )
    notes = _row_notes(codes, np.asarray(inside), np.asarray(answered), found.complete)
    return Start(scale=scale, rows=rows, model=model, notes=notes)


def _check_sizes(
    n_classes: int, n_starts: int, prior_strength: float
) -> tuple[int, float]:
    counts = check_counts(n_classes=n_classes, n_starts=n_starts)
    if not 1 <= counts["n_classes"] <= 20:
        raise InputError(f"n_classes={n_classes}: give 1 to 20 classes.")
    if counts["n_starts"] < 1:
        raise InputError("n_starts=0: at least one start is needed.")
    if not (isinstance(prior_strength, int | float) and 0 <= prior_strength < np.inf):
        raise InputError(
            f"prior_strength={prior_strength!r}: give a number of persons >= 0, "
            "0 for maximum likelihood, 1 to keep probabilities off 0 and 1."
        )
    return counts["n_classes"], float(prior_strength)


def _check_same_rows(items: pd.DataFrame, design: SurveyDesign | None) -> None:
    if design is None:
        return
    if isinstance(check_design(design), ReplicateDesign):
        raise InputError(
            "Latent classes take a SurveyDesign (linearised variance), not replicate "
            "weights: climbing anew in every replicate may land on another maximum."
        )
    if len(design) != len(items):
        raise InputError(
            f"The design has {len(design)} rows and items {len(items)}: make the "
            "design from the same frame, and restrict it to a domain instead of "
            "cutting rows."
        )


def _check_enough_cells(model: ClassModel, scale: ItemScale) -> None:
    parameters = n_parameters(model, scale)
    if not model.has_covariates and parameters > scale.n_cells - 1:
        raise NotEstimableError(
            f"{model.n_classes} classes have {parameters} parameters, but the table of "
            f"{len(scale.names)} items only {scale.n_cells - 1:g} free cells: they "
            "cannot be told apart. Fit fewer classes or add items."
        )


def _row_notes(
    codes: IntMatrix, inside: BoolVector, answered: BoolVector, complete: BoolVector
) -> tuple[str, ...]:
    notes = []
    empty = int((inside & ~answered).sum())
    if empty:
        notes.append(f"{empty} persons answered no item and were left out")
    lost = int((inside & answered & ~complete).sum())
    if lost:
        notes.append(f"{lost} persons lack a covariate and were left out")
    part = codes[inside & answered & complete]
    partial = int((part < 0).any(axis=1).sum())
    if partial:
        notes.append(
            f"{partial} of {len(part)} persons miss some items "
            f"({int((part < 0).sum())} answers): skipped as missing at random"
        )
    return tuple(notes)
