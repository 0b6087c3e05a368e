"""The design on which the catalogue's survey examples run."""

from __future__ import annotations

import pandas as pd

from estimators.designs import SurveyDesign

__all__ = ["example_design"]


def example_design() -> SurveyDesign:
    """Return the small two-stratum design of the catalogue's examples."""
    frame = pd.DataFrame(
        {
            "site": ["north"] * 6 + ["south"] * 6,
            "truck": [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6],
            "weight": [2.0] * 6 + [5.0] * 6,
            "exploited": [1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1],
            "year": [2010, 2012] * 6,
            "months": [3.0, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8],
        }
    )
    return SurveyDesign.from_frame(frame, weights="weight", strata="site", psu="truck")
