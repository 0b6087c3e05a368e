"""The result of a plan, and the steps that all plans end with."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimators.errors import InputError
from estimators.survey.field_conditions import FieldConditions
from estimators.survey.proportion_intervals import t_quantile

__all__ = ["SLACK", "SampleSize", "check_shares", "finish_plan", "plan_doubts"]

SLACK = 1e-9  # a whole number that rounding made a little more
_FEW_EVENTS = 10  # below, normal limits of a share are too short
_FEW_CLUSTERS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """A plan: how many persons and clusters, and how that came about.

    Attributes
    ----------
    n : int
        Persons to select, so that with the assumed response there are enough.
    n_respondents : int
        Persons to interview; in a plan over rounds, in each.
    n_clusters : int
        PSUs of the average size.
    half_width : float
        Of the interval of the prevalence; of the slope per round in plans for change.
    design_effect : float
    apparent_prevalence : float
        What the classification is expected to call positive (of the first round).
    steps : tuple of (str, str, float)
        Step, formula, result.
    notes : tuple of str
    """

    n: int
    n_respondents: int
    n_clusters: int
    half_width: float
    design_effect: float
    apparent_prevalence: float
    steps: tuple[tuple[str, str, float], ...]
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row per step."""
        return pd.DataFrame(list(self.steps), columns=["step", "formula", "value"])

    def summary(self) -> str:
        """Return the steps as text, followed by the notes."""
        head = (
            f"select {self.n:,}, interview {self.n_respondents:,} in "
            f"{self.n_clusters:,} clusters; half width {self.half_width:.4g}"
        )
        lines = [
            f"{step}: {formula} = {value:,.6g}" for step, formula, value in self.steps
        ]
        return "\n".join([head, *lines, *(f"note: {note}" for note in self.notes)])


def finish_plan(
    assumed: FieldConditions,
    simple: float,
    steps: list[tuple[str, str, float]],
    *,
    prevalence: float,
    half_width: float,
) -> SampleSize:
    """Take `simple` random interviews through design, population and response."""
    clustered = simple * assumed.effect
    finite = assumed.finite(clustered)
    selected = finite / assumed.response_rate
    respondents = math.ceil(finite - SLACK)
    n_clusters = math.ceil(finite / assumed.cluster_size - SLACK)
    steps += [
        ("design effect", "weights (1 + ((1 + cv^2) b - 1) rho)", assumed.effect),
        ("with the design", "n x deff", clustered),
        ("of the finite population", "n / (1 + (n - 1) / N)", finite),
        ("with non-response", "n / response", selected),
        ("clusters", "respondents / b", n_clusters),
    ]
    return SampleSize(
        n=math.ceil(selected - SLACK),
        n_respondents=respondents,
        n_clusters=n_clusters,
        half_width=half_width,
        design_effect=assumed.effect,
        apparent_prevalence=assumed.apparent(prevalence),
        steps=tuple(steps),
        notes=plan_doubts(assumed, finite, n_clusters, prevalence),
    )


def plan_doubts(
    assumed: FieldConditions, respondents: float, n_clusters: int, prevalence: float
) -> tuple[str, ...]:
    """Return what normal limits hide: few events, few clusters."""
    notes = []
    rarer = min(prevalence, 1 - prevalence) * respondents
    if rarer < _FEW_EVENTS:
        notes.append(
            f"{rarer:.1f} events (or non-events) are expected: normal limits are too "
            "short, plan by the exact interval or by simulation"
        )
    clustered = assumed.cluster_size > 1
    if clustered and n_clusters < 2:
        notes.append("one cluster gives no variance: take more, smaller ones")
    elif clustered and n_clusters < _FEW_CLUSTERS:
        longer = t_quantile(0.95, n_clusters - 1) / t_quantile(0.95, math.inf) - 1
        notes.append(
            f"with {n_clusters} clusters the interval at 95 % is {longer:.0%} longer "
            "than planned here: t with few degrees of freedom"
        )
    return tuple(notes)


def check_shares(**shares: float) -> None:
    """Raise unless every named number lies strictly between 0 and 1."""
    wrong = {
        name: value
        for name, value in shares.items()
        if not (isinstance(value, int | float | np.number) and 0 < value < 1)
    }
    if wrong:
        named = ", ".join(f"{name}={value!r}" for name, value in wrong.items())
        raise InputError(f"{named}: strictly between 0 and 1 was expected.")
