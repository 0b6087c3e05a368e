"""Sensitivity and specificity as arguments: known, or counted in a validation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from estimators.errors import InputError

__all__ = ["Accuracy", "Validated", "check_accuracies", "read_accuracies"]

Accuracy: TypeAlias = "float | Sequence[float]"
_FORMS = (
    "a known value such as 0.89, or counts (correct, tested) of a validation sample "
    "such as (238, 270)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """A sensitivity or specificity; `n` is infinite when it is taken as known."""

    share: float
    n: float

    @property
    def is_known(self) -> bool:
        """Whether it carries no sampling error."""
        return math.isinf(self.n)

    @property
    def correct(self) -> float:
        """Correct answers in the validation sample."""
        return self.share * self.n

    @property
    def variance(self) -> float:
        """Binomial variance of the share, 0 when it is known."""
        return self.share * (1 - self.share) / self.n


def read_accuracies(
    sensitivity: Accuracy, specificity: Accuracy
) -> tuple[Validated, Validated]:
    """Return both, checked; together they must exceed 1.

    Raises
    ------
    InputError
        With every problem: not a proportion, counts that do not fit, or a sum of
        sensitivity and specificity of 1 or less.
    """
    problems: list[str] = []
    found = [
        _read(name, value, problems)
        for name, value in (("sensitivity", sensitivity), ("specificity", specificity))
    ]
    if problems:
        raise InputError("; ".join(problems) + ".")
    se, sp = found
    check_accuracies(se.share, sp.share)
    return se, sp


def check_accuracies(sensitivity: float, specificity: float) -> None:
    """Raise unless the classifier tells cases from non-cases: Se + Sp > 1."""
    if sensitivity + specificity <= 1:
        raise InputError(
            f"sensitivity={sensitivity:.6g} and specificity={specificity:.6g} sum to "
            f"{sensitivity + specificity:.6g}: a classifier that is not better than "
            "chance (sum above 1) says nothing about prevalence. Were they swapped, "
            "given in per cent, or is the coding of the answers reversed?"
        )


def _read(name: str, value: Accuracy, problems: list[str]) -> Validated:
    nothing = Validated(share=1.0, n=math.inf)
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        if 0 <= value <= 1:
            return Validated(share=float(value), n=math.inf)
        problems.append(f"{name}={value!r} is not in [0, 1]; give {_FORMS}")
        return nothing
    try:
        correct, tested = (float(count) for count in value)  # type: ignore[union-attr]  # anything may come
    except (TypeError, ValueError):
        problems.append(f"{name}={value!r} is not understood; give {_FORMS}")
        return nothing
    # Published studies give 0.85 of 50: the correct need not be a whole number.
    if not (math.isfinite(tested) and tested > 0 and 0 <= correct <= tested):
        problems.append(
            f"{name}={value!r}: {correct:g} correct of {tested:g} tested persons "
            "cannot be"
        )
        return nothing
    return Validated(share=correct / tested, n=tested)
