"""The part of the respondents that a plan's ``where`` names."""

from __future__ import annotations

import numpy as np
import pandas as pd

from estimators.errors import InputError
from sentinel.classify.answers import Answers
from sentinel.classify.definitions import variables_of
from sentinel.classify.expressions import parse_expression
from sentinel.classify.three_valued import YES, evaluate

__all__ = ["select_rows", "variables_named"]


def select_rows(frame: pd.DataFrame, where: str) -> pd.Series:
    """Return the rows for which a condition is known to hold.

    The language is that of case definitions, ``sex = 2 and hours_day > 12``: nothing in
    it can run code. A row for which the condition is unknown is not selected.

    Raises
    ------
    InputError
        If the condition cannot be read or names a column that is not there.
    """
    condition = parse_expression(where)
    named = variables_of(condition)
    missing = [name for name in named if name not in frame]
    if missing:
        raise InputError(
            f"where = {where!r}: the interviews have no column {', '.join(missing)}"
        )
    states = pd.DataFrame(np.uint8(0), index=frame.index, columns=list(named))
    truth = evaluate(condition, Answers(frame, states))
    return pd.Series(truth == YES, index=frame.index)


def variables_named(where: str) -> tuple[str, ...]:
    """Return the columns that a condition names; an error if it cannot be read."""
    return variables_of(parse_expression(where))
