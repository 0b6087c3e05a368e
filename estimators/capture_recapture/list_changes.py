"""How far one list, or one pair of lists, decides the estimate."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations

from estimators.capture_recapture._fixed_dependence import fit_fixed_odds_ratio
from estimators.capture_recapture._histories_argument import check_histories
from estimators.capture_recapture.histories import CaptureHistories
from estimators.checks import check_level
from estimators.errors import InputError, PrevalenceError
from estimators.intervals import unseen_log_interval
from estimators.registry import estimator
from estimators.results import Estimate, Estimates

__all__ = ["independent_lists", "list_sensitivity"]

_KEY = "list_sensitivity"


def _example() -> CaptureHistories:
    counts = {"100": 60, "010": 45, "110": 14, "001": 70, "101": 18, "011": 12}
    return CaptureHistories.from_counts(counts | {"111": 5})


def independent_lists(histories: CaptureHistories, *, level: float = 0.95) -> Estimate:
    """Estimate a population's size as if all lists were independent.

    The log-linear model with main effects only (model Mt); `list_sensitivity` uses it
    where no other estimator is given.

    Parameters
    ----------
    histories : CaptureHistories
    level : float

    Returns
    -------
    Estimate
        In persons, with a log-normal interval for the persons on no list.

    Raises
    ------
    NotEstimableError
        If no person is on two lists, or one list holds everyone observed.

    References
    ----------
    Darroch, J. N. (1958). The multiple-recapture census I: estimation of a closed
    population. Biometrika 45, 343-359.

    Examples
    --------
    >>> two = CaptureHistories.from_counts({"10": 30, "01": 20, "11": 6})
    >>> round(independent_lists(two).estimate, 6)
    156.0
    """
    check_histories(histories)
    observed = histories.n_observed
    total, variance = fit_fixed_odds_ratio(
        histories.list_sizes(), observed, (0, 1), 1.0
    )
    return Estimate(
        estimand="population size",
        unit="persons",
        estimate=total,
        std_error=variance**0.5,
        ci=unseen_log_interval(total, observed, variance, level=level),
        method="independent lists",
        n_obs=observed,
    )


@estimator(
    family="capture_recapture",
    label="Lists left out and pairs of lists merged",
    source="Bales, Murphy and Silverman 2020; Sharifi Far et al. 2021",
    example=lambda: {"histories": _example()},
)
def list_sensitivity(
    histories: CaptureHistories,
    *,
    estimator: Callable[..., Estimate] = independent_lists,
    omit: bool = True,
    merge: bool = True,
    level: float = 0.95,
) -> Estimates:
    """Estimate again without each list, and with each pair of lists merged.

    If the model holds, every row estimates the same size. A row far from the first one
    names the list, or the dependence of two lists, that the estimate leans on. The rows
    share persons: their intervals are no test of a difference.

    Parameters
    ----------
    histories : CaptureHistories
        Three lists or more.
    estimator : callable
        Takes ``(histories, level=...)`` and returns an `Estimate` in persons, such as
        any of this family; ``functools.partial`` sets further options. By default
        `independent_lists`.
    omit : bool
        Leave every list out in turn. Persons known from that list alone are no longer
        observed, which `n_obs` shows.
    merge : bool
        Merge every pair of lists in turn: a person is on the merged list who is on
        either. Merging removes the assumption about this pair.
    level : float

    Returns
    -------
    Estimates
        Group columns ``change`` (``none``, ``omit``, ``merge``) and ``lists``; the
        first row has all lists as they are. Changes after which nothing can be
        estimated are left out, and `notes` name each.

    Raises
    ------
    InputError
        If there are fewer than three lists, or neither `omit` nor `merge` is asked for.
    NotEstimableError
        If the estimate with all lists cannot be had.

    References
    ----------
    Sharifi Far, S., King, R., Bird, S., Overstall, A., Worthington, H. and Jewell, N.
    (2021). Multiple systems estimation for modern slavery: robustness of list omission
    and combination. Crime and Delinquency 67.
    https://doi.org/10.1177/0011128720951429

    Bales, K., Murphy, L. T. and Silverman, B. W. (2020). How many trafficked people are
    there in Greater New Orleans? Lessons in measurement. Journal of Human Trafficking
    6, 375-387. https://doi.org/10.1080/23322705.2019.1634936

    Examples
    --------
    >>> counts = {"100": 60, "010": 45, "110": 14, "001": 70, "101": 18, "011": 12}
    >>> three = CaptureHistories.from_counts(counts)
    >>> table = list_sensitivity(three, merge=False)
    >>> [(g["change"], g["lists"], round(row.estimate)) for g, row in
    ...  zip(table.groups, table)]
    [('none', '', 489), ('omit', 'A', 592), ('omit', 'B', 511), ('omit', 'C', 467)]
    """
    check_level(level)
    check_histories(histories)
    if not (isinstance(omit, bool) and isinstance(merge, bool)):
        raise InputError(f"omit={omit!r}, merge={merge!r}: True or False was expected.")
    if histories.n_lists < 3 or not (omit or merge):
        raise InputError(
            f"{histories.n_lists} lists came with omit={omit} and merge={merge}: three "
            "lists or more and at least one of the two changes are needed, because an "
            "estimate needs two lists after the change."
        )
    rows: list[Estimate] = []
    groups: list[dict[str, str]] = []
    refused: list[str] = []
    for change, names, changed in _changes(histories, omit=omit, merge=merge):
        label = " + ".join(names)
        try:
            row = one_estimate(estimator, changed(), level)
        except PrevalenceError as error:
            if change == "none":
                raise
            refused.append(f"left out: {change} {label}: {error}")
            continue
        rows.append(replace(row, method=f"{_KEY}: {row.method}"))
        groups.append({"change": change, "lists": label})
    return Estimates(rows=tuple(rows), groups=tuple(groups), notes=tuple(refused))


def one_estimate(
    estimator: Callable[..., Estimate], histories: CaptureHistories, level: float
) -> Estimate:
    """Return what `estimator` makes of `histories`; refuse what is no single size."""
    _check_takes_histories(estimator)
    found = estimator(histories, level=level)
    if not isinstance(found, Estimate):
        raise InputError(
            "estimator: a function that returns one Estimate was expected, it returned "
            f"{type(found).__name__}."
        )
    return found


def _check_takes_histories(estimator: object) -> None:
    wanted = "a function that takes (histories, level=...) was expected"
    if not callable(estimator):
        raise InputError(f"estimator={estimator!r}: {wanted}, such as log_linear.")
    try:
        inspect.signature(estimator).bind(None, level=0.95)
    except TypeError as error:
        name = getattr(estimator, "__name__", type(estimator).__name__)
        raise InputError(f"estimator={name}: {wanted}, but {error}.") from error
    except ValueError:
        # Some built-in callables show no signature; calling them tells.
        return


def _changes(
    histories: CaptureHistories, *, omit: bool, merge: bool
) -> Iterator[tuple[str, tuple[str, ...], Callable[[], CaptureHistories]]]:
    yield "none", (), partial(histories.restrict, *histories.lists)
    if omit:
        for name in histories.lists:
            yield "omit", (name,), partial(histories.omit, name)
    if merge:
        for pair in combinations(histories.lists, 2):
            yield (
                "merge",
                pair,
                partial(histories.merge, {" + ".join(pair): pair}),
            )
