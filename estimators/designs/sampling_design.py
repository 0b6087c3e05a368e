"""The sampling design of a data set: weights, strata, stages, population sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd

from estimators.checks import check_choice
from estimators.designs.domains import RowSelector, row_mask
from estimators.designs.labels import as_names, code_labels, list_rows
from estimators.designs.stages import Stage, code_stage, read_population
from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatVector, IntVector
    from estimators.designs.calibration import Step

__all__ = ["LonelyPSU", "SurveyDesign"]

LonelyPSU: TypeAlias = Literal["fail", "certainty", "adjust", "average"]
_Name: TypeAlias = Callable[[int], str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SurveyDesign:
    """A frame together with how its rows were sampled; made by `from_frame`.

    Attributes
    ----------
    frame : DataFrame of n rows
        The data; never copied, never changed.
    weights : ndarray of shape (n,)
        Sampling weights: how many units of the population a row stands for.
    stages : tuple of Stage
        Stages of sampling, the first stage (PSUs within strata) first.
    domain : ndarray of shape (n,)
        Rows under study; the others keep their place in the variance.
    lonely_psu : {"fail", "certainty", "adjust", "average"}
        What to do with strata of one PSU.
    unit_names : tuple of callable
        Label of a stratum (first entry) or of a unit of stage 1, 2, ..., for messages.
    calibration : tuple of CalibrationStep or TrimStep
        What was done to the weights, in order; variances take it into account.
    lonely_domains : bool
        Whether strata of which a domain touches one PSU count as lonely for it.
    notes : tuple of str
    """

    frame: pd.DataFrame
    weights: FloatVector
    stages: tuple[Stage, ...]
    domain: BoolVector
    lonely_psu: LonelyPSU
    unit_names: tuple[_Name, ...]
    calibration: tuple[Step, ...] = ()
    lonely_domains: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.weights.setflags(write=False)
        self.domain.setflags(write=False)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        weights: str | None = None,
        strata: str | Sequence[str] | None = None,
        psu: str | Sequence[str] | None = None,
        fpc: str | Sequence[str] | None = None,
        nest: bool = False,
        lonely_psu: LonelyPSU = "fail",
        lonely_domains: bool = False,
    ) -> SurveyDesign:
        """Read the design from columns of a frame.

        Parameters
        ----------
        frame : DataFrame of n rows
        weights : str, optional
            Column of sampling weights > 0. Without it they are the inverse of the
            sampling fractions in `fpc`, and 1 where there is no `fpc` either.
        strata : str or list of str, optional
            First-stage strata; several columns form one combined key.
        psu : str or list of str, optional
            One column per stage: ``["district", "school"]`` is two-stage sampling, and
            labels of later stages count within the stage before. A PSU known by several
            columns together needs them joined into one column first. Without it every
            row was sampled by itself.
        fpc : str or list of str, optional
            Finite population correction, one column per stage, from the first on:
            number of units in the population (> 1) or sampling fraction (<= 1),
            constant within stratum. Stages after the last one given, or after a stage
            of infinite population, add nothing to the variance.
        nest : bool
            PSU labels count within their stratum. Otherwise a label that occurs in two
            strata is an error.
        lonely_psu : {"fail", "certainty", "adjust", "average"}
            Strata with one sampled PSU: name them and stop; count them as drawn with
            certainty (no variance); centre them at the mean of all PSUs; or give them
            the mean variance of the other strata.
        lonely_domains : bool
            Treat a stratum of several PSUs the same way for a domain that touches only
            one of them (survey's ``adjust.domain.lonely``). The other PSUs do count,
            as zeros, so this is caution, not need; for "adjust" and "average".

        Raises
        ------
        InputError
            With every problem found: missing or non-positive weights, missing labels,
            labels shared by strata, population sizes that vary or are below the sample.

        Examples
        --------
        >>> import pandas as pd
        >>> from estimators.designs import SurveyDesign
        >>> frame = pd.DataFrame({"truck": [1, 1, 2, 3], "w": [4.0, 4.0, 5.0, 3.0]})
        >>> SurveyDesign.from_frame(frame, weights="w", psu="truck")
        SurveyDesign(4 rows, 1 stratum, 3 PSUs, sum of weights 16)
        """
        check_choice(
            "lonely_psu", lonely_psu, ("fail", "certainty", "adjust", "average")
        )
        if lonely_domains and lonely_psu not in {"adjust", "average"}:
            raise InputError(
                'lonely_domains needs lonely_psu="adjust" or "average": there is '
                f"nothing else to do for {lonely_psu!r}."
            )
        psus, fpcs = as_names(psu), as_names(fpc)
        _check_frame(
            frame, {"weights": as_names(weights), "strata": as_names(strata),
                    "psu": psus, "fpc": fpcs}
        )  # fmt: skip
        problems: list[str] = []
        if len(fpcs) > max(len(psus), 1):
            problems.append(
                f"fpc has {len(fpcs)} columns for {max(len(psus), 1)} stages"
            )
        value = _read_weights(frame, weights, problems)
        stages, names = _read_stages(
            frame, (as_names(strata), psus, fpcs), problems, nest=nest
        )
        if problems:
            raise InputError(
                "The design cannot be used:\n- " + ".\n- ".join(problems) + "."
            )
        notes: tuple[str, ...] = ()
        if value is None:
            value, note = _derived_weights(stages, n_given=len(fpcs), n_rows=len(frame))
            notes = (note,)
        return cls(
            frame=frame,
            weights=value,
            stages=stages,
            domain=np.ones(len(frame), dtype=bool),
            lonely_psu=lonely_psu,
            lonely_domains=lonely_domains,
            unit_names=names,
            notes=notes,
        )

    def subset(self, where: RowSelector) -> SurveyDesign:
        """Return the design with a smaller domain; no row is dropped.

        `where` is a boolean column, a query or booleans of shape (n,). Rows where it is
        unknown are outside, which the notes say.
        """
        mask, n_unknown = row_mask(self.frame, where)
        notes = self.notes
        if n_unknown:
            notes = (*notes, f"{n_unknown} rows of unknown condition are outside")
        return replace(self, domain=self.domain & mask, notes=notes)

    @property
    def n_strata(self) -> int:
        """Number of first-stage strata."""
        return self.stages[0].sampled.size

    @property
    def n_psu(self) -> int:
        """Number of sampled first-stage units."""
        return self.stages[0].stratum.size

    @property
    def is_clustered(self) -> bool:
        """Whether some first-stage unit holds more than one row."""
        return self.n_psu < len(self.frame)

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        strata = f"{self.n_strata:,} strat{'um' if self.n_strata == 1 else 'a'}"
        total = float(self.weights[self.domain].sum())
        outside = int((~self.domain).sum())
        rest = f", {outside:,} rows outside the domain" if outside else ""
        return (
            f"SurveyDesign({len(self.frame):,} rows, {strata}, {self.n_psu:,} PSUs, "
            f"sum of weights {total:,.6g}{rest})"
        )


def _check_frame(frame: pd.DataFrame, columns: dict[str, tuple[str, ...]]) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise InputError(
            f"A pandas DataFrame was expected, {type(frame).__name__} came."
        )
    if not len(frame):
        raise InputError("The frame has no rows: there is no design to read.")
    missing = [
        f"{name!r} ({role})"
        for role, names in columns.items()
        for name in names
        if list(frame.columns).count(name) != 1
    ]
    if missing:
        raise InputError(
            f"The frame must have exactly one column {', '.join(missing)}; its columns "
            f"are {', '.join(map(str, frame.columns))}."
        )


def _read_weights(
    frame: pd.DataFrame, column: str | None, problems: list[str]
) -> FloatVector | None:
    if column is None:
        return None
    value = pd.to_numeric(frame[column], errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    kinds = {
        "missing, infinite or not a number": ~np.isfinite(value),
        "negative": value < 0,
        "zero (a row that stands for nobody: remove it knowingly)": value == 0,
    }
    problems.extend(
        f"{column!r} (weights) is {kind} in {list_rows(wrong)}"
        for kind, wrong in kinds.items()
        if wrong.any()
    )
    return np.array(value, dtype=np.float64)


def _read_stages(
    frame: pd.DataFrame,
    columns: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]],
    problems: list[str],
    *,
    nest: bool,
) -> tuple[tuple[Stage, ...], tuple[_Name, ...]]:
    strata, psus, fpcs = columns
    try:
        parent, stratum_name = code_labels(frame, strata, "strata")
    except InputError as error:
        problems.append(str(error))
        parent, stratum_name = np.zeros(len(frame), dtype=np.int64), str
    names: list[_Name] = [stratum_name if strata else _whole_sample]
    stages: list[Stage] = []
    for depth, column in enumerate(psus or (None,)):
        try:
            unit, stratum = code_stage(frame, column, parent, nested=nest or depth > 0)
            population = np.full(int(stratum.max()) + 1, np.inf)
            if depth < len(fpcs):
                population = read_population(
                    frame, fpcs[depth], (unit, stratum), names[-1]
                )
        except InputError as error:
            problems.append(str(error))
            break
        stages.append(
            Stage(
                unit=unit,
                stratum=stratum,
                sampled=np.bincount(stratum).astype(np.int64),
                population=population,
            )
        )
        # No closures: designs are sent to other processes, and these cannot be.
        names.append(partial(_unit_name, frame[list(psus[: depth + 1])], unit))
        parent = unit
    return tuple(stages), tuple(names)


def _unit_name(labels: pd.DataFrame, unit: IntVector, wanted: int) -> str:
    row = int(np.argmax(unit == wanted))
    found = (f"{column}={labels[column].iloc[row]}" for column in labels)
    return ", ".join(found) or f"row {row}"


def _whole_sample(_stratum: int) -> str:
    return "the whole sample"


def _derived_weights(
    stages: tuple[Stage, ...], *, n_given: int, n_rows: int
) -> tuple[FloatVector, str]:
    if not n_given:
        return np.ones(n_rows), "no weights were given: every row has weight 1"
    weight = np.ones(n_rows)
    for stage in stages:
        weight = weight * (stage.population / stage.sampled)[stage.row_stratum]
    if not np.isfinite(weight).all():
        raise InputError(
            "Weights can only be derived when fpc states the population of every "
            f"stage; it states {n_given} of {len(stages)}, or some are infinite. "
            "Give weights, or the remaining fpc columns."
        )
    return weight, "weights were derived from the sampling fractions (fpc)"
