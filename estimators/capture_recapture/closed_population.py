"""Closed-population models of Otis et al. (1978): M0, Mt, Mh, Mth, Mb and Mbh."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from estimators.capture_recapture._histories_argument import check_histories
from estimators.capture_recapture._profile_size import (
    can_be_profiled,
    likelihood_interval,
)
from estimators.capture_recapture.closed_population_bias import corrected_size
from estimators.capture_recapture.closed_population_bound import fit_lower_bound
from estimators.capture_recapture.closed_population_fit import (
    ClosedPopulationFit,
    fit_column_model,
)
from estimators.capture_recapture.closed_population_normal import fit_normal
from estimators.capture_recapture.closed_population_removal import fit_removal
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.simulated_coverage import coverage_notes
from estimators.capture_recapture.size_result import size_estimate
from estimators.checks import check_choice, check_level
from estimators.errors import InputError, PrevalenceError
from estimators.registry import estimator
from estimators.results import Estimate, Estimates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from estimators.array_types import FloatVector

__all__ = ["ClosedPopulationModels", "closed_population", "closed_population_models"]

Model = Literal["M0", "Mt", "Mh", "Mth", "Mb", "Mbh"]
Heterogeneity = Literal["chao", "poisson2", "darroch", "gamma3.5", "normal"]
MODELS: tuple[Model, ...] = get_args(Model)
HETEROGENEITIES: tuple[Heterogeneity, ...] = get_args(Heterogeneity)
MOST_LISTS = 14

TOO_NARROW = (
    "the interval takes the model as true: where persons differ, or lists depend on "
    "each other, it covers too seldom and mostly lies below the truth"
)
EQUAL = "all lists are taken to name equally many"
MODEL_NOTES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "M0": (EQUAL, TOO_NARROW, *coverage_notes("closed_population_M0")),
        "Mt": (TOO_NARROW, *coverage_notes("log_linear_main_effects")),
        "Mh": (EQUAL,),
        "Mth": (),
        "Mb": (TOO_NARROW, *coverage_notes("closed_population_Mb")),
        "Mbh": (TOO_NARROW, *coverage_notes("closed_population_Mbh")),
    }
)
BOUND = "a lower bound: heterogeneity of any form can only make the truth larger"
FORM = (
    "the form of heterogeneity is an assumption that the counts hardly check: other "
    "forms fit alike with other sizes (see closed_population_models)"
)
ROUNDED = (
    "the interval is log-normal: the profile likelihood of so many persons is lost in "
    "rounding"
)
REVERSED = (
    "the coefficient of heterogeneity is below 0: persons are on many lists less often "
    "than independence has it, which no differences between persons explain; the lists "
    "depend on each other negatively, and the size rests on that"
)


def _example() -> dict[str, Any]:
    counts = {
        "1000": 84, "0100": 71, "0010": 62, "0001": 48, "1100": 21, "1010": 17,
        "1001": 14, "0110": 15, "0101": 10, "0011": 11, "1110": 8, "1101": 6,
        "1011": 5, "0111": 4, "1111": 4,
    }  # fmt: skip
    return {"histories": CaptureHistories.from_counts(counts)}


@estimator(
    family="capture_recapture",
    label="Closed-population models M0, Mt, Mh, Mth, Mb, Mbh",
    source="Otis et al. 1978; Rivest and Baillargeon 2007",
    example=lambda: _example() | {"model": "Mth", "heterogeneity": "chao"},
)
def closed_population(
    histories: CaptureHistories,
    *,
    model: Model = "Mt",
    heterogeneity: Heterogeneity | None = None,
    bias_corrected: bool = False,
    interval: Literal["profile", "log_normal"] | None = None,
    level: float = 0.95,
) -> Estimate:
    """Estimate a closed population's size from one of the classical models.

    Parameters
    ----------
    histories : CaptureHistories
        Two to fourteen lists; Mb and Mbh take their order for the order in time.
    model : {"Mt", "M0", "Mh", "Mth", "Mb", "Mbh"}
        t: lists differ in how many they name. h: persons differ in how easily they are
        named. b: being named changes the chance of being named again. Mbh leaves the
        first list a chance of its own.
    heterogeneity : {"chao", "poisson2", "darroch", "gamma3.5", "normal"}, optional
        Form of h, for Mh and Mth only, three lists or more: Chao's lower bound (the
        default), ``2**k - 1``, ``k**2 / 2`` or ``-log(1 + k / 3.5)`` in the log mean
        of a history on k lists, or normally distributed logits (mixed logit).
    bias_corrected : bool
        Add to the counts so that the bias of order 1 goes (Rivest and Levesque 2001;
        Mt and Mth by leverages, as in Firth's regression). Not for ``"normal"``.
    interval : {"profile", "log_normal"}, optional
        Multinomial profile likelihood, the default, or log-normal in the unseen, which
        is the only one for ``"normal"``, with `bias_corrected` and beyond 1e12 persons.
    level : float
        Of the interval, which takes the model as given.

    Returns
    -------
    Estimate
        Persons, seen and unseen. `diagnostics` hold ``aic, bic, deviance, df,
        log_likelihood, n_parameters``, with a profile interval ``profile_maximum``,
        and the coefficients of heterogeneity; none with `bias_corrected`.

    Raises
    ------
    InputError
        If a heterogeneity is given to a model without h, or options do not go together.
    NotEstimableError
        If nobody is on two lists, one list holds everyone, no maximum likelihood
        estimate exists, or first captures do not fall (Mb, Mbh: the size would be
        infinite or negative).
    ConvergenceError
        If a fit does not settle.

    Notes
    -----
    Counts of the ``2**t - 1`` histories are Poisson; the size is n + exp(intercept)
    with variance ``u + u**2 Var(intercept)``, u the unseen. Chao's bound has terms
    ``max(k - j + 1, 0)``, j = 3, ..., t, with coefficients >= 0: the constrained
    maximum is found, at every size of the profile anew. Mb and Mbh: first captures u_i
    fall by a constant ratio, and their sum over all i is the size.

    References
    ----------
    Baillargeon, S. and Rivest, L.-P. (2007). Rcapture: loglinear models for
    capture-recapture in R. Journal of Statistical Software 19(5).
    https://doi.org/10.18637/jss.v019.i05

    Rivest, L.-P. and Baillargeon, S. (2007). Applications and extensions of Chao's
    moment estimator for the size of a closed population. Biometrics 63, 999-1006.

    Rivest, L.-P. and Levesque, T. (2001). Improved log-linear model estimators of
    abundance in capture-recapture experiments. Canadian Journal of Statistics 29,
    555-572.

    Coull, B. A. and Agresti, A. (1999). The use of mixed logit models to reflect
    heterogeneity in capture-recapture studies. Biometrics 55, 294-301.

    Examples
    --------
    >>> counts = {"100": 41, "010": 38, "001": 54, "110": 9, "101": 12, "011": 7}
    >>> three = CaptureHistories.from_counts(counts | {"111": 6})
    >>> for model in ("Mt", "Mth"):
    ...     print(model, round(closed_population(three, model=model).estimate, 1))
    Mt 330.4
    Mth 375.3
    """
    check_level(level)
    form = _checked(histories, model, heterogeneity)
    if bias_corrected:
        if interval == "profile":
            raise InputError(
                "bias_corrected=True has no profile likelihood: leave `interval` out."
            )
        size, variance = corrected_size(histories, model, form)
        return size_estimate(
            f"closed_population {_label(model, form)}, bias corrected",
            size,
            variance,
            histories.n_observed,
            level=level,
            notes=(*histories.notes, *_notes(model, form, np.zeros(0))),
        )
    fit = _fit(histories, model, form)
    return _result(histories, fit, _label(model, form), interval, level).with_notes(
        *_notes(model, form, fit.extra_coefficients), *fit.notes
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClosedPopulationModels(Estimates):
    """Rows by model and heterogeneity; `measures` compares the fits."""

    def measures(self) -> pd.DataFrame:
        """Return one row per model with its fit.

        Returns
        -------
        DataFrame
            model, heterogeneity, estimate and std_error (persons), deviance, df, aic,
            bic.
        """
        names = ("deviance", "df", "aic", "bic")
        return pd.DataFrame(
            [
                {
                    **labels,
                    "estimate": row.estimate,
                    "std_error": row.std_error,
                    **{name: row.diagnostics[name] for name in names},
                }
                for row, labels in zip(self.rows, self.groups, strict=True)
            ]
        )


@estimator(
    family="capture_recapture",
    label="All closed-population models side by side",
    source="Otis et al. 1978; Baillargeon and Rivest 2007",
    example=_example,
)
def closed_population_models(
    histories: CaptureHistories, *, level: float = 0.95
) -> ClosedPopulationModels:
    """Estimate with every closed-population model, to see how far they disagree.

    Parameters
    ----------
    histories : CaptureHistories
        Two to fourteen lists.
    level : float

    Returns
    -------
    ClosedPopulationModels
        Group columns ``model`` and ``heterogeneity`` (empty where the model has none).
        `measures` has deviance, df, AIC and BIC. Models that cannot be estimated are
        left out, and `notes` say which and why.

    Raises
    ------
    NotEstimableError
        If no model can be estimated.

    References
    ----------
    Baillargeon, S. and Rivest, L.-P. (2007). Rcapture: loglinear models for
    capture-recapture in R. Journal of Statistical Software 19(5).
    https://doi.org/10.18637/jss.v019.i05

    Examples
    --------
    >>> counts = {"100": 41, "010": 38, "001": 54, "110": 9, "101": 12, "011": 7}
    >>> three = CaptureHistories.from_counts(counts | {"111": 6})
    >>> table = closed_population_models(three).measures()
    >>> forms = table[table["model"] == "Mh"].set_index("heterogeneity")
    >>> forms["aic"].round(2).unique().tolist()  # three lists: every form fits alike
    [43.25]
    >>> forms["estimate"].round().astype(int).to_dict()
    {'chao': 378, 'poisson2': 535, 'darroch': 810, 'gamma3.5': 1299, 'normal': 1096}
    """
    check_level(level)
    rows: list[Estimate] = []
    groups: list[dict[str, str]] = []
    refused: list[PrevalenceError] = []
    left_out: list[str] = []
    for model in MODELS:
        forms = HETEROGENEITIES if model in ("Mh", "Mth") else (None,)
        for form in forms:
            try:
                row = closed_population(
                    histories, model=model, heterogeneity=form, level=level
                )
            except PrevalenceError as error:
                refused.append(error)
                label = _label(model, form)
                reason = str(error).removeprefix(f"{label}: ")
                left_out.append(f"left out: {label}: {reason}")
                continue
            method = row.method.replace("_population", "_population_models:", 1)
            rows.append(replace(row, method=method))
            groups.append({"model": model, "heterogeneity": form or ""})
    if not rows:
        raise refused[0]
    return ClosedPopulationModels(
        rows=tuple(rows), groups=tuple(groups), notes=tuple(left_out)
    )


def _checked(
    histories: CaptureHistories, model: str, heterogeneity: str | None
) -> str | None:
    check_histories(histories)
    check_choice("model", model, MODELS)
    if histories.n_lists > MOST_LISTS:
        raise InputError(
            f"{histories.n_lists} lists came; at most {MOST_LISTS} are taken. Merge or "
            "omit lists first."
        )
    if model not in ("Mh", "Mth"):
        if heterogeneity is not None:
            raise InputError(
                f"heterogeneity={heterogeneity!r} goes with Mh and Mth, not with "
                f"model={model!r}."
            )
        return None
    return check_choice("heterogeneity", heterogeneity or "chao", HETEROGENEITIES)


def _label(model: str, form: str | None) -> str:
    return model if form is None else f"{model} {form}"


def _fit(
    histories: CaptureHistories, model: str, form: str | None
) -> ClosedPopulationFit:
    by_list = model in ("Mt", "Mth")
    if model in ("Mb", "Mbh"):
        return fit_removal(histories, first_apart=model == "Mbh")
    if form == "chao":
        return fit_lower_bound(histories, by_list=by_list)
    if form == "normal":
        return fit_normal(histories, by_list=by_list)
    return fit_column_model(histories, by_list=by_list, column=form)


def _result(
    histories: CaptureHistories,
    fit: ClosedPopulationFit,
    label: str,
    interval: str | None,
    level: float,
) -> Estimate:
    if interval is not None:
        check_choice("interval", interval, ("profile", "log_normal"))
    if interval == "profile" and fit.profile is None:
        raise InputError(
            "heterogeneity='normal' has no profile likelihood here: leave `interval` "
            "out for a log-normal one."
        )
    found = size_estimate(
        f"closed_population {label}",
        fit.population_size,
        fit.variance,
        fit.n_observed,
        level=level,
        notes=histories.notes,
    )
    diagnostics = {
        "aic": fit.aic,
        "bic": fit.bic,
        "deviance": fit.deviance,
        "df": float(fit.df),
        "log_likelihood": fit.log_likelihood,
        "n_parameters": float(fit.n_parameters),
        **{
            f"heterogeneity {place}": float(value)
            for place, value in enumerate(fit.extra_coefficients, start=1)
        },
    }
    found = replace(found, diagnostics=MappingProxyType(diagnostics))
    if fit.profile is None or interval == "log_normal":
        return found
    if interval is None and not can_be_profiled(fit.population_size):
        return found.with_notes(ROUNDED)
    unseen = fit.population_size - fit.n_observed
    top, ci = likelihood_interval(fit.profile, fit.n_observed, unseen, level=level)
    diagnostics["profile_maximum"] = top
    flat = (
        "the likelihood stays flat for large sizes: no upper limit exists"
        if ci.high == float("inf")
        else None
    )
    return replace(found, ci=ci, diagnostics=MappingProxyType(diagnostics)).with_notes(
        *([flat] if flat else [])
    )


def _notes(model: str, form: str | None, coefficients: FloatVector) -> tuple[str, ...]:
    notes = MODEL_NOTES[model]
    if form is None:
        return notes
    simulated = coverage_notes(f"closed_population_{model}_{form}")
    if form == "chao":
        return (*notes, BOUND, *simulated)
    # The columns are convex, so that heterogeneity has coefficients above 0.
    below = form != "normal" and coefficients.size > 0 and coefficients[0] < 0
    return (*notes, FORM, *((REVERSED,) if below else ()), *simulated)
