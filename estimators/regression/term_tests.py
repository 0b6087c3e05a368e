"""Tests of several terms together, and criteria to compare models, under a design."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from estimators.checks import check_choice
from estimators.errors import ConvergenceError, InputError, NotEstimableError
from estimators.quadratic_forms import QuadraticFormMethod, weighted_chi_square_tail
from estimators.regression.design_inference import wald_f_test
from estimators.regression.glm_fit import fit_glm
from estimators.regression.model_rows import term_columns
from estimators.regression.regression_fit import RegressionFit, inverse_information

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import FloatMatrix, FloatVector, IntVector

__all__ = ["TermTest", "check_regression_fit", "term_test", "working_bic"]

TestMethod: TypeAlias = Literal["wald", "working_lr", "working_wald"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TermTest:
    """A test that some coefficients of a model are all 0.

    Attributes
    ----------
    terms : tuple of str
        Columns of the model that are tested.
    method : str
    statistic : float
        F for Wald tests with finite `df_denominator` and chi-square with infinite;
        the working likelihood ratio or working Wald chi-square otherwise.
    df, df_denominator : float
        Number of independent coefficients, and degrees of freedom of their variance.
    p_value : float
    design_effects : tuple of float
        Of working tests: eigenvalues of design over model variance, the weights of the
        sum of chi-squares that the statistic is compared with.
    notes : tuple of str
    """

    terms: tuple[str, ...]
    method: str
    statistic: float
    df: float
    df_denominator: float
    p_value: float
    design_effects: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        return pd.DataFrame(
            [
                {
                    "terms": " + ".join(self.terms),
                    "method": self.method,
                    "statistic": self.statistic,
                    "df": self.df,
                    "df_denominator": self.df_denominator,
                    "p_value": self.p_value,
                }
            ]
        )

    def summary(self) -> str:
        """Return the test in one line, followed by the notes."""
        line = (
            f"{' + '.join(self.terms)} = 0: {self.method} {self.statistic:.5g}, "
            f"df {self.df:g} and {self.df_denominator:g}, p = {self.p_value:.3g}"
        )
        return "\n".join([line, *(f"note: {note}" for note in self.notes)])


def term_test(
    fit: RegressionFit,
    terms: str | Sequence[str],
    *,
    method: TestMethod = "wald",
    tail: QuadraticFormMethod = "exact",
) -> TermTest:
    """Test that all coefficients of some terms are 0.

    Parameters
    ----------
    fit : RegressionFit
        From `logistic`, `survey_glm`, `risk_ratio` or `risk_difference`.
    terms : str or list of str
        As in the formula, a factor standing for all of its columns: ``"race"``,
        ``"race + age"``, ``["race", "race:age"]``; or names of single columns.
    method : {"wald", "working_lr", "working_wald"}
        Wald's F; or the likelihood ratio (the Wald chi-square) of the model as if its
        rows were independent, compared with what it follows under the design: a sum of
        chi-squares weighted by design effects (Rao and Scott 1984, Lumley and Scott
        2014). The working likelihood ratio behaves better with few degrees of freedom.
    tail : {"exact", "saddlepoint", "satterthwaite"}
        How the tail of that sum is found; R's survey uses the saddlepoint formula.

    Returns
    -------
    TermTest

    Raises
    ------
    InputError
        If the fit is of another kind, or has no such term.
    NotEstimableError
        If the fit has no variance, or every term of the model is tested by its
        likelihood ratio.

    References
    ----------
    Lumley, T. and Scott, A. (2014). Tests for regression models fitted to survey data.
    Australian and New Zealand Journal of Statistics 56, 1-14.
    https://doi.org/10.1111/anzs.12065

    Rao, J. N. K. and Scott, A. J. (1984). On chi-squared tests for multiway contingency
    tables with cell proportions estimated from survey data. Annals of Statistics 12,
    46-60. https://doi.org/10.1214/aos/1176346391

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.regression import logistic, term_test
    >>> cells = pd.DataFrame({"site": list("aabbcc"), "forced": [0, 1] * 3,
    ...     "persons": [18, 2, 12, 5, 9, 9]})
    >>> fit = logistic("forced ~ site", cells, count="persons")
    >>> test = term_test(fit, "site", method="working_lr")
    >>> (round(test.statistic, 3), test.df, round(test.p_value, 4))
    (7.772, 2.0, 0.0205)
    """
    check_regression_fit(fit)
    check_choice("method", method, ("wald", "working_lr", "working_wald"))
    places = term_columns(fit.sample.rows, terms)
    names = tuple(fit.term[place] for place in places)
    beta = fit.estimate[places]
    covariance = fit.covariance[np.ix_(places, places)]
    if method == "wald":
        return _wald(fit, names, beta, covariance)
    bread = inverse_information(fit.information)[np.ix_(places, places)]
    if method == "working_wald":
        statistic = float(beta @ np.linalg.solve(bread, beta))
    else:
        statistic = _working_likelihood_ratio(fit, places)
    effects = np.linalg.eigvals(np.linalg.solve(bread, covariance)).real
    effects = np.sort(effects)[::-1]
    notes: tuple[str, ...] = ()
    try:
        p_value = weighted_chi_square_tail(statistic, effects, df=fit.df, method=tail)
    except ConvergenceError:
        p_value = weighted_chi_square_tail(
            statistic, effects, df=fit.df, method="saddlepoint"
        )
        notes = ("the design effects lie far apart: p by the saddlepoint formula",)
    return TermTest(
        terms=names,
        method=method,
        statistic=statistic,
        df=float(places.size),
        df_denominator=fit.df,
        p_value=p_value,
        design_effects=tuple(float(value) for value in effects),
        notes=notes,
    )


def check_regression_fit(fit: object) -> RegressionFit:
    """Return `fit` if it holds what tests and margins need."""
    if not isinstance(fit, RegressionFit):
        raise InputError(
            f"A fit by logistic, survey_glm, risk_ratio or risk_difference was "
            f"expected, {type(fit).__name__} came (of {getattr(fit, 'method', '?')})."
        )
    if not np.isfinite(fit.covariance).all():
        raise NotEstimableError(
            f"The {fit.method} fit has no variance, for its maximum lies on the edge: "
            "see its notes."
        )
    return fit


def _wald(
    fit: RegressionFit,
    names: tuple[str, ...],
    beta: FloatVector,
    covariance: FloatMatrix,
) -> TermTest:
    rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
    notes: tuple[str, ...] = ()
    if rank < beta.size:
        notes = (
            f"the design's variance of the {beta.size} coefficients has rank {rank} "
            "only: fewer are tested than were named",
        )
    if math.isinf(fit.df):
        statistic = float(beta @ np.linalg.lstsq(covariance, beta, rcond=None)[0])
        p_value = float(chdtrc(rank, statistic))
    else:
        statistic, p_value = wald_f_test(beta, covariance, fit.df)
    return TermTest(
        terms=names,
        method="wald",
        statistic=statistic,
        df=float(rank),
        df_denominator=fit.df,
        p_value=p_value,
        notes=notes,
    )


def _working_likelihood_ratio(fit: RegressionFit, places: IntVector) -> float:
    """Return the loss of deviance when columns are left out."""
    rows = fit.sample.rows
    kept = np.setdiff1d(np.arange(len(fit.term)), places)
    if not kept.size:
        raise NotEstimableError(
            'No term is left when all are tested: use method="wald" or "working_wald".'
        )
    smaller = replace(
        fit.sample,
        rows=replace(
            rows,
            matrix=np.ascontiguousarray(rows.matrix[:, kept]),
            term=tuple(fit.term[place] for place in kept),
        ),
        design=None,  # no variance is needed, of replicates least of all
    )
    null = fit_glm(smaller, fit.model, advice="Test fewer terms.")
    mass = fit.sample.mass
    full_eta = rows.matrix @ fit.estimate + rows.offset
    null_eta = smaller.rows.matrix @ null.beta + rows.offset
    loss = fit.model.deviance(rows.outcome, null_eta, mass) - fit.model.deviance(
        rows.outcome, full_eta, mass
    )
    return max(loss, 0.0)


def working_bic(fit: RegressionFit, largest: RegressionFit) -> float:
    """Return the Bayesian information criterion of a model under a survey design.

    Parameters
    ----------
    fit : RegressionFit
        The model.
    largest : RegressionFit
        The model that holds all terms of all models compared, on the same rows.

    Returns
    -------
    float
        Smaller is better; comparable between models with the same `largest`.

    Raises
    ------
    InputError
        If `largest` lacks a term of `fit`, or the two have different rows.

    Notes
    -----
    With W the Wald chi-square of the terms that `fit` lacks, p its number of terms, n
    the rows and D the product of the design effects of the terms it lacks:
    deviance of the largest model + W + p log n + log D (Lumley and Scott 2015).

    References
    ----------
    Lumley, T. and Scott, A. (2015). AIC and BIC for modeling with complex survey data.
    Journal of Survey Statistics and Methodology 3, 1-18.
    https://doi.org/10.1093/jssam/smu021

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.regression import survey_glm, working_bic
    >>> from estimators.survey import SurveyDesign
    >>> frame = pd.DataFrame({"site": [1, 1, 2, 2, 3, 3, 4, 4], "w": [1.0, 3] * 4,
    ...     "y": [0, 1, 0, 0, 1, 1, 0, 1], "x": [0, 1, 1, 0, 0, 1, 1, 0]})
    >>> design = SurveyDesign.from_frame(frame, weights="w", psu="site")
    >>> full, null = survey_glm("y ~ x", design), survey_glm("y ~ 1", design)
    >>> working_bic(null, full) < working_bic(full, full)
    True
    """
    check_regression_fit(fit)
    check_regression_fit(largest)
    missing = [name for name in fit.term if name not in largest.term]
    if missing:
        raise InputError(
            f"The largest model lacks {', '.join(missing)}: it must hold the terms of "
            "every model compared."
        )
    rows = largest.sample.rows
    if not np.array_equal(fit.sample.rows.kept, rows.kept):
        raise InputError(
            f"The models have {fit.n_obs} and {largest.n_obs} rows: give both the same "
            "complete rows (where=)."
        )
    places = np.flatnonzero([name not in fit.term for name in largest.term])
    deviance = largest.model.deviance(
        rows.outcome, rows.matrix @ largest.estimate + rows.offset, largest.sample.mass
    )
    size = len(fit.term) * math.log(largest.n_obs)
    if not places.size:
        return deviance + size
    inside = np.ix_(places, places)
    beta, covariance = largest.estimate[places], largest.covariance[inside]
    bread = inverse_information(largest.information)[inside]
    effect = np.linalg.slogdet(covariance)[1] - np.linalg.slogdet(bread)[1]
    return float(deviance + beta @ np.linalg.solve(covariance, beta) + size + effect)
