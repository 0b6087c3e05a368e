"""Multiple imputation by chained equations, with the design among the predictors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from estimators.checks import as_generator, check_columns, check_counts
from estimators.designs import SurveyDesign
from estimators.errors import InputError
from estimators.regression._conditional_draws import draw_categories, draw_near_values
from estimators.regression.imputation_columns import (
    Column,
    design_predictors,
    read_columns,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from estimators.array_types import FloatMatrix

__all__ = ["Imputations", "impute"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Imputations:
    """Completed copies of one frame.

    Attributes
    ----------
    frames : tuple of pandas.DataFrame
        With the rows, columns and dtypes of the frame that was imputed.
    n_missing : mapping of str to int
        Values drawn per column.
    trace : pandas.DataFrame
        Columns ``column, imputation, iteration, mean``: the mean of the drawn values
        (of category codes) should wander without a trend.
    notes : tuple of str
    """

    frames: tuple[pd.DataFrame, ...]
    n_missing: Mapping[str, int]
    trace: pd.DataFrame
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.frames)

    def designs(self, design: SurveyDesign) -> list[SurveyDesign]:
        """Return `design` with each completed frame in place of its own."""
        if len(design) != len(self.frames[0]):
            raise InputError(
                f"The design has {len(design)} rows, the imputed frames "
                f"{len(self.frames[0])}: row i of one is row i of the other."
            )
        return [replace(design, frame=frame) for frame in self.frames]

    def apply(self, analysis: Callable[[pd.DataFrame], T]) -> list[T]:
        """Return the analysis of every completed frame, for `pool_imputations`."""
        return [analysis(frame) for frame in self.frames]


def impute(
    frame: pd.DataFrame,
    columns: Sequence[str],
    *,
    predictors: Sequence[str] = (),
    design: SurveyDesign | None = None,
    n_imputations: int = 20,
    n_iterations: int = 10,
    donors: int = 5,
    rng: int | np.random.Generator | None = None,
) -> Imputations:
    """Fill missing values several times, by chained equations.

    Each column with gaps is modelled given all others, in turn, `n_iterations` times:
    numbers by predictive mean matching, two or more categories by multinomial logistic
    regression. Valid if values are missing at random given these columns. Name every
    column of the analysis, its outcome too: leaving one out biases its coefficient
    towards 0.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (n, ...)
    columns : sequence of str
        Columns to complete. Those without gaps serve as predictors.
    predictors : sequence of str
        More complete columns that predict: what made answers go missing, the site.
    design : SurveyDesign, optional
        Of the frame's rows: logarithms of the weights, and first-stage strata (if there
        are no more than a twentieth of the rows), join the predictors.
    n_imputations : int
        At least 2; as a rule not fewer than the percentage of incomplete rows.
    n_iterations : int
    donors : int
        Persons among whose values one is drawn.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    Imputations
        Analyse each frame, then `pool_imputations`.

    Raises
    ------
    InputError
        If columns are absent, entirely missing, of one observed value, neither numbers
        nor categories, or hold more categories than can be modelled; if predictors have
        gaps; if options are out of range. All problems are named at once.
    ConvergenceError
        If a column's model did not converge.

    Notes
    -----
    Categories that separate are no obstacle (augmentation of White, Daniel and Royston
    2010). Clusters are not modelled: where answers resemble each other within trucks,
    add a cluster's mean as a predictor. Answers that a questionnaire skips are not
    missing: impute within the rows that were asked. A chain of its own random stream
    belongs to every imputation.

    References
    ----------
    van Buuren, S. (2007). Multiple imputation of discrete and continuous data by fully
    conditional specification. Statistical Methods in Medical Research 16, 219-242.
    https://doi.org/10.1177/0962280206074463

    White, I. R., Daniel, R. and Royston, P. (2010). Avoiding bias due to perfect
    prediction in multiple imputation of incomplete categorical variables. Computational
    Statistics and Data Analysis 54, 2267-2275.
    https://doi.org/10.1016/j.csda.2010.04.005

    White, I. R., Royston, P. and Wood, A. M. (2011). Multiple imputation using chained
    equations: issues and guidance for practice. Statistics in Medicine 30, 377-399.
    https://doi.org/10.1002/sim.4067

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"debt": [1, 0, 1, None, 0, 1, 0, 1, 0, None],
    ...     "days": [30, 12, None, 25, 10, 28, 14, None, 9, 11]})
    >>> completed = impute(frame, ["debt", "days"], n_imputations=3, rng=1)
    >>> len(completed), int(completed.frames[0].isna().sum().sum())
    (3, 0)
    >>> dict(completed.n_missing)
    {'debt': 2, 'days': 2}
    """
    counts = check_counts(
        n_imputations=n_imputations, n_iterations=n_iterations, donors=donors
    )
    check_columns(frame, {f"column {name}": name for name in (*columns, *predictors)})
    problems = [
        f"{name}={counts[name]} must be at least {least}"
        for name, least in (("n_imputations", 2), ("n_iterations", 1), ("donors", 1))
        if counts[name] < least
    ]
    if design is not None and len(design) != len(frame):
        problems.append(
            f"the design has {len(design)} rows and the frame {len(frame)}: row i of "
            "one is row i of the other"
        )
    read, fixed = read_columns(frame, columns, predictors, problems)
    if problems:
        raise InputError("; ".join(problems) + ".")
    extra, notes = design_predictors(design, len(frame))
    known = np.column_stack([*(column.indicators() for column in fixed), extra])
    generator = as_generator(rng)
    chains = [
        _chain(read, known, counts["n_iterations"], counts["donors"], own)
        for own in generator.spawn(counts["n_imputations"])
    ]
    share = max(
        (float(column.missing.mean()) for column in read if column.missing.any()),
        default=0.0,
    )
    incomplete = float(np.any([column.missing for column in read], axis=0).mean())
    return Imputations(
        frames=tuple(_filled(frame, chain[0]) for chain in chains),
        n_missing={column.name: int(column.missing.sum()) for column in read},
        trace=pd.DataFrame(
            [
                {"column": name, "imputation": number, "iteration": step, "mean": mean}
                for number, (_, trace) in enumerate(chains)
                for step, name, mean in trace
            ],
            columns=["column", "imputation", "iteration", "mean"],
        ),
        notes=(*notes, *_doubts(share, incomplete, counts["n_imputations"])),
    )


def _chain(
    columns: list[Column],
    known: FloatMatrix,
    n_iterations: int,
    donors: int,
    rng: np.random.Generator,
) -> tuple[list[Column], list[tuple[int, str, float]]]:
    """Return the columns completed once, and the means on the way."""
    state = [column.started(rng) for column in columns]
    trace = []
    # Few gaps first, as mice's monotone visit: later columns lean on better ones.
    order = sorted(
        (place for place, column in enumerate(columns) if column.missing.any()),
        key=lambda place: int(columns[place].missing.sum()),
    )
    for step in range(n_iterations):
        for place in order:
            column = state[place]
            others = np.column_stack(
                [
                    *(c.indicators() for at, c in enumerate(state) if at != place),
                    known,
                ]
            )
            seen, gaps = others[~column.missing], others[column.missing]
            values = column.value[~column.missing]
            if column.levels is None:
                drawn = draw_near_values(seen, values, gaps, donors=donors, rng=rng)
            else:
                drawn = draw_categories(
                    seen,
                    values.astype(np.int64),
                    gaps,
                    categories=len(column.levels),
                    rng=rng,
                ).astype(np.float64)
            state[place] = column.completed(drawn)
            trace.append((step, column.name, float(drawn.mean())))
    return state, trace


def _filled(frame: pd.DataFrame, columns: list[Column]) -> pd.DataFrame:
    changed: dict[Any, Any] = {
        column.name: column.restored(frame[column.name])
        for column in columns
        if column.missing.any()
    }
    return frame.assign(**changed)


def _doubts(share: float, incomplete: float, n_imputations: int) -> tuple[str, ...]:
    notes = []
    if not share:
        notes.append("nothing is missing in these columns: all imputations are alike")
    if share > 0.5:
        notes.append(
            f"a column lacks {share:.0%} of its values: results rest on the model of "
            "the missing ones more than on answers"
        )
    if n_imputations < 100 * incomplete:
        notes.append(
            f"{incomplete:.0%} of the rows are incomplete: take as many imputations, "
            f"not {n_imputations}"
        )
    return tuple(notes)
