"""Design-based covariance of weighted totals, and so of everything linearised.

Every estimator becomes a total of scores, weight times influence of the row; its
variance is that of the total under the sampling design (Binder 1983, Särndal, Swensson
and Wretman 1992, chapter 5). Per stratum the scores are summed by unit, units without a
row in the domain count as zero, and each stage adds what the stage before passed on:

    V = sum_h g_h (1 - f_h) n_h / (n_h - 1) sum_i (z_hi - mean_h)^2

over strata h and their units i, f_h being the sampling fraction and g_h the product of
the sampling fractions of the stages above.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from scipy import sparse

from estimators.designs.calibration import explained_totals
from estimators.designs.labels import list_names
from estimators.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import (
        BoolMatrix,
        BoolVector,
        FloatArray,
        FloatMatrix,
        FloatVector,
        IntVector,
    )
    from estimators.designs.sampling_design import SurveyDesign
    from estimators.designs.stages import Stage

__all__ = ["cell_covariance", "domain_covariance", "linearised_covariance"]

_Totals: TypeAlias = "FloatMatrix | sparse.csr_array[Any]"
_BLOCK = 4_000_000  # cells held at once: 32 MB, so memory does not grow with domains
_DENSE = 20_000_000
_MOST_CELLS = 200_000_000  # 1.6 GB, where calibration leaves no zeros to save
_CENSUS = 1e-12  # 1 - sampling fraction below this: all units were taken


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Request:
    """What is asked: the design, each row's domain (-1 for none), how many domains."""

    design: SurveyDesign
    code: IntVector
    n_domains: int


def linearised_covariance(
    design: SurveyDesign, scores: FloatArray, *, domain: BoolVector | None = None
) -> FloatMatrix:
    """Return the design covariance of the totals of scores.

    Parameters
    ----------
    design : SurveyDesign
    scores : ndarray of shape (n,) or (n, k)
        Weight times influence of each row on each quantity: for a mean
        ``weight * (y - mean) / sum of weights``; for a model ``weight * score``.
    domain : ndarray of shape (n,), optional
        Rows that count beside the design's own domain; the rest is set to zero.

    Returns
    -------
    ndarray of shape (k, k)

    Raises
    ------
    InputError
        If the scores do not fit the design or are not finite inside the domain.
    NotEstimableError
        If a stratum has one PSU and the design says ``lonely_psu="fail"``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from estimators.designs import SurveyDesign, linearised_covariance
    >>> frame = pd.DataFrame({"y": [1.0, 2.0, 6.0]})
    >>> design = SurveyDesign.from_frame(frame)
    >>> scores = (frame["y"] - frame["y"].mean()).to_numpy() / len(frame)
    >>> float(np.round(linearised_covariance(design, scores)[0, 0], 6))  # s2 / n
    2.333333
    """
    matrix = np.asarray(scores, dtype=np.float64)
    matrix = matrix[:, None] if matrix.ndim == 1 else matrix
    if matrix.ndim != 2 or matrix.shape[0] != len(design):
        raise InputError(
            f"scores of shape {np.shape(scores)} do not fit a design of {len(design)} "
            "rows."
        )
    inside = design.domain if domain is None else design.domain & domain
    if not np.isfinite(matrix[inside]).all():
        raise InputError("scores are missing or infinite inside the domain.")
    stage = _used_stages(design)[-1]
    totals = _column_sums(stage.unit[inside], matrix[inside], stage.stratum.size)
    if design.calibration:
        totals -= explained_totals(
            design.calibration,
            stage.unit,
            len(totals),
            lambda step: _column_sums(
                step.row[inside], matrix[inside], len(step.matrix)
            ),
        )
    code = np.where(inside, 0, -1).astype(np.int64)
    return _covariance(_Request(design=design, code=code, n_domains=1), totals)


def domain_covariance(
    design: SurveyDesign, scores: FloatVector, code: IntVector, n_domains: int
) -> FloatMatrix:
    """Return the joint covariance of one total per domain.

    Parameters
    ----------
    design : SurveyDesign
    scores : ndarray of shape (n,)
        Weight times influence of each row on the estimate of its own domain.
    code : ndarray of shape (n,)
        Domain of each row, -1 for none.
    n_domains : int

    Returns
    -------
    ndarray of shape (n_domains, n_domains)
        Domains that share PSUs are correlated; the diagonal is each domain's variance.
    """
    stage = _used_stages(design)[-1]
    rows = np.flatnonzero((code >= 0) & design.domain)
    n_units = stage.stratum.size
    unit, group, value = stage.unit[rows], code[rows], scores[rows]
    totals: _Totals
    if n_units * n_domains <= _DENSE or design.calibration:
        totals = _cell_sums(unit, group, value, (n_units, n_domains))
        if design.calibration:
            totals -= explained_totals(
                design.calibration,
                stage.unit,
                n_units,
                lambda step: _cell_sums(
                    step.row[rows], group, value, (len(step.matrix), n_domains)
                ),
            )
    else:
        totals = sparse.csr_array((value, (unit, group)), shape=(n_units, n_domains))
    return _covariance(_Request(design=design, code=code, n_domains=n_domains), totals)


def cell_covariance(design: SurveyDesign, cell: IntVector, n_cells: int) -> FloatMatrix:
    """Return the covariance of the sums of weights of the cells of one table.

    `cell` of shape (n,) holds each row's cell, -1 for none. The rows in any cell are
    one domain, as for `linearised_covariance` of an indicator per cell, which would
    need a column of n rows for each.
    """
    stage = _used_stages(design)[-1]
    rows = np.flatnonzero((cell >= 0) & design.domain)
    group, value = cell[rows], design.weights[rows]
    n_units = stage.stratum.size
    totals = _cell_sums(stage.unit[rows], group, value, (n_units, n_cells))
    if design.calibration:
        totals -= explained_totals(
            design.calibration,
            stage.unit,
            n_units,
            lambda step: _cell_sums(
                step.row[rows], group, value, (len(step.matrix), n_cells)
            ),
        )
    code = np.where(cell >= 0, 0, -1).astype(np.int64)
    return _covariance(_Request(design=design, code=code, n_domains=1), totals)


def _column_sums(unit: IntVector, values: FloatMatrix, n_units: int) -> FloatMatrix:
    """Return the sums of each column by unit, shape (n_units, k)."""
    return np.column_stack(
        [np.bincount(unit, column, minlength=n_units) for column in values.T]
    ).astype(np.float64)


def _cell_sums(
    unit: IntVector, group: IntVector, value: FloatVector, shape: tuple[int, int]
) -> FloatMatrix:
    """Return the sums of values by unit and group."""
    if shape[0] * shape[1] > _MOST_CELLS:
        raise InputError(
            f"{shape[1]:,} groups of {shape[0]:,} sampled units are too many at once "
            "for a calibrated design: ask for fewer groups in one call."
        )
    cell = unit * np.int64(shape[1]) + group
    sums = np.bincount(cell, value, minlength=shape[0] * shape[1])
    return sums.astype(np.float64).reshape(shape)


def _used_stages(design: SurveyDesign) -> tuple[Stage, ...]:
    """Return the stages that can add variance: those below a finite population."""
    for depth, stage in enumerate(design.stages):
        if not stage.is_finite:
            return design.stages[: depth + 1]
    return design.stages


def _covariance(request: _Request, totals: _Totals) -> FloatMatrix:
    """Add the stages up, from the last to the first; `totals` are the last's."""
    stages = _used_stages(request.design)
    factors = [np.ones(stages[0].sampled.size)]
    for stage in stages[:-1]:
        factors.append(factors[-1][stage.stratum] * stage.unit_fraction)
    covariance = np.zeros((totals.shape[1], totals.shape[1]))
    for depth in range(len(stages) - 1, -1, -1):
        above = _sum_by_stratum(stages[depth], totals)
        covariance += _stage_covariance(request, depth, (totals, above), factors[depth])
        totals = above
    return covariance


def _sum_by_stratum(stage: Stage, totals: _Totals) -> _Totals:
    n_units = stage.stratum.size
    ones = sparse.csr_array(
        (np.ones(n_units), (stage.stratum, np.arange(n_units))),
        shape=(stage.sampled.size, n_units),
    )
    return cast("_Totals", ones @ totals)


def _stage_covariance(
    request: _Request,
    depth: int,
    sums: tuple[_Totals, _Totals],
    factor: FloatVector,
) -> FloatMatrix:
    stage = request.design.stages[depth]
    totals, above = sums
    if stage.quadratic is not None:
        return _quadratic_covariance(stage.quadratic, _dense(totals))
    missed = np.clip(1 - stage.unit_fraction, 0, None)
    missed[missed < _CENSUS] = 0
    weight = factor[stage.stratum] * missed
    n = stage.sampled[stage.stratum]
    scale = np.where(n > 1, weight * n / np.maximum(n - 1, 1), 0)
    centre = cast("_Totals", sparse.diags_array(1 / stage.sampled) @ above)
    alone = None
    if request.design.lonely_domains and not request.design.calibration:
        alone = _alone_in_domain(request, stage)
        totals, centre = _set_apart(request.design, stage, (totals, centre), alone)
    covariance = _cross_product(totals, centre, stage.stratum, scale)
    lonely = np.zeros(stage.sampled.size)
    lonely[stage.stratum[n == 1]] = weight[n == 1]
    if not lonely.any() and (alone is None or not alone.any()):
        return covariance
    return _with_lonely(request, depth, covariance, (totals, lonely), alone)


def _alone_in_domain(request: _Request, stage: Stage) -> BoolMatrix:
    """Return strata of several units of which a domain touches one."""
    design, code = request.design, request.code
    inside = np.flatnonzero((code >= 0) & design.domain & (design.weights != 0))
    shape = (stage.stratum.size, request.n_domains)
    cell = stage.unit[inside] * np.int64(shape[1]) + code[inside]
    unit, group = np.divmod(np.unique(cell), shape[1])
    touched = np.zeros((stage.sampled.size, shape[1]), dtype=np.int64)
    np.add.at(touched, (stage.stratum[unit], group), 1)
    alone: BoolMatrix = (touched == 1) & (stage.sampled > 1)[:, None]
    return alone


def _set_apart(
    design: SurveyDesign, stage: Stage, sums: tuple[_Totals, _Totals], alone: BoolMatrix
) -> tuple[_Totals, _Totals]:
    """Centre such strata at the mean of all units, or take them out of the sum."""
    totals, centre = _dense(sums[0]), _dense(sums[1])
    if design.lonely_psu == "adjust":
        return totals, np.where(alone, totals.sum(axis=0) / len(totals), centre)
    return np.where(alone[stage.stratum], centre[stage.stratum], totals), centre


def _quadratic_covariance(quadratic: FloatMatrix, totals: FloatMatrix) -> FloatMatrix:
    covariance: FloatMatrix = totals.T @ (quadratic @ totals)
    size = np.abs(np.diag(quadratic)) @ totals**2
    variance = np.diag(covariance)
    if (variance < -_CENSUS * size).any():
        raise NotEstimableError(
            f"The variance estimated from joint probabilities is below 0 "
            f"({variance.min():.4g}), as can happen in small samples: use "
            'joint="brewer", or the other of "horvitz_thompson" and "yates_grundy".'
        )
    np.fill_diagonal(covariance, np.maximum(variance, 0))
    return covariance


def _cross_product(
    totals: _Totals, centre: _Totals, stratum: IntVector, scale: FloatVector
) -> FloatMatrix:
    """Return the sum of (z - centre)(z - centre)', scaled by unit, in blocks."""
    n_units, width = totals.shape
    step = max(1, _BLOCK // max(width, 1))
    covariance = np.zeros((width, width))
    if centre.shape[0] * width <= _DENSE:
        centre = _dense(centre)
    for start in range(0, n_units, step):
        rows = slice(start, start + step)
        away = _dense(totals[rows]) - _dense(centre[stratum[rows]])
        away *= np.sqrt(scale[rows])[:, None]
        covariance += away.T @ away
    return covariance


def _dense(totals: _Totals) -> FloatMatrix:
    if isinstance(totals, np.ndarray):
        return totals
    return cast("FloatMatrix", totals.toarray())


def _with_lonely(
    request: _Request,
    depth: int,
    covariance: FloatMatrix,
    lonely: tuple[_Totals, FloatVector],
    alone: BoolMatrix | None,
) -> FloatMatrix:
    """Apply the design's rule to strata of one unit that hold rows of a domain.

    `lonely` holds the totals by unit and, per stratum, the factor (1 - f) g of lonely
    strata and 0 for the others; `alone` the strata that are lonely for a domain only.
    """
    design, code = request.design, request.code
    totals, weight = lonely
    stage = design.stages[depth]
    inside = (code >= 0) & design.domain & (design.weights != 0)
    present = np.zeros((weight.size, request.n_domains), dtype=bool)
    present[stage.row_stratum[inside], code[inside]] = True
    if design.calibration:  # residuals reach the strata outside a domain
        present[:] = True
    touched = (weight > 0) & present.any(axis=1)
    if alone is None:
        alone = np.zeros_like(present)
    if design.lonely_psu == "certainty" or not (touched.any() or alone.any()):
        return covariance
    if design.lonely_psu == "fail":
        raise NotEstimableError(_lonely_message(design, depth, touched))
    if request.n_domains != covariance.shape[0]:  # several quantities of one domain
        present = np.repeat(present, covariance.shape[0], axis=1)
        alone = np.repeat(alone, covariance.shape[0], axis=1)
    if design.lonely_psu == "adjust":
        unit = np.flatnonzero(touched[stage.stratum])
        of_unit = stage.stratum[unit]
        centre = np.asarray(totals.sum(axis=0)).ravel() / stage.stratum.size
        away = np.where(present[of_unit], _dense(totals[unit]) - centre, 0)
        away *= np.sqrt(weight[of_unit])[:, None]
        return cast("FloatMatrix", covariance + away.T @ away)
    usable = (present & ~(weight > 0)[:, None] & ~alone).sum(axis=0)
    if (usable == 0).any():
        raise NotEstimableError(
            'lonely_psu="average" needs a stratum of two or more PSUs in every domain. '
            + _lonely_message(design, depth, touched | alone.any(axis=1))
        )
    inflate = np.sqrt(present.sum(axis=0) / usable)
    return cast("FloatMatrix", covariance * np.outer(inflate, inflate))


def _lonely_message(design: SurveyDesign, depth: int, touched: BoolVector) -> str:
    codes = np.flatnonzero(touched)
    names = list_names(design.unit_names[depth](int(code)) for code in codes)
    kind = "strata" if depth == 0 else f"units of stage {depth}"
    return (
        f"{codes.size} {kind} hold a single sampled unit of stage {depth + 1}, so that "
        f"their variance cannot be estimated: {names}. Merge each with a similar "
        'stratum, or state lonely_psu="certainty" (it was sure to be drawn), "adjust" '
        '(centre at the mean of all PSUs; cautious) or "average" (mean variance of '
        "the other strata)."
    )
