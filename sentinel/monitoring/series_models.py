"""Models of a released series: an intervention, covariates, a trend of shares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from estimators import regression, surveillance
from estimators.designs import SurveyDesign
from estimators.errors import ConvergenceError, InputError, NotEstimableError
from sentinel.monitoring.aberrations import PER_YEAR, period_texts
from sentinel.monitoring.parts import MonitoredPart, PartKind

if TYPE_CHECKING:
    from estimators.results import ModelFit
    from sentinel.monitoring.series import ReleasedSeries
    from sentinel.study.monitoring_section import SeriesEntry

__all__ = ["series_models"]

NO_CONTROL = (
    "there is no comparison series: whatever else changed at that time is part of the "
    "level"
)
ROBUST = (
    "log-linear model with variances from the spread of the periods (robust), each "
    "period taken as independent of the one before; time in years"
)
NEGATIVE_BINOMIAL = (
    "log-linear model with variance mean + alpha mean squared, alpha = {alpha:.3g}, "
    "each period taken as independent of the one before; time in years"
)
HARMONICS_FROM = 24
INTERRUPTED: dict[str, Literal["quasi_poisson", "negative_binomial"]] = {
    "poisson": "quasi_poisson",
    "negative_binomial": "negative_binomial",
}
ERRORS = (InputError, NotEstimableError, ConvergenceError)


def series_models(
    entry: SeriesEntry, series: ReleasedSeries, skipped: list[str]
) -> Iterator[MonitoredPart]:
    """Yield the models that the study asks of a series.

    Parameters
    ----------
    entry : SeriesEntry
    series : ReleasedSeries
        Already no finer than a release may be: a function of it may be shown.
    skipped : list of str
        Grows by what could not be estimated.
    """
    asked = (
        (entry.intervention is not None, _intervention, "intervention"),
        (bool(entry.covariates), _covariates, "covariates"),
        (entry.trend and entry.whole is not None, _trend, "trend"),
    )
    for wanted, model, words in asked:
        if not wanted:
            continue
        try:
            yield model(entry, series)
        except ERRORS as error:
            skipped.append(f"{entry.title}, {words}: {error}")


def _intervention(entry: SeriesEntry, series: ReleasedSeries) -> MonitoredPart:
    texts = period_texts(series.frame.index)
    counts = pd.Series(series.frame[entry.count].to_numpy(), index=texts)
    start = str(entry.intervention)
    if series.unit == "quarter" and start not in texts:
        start = period_texts(pd.PeriodIndex([start], freq="M").asfreq("Q"))[0]
    per_year = PER_YEAR[series.unit]
    seasonal = per_year > 1 and len(counts) >= HARMONICS_FROM
    fit = surveillance.interrupted_time_series(
        counts,
        intervention=start,
        harmonics=min(2, per_year // 2) if seasonal else 0,
        frequency=per_year,
        family=INTERRUPTED[entry.family],
    )
    labels = {
        "level": f"level from {start} on",
        "slope": f"slope from {start} on, per {series.unit}",
        "time": f"trend before, per {series.unit}",
    }
    return _ratios(entry, fit, labels, "intervention", (NO_CONTROL, *fit.notes))


def _covariates(entry: SeriesEntry, series: ReleasedSeries) -> MonitoredPart:
    frame = series.frame[[entry.count, *entry.covariates]].reset_index(drop=True)
    plain = {name: f"x{place}" for place, name in enumerate(entry.covariates)}
    table = frame.rename(columns={entry.count: "y", **plain})
    table["years"] = np.arange(len(table)) / PER_YEAR[series.unit]
    if len(table) < 3 * (len(plain) + 2):
        raise NotEstimableError(
            f"{len(table)} periods for {len(plain) + 2} coefficients: at least three "
            "periods for each are needed"
        )
    formula = " + ".join(["y ~ years", *plain.values()])
    labels = {short: name for name, short in plain.items()} | {"years": "a year later"}
    if entry.family == "negative_binomial":
        fit = regression.negative_binomial(formula, table)
        told = NEGATIVE_BINOMIAL.format(alpha=fit.fit_statistics["alpha"])
        return _ratios(entry, fit, labels, "covariates", (told, *fit.notes))
    design = SurveyDesign.from_frame(table.assign(one=1.0), weights="one")
    robust = regression.survey_glm(formula, design, family="poisson")
    return _ratios(entry, robust, labels, "covariates", (ROBUST,))


def _trend(entry: SeriesEntry, series: ReleasedSeries) -> MonitoredPart:
    whole = series.frame[entry.whole]
    open_periods = whole > 0
    events = series.frame.loc[open_periods, entry.count]
    found: Any = surveillance.trend_test(
        events.to_numpy(dtype=float),
        whole[open_periods].to_numpy(dtype=float),
        scores=np.flatnonzero(open_periods).astype(float),
    )
    frame = found.to_frame()
    frame["label"] = f"change of {entry.count} among {entry.whole}, per {series.unit}"
    frame["p_value"] = found.diagnostics.get("p_value", np.nan)
    return MonitoredPart(
        name=f"{entry.name}_trend",
        kind="trend",
        title=f"{entry.title}: trend of the share",
        frame=frame,
        notes=(f"method: {found.method}", *found.notes),
        source=entry.source,
    )


def _ratios(
    entry: SeriesEntry,
    fit: ModelFit,
    labels: dict[str, str],
    kind: PartKind | str,
    notes: tuple[str, ...],
) -> MonitoredPart:
    terms = fit.terms()
    terms = terms[terms["term"].isin(labels)].reset_index(drop=True)
    frame = pd.DataFrame(
        {
            "label": terms["term"].map(labels),
            "unit": "ratio of counts",
            "estimate": np.exp(terms["estimate"]),
            "ci_low": np.exp(terms["ci_low"]),
            "ci_high": np.exp(terms["ci_high"]),
            "ci_level": fit.ci_level,
            "n_obs": fit.n_obs,
            "p_value": terms["p_value"],
        }
    )
    return MonitoredPart(
        name=f"{entry.name}_{kind}",
        kind="intervention",
        title=f"{entry.title}: ratios of counts",
        frame=frame,
        notes=(f"method: {fit.method}; n counts periods", *notes),
        source=entry.source,
    )
