"""What a test of a weighted table returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from estimators.array_types import FloatArray

__all__ = ["RaoScottTest"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RaoScottTest:
    """A test of a weighted table.

    Attributes
    ----------
    hypothesis : str
        "sex and sector are independent", "shares of sector are as given".
    test : str
        The statistic asked for, and how it is judged.
    statistic : float
        What is compared with the reference distribution.
    df, df_denominator : float
        Of that distribution; `df_denominator` is infinite for chi-square.
    p_value : float
    pearson : float
        Pearson's X2 of the weighted shares at the sample's number of rows.
    design_effects : tuple of float
        Eigenvalues of design over multinomial variance: X2 follows the sum of
        chi-squares with these weights.
    mean_design_effect : float
    n_obs : int
        Rows in the table.
    levels : tuple of tuple
    shares, share_std_errors : ndarray of shape (rows, columns) or (levels,)
        Weighted shares of the whole table, read-only.
    notes : tuple of str
    """

    hypothesis: str
    test: str
    statistic: float
    df: float
    df_denominator: float
    p_value: float
    pearson: float
    design_effects: tuple[float, ...]
    mean_design_effect: float
    n_obs: int
    levels: tuple[tuple[Any, ...], ...]
    shares: FloatArray
    share_std_errors: FloatArray
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.shares.setflags(write=False)
        self.share_std_errors.setflags(write=False)

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        names = ("hypothesis", "test", "statistic", "df", "df_denominator", "p_value",
                 "pearson", "mean_design_effect", "n_obs")  # fmt: skip
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def summary(self) -> str:
        """Return the test in two lines, followed by the notes."""
        of = f"{self.df:.4g}"
        if math.isfinite(self.df_denominator):
            of += f" and {self.df_denominator:.4g}"
        lines = [
            f"{self.hypothesis}, n = {self.n_obs:,}",
            f"{self.test}: {self.statistic:.5g}, df {of}, p = {self.p_value:.3g}; "
            f"mean design effect {self.mean_design_effect:.3g}",
        ]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])
