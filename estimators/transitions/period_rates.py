"""Rates of stages by period, where single cases cannot be followed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import chdtri

from estimators.checks import check_columns, check_level
from estimators.errors import InputError
from estimators.registry import estimator
from estimators.results import Estimate, Estimates, Interval

__all__ = ["stage_rates"]


@estimator(
    family="transitions",
    label="Stage counts as rates by length of period",
    source="Garwood 1936",
    example=lambda: {
        "counts": pd.DataFrame(
            {"months": [9.0, 6, 6], "identified": [20, 15, 18], "arrests": [6, 7, 9]}
        ),
        "stages": ["identified", "arrests"],
        "length": "months",
    },
)
def stage_rates(
    counts: pd.DataFrame,
    *,
    stages: Sequence[str],
    length: str,
    level: float = 0.95,
) -> Estimates:
    """Turn counts by period and stage into rates, where cases cannot be followed.

    Parameters
    ----------
    counts : DataFrame, one row per period
        Its index names the periods.
    stages : list of str
        Columns of counts.
    length : str
        Column with the length of each period, above 0: periods of different lengths
        must not be compared by counts.
    level : float

    Returns
    -------
    Estimates
        Cases per unit of length with exact Poisson limits; columns ``period, stage``.

    Raises
    ------
    InputError
        If a count or a length is missing or unlawful; all are listed.

    Notes
    -----
    The ratio of two stages' counts in one period is no probability: arrests of this
    period belong to cases of the former. Use `attrition_funnel` where cases have dates.

    References
    ----------
    Garwood, F. (1936). Fiducial limits for the Poisson distribution. Biometrika 28,
    437-442.

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators import transitions
    >>> counts = pd.DataFrame({"months": [12, 6], "arrests": [6, 6]})
    >>> rates = transitions.stage_rates(counts, stages=["arrests"], length="months")
    >>> [row.estimate for row in rates]
    [0.5, 1.0]
    """
    check_level(level)
    names = list(stages)
    check_columns(counts, {"length": length, **{f"stage {n}": n for n in names}})
    problems = []
    for name in [length, *names]:
        column = pd.to_numeric(counts[name], errors="coerce")
        wrong = column.isna() | (column <= 0 if name == length else column < 0)
        if name != length:
            wrong |= column != np.floor(column)
        if wrong.any():
            problems.append(f"{name!r} in periods {list(counts.index[wrong][:5])}")
    if problems:
        raise InputError(
            "Whole counts >= 0 and lengths above 0 were expected; not so "
            f"{'; '.join(problems)}."
        )
    tail = (1 - level) / 2
    rows, groups = [], []
    for period, values in counts.iterrows():
        for name in names:
            count, long = float(values[name]), float(values[length])
            low = chdtri(2 * count, 1 - tail) / 2 if count else 0.0
            high = chdtri(2 * count + 2, tail) / 2
            rows.append(
                Estimate(
                    estimand="rate of cases",
                    unit=f"cases per unit of {length}",
                    estimate=count / long,
                    std_error=float(np.sqrt(count)) / long,
                    ci=Interval(
                        low=float(low) / long,
                        high=float(high) / long,
                        level=level,
                        method="exact Poisson",
                    ),
                    method="stage_rates",
                    n_obs=max(int(count), 1),
                    notes=()
                    if count
                    else ("no case: the standard error says nothing",),
                )
            )
            groups.append({"period": period, "stage": name})
    note = "ratios of stages within a period are no probabilities: cases move on later"
    return Estimates(rows=tuple(rows), groups=tuple(groups), notes=(note,))
