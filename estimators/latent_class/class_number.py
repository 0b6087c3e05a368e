"""How many classes: criteria side by side and the bootstrap likelihood ratio test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import as_generator, check_counts, check_resamples
from estimators.errors import InputError, NotEstimableError
from estimators.latent_class.analysis import latent_class_analysis
from estimators.latent_class.drawn_answers import (
    best_of,
    draw_answers,
    parameters_of,
    plain_model,
    split_class,
)

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntMatrix
    from estimators.latent_class.patterns import ItemScale

__all__ = ["ClassNumberTest", "bootstrap_class_test", "compare_class_numbers"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassNumberTest:
    """A bootstrap test of K classes against K - 1.

    Attributes
    ----------
    n_classes : int
        K, the larger number.
    statistic : float
        Twice the difference of the log likelihoods.
    p_value : float
        (1 + draws at least as large) / (1 + draws): never 0.
    draws : ndarray of shape (B,)
        Statistics of samples from K - 1 classes; read-only.
    n_obs : int
    notes : tuple of str
    """

    n_classes: int
    statistic: float
    p_value: float
    draws: FloatVector
    n_obs: int
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.draws.setflags(write=False)

    def to_frame(self) -> pd.DataFrame:
        """Return one row: classes, statistic, p-value and quantiles of the draws."""
        return pd.DataFrame(
            [
                {
                    "n_classes": self.n_classes,
                    "against": self.n_classes - 1,
                    "statistic": self.statistic,
                    "p_value": self.p_value,
                    "draws_mean": float(self.draws.mean()),
                    "draws_95": float(np.quantile(self.draws, 0.95)),
                    "n_resamples": self.draws.size,
                    "n_obs": self.n_obs,
                }
            ]
        )

    def summary(self) -> str:
        """Return the test in words."""
        head = (
            f"{self.n_classes} classes against {self.n_classes - 1}: likelihood ratio "
            f"{self.statistic:.4g}, bootstrap p = {self.p_value:.3g} "
            f"({self.draws.size} draws), n = {self.n_obs:,}"
        )
        return "\n".join([head, *(f"note: {note}" for note in self.notes)])


def bootstrap_class_test(
    items: pd.DataFrame,
    *,
    n_classes: int,
    n_resamples: int = 99,
    n_starts: int = 20,
    rng: int | np.random.Generator | None = None,
    n_jobs: int | None = None,
) -> ClassNumberTest:
    """Test whether `n_classes` classes describe the answers better than one fewer.

    The likelihood ratio of numbers of classes has no chi-square distribution: samples
    are drawn from the smaller model, with the same missing answers, and both models are
    fitted to each (McLachlan 1987).

    Parameters
    ----------
    items : pandas.DataFrame of shape (n, J)
        As `latent_class_analysis` takes them.
    n_classes : int
        The larger number, at least 2.
    n_resamples : int
        99 can show p = 0.01 at the least.
    n_starts : int
        Random starts for each of both models, in the data and in every draw; the larger
        model also starts from the smaller one's classes, each split in turn.
    rng : int, numpy.random.Generator or None
    n_jobs : int, optional
        As joblib understands it; the answer does not depend on it.

    Returns
    -------
    ClassNumberTest

    Raises
    ------
    InputError
        If `n_classes` is below 2 or the items do not fit.

    References
    ----------
    McLachlan, G. J. (1987). On bootstrapping the likelihood ratio test statistic for
    the number of components in a normal mixture. Applied Statistics 36, 318-324.

    Nylund, K. L., Asparouhov, T. and Muthen, B. O. (2007). Deciding on the number of
    classes in latent class analysis and growth mixture modeling. Structural Equation
    Modeling 14, 535-569. https://doi.org/10.1080/10705510701575396

    Examples
    --------
    >>> from estimators.latent_class import bootstrap_class_test
    >>> from estimators.latent_class.example import role_conflict
    >>> test = bootstrap_class_test(
    ...     role_conflict(), n_classes=2, n_resamples=19, n_starts=5, rng=1
    ... )
    >>> round(test.statistic, 1), test.p_value
    (78.4, 0.05)
    """
    check_resamples(n_resamples, least=9)
    larger = check_counts(n_classes=n_classes)["n_classes"]
    if larger < 2:
        raise InputError(
            f"n_classes={n_classes}: the test compares this number with one fewer; "
            "give 2 or more."
        )
    generator = as_generator(rng)
    streams = generator.spawn(n_resamples + 2)
    smaller = latent_class_analysis(
        items, n_classes=larger - 1, n_starts=n_starts, rng=streams[0]
    )
    codes = smaller.model.patterns.codes[smaller.rows.pattern]
    null = parameters_of(smaller)
    value, _ = best_of(
        plain_model(codes, smaller.scale, larger),
        n_starts,
        streams[1],
        also=split_class(null, streams[1]),
    )
    statistic = 2 * (value - smaller.climb.log_likelihood)
    draws = _draws(null, codes, smaller.scale, (streams[2:], n_starts, n_jobs))
    above = int(np.count_nonzero(draws >= statistic))
    return ClassNumberTest(
        n_classes=larger,
        statistic=statistic,
        p_value=(1 + above) / (1 + draws.size),
        draws=draws,
        n_obs=smaller.n_obs,
        notes=tuple(smaller.notes),
    )


def compare_class_numbers(
    items: pd.DataFrame,
    *,
    most: int = 6,
    n_starts: int = 20,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Fit 1 to `most` classes and show their criteria side by side.

    Parameters
    ----------
    items : pandas.DataFrame of shape (n, J)
    most : int
        Largest number of classes; numbers that the table cannot carry are left out.
    n_starts : int
    rng : int, numpy.random.Generator or None

    Returns
    -------
    pandas.DataFrame
        One row per number of classes: the columns of `overview` that compare fits,
        ``smallest_class`` (share) and ``identified``.

    Raises
    ------
    InputError
        If the items do not fit.

    Examples
    --------
    >>> from estimators.latent_class import compare_class_numbers
    >>> from estimators.latent_class.example import role_conflict
    >>> table = compare_class_numbers(role_conflict(), most=3, rng=1)
    >>> int(table.loc[table["bic"].idxmin(), "n_classes"])
    2
    """
    highest = check_counts(most=most)["most"]
    rows = []
    for k, stream in enumerate(as_generator(rng).spawn(highest), start=1):
        try:
            fit = latent_class_analysis(
                items, n_classes=k, n_starts=n_starts, rng=stream
            )
        except NotEstimableError:
            if k == 1:
                raise
            break
        shown = fit.fit_statistics
        rows.append(
            {
                "n_classes": k,
                **{
                    name: shown.get(name, np.nan)
                    for name in (
                        "log_likelihood", "n_parameters", "aic", "bic", "caic", "abic",
                        "entropy_r2", "share_at_best",
                    )
                },
                "smallest_class": float(fit.share.min()),
                "identified": fit.bread is not None,
                "n_obs": fit.n_obs,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _draws(
    null: FloatMatrix,
    holes: IntMatrix,
    scale: ItemScale,
    plan: tuple[list[np.random.Generator], int, int | None],
) -> FloatVector:
    from joblib import Parallel, delayed

    streams, n_starts, n_jobs = plan
    size = 8  # replicates a task: well above joblib's own cost
    chunks = Parallel(n_jobs=n_jobs)(
        delayed(_ratios)(null, holes, scale, streams[at : at + size], n_starts)
        for at in range(0, len(streams), size)
    )
    return np.array([ratio for chunk in chunks for ratio in chunk])


def _ratios(
    null: FloatMatrix,
    holes: IntMatrix,
    scale: ItemScale,
    streams: list[np.random.Generator],
    n_starts: int,
) -> list[float]:
    found = []
    k = null.shape[1]
    for rng in streams:
        codes = draw_answers(null, holes, scale, rng)
        few, at = best_of(
            plain_model(codes, scale, k), n_starts, rng, also=null[None, :, :]
        )
        many, _ = best_of(
            plain_model(codes, scale, k + 1), n_starts, rng, also=split_class(at, rng)
        )
        found.append(2 * (many - few))
    return found
