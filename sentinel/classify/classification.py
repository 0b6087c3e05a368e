"""What a case definition says of every respondent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from sentinel.classify.definitions import Definition

__all__ = ["Classification"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Classification:
    """One definition applied to one set of interviews in one setting.

    Attributes
    ----------
    definition : Definition
    setting : str
        Name of the threshold setting: "strict", "base" or "broad".
    frame : DataFrame
        Index of the interviews. One ``Int8`` column per outcome of the definition
        (``d_exploited, d_deceived, d_coerced, d_child, d_traff, d_worst``): 1 yes,
        0 no, NA unknown. ``d_tier``: ``Int8`` 0..5 or NA. ``fired`` and ``unknown``:
        indicator codes with ";" between them. With a typology ``d_pattern`` (one place
        per dimension: 1, 0, ? unknown) and ``d_type`` (missing where unknowns leave
        more than one type open).
    indicators : DataFrame of Int8
        One column per indicator: 1 present, 0 absent, NA unknown.
    absent : tuple of str
        Variables that the interviews do not have; what they decide is unknown.
    """

    definition: Definition
    setting: str
    frame: pd.DataFrame
    indicators: pd.DataFrame
    absent: tuple[str, ...] = ()

    def bounds(self, outcome: str) -> pd.DataFrame:
        """Return ``outcome`` as observed and with all unknowns no / all yes.

        Returns
        -------
        DataFrame
            Index of the interviews; ``observed`` (Int8 with NA), ``lower`` (unknown
            taken as no), ``upper`` (unknown taken as yes).
        """
        observed = self.frame[outcome]
        return pd.DataFrame(
            {
                "observed": observed,
                "lower": observed.fillna(0),
                "upper": observed.fillna(1),
            }
        )
