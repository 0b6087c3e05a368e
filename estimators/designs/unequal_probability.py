"""Samples drawn without replacement with unequal probabilities, such as PPS samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from estimators.checks import check_choice, check_columns
from estimators.designs.labels import as_names, list_names, list_rows
from estimators.designs.sampling_design import LonelyPSU, SurveyDesign
from estimators.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector
    from estimators.designs.stages import Stage

__all__ = ["unequal_probability_design"]

_SAME = 1e-6  # relative; probabilities of one unit written twice
_MOST_UNITS = 5000  # pairs of units take 200 MB
_APPROXIMATIONS = ("brewer", "overton", "hartley_rao")
_VARIANCES = ("horvitz_thompson", "yates_grundy")


def unequal_probability_design(
    frame: pd.DataFrame,
    *,
    inclusion_probability: str,
    joint: Literal["brewer", "overton", "hartley_rao"]
    | FloatMatrix
    | pd.DataFrame = "brewer",
    variance: Literal["horvitz_thompson", "yates_grundy"] = "horvitz_thompson",
    weights: str | None = None,
    strata: str | Sequence[str] | None = None,
    psu: str | None = None,
    lonely_psu: LonelyPSU = "fail",
) -> SurveyDesign:
    """Read a design whose units were drawn without replacement, some more likely.

    With replacement, or where the probabilities are small, plain weights do:
    ``SurveyDesign.from_frame(frame, weights=...)`` is the Hansen-Hurwitz estimator.

    Parameters
    ----------
    frame : DataFrame of n rows
    inclusion_probability : str
        Column of first-stage inclusion probabilities, 0 < pi <= 1, constant within a
        PSU.
    joint : str or array of shape (n, n) or DataFrame
        Joint inclusion probabilities of all pairs in the order of the rows, with the
        inclusion probabilities on the diagonal; for PSUs a DataFrame whose rows and
        columns carry their labels. Where they are not known, an approximation:
        "brewer" (no pairs needed: for any number of units), "overton" or "hartley_rao".
    variance : {"horvitz_thompson", "yates_grundy"}
        Estimator from the joint probabilities; the latter is for samples of fixed size.
        Brewer's needs none.
    weights : str, optional
        Column of weights; default 1 / inclusion probability.
    strata : str or list of str, optional
    psu : str, optional
        Whole PSUs, whose rows were all taken, or so few drawn that the variance within
        is small beside that between.
    lonely_psu : {"fail", "certainty", "adjust", "average"}
        As in `SurveyDesign.from_frame`; with pairs, only the first two.

    Returns
    -------
    SurveyDesign

    Raises
    ------
    InputError
        With every problem found: probabilities outside (0, 1] or not constant within a
        PSU, joint probabilities that are not symmetric, above the single ones, zero, or
        of the wrong shape or labels.
    NotEstimableError
        If a stratum has a single unit, pairs are asked for and the design says fail.

    Notes
    -----
    With z the weighted totals of n units:
    Brewer ``n / (n - 1) sum (1 - pi_i) (z_i - mean)^2``;
    Horvitz-Thompson ``sum_ij (1 - pi_i pi_j / pi_ij) z_i z_j``, pi_ii being pi_i;
    Yates-Grundy ``-1/2 sum_ij (1 - pi_i pi_j / pi_ij) (z_i - z_j)^2``;
    Overton ``pi_ij = (n - 1) pi_i pi_j / (n - (pi_i + pi_j) / 2)``;
    Hartley-Rao ``1 - pi_i pi_j / pi_ij = 1 - (n - pi_i - pi_j + sum_k pi_k / n) /
    (n - 1)``, the sum over the sample standing for that of pi^2 over the population.

    References
    ----------
    Brewer, K. R. W. (2002). Combined Survey Sampling Inference. Arnold.

    Hartley, H. O. and Rao, J. N. K. (1962). Sampling with unequal probabilities and
    without replacement. Annals of Mathematical Statistics 33, 350-374.

    Overton, W. S. (1985). A sampling plan for streams in the National Stream Survey.
    Oregon State University, Department of Statistics.

    Yates, F. and Grundy, P. M. (1953). Selection without replacement from within
    strata with probability proportional to size. Journal of the Royal Statistical
    Society B 15, 253-261.

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.designs import unequal_probability_design
    >>> frame = pd.DataFrame({"site": ["a", "b", "c"], "p": [0.5, 0.25, 0.2]})
    >>> unequal_probability_design(frame, inclusion_probability="p")
    SurveyDesign(3 rows, 1 stratum, 3 PSUs, sum of weights 11)
    """
    check_columns(frame, {"inclusion_probability": inclusion_probability})
    check_choice("variance", variance, _VARIANCES)
    if isinstance(joint, str):
        check_choice("joint", joint, _APPROXIMATIONS)
    probability = _row_probabilities(frame, inclusion_probability)
    design = SurveyDesign.from_frame(
        frame, weights=weights, strata=strata, psu=psu, lonely_psu=lonely_psu
    )
    if weights is None:
        design = replace(design, weights=1 / probability, notes=())
    stage = design.stages[0]
    if strata is not None or len(as_names(psu)):
        _check_constant(design, probability, inclusion_probability)
    first = np.unique(stage.unit, return_index=True)[1]
    pi: FloatVector = probability[first]
    quadratic = None
    if not (isinstance(joint, str) and joint == "brewer"):
        if psu is not None and not isinstance(joint, str):
            joint = _by_label(design, joint, psu)
        quadratic = _quadratic(design, joint, pi, variance)
    changed = replace(stage, inclusion_probability=pi, quadratic=quadratic)
    return replace(design, stages=(changed,))


def _row_probabilities(frame: pd.DataFrame, column: str) -> FloatVector:
    value = pd.to_numeric(frame[column], errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    wrong = ~((value > 0) & (value <= 1))
    if wrong.any():
        raise InputError(
            f"{column!r} (inclusion_probability) must lie in 0 < pi <= 1; it does not "
            f"in {list_rows(wrong)}."
        )
    return np.array(value, dtype=np.float64)


def _check_constant(
    design: SurveyDesign, probability: FloatVector, column: str
) -> None:
    stage = design.stages[0]
    low = np.full(stage.stratum.size, np.inf)
    high = np.zeros(stage.stratum.size)
    np.minimum.at(low, stage.unit, probability)
    np.maximum.at(high, stage.unit, probability)
    varying = np.flatnonzero(high > low * (1 + _SAME))
    if varying.size:
        names = list_names(design.unit_names[1](int(code)) for code in varying)
        raise InputError(
            f"{column!r} (inclusion_probability) is not constant within {names}."
        )


def _quadratic(
    design: SurveyDesign,
    joint: str | FloatMatrix | pd.DataFrame,
    pi: FloatVector,
    variance: str,
) -> FloatMatrix:
    """Return Q with variance z' Q z of the units' totals z."""
    stage = design.stages[0]
    if pi.size > _MOST_UNITS:
        raise InputError(
            f"{pi.size:,} units have too many pairs (more than {_MOST_UNITS:,} units): "
            'use joint="brewer".'
        )
    if isinstance(joint, str):
        delta = _approximate(design, joint, pi)
    else:
        pairs = _read_joint(joint, pi)
        delta = 1 - np.outer(pi, pi) / pairs
    if variance == "yates_grundy":
        np.fill_diagonal(delta, 0)
        delta[np.diag_indices(pi.size)] = -delta.sum(axis=1)
    else:
        np.fill_diagonal(delta, 1 - pi)
    if design.lonely_psu == "certainty":
        sure = stage.sampled[stage.stratum] == 1
        delta[sure], delta[:, sure] = 0, 0
    return delta


def _approximate(design: SurveyDesign, joint: str, pi: FloatVector) -> FloatMatrix:
    """Return 1 - pi_i pi_j / pi_ij of the pairs of each stratum, 0 between strata."""
    stage = design.stages[0]
    _refuse_single(design, stage, pi)
    n = stage.sampled[stage.stratum].astype(np.float64)
    pair_sum = pi[:, None] + pi
    if joint == "overton":
        share = n[:, None] - pair_sum / 2
    else:
        mean = np.bincount(stage.stratum, pi) / stage.sampled
        share = n[:, None] - pair_sum + mean[stage.stratum][:, None]
    same = stage.stratum[:, None] == stage.stratum
    delta: FloatMatrix = np.where(
        same & (n[:, None] > 1), 1 - share / np.maximum(n - 1, 1)[:, None], 0.0
    )
    return delta


def _refuse_single(design: SurveyDesign, stage: Stage, pi: FloatVector) -> None:
    alone = (stage.sampled[stage.stratum] == 1) & (pi < 1)
    if not alone.any() or design.lonely_psu == "certainty":
        return
    strata = np.unique(stage.stratum[alone])
    names = list_names(design.unit_names[0](int(code)) for code in strata)
    raise NotEstimableError(
        f"{strata.size} strata hold a single unit, which makes no pair: {names}. Merge "
        'each with a similar stratum, or state lonely_psu="certainty".'
    )


def _read_joint(joint: FloatMatrix | pd.DataFrame, pi: FloatVector) -> FloatMatrix:
    pairs = np.asarray(joint, dtype=np.float64)
    if pairs.shape != (pi.size, pi.size):
        raise InputError(
            f"joint has shape {pairs.shape}; {pi.size} units need one row and one "
            "column each."
        )
    least = np.minimum(pi[:, None], pi)
    wrong = {
        "joint probabilities that are missing, not symmetric or above a single one":
            ~(np.isclose(pairs, pairs.T, rtol=_SAME) & (pairs <= least * (1 + _SAME))),
        "pairs that could not be drawn together (probability 0)": pairs <= 0,
        "diagonal values that are not the inclusion probability":
            np.diag(~np.isclose(np.diag(pairs), pi, rtol=_SAME)),
    }  # fmt: skip
    problems = [
        f"{what} in {list_rows(np.asarray(bad.any(axis=1)))}"
        for what, bad in wrong.items()
        if bad.any()
    ]
    if problems:
        raise InputError("joint cannot be used: " + "; ".join(problems) + ".")
    return pairs


def _by_label(
    design: SurveyDesign, joint: FloatMatrix | pd.DataFrame, psu: str
) -> FloatMatrix:
    """Return the matrix in the order of the units."""
    if not isinstance(joint, pd.DataFrame):
        raise InputError(
            "joint must be a DataFrame whose rows and columns are labelled by PSU."
        )
    first = np.unique(design.stages[0].unit, return_index=True)[1]
    labels = pd.Index(design.frame[psu].iloc[first])
    absent = [label for label in labels
              if label not in joint.index or label not in joint.columns]  # fmt: skip
    if absent:
        raise InputError(
            f"joint has no row or no column for the units {list_names(absent)}."
        )
    matrix: FloatMatrix = joint.loc[labels, labels].to_numpy(dtype=np.float64)
    return matrix
