"""Change over rounds of a survey: slopes and differences from the first round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from estimators.checks import check_choice, check_columns, finite_vector
from estimators.designs import Design, domain_degrees_of_freedom
from estimators.designs.labels import as_names
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate, Estimates
from estimators.survey.contrasts import combine, joint_covariance
from estimators.survey.example import example_design
from estimators.survey.groups import read_domains
from estimators.survey.linear import mean
from estimators.survey.prevalence import proportion

if TYPE_CHECKING:
    from estimators.array_types import FloatVector
    from estimators.designs.domains import RowSelector

__all__ = ["trend"]


@estimator(
    family="survey",
    key="survey_trend",
    label="Change of a proportion or mean over rounds",
    source="Korn and Graubard 1999; Binder 1983",
    example=lambda: {
        "design": example_design(),
        "variable": "exploited",
        "time": "year",
    },
)
def trend(
    design: Design,
    variable: str,
    *,
    time: str,
    by: str | Sequence[str] | None = None,
    where: RowSelector | None = None,
    quantity: Literal["proportion", "mean"] = "proportion",
    level: float = 0.95,
) -> Estimates:
    """Estimate the slope over rounds and every round's difference from the first.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign of n rows
        Rounds are domains of one design: a site that was visited in several rounds
        stays one PSU, so that the covariance between rounds counts. Do not make strata
        of the rounds where they share PSUs.
    variable : str
        0/1 column, or any numeric one for ``quantity="mean"``.
    time : str
        Numeric column, such as the year of the round; its distances matter.
    by : str or list of str, optional
        A slope and differences for every group.
    where : str or array of shape (n,), optional
    quantity : {"proportion", "mean"}
    level : float

    Returns
    -------
    Estimates
        Group columns: those of `by`, then ``contrast``: ``"slope per unit of year"``
        first, ``"2012 - 2010"`` and so on after it. Diagnostics ``df``, ``statistic``,
        ``p_value``.

    Raises
    ------
    InputError
        If time is not numeric; otherwise as `proportion`.
    NotEstimableError
        If no group has known rows in two rounds.

    Notes
    -----
    The slope is the least-squares line through the rounds' estimates, each weighted by
    its sum of weights: for two rounds their difference per unit of time, for more the
    slope of a weighted regression of persons on time. Its variance is that of the
    linear combination under the joint covariance of the rounds, which takes the share
    of the rounds as fixed; degrees of freedom are PSUs less strata of the group. With
    few rounds look at the differences too: a slope hides what is not a line.

    References
    ----------
    Korn, E. L. and Graubard, B. I. (1999). Analysis of Health Surveys. Wiley.

    Binder, D. A. (1983). On the variances of asymptotically normal estimators from
    complex surveys. International Statistical Review 51, 279-292.

    Examples
    --------
    >>> from estimators import survey
    >>> from estimators.survey import SurveyDesign
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"site": [1, 1, 2, 2, 3, 3], "y": [2.0, 3, 4, 7, 3, 5],
    ...                       "year": [2010, 2012] * 3})
    >>> design = SurveyDesign.from_frame(frame, psu="site")
    >>> result = survey.trend(design, "y", time="year", quantity="mean")
    >>> [(g["contrast"], row.estimate) for g, row in zip(result.groups, result)]
    [('slope per unit of year', 1.0), ('2012 - 2010', 2.0)]
    """
    check_choice("quantity", quantity, ("proportion", "mean"))
    columns = as_names(by)
    check_columns(design.frame, {"time": time})
    known = design.frame[time].dropna()
    if time in columns or known.dtype.kind not in "iuf":
        raise InputError(
            f"time={time!r} must be a numeric column that is not among the groups; it "
            f"is {design.frame[time].dtype}. Make one, such as the year of the round."
        )
    finite_vector(known, time)
    estimate = proportion if quantity == "proportion" else mean
    found = estimate(design, variable, by=[*columns, time], where=where, level=level)
    if isinstance(found, Estimate):  # cannot be: `by` was given
        raise InputError("A trend needs groups.")
    groups_df = _group_df(design, variable, columns, where)
    weights, labels, rows, notes = [], [], [], list(found.notes)
    for group, places in _rounds(found, columns).items():
        shown = dict(zip(columns, group, strict=True))
        if len(places) < 2:
            notes.append(f"no trend with a single round: {shown or 'the whole domain'}")
            continue
        for words, row in _round_contrasts(found, places, time):
            weights.append(row)
            labels.append({**shown, "contrast": words["name"]})
            rows.append(combine(found, row, df=groups_df[group], words=words))
    if not rows:
        raise NotEstimableError(
            f"A trend needs known values of {variable!r} in two rounds of {time!r}: "
            f"{'; '.join(notes)}."
        )
    matrix = np.array(weights)
    return Estimates(
        rows=tuple(replace(row, method="survey_trend") for row in rows),
        groups=tuple(labels),
        covariance=matrix @ joint_covariance(found) @ matrix.T,
        notes=tuple(notes),
    )


def _group_df(
    design: Design,
    variable: str,
    columns: Sequence[str],
    where: RowSelector | None,
) -> dict[tuple[Any, ...], float]:
    sample, _ = read_domains(design, [variable], columns, where)
    df = domain_degrees_of_freedom(design, sample.domains.code, len(sample))
    keys = [tuple(group[name] for name in columns) for group in sample.domains.groups]
    return dict(zip(keys, df.astype(float).tolist(), strict=True))


def _rounds(
    found: Estimates, columns: Sequence[str]
) -> dict[tuple[Any, ...], list[int]]:
    """Return the rows of each group in order of time."""
    places: dict[tuple[Any, ...], list[int]] = {}
    for place, group in enumerate(found.groups):
        places.setdefault(tuple(group[name] for name in columns), []).append(place)
    return places


def _round_contrasts(
    found: Estimates, places: list[int], time: str
) -> list[tuple[dict[str, str], FloatVector]]:
    """Return the weights of the slope and of each difference from the first round."""
    when = np.array([float(found.groups[place][time]) for place in places])
    size = np.array([found[place].diagnostics["sum_of_weights"] for place in places])
    away = when - np.average(when, weights=size)
    row = np.zeros(len(found))
    row[places] = size * away / (size * away**2).sum()
    what, unit = found[0].estimand, found[0].unit
    words = {
        "name": f"slope per unit of {time}",
        "estimand": f"change in {what} per unit of {time}",
        "unit": f"{unit} per unit of {time}",
    }
    result = [(words, row)]
    for place in places[1:]:
        row = np.zeros(len(found))
        row[[place, places[0]]] = 1, -1
        name = " - ".join(
            f"{int(at) if at.is_integer() else at}"
            for at in (float(found.groups[i][time]) for i in (place, places[0]))
        )
        words = {"name": name, "estimand": f"difference in {what}", "unit": unit}
        result.append((words, row))
    return result
