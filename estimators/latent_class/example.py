"""A small published table, for examples and documentation."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["role_conflict"]

# Persons by answers to four situations, universalistic (1) or particularistic (2), in
# lexicographic order: Stouffer and Toby 1951, as analysed by Goodman 1974.
_COUNTS = (20, 2, 9, 2, 6, 1, 4, 1, 38, 7, 24, 6, 25, 6, 23, 42)


def role_conflict() -> pd.DataFrame:
    """Return Stouffer and Toby's 216 students' answers to four items.

    Examples
    --------
    >>> role_conflict().shape
    (216, 4)
    """
    cells = np.stack(np.unravel_index(np.arange(16), (2, 2, 2, 2)), axis=1) + 1
    return pd.DataFrame(np.repeat(cells, _COUNTS, axis=0), columns=list("ABCD"))
