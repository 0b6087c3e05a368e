"""A sample with replicate weights: every variance from the spread of replicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd

from estimators.checks import check_choice, check_columns
from estimators.designs.domains import RowSelector, row_mask
from estimators.designs.labels import list_names, list_rows
from estimators.designs.replicate_factors import distinct_rows, replicate_rank
from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import (
        BoolVector,
        FloatMatrix,
        FloatVector,
        IntVector,
    )
    from estimators.designs.sampling_design import SurveyDesign

__all__ = [
    "ReplicateDesign",
    "ReplicateKind",
]

ReplicateKind: TypeAlias = Literal[
    "JK1", "JKn", "BRR", "Fay", "bootstrap", "rao_wu", "other"
]
_KINDS: tuple[str, ...] = (
    "JK1", "JKn", "BRR", "Fay", "bootstrap", "rao_wu", "other"
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ReplicateDesign:  # no slots: the wide matrix is made once, when first asked for
    """A frame with R sets of replicate weights; made by `from_frame`, `to_replicates`.

    Attributes
    ----------
    frame : DataFrame of n rows
        The data; never copied, never changed.
    weights : ndarray of shape (n,)
        Sampling weights > 0.
    factors : ndarray of shape (units, R)
        Replicate weight over weight; rows that always change together share a unit.
    unit : ndarray of shape (n,)
        Row of `factors` that each row of the frame has.
    scale : float
        Factor of the whole sum of squares.
    replicate_scales : ndarray of shape (R,)
        Factor of each replicate's square.
    mse : bool
        Squares are taken round the full estimate, not round the replicates' mean.
    degrees_of_freedom : float
        Rank of the replicate weights less one, unless stated.
    domain : ndarray of shape (n,)
        Rows under study.
    kind : str
    origin : SurveyDesign, optional
        The design that the replicates were made from.
    notes : tuple of str
    """

    frame: pd.DataFrame
    weights: FloatVector
    factors: FloatMatrix
    unit: IntVector
    scale: float
    replicate_scales: FloatVector
    mse: bool
    degrees_of_freedom: float
    domain: BoolVector
    kind: ReplicateKind
    origin: SurveyDesign | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("weights", "factors", "unit", "replicate_scales", "domain"):
            getattr(self, name).setflags(write=False)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        weights: str,
        replicate_weights: str | Sequence[str],
        kind: ReplicateKind = "other",
        scale: float | Sequence[float] | None = None,
        mse: bool = False,
        combined: bool = True,
        degrees_of_freedom: float | None = None,
    ) -> ReplicateDesign:
        """Read replicate weights that came with the data.

        Parameters
        ----------
        frame : DataFrame of n rows
        weights : str
            Column of sampling weights > 0.
        replicate_weights : str or list of str
            Columns of replicate weights >= 0, or the prefix of their names: ``"repw"``
            stands for repw1, repw2, ... in the frame's order.
        kind : {"JK1", "JKn", "BRR", "Fay", "bootstrap", "rao_wu", "other"}
            Gives the scale where none is stated: (R - 1) / R for JK1, 1 / R for BRR,
            1 / (R - 1) for the bootstraps. The others need one.
        scale : float or list of R floats, optional
            What multiplies the squares, from the documentation of the data: one factor
            (Fay: 1 / (R (1 - rho)^2)) or one per replicate (JKn: (n_h - 1) / n_h).
        mse : bool
            Squares are taken round the full estimate instead of the replicates' mean.
        combined : bool
            Replicate weights hold the sampling weights; otherwise they are factors.
        degrees_of_freedom : float, optional
            Default: rank of the replicate weights less one.

        Raises
        ------
        InputError
            With every problem found: columns that are absent, weights that are missing,
            negative or zero, replicates that are all zero, scales that are not known.

        References
        ----------
        Wolter, K. M. (2007). Introduction to Variance Estimation, second edition.
        Springer.

        Examples
        --------
        >>> import pandas as pd
        >>> from estimators.designs import ReplicateDesign
        >>> frame = pd.DataFrame({"w": [2.0, 2, 2], "r1": [0.0, 3, 3],
        ...                       "r2": [3.0, 0, 3], "r3": [3.0, 3, 0]})
        >>> ReplicateDesign.from_frame(frame, weights="w", replicate_weights="r",
        ...                            kind="JK1")
        ReplicateDesign(3 rows, 3 JK1 replicates, 2 degrees of freedom)
        """
        check_choice("kind", kind, _KINDS)
        check_columns(frame, {"weights": weights})
        columns = _replicate_columns(frame, weights, replicate_weights)
        problems: list[str] = []
        weight = _numbers(frame, [weights], "weights", problems)[:, 0]
        _refuse_zero(weight, weights, problems)
        values = _numbers(frame, columns, "replicate weights", problems)
        empty = [name for name, column in zip(columns, values.T, strict=True)
                 if not np.nansum(column) > 0]  # fmt: skip
        if empty:
            problems.append(f"replicates of zero weight: {list_names(empty)}")
        scales = _scales(kind, scale, len(columns), problems)
        if degrees_of_freedom is not None and not degrees_of_freedom > 0:
            problems.append(f"degrees_of_freedom={degrees_of_freedom!r} is not above 0")
        if problems:
            raise InputError(
                "The replicate weights cannot be used:\n- "
                + ".\n- ".join(problems)
                + "."
            )
        if combined:
            values /= weight[:, None]
        factors, unit = distinct_rows(values)
        df = degrees_of_freedom
        if df is None:
            df = replicate_rank(factors) - 1
        return cls(
            frame=frame,
            weights=weight,
            factors=factors,
            unit=unit,
            scale=scales[0],
            replicate_scales=scales[1],
            mse=mse,
            degrees_of_freedom=float(df),
            domain=np.ones(len(frame), dtype=bool),
            kind=kind,
        )

    def subset(self, where: RowSelector) -> ReplicateDesign:
        """Return the design with a smaller domain; no row is dropped.

        `where` is a boolean column, a query or booleans of shape (n,). Rows where it is
        unknown are outside, which the notes say. Degrees of freedom are the domain's.
        """
        from estimators.designs.degrees import degrees_of_freedom

        mask, n_unknown = row_mask(self.frame, where)
        notes = self.notes
        if n_unknown:
            notes = (*notes, f"{n_unknown} rows of unknown condition are outside")
        return replace(
            self,
            domain=self.domain & mask,
            degrees_of_freedom=max(degrees_of_freedom(self, mask), 0.0),
            notes=notes,
        )

    @cached_property
    def replicate_weights(self) -> FloatMatrix:
        """Replicate weights with the sampling weights in them, shape (n, R)."""
        wide: FloatMatrix = self.factors[self.unit]
        wide *= self.weights[:, None]
        wide.setflags(write=False)
        return wide

    @property
    def n_replicates(self) -> int:
        """Number of replicates R."""
        return self.replicate_scales.size

    @property
    def is_clustered(self) -> bool:
        """Whether some rows are kept or dropped together."""
        if self.origin is not None:
            return self.origin.is_clustered
        return len(self.factors) < len(self.frame)

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        outside = int((~self.domain).sum())
        rest = f", {outside:,} rows outside the domain" if outside else ""
        kind = "" if self.kind == "other" else f"{self.kind} "
        return (
            f"ReplicateDesign({len(self.frame):,} rows, {self.n_replicates:,} "
            f"{kind}replicates, {self.degrees_of_freedom:g} degrees of freedom{rest})"
        )


def _replicate_columns(
    frame: pd.DataFrame, weights: str, named: str | Sequence[str]
) -> list[str]:
    if isinstance(named, str):
        columns = [
            name for name in frame.columns
            if str(name).startswith(named) and str(name)[len(named):].isdigit()
        ]  # fmt: skip
        wanted = f"columns called {named}1, {named}2, ..."
    else:
        columns = list(named)
        check_columns(
            frame, {f"replicate_weights[{i}]": c for i, c in enumerate(named)}
        )
        wanted = "columns"
    if len(columns) < 2 or weights in columns or len(set(columns)) < len(columns):
        raise InputError(
            f"replicate_weights must name two or more different {wanted}, without "
            f"{weights!r}; {len(columns)} came: {list_names(columns)}."
        )
    return columns


def _numbers(
    frame: pd.DataFrame, columns: Sequence[str], role: str, problems: list[str]
) -> FloatMatrix:
    try:
        values = frame[list(columns)].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):  # some cells are no numbers: say which
        values = np.column_stack(
            [
                pd.to_numeric(frame[name], errors="coerce").to_numpy(
                    dtype=np.float64, na_value=np.nan
                )
                for name in columns
            ]
        )
    if np.isfinite(values).all() and (values >= 0).all():
        return np.array(values)
    for name, value in zip(columns, values.T, strict=True):
        kinds = {
            "missing, infinite or not a number": ~np.isfinite(value),
            "negative": value < 0,
        }
        problems.extend(
            f"{name!r} ({role}) is {kind} in {list_rows(wrong)}"
            for kind, wrong in kinds.items()
            if wrong.any()
        )
    return np.array(values)


def _refuse_zero(weight: FloatVector, name: str, problems: list[str]) -> None:
    if (weight == 0).any():
        problems.append(
            f"{name!r} (weights) is zero (a row that stands for nobody: remove it "
            f"knowingly) in {list_rows(weight == 0)}"
        )


def _scales(
    kind: str,
    given: float | Sequence[float] | None,
    n_replicates: int,
    problems: list[str],
) -> tuple[float, FloatVector]:
    usual = {
        "JK1": (n_replicates - 1) / n_replicates,
        "BRR": 1 / n_replicates,
        "bootstrap": 1 / max(n_replicates - 1, 1),
        "rao_wu": 1 / max(n_replicates - 1, 1),
    }
    ones = np.ones(n_replicates)
    if given is None:
        if kind not in usual:
            problems.append(
                f'kind="{kind}" needs scale: one number, or one per replicate '
                "(JKn: (n_h - 1) / n_h; Fay: 1 / (R (1 - rho)^2))"
            )
        return usual.get(kind, 1.0), ones
    values = np.atleast_1d(np.array(given, dtype=np.float64))
    if values.shape not in {(1,), (n_replicates,)}:
        problems.append(
            f"scale has {values.size} values for {n_replicates} replicates: give one, "
            "or one for each"
        )
        return 1.0, ones
    if not (np.isfinite(values).all() and (values >= 0).all() and values.any()):
        problems.append("scale must be finite and >= 0, and above 0 somewhere")
    return (float(values[0]), ones) if values.size == 1 else (1.0, values)
