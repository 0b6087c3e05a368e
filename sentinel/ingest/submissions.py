"""What the export of a form server says beyond its cells: keys, versions, repeats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["NOTHING_CHOSEN", "RepeatTable", "Submissions", "Tool"]

IndexVector = npt.NDArray[np.intp]
Tool = Literal["kobo", "odk", "surveycto"]
# A multiple question that was asked and in which no answer was ticked: not the same as
# one that was never asked, and no code of any form has spaces in it.
NOTHING_CHOSEN = "(nothing chosen)"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RepeatTable:
    """The rows of one repeat.

    Attributes
    ----------
    name : str
        Sheet, file or question name of the repeat.
    label : str
        Place for messages.
    frame : DataFrame of str
    rows : ndarray of int64
        Row of each record in its sheet or file.
    roots : ndarray of int
        Place of the interview it belongs to; -1 where none was found.
    parent : str
        Name of the repeat around it, empty where it stands in the interview itself.
    parents : ndarray of int or None
        Place of its row in the table of `parent`; None without one.
    """

    name: str
    label: str
    frame: pd.DataFrame
    rows: npt.NDArray[np.int64]
    roots: IndexVector
    parent: str = ""
    parents: IndexVector | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Submissions:
    """An export of KoboToolbox, ODK Central or SurveyCTO.

    Attributes
    ----------
    tool : {"kobo", "odk", "surveycto"}
    key : str
        Column that tells submissions apart, empty where the export lacks it.
    version : str
        Column of the form version, empty where absent.
    day : str
        Column of the day or time of the interview, for ``today()``.
    set_aside : mapping of str to ndarray of int
        Reason to places of rows that are no data by the tool's own review: rejected.
    repeats : mapping of str to RepeatTable
    stated : int or None
        How many submissions the server says there are.
    continues : bool
        Whether the file says that another page follows.
    """

    tool: Tool
    key: str = ""
    version: str = ""
    day: str = ""
    set_aside: Mapping[str, IndexVector] = field(default_factory=dict)
    repeats: Mapping[str, RepeatTable] = field(default_factory=dict)
    stated: int | None = None
    continues: bool = False
