"""Survey results as the table that an area model reads."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError
from estimators.results import Estimates

if TYPE_CHECKING:
    from estimators.results import Estimate

__all__ = ["direct_estimates"]


def direct_estimates(
    estimates: Estimates, covariates: pd.DataFrame, *, area: str
) -> pd.DataFrame:
    """Join direct estimates by area with covariates of all areas.

    Parameters
    ----------
    estimates : Estimates
        Rows by `area` and by nothing else, as ``survey.proportion(design, "exploited",
        by="province")`` gives.
    covariates : pandas.DataFrame
        One row per area, sampled or not, with the column `area`.
    area : str

    Returns
    -------
    DataFrame
        The rows and columns of `covariates` and ``estimand, unit, estimate, variance,
        n_obs, n_effective, n_effective_from``. ``n_effective`` is the survey's; where
        it has none (no spread: zero events) it is n over the median design effect of
        the other areas (1 if that is below), and ``n_effective_from`` says
        ``"median design effect"``.
        Areas without sample have missing values.

    Raises
    ------
    InputError
        If the results are not by `area`, an area comes twice, or a sampled area has no
        covariates.

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators import survey
    >>> from estimators.small_area import direct_estimates
    >>> people = pd.DataFrame({"province": list("aabbb"), "debt": [0, 1, 0, 1, 1]})
    >>> found = survey.proportion(survey.SurveyDesign.from_frame(people), "debt",
    ...                           by="province")
    >>> poverty = pd.DataFrame({"province": list("abc"), "poverty": [0.1, 0.2, 0.3]})
    >>> table = direct_estimates(found, poverty, area="province")
    >>> table["estimate"].round(3).tolist()
    [0.5, 0.667, nan]
    """
    if not isinstance(estimates, Estimates):
        raise InputError(
            f"Estimates by area were expected (by={area!r}), "
            f"{type(estimates).__name__} came."
        )
    check_columns(covariates, {"area": area})
    wrong = {tuple(group) for group in estimates.groups} - {(area,)}
    if wrong:
        raise InputError(f"The results are by {sorted(wrong)}, not by {area!r} alone.")
    taken = {"estimand", "unit", "estimate", "variance", "n_obs", "n_effective",
             "n_effective_from"} & set(covariates.columns)  # fmt: skip
    if taken:
        raise InputError(
            f"covariates has columns that the result needs: {sorted(taken)}. "
            "Rename them."
        )
    places = covariates[area]
    if places.isna().any() or places.duplicated().any():
        raise InputError(f"covariates needs one row per {area}, each with its name.")
    sampled = [group[area] for group in estimates.groups]
    unknown = [str(name) for name in sampled if name not in set(places)]
    if unknown:
        raise InputError(
            f"No covariates for {', '.join(unknown)}: the model cannot use these areas."
        )
    effects = [e for row in estimates if (e := _design_effect(row)) is not None]
    usual = max(median(effects), 1.0) if effects else 1.0
    table = pd.DataFrame([_record(row, usual) for row in estimates])
    table.insert(0, area, pd.Series(sampled, dtype=places.dtype))
    return covariates.merge(table, on=area, how="left", validate="one_to_one")


def _design_effect(row: Estimate) -> float | None:
    size = row.diagnostics.get("n_effective", np.nan)
    return row.n_obs / size if np.isfinite(size) and size > 0 else None


def _record(row: Estimate, usual: float) -> dict[str, object]:
    effect = _design_effect(row)
    return {
        "estimand": row.estimand,
        "unit": row.unit,
        "estimate": row.estimate,
        "variance": row.std_error**2,
        "n_obs": row.n_obs,
        "n_effective": row.n_obs / (usual if effect is None else effect),
        "n_effective_from": "survey" if effect is not None else "median design effect",
    }
