"""How many events there are for each thing to be estimated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.regression.doubts import event_notes
from estimators.regression.model_data import read_binary_data

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EventsPerVariable", "events_per_variable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsPerVariable:
    """Events against the terms of a model.

    Attributes
    ----------
    n_obs, n_events, n_slopes : int
        Persons in complete rows, those with the outcome, terms but the intercept.
    events_per_variable : float
        The rarer of events and non-events, divided by the slopes.
    rare_terms : tuple of str
        Indicator terms that fewer than 5 persons with, or without, the outcome have.
    notes : tuple of str
    """

    n_obs: int
    n_events: int
    n_slopes: int
    events_per_variable: float
    rare_terms: tuple[str, ...]
    notes: tuple[str, ...]


def events_per_variable(
    formula: str, frame: pd.DataFrame, *, count: str | None = None
) -> EventsPerVariable:
    """Count events per variable of a model before it is fitted.

    Parameters
    ----------
    formula : str
        ``outcome ~ terms``; the outcome is 0/1 or boolean. A factor of k levels is
        k - 1 variables, and so is every interaction.
    frame : pandas.DataFrame
        Rows with a missing value in a column of the model do not count.
    count : str, optional
        Column of whole numbers: how many persons a row stands for.

    Returns
    -------
    EventsPerVariable

    Raises
    ------
    InputError
        If the formula, a column or the outcome is not as described.
    NotEstimableError
        If no row is complete, or all outcomes are alike.

    Notes
    -----
    Ten events per variable is a rule of thumb (Peduzzi et al. 1996); five may do for
    confounders (Vittinghoff and McCulloch 2007). What hurts more is a category that
    hardly any person with the outcome is in: these are named.

    References
    ----------
    Peduzzi, P., Concato, J., Kemper, E., Holford, T. R. and Feinstein, A. R. (1996). A
    simulation study of the number of events per variable in logistic regression
    analysis. Journal of Clinical Epidemiology 49, 1373-1379.
    https://doi.org/10.1016/S0895-4356(96)00236-3

    Vittinghoff, E. and McCulloch, C. E. (2007). Relaxing the rule of ten events per
    variable in logistic and Cox regression. American Journal of Epidemiology 165,
    710-718. https://doi.org/10.1093/aje/kwk052

    Examples
    --------
    >>> import pandas as pd
    >>> cells = pd.DataFrame({"debt": [0, 0, 1, 1], "forced": [0, 1, 0, 1],
    ...     "persons": [18, 6, 6, 5]})
    >>> events_per_variable("forced ~ debt", cells, count="persons").events_per_variable
    11.0
    """
    data = read_binary_data(formula, frame, count=count)
    persons = float(data.frequency.sum())
    events = float(data.frequency @ data.outcome)
    slopes = len(data.slopes)
    ratio = min(events, persons - events) / slopes if slopes else np.inf
    rare = []
    for place in data.slopes:
        column = data.matrix[:, place]
        if not np.isin(column, (0.0, 1.0)).all():
            continue
        with_it = float(data.frequency @ (data.outcome * column))
        without = float(data.frequency @ ((1 - data.outcome) * column))
        if min(with_it, without) < 5:
            rare.append(data.term[place])
    notes = [*data.notes, *event_notes(ratio)]
    if rare:
        notes.append(
            "fewer than 5 persons with, or without, the outcome in: " + ", ".join(rare)
        )
    return EventsPerVariable(
        n_obs=int(persons),
        n_events=int(events),
        n_slopes=slopes,
        events_per_variable=ratio,
        rare_terms=tuple(rare),
        notes=tuple(notes),
    )
