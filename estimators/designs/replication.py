"""From a sampling design to replicate weights: jackknife, balanced halves, bootstrap.

All replicate the first stage: whole PSUs are dropped or drawn again within strata. A
finite population of PSUs shrinks what each replicate changes, or its scale, by the
share that was not sampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from estimators.checks import as_generator, check_choice, check_resamples
from estimators.designs.degrees import degrees_of_freedom
from estimators.designs.hadamard import hadamard_matrix
from estimators.designs.labels import list_names
from estimators.designs.replicate_design import ReplicateDesign, ReplicateKind
from estimators.designs.reweighting import reweight_replicates, uncalibrated
from estimators.designs.sampling_design import SurveyDesign
from estimators.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntMatrix
    from estimators.designs.either_design import Design
    from estimators.designs.stages import Stage

__all__ = ["to_replicates"]

_MadeKind = Literal["JK1", "JKn", "BRR", "Fay", "bootstrap", "rao_wu"]
_MOST_CELLS = 100_000_000  # 800 MB of factors
_RANDOM = ("bootstrap", "rao_wu")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Replicates:
    """Factors of shape (PSUs, R), the scale and the scale of each replicate."""

    factors: FloatMatrix
    scale: float
    replicate_scales: FloatVector
    notes: tuple[str, ...] = ()


def to_replicates(
    design: Design,
    *,
    kind: _MadeKind,
    n_replicates: int | None = None,
    rho: float | None = None,
    mse: bool = False,
    rng: int | np.random.Generator | None = None,
) -> ReplicateDesign:
    """Give a design replicate weights.

    Parameters
    ----------
    design : SurveyDesign of n rows
        Where its weights were calibrated, every set of replicate weights is, too.
    kind : {"JK1", "JKn", "BRR", "Fay", "bootstrap", "rao_wu"}
        "JK1": leave out one PSU, no strata. "JKn": leave out one PSU, its stratum takes
        its weight. "BRR": balanced half samples of two PSUs per stratum; "Fay": the
        other half keeps the share `rho` of its weight. "bootstrap": as many PSUs as
        there are, drawn again within strata (Canty and Davison). "rao_wu": one fewer
        per stratum, rescaled (Rao, Wu and Yue; survey's "subbootstrap").
    n_replicates : int, optional
        For the bootstraps, default 500; the other kinds fix it.
    rho : float, optional
        Fay's share, 0 <= rho < 1, default 0.5.
    mse : bool
        Squares are taken round the full estimate instead of the replicates' mean.
    rng : int, Generator or None
        For the bootstraps.

    Returns
    -------
    ReplicateDesign
        With the design's domain, and `origin` set to the design. Degrees of freedom are
        PSUs less strata, or R - 1 where that is less: the rank of the replicate weights
        less one.

    Raises
    ------
    InputError
        If the design does not suit the kind (strata for JK1; other than two PSUs in a
        stratum for BRR and Fay: all are named), or options do not.
    NotEstimableError
        If strata have a single PSU, unless ``lonely_psu="certainty"``.

    Notes
    -----
    With n_h of N_h PSUs drawn in stratum h and f_h = n_h / N_h, Rao-Wu factors are
    ``1 + sqrt(1 - f_h) (k n_h / (n_h - 1) - 1)`` for k of n_h - 1 draws; half samples
    are ``1 ± (1 - rho) sqrt(1 - f_h)``; the jackknife squares get the factor 1 - f_h.
    The bootstrap draws without replacement from the sample repeated N_h / n_h times;
    its scale holds m / (m - 1), m being the harmonic mean of the n_h, which is exact
    for equal n_h only: prefer "rao_wu" where they differ. Later stages of a multi-stage
    sample are not drawn again: their own variance is missed where a large share of the
    PSUs was sampled, and a note says so.

    References
    ----------
    Rao, J. N. K., Wu, C. F. J. and Yue, K. (1992). Some recent work on resampling
    methods for complex surveys. Survey Methodology 18, 209-217.

    Canty, A. J. and Davison, A. C. (1999). Resampling-based variance estimation for
    labour force surveys. The Statistician 48, 379-391.

    Judkins, D. R. (1990). Fay's method for variance estimation. Journal of Official
    Statistics 6, 223-239.

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.designs import SurveyDesign, to_replicates
    >>> frame = pd.DataFrame({"h": [1, 1, 2, 2], "psu": [1, 2, 3, 4]})
    >>> design = SurveyDesign.from_frame(frame, strata="h", psu="psu")
    >>> to_replicates(design, kind="BRR").replicate_weights.tolist()[0]
    [2.0, 0.0, 2.0, 0.0]
    """
    if not isinstance(design, SurveyDesign):
        raise InputError(
            f"A SurveyDesign was expected, {type(design).__name__} came: replicates "
            "are made of a sampling design, not of replicates or of a frame."
        )
    check_choice("kind", kind, get_args(_MadeKind))
    if kind not in _RANDOM and n_replicates is not None:
        raise InputError(f'n_replicates is fixed by the design for kind="{kind}".')
    if kind != "Fay" and rho is not None:
        raise InputError(f'rho belongs to kind="Fay", not to {kind!r}.')
    steps, design = design.calibration, uncalibrated(design)
    sure = _certain_units(design)
    if kind in {"JK1", "JKn"}:
        made = _jackknife(design, kind, sure)
    elif kind in {"BRR", "Fay"}:
        share = 0.0 if kind == "BRR" else 0.5 if rho is None else rho
        made = _half_samples(design, share, sure)
    else:
        count = check_resamples(500 if n_replicates is None else n_replicates, least=2)
        made = _bootstrap(design, kind, count, as_generator(rng))
    replicates = _join(design, kind, made, mse=mse)
    for step in steps:
        replicates = reweight_replicates(replicates, step)
    return replicates


def _join(
    design: SurveyDesign, kind: ReplicateKind, made: _Replicates, *, mse: bool
) -> ReplicateDesign:
    count = made.replicate_scales.size
    return ReplicateDesign(
        frame=design.frame,
        weights=design.weights.copy(),
        factors=made.factors,
        unit=design.stages[0].unit,
        scale=made.scale,
        replicate_scales=made.replicate_scales,
        mse=mse,
        degrees_of_freedom=float(min(degrees_of_freedom(design), count - 1)),
        domain=design.domain.copy(),
        kind=kind,
        origin=design,
        notes=(*design.notes, *made.notes, *_missed_stages(design)),
    )


def _missed_stages(design: SurveyDesign) -> tuple[str, ...]:
    stage = design.stages[0]
    if stage.inclusion_probability is not None:
        return (
            "replicates count PSUs of unequal probability as drawn with replacement, "
            "which is cautious",
        )
    largest = float(stage.sampling_fraction.max())
    finite_below = (
        len(design.stages) > 1 and np.isfinite(design.stages[1].population).any()
    )
    if not (largest > 0 and finite_below):
        return ()
    return (
        f"replicates repeat the first stage alone: up to {largest:.0%} of the later "
        "stages' own variance is missed",
    )


def _certain_units(design: SurveyDesign) -> BoolVector:
    """Return the PSUs that every replicate keeps: lonely ones, strata without error."""
    stage = design.stages[0]
    lonely = stage.sampled == 1
    counted = lonely & (_missed_share(stage) > 0)
    if counted.any() and design.lonely_psu != "certainty":
        names = list_names(
            design.unit_names[0](int(i)) for i in np.flatnonzero(counted)
        )
        raise NotEstimableError(
            f"{int(counted.sum())} strata hold a single PSU, which no replicate can "
            f"leave out: {names}. Merge each with a similar stratum, or read the "
            'design with lonely_psu="certainty" (it was sure to be drawn).'
        )
    sure: BoolVector = lonely[stage.stratum]
    return sure


def _missed_share(stage: Stage) -> FloatVector:
    """Return the share of PSUs that was not sampled, per stratum."""
    share: FloatVector = np.clip(1 - stage.sampling_fraction, 0, 1)
    return share


def _jackknife(design: SurveyDesign, kind: str, sure: BoolVector) -> _Replicates:
    stage = design.stages[0]
    if kind == "JK1" and stage.sampled.size > 1:
        raise InputError(
            f'kind="JK1" is for designs without strata; this one has '
            f'{stage.sampled.size}: use kind="JKn".'
        )
    left_out = np.flatnonzero(~sure)
    if left_out.size * stage.stratum.size > _MOST_CELLS:
        raise InputError(
            f"A jackknife of {left_out.size:,} PSUs needs as many replicates: use "
            'kind="rao_wu" instead.'
        )
    stratum = stage.stratum[left_out]
    n = stage.sampled[stratum].astype(np.float64)
    same = stage.stratum[:, None] == stratum
    factors = np.where(same, n / (n - 1), 1.0)
    factors[left_out, np.arange(left_out.size)] = 0
    each = (n - 1) / n * _missed_share(stage)[stratum]
    if kind == "JK1":
        return _Replicates(
            factors=factors, scale=float(each[0]), replicate_scales=np.ones(n.size)
        )
    return _Replicates(factors=factors, scale=1.0, replicate_scales=each)


def _half_samples(design: SurveyDesign, rho: float, sure: BoolVector) -> _Replicates:
    if not 0 <= rho < 1:
        raise InputError(f"rho={rho!r}: Fay's share lies in 0 <= rho < 1.")
    stage = design.stages[0]
    wrong = np.flatnonzero(stage.sampled > 2)
    if wrong.size:
        names = (f"{design.unit_names[0](int(i))} ({stage.sampled[i]})" for i in wrong)
        raise InputError(
            f"Half samples need two PSUs in every stratum; {wrong.size} strata have "
            f'more: {list_names(names)}. Use kind="JKn" or "rao_wu".'
        )
    paired = np.flatnonzero(stage.sampled == 2)
    signs = hadamard_matrix(paired.size + 1)[:, 1 : paired.size + 1]
    change = (1 - rho) * np.sqrt(_missed_share(stage)[paired])
    first = np.zeros(stage.stratum.size, dtype=bool)
    first[np.unique(stage.stratum, return_index=True)[1]] = True
    factors = np.ones((stage.stratum.size, len(signs)))
    for side, units in ((1, first & ~sure), (-1, ~first & ~sure)):
        place = np.searchsorted(paired, stage.stratum[units])
        factors[units] += side * (signs * change).T[place]
    notes: tuple[str, ...] = ()
    if np.isfinite(stage.population).any():
        notes = ("half samples are shrunk by the finite population correction",)
    scale = 1 / (len(signs) * (1 - rho) ** 2)
    return _Replicates(
        factors=factors, scale=scale, replicate_scales=np.ones(len(signs)), notes=notes
    )


def _bootstrap(
    design: SurveyDesign, kind: str, count: int, rng: np.random.Generator
) -> _Replicates:
    stage = design.stages[0]
    missed = _missed_share(stage)
    factors = np.ones((stage.stratum.size, count))
    order = np.argsort(stage.stratum, kind="stable")
    ends = np.cumsum(stage.sampled)
    for stratum, n in enumerate(stage.sampled.tolist()):
        if n == 1 or missed[stratum] == 0:
            continue
        units = order[ends[stratum] - n : ends[stratum]]
        if kind == "rao_wu":
            drawn = rng.multinomial(n - 1, np.full(n, 1 / n), size=count)
            change = drawn.T * (n / (n - 1)) - 1
            factors[units] += np.sqrt(missed[stratum]) * change
        else:
            factors[units] = _drawn_again(
                n, float(stage.population[stratum]), count, rng
            )
    scale = 1 / (count - 1)
    if kind == "bootstrap":
        several = stage.sampled[(stage.sampled > 1) & (missed > 0)]
        mean = several.size / (1 / several).sum() if several.size else 2.0
        scale *= mean / (mean - 1)
    return _Replicates(
        factors=factors, scale=float(scale), replicate_scales=np.ones(count)
    )


def _drawn_again(
    n: int, population: float, count: int, rng: np.random.Generator
) -> IntMatrix:
    """Return how often each of n PSUs is drawn, shape (n, count)."""
    if not np.isfinite(population):
        return rng.multinomial(n, np.full(n, 1 / n), size=count).T
    copies, rest = divmod(round(population), n)
    drawn = np.empty((n, count), dtype=np.int64)
    for replicate in range(count):
        colours = np.full(n, copies)
        colours[rng.choice(n, rest, replace=False)] += 1
        drawn[:, replicate] = rng.multivariate_hypergeometric(
            colours, n, method="marginals"
        )
    return drawn
