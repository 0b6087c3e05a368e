"""Where a correction for misclassification reaches its limits, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.errors import NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector
    from estimators.classifier_accuracy import Validated
    from estimators.regression._misclassified_likelihood import (
        MisclassifiedLikelihood,
        MisclassifiedState,
    )

__all__ = ["misclassification_notes", "refuse_boundary"]

# Where the climb ended: predictors this far out, and so little information left along
# some direction, against what there is at even odds.
_FAR = 12.0
_FLAT = 1e-8
_LEVELS = 12  # a term with more values is no category


def refuse_boundary(
    likelihood: MisclassifiedLikelihood,
    state: MisclassifiedState,
    term: tuple[str, ...],
) -> None:
    """Raise where the likelihood still rises towards a prevalence of 0 or 1."""
    even = likelihood.at(np.zeros(state.beta.size))
    eta = likelihood.matrix[likelihood.trials > 0] @ state.beta
    farthest = eta[np.argmax(np.abs(eta))]
    if even is None or abs(farthest) < _FAR:
        return
    root = np.linalg.inv(np.linalg.cholesky(even.information))
    values, vectors = np.linalg.eigh(root @ state.information @ root.T)
    if values[0] > _FLAT:
        return
    size = np.sqrt(np.diag(even.information))
    direction = np.abs(size * (root.T @ vectors[:, 0]))
    names = [
        term[place] for place in np.flatnonzero(direction > 0.05 * direction.max())
    ]
    which = "0" if farthest < 0 else "1"
    found = categories_outside(likelihood, term)
    raise NotEstimableError(
        f"The likelihood has no maximum: it rises while the true prevalence of some "
        f"persons goes to {which}, and with it {', '.join(names)} to infinity. "
        + "".join(f"{line}. " for line in found)
        + 'Use penalty="jeffreys", which keeps every estimate finite, pool '
        "categories, drop the term, or look into the sensitivity and specificity."
    )


def categories_outside(
    likelihood: MisclassifiedLikelihood, term: tuple[str, ...]
) -> list[str]:
    """Name the sample, and categories, recorded less than 1 - Sp or more than Se."""
    found = []
    everyone = np.ones(len(likelihood.trials), dtype=bool)
    line = _outside(likelihood, everyone, "all persons")
    if line:
        found.append(line)
    for place, name in enumerate(term):
        column = likelihood.matrix[:, place]
        values = np.unique(column)
        if not 1 < values.size <= _LEVELS:
            continue
        for value in values:
            line = _outside(likelihood, column == value, f"{name} = {value:g}")
            if line:
                found.append(line)
    return found


def _outside(
    likelihood: MisclassifiedLikelihood, member: BoolVector, name: str
) -> str | None:
    trials = float(likelihood.trials[member].sum())
    if trials <= 0:
        return None
    share = float(likelihood.events[member].sum()) / trials
    floor = 1 - likelihood.specificity
    if share < floor:
        return f"apparent prevalence {share:.3g} below 1 - Sp = {floor:.3g} in {name}"
    if share > likelihood.sensitivity:
        return (
            f"apparent prevalence {share:.3g} above Se = "
            f"{likelihood.sensitivity:.3g} in {name}"
        )
    return None


def misclassification_notes(
    likelihood: MisclassifiedLikelihood,
    accuracies: tuple[Validated, Validated],
    term: tuple[str, ...],
    *,
    jeffreys: bool,
) -> tuple[str, ...]:
    """Return what a reader must know before believing the correction."""
    notes = categories_outside(likelihood, term)
    if jeffreys:
        notes.append(
            "Jeffreys' penalty: estimates are drawn towards even odds, most where the "
            "data say least; where an apparent prevalence lies outside [1 - Sp, Se] "
            "only the penalty keeps them finite"
        )
    for label, value in zip(("sensitivity", "specificity"), accuracies, strict=True):
        if not value.is_known and value.variance == 0:
            notes.append(
                f"the validation sample of the {label} saw no error in {value.n:.0f} "
                "persons: its uncertainty counts as none; give a prior such as "
                "BetaPrior(correct + 1, 1)"
            )
    return tuple(notes)
