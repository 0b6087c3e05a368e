"""A short screening tool out of a validated sample, with honest accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.binomial_limits import binomial_limits
from estimators.checks import as_generator, check_level
from estimators.diagnostics.screening_sample import (
    check_folds,
    check_search,
    read_answers,
    read_clusters,
    read_sample,
)
from estimators.diagnostics.tool_selection import Points, Rule, Search, choose_rule
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate, Estimates, Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import (
        BoolVector,
        FloatMatrix,
        FloatVector,
        IntMatrix,
        IntVector,
    )

__all__ = ["ScreeningTool", "build_screening_tool"]

_FEW = 30


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScreeningTool(Estimates):
    """Items with points and a threshold; rows hold its accuracy, apparent and honest.

    Attributes
    ----------
    items : tuple of str
    points : tuple of int
    threshold : int
        Persons with this score or more are flagged.
    optimism : mapping of str to float
        Apparent less cross-validated sensitivity and specificity.
    selected : pandas.Series
        Share of the cross-validation's fits that chose each candidate item.
    """

    items: tuple[str, ...]
    points: tuple[int, ...]
    threshold: int
    optimism: dict[str, float]
    selected: pd.Series[Any]

    def rule(self) -> str:
        """Return the rule in words."""
        if set(self.points) == {1}:
            listed = ", ".join(self.items)
            return f"flag who says yes to {self.threshold} or more of: {listed}"
        listed = ", ".join(
            f"{item} ({points})"
            for item, points in zip(self.items, self.points, strict=True)
        )
        return f"flag who has {self.threshold} points or more from: {listed}"

    def augment(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a copy of `frame` with ``.score`` and ``.flagged`` added."""
        answers = read_answers(frame[self._known(frame)])
        score = answers @ np.array(self.points, dtype=np.float64)
        made = frame.copy()
        made[".score"] = score.astype(np.int64)
        made[".flagged"] = score >= self.threshold
        return made

    def summary(self) -> str:
        """Return the rule, its accuracy and the notes."""
        return f"{self.rule()}\n{Estimates.summary(self)}"

    def _known(self, frame: pd.DataFrame) -> list[str]:
        absent = [item for item in self.items if item not in frame.columns]
        if absent:
            raise InputError(f"Items absent from the frame: {', '.join(absent)}.")
        return list(self.items)


def _example() -> dict[str, Any]:
    rng = np.random.default_rng(7)
    truth = rng.random(300) < 0.3
    rates = np.where(
        truth[:, None], [0.7, 0.6, 0.5, 0.3, 0.2], [0.1, 0.2, 0.2, 0.3, 0.2]
    )
    items = pd.DataFrame(
        (rng.random((300, 5)) < rates).astype(float),
        columns=["locked_in", "debt", "unpaid", "long_hours", "moved"],
    )
    return {"items": items, "truth": truth.astype(float), "n_repeats": 2}


@estimator(
    family="diagnostics",
    label="Short screening tool with cross-validated accuracy",
    source="Harrell, Lee and Mark 1996; Varma and Simon 2006",
    example=_example,
)
def build_screening_tool(  # noqa: PLR0913 - the options of one search, all by keyword
    items: pd.DataFrame,
    truth: Sequence[float] | FloatVector,
    *,
    most_items: int = 5,
    least_gain: float = 0.01,
    sensitivity_floor: float | None = None,
    points: Points = "one",
    clusters: Sequence[object] | None = None,
    n_folds: int = 10,
    n_repeats: int = 5,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> ScreeningTool:
    """Choose a few yes/no items and a threshold, and say how well they will do.

    The accuracy of a rule on the persons who chose it is too good. Here the whole
    search, items, points and threshold, is repeated without the persons it is then
    tried on (nested cross-validation), and both figures are shown.

    Parameters
    ----------
    items : pandas.DataFrame of shape (n, J)
        Candidate indicators: 1 (true) for yes, 0 (false) for no. Unknown answers are
        refused: state how the card will count them first.
    truth : array of shape (n,)
        1 (true) for a case by the full assessment, 0 for none.
    most_items : int
        At most so many are taken.
    least_gain : float
        What every further item must add to the criterion.
    sensitivity_floor : float, optional
        Maximise specificity among rules with at least this sensitivity, for example
        0.9 where a missed case costs more than a false alarm. Without it Youden's
        index, sensitivity + specificity - 1, is maximised.
    points : {"one", "integer"}
        Every yes counts 1, or 1 to 3 by the log odds ratios of the chosen items.
    clusters : sequence of length n, optional
        Persons of a cluster (truck, interviewer) stay together in the folds, and the
        limits count fewer persons by the clusters' design effect.
    n_folds, n_repeats : int
        Folds of the cross-validation (stratified by truth unless there are clusters)
        and how often it is repeated with other folds.
    level : float
    rng : int, numpy.random.Generator or None

    Returns
    -------
    ScreeningTool
        Rows by ``measure`` (sensitivity, specificity) and ``basis``
        (cross_validated, apparent) with Wilson limits; `rule()`, `optimism`,
        `selected` and `augment(frame)`.

    Raises
    ------
    InputError
        If items are not 0 and 1, lengths differ, or options are out of range.
    NotEstimableError
        If there are fewer than five cases or five others.

    Notes
    -----
    The cross-validated figures belong to the search, of which the rule is the result
    on all persons. Their limits take predictions as independent, though they share
    most of the persons who chose the rules, and hold for persons like these: another
    site needs its own validation.

    References
    ----------
    Harrell, F. E., Lee, K. L. and Mark, D. B. (1996). Multivariable prognostic models:
    issues in developing models, evaluating assumptions and adequacy, and measuring and
    reducing errors. Statistics in Medicine 15, 361-387.

    Varma, S. and Simon, R. (2006). Bias in error estimation when using cross-validation
    for model selection. BMC Bioinformatics 7, 91.
    https://doi.org/10.1186/1471-2105-7-91

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.diagnostics import build_screening_tool
    >>> items = pd.DataFrame({"locked_in": [1] * 20 + [0] * 40, "moved": [0, 1] * 30})
    >>> tool = build_screening_tool(items, [1] * 20 + [0] * 40, rng=1)
    >>> tool.rule()
    'flag who says yes to 1 or more of: locked_in'
    """
    check_level(level)
    search = check_search(most_items, least_gain, sensitivity_floor, points)
    answers, case = read_sample(items, truth)
    names = [str(name) for name in items.columns]
    codes = None if clusters is None else read_clusters(clusters, len(case))
    plan = check_folds(n_folds, n_repeats, case, codes)
    rule = choose_rule(answers, case, search)
    folds = _folds(case, codes, plan, as_generator(rng))
    flagged, chosen = _cross_validate(answers, case, search, folds)
    apparent = rule.flags(answers)
    rows, groups = [], []
    honest = flagged.mean(axis=0)
    optimism = {}
    for measure, who in (("sensitivity", case), ("specificity", ~case)):
        value = honest if measure == "sensitivity" else 1 - honest
        own = apparent if measure == "sensitivity" else ~apparent
        pair = {"cross_validated": value[who], "apparent": own[who].astype(np.float64)}
        optimism[measure] = float(
            pair["apparent"].mean() - pair["cross_validated"].mean()
        )
        for basis, hits in pair.items():
            part = None if codes is None else codes[who]
            rows.append(_row(measure, basis, hits, (part, level)))
            groups.append({"measure": measure, "basis": basis})
    return ScreeningTool(
        rows=tuple(rows),
        groups=tuple(groups),
        notes=_notes(case, names, optimism, chosen, rule, search),
        items=tuple(names[at] for at in rule.items),
        points=tuple(int(value) for value in rule.points),
        threshold=rule.threshold,
        optimism=optimism,
        selected=pd.Series(chosen, index=names, name="selected"),
    )


def _folds(
    case: BoolVector,
    codes: IntVector | None,
    plan: tuple[int, int],
    rng: np.random.Generator,
) -> IntMatrix:
    """Return the fold of each person in each repeat, shape (repeats, n)."""
    n_folds, n_repeats = plan
    found = np.empty((n_repeats, case.size), dtype=np.int64)
    for repeat in range(n_repeats):
        if codes is not None:
            order = rng.permutation(int(codes.max()) + 1)
            found[repeat] = (order % n_folds)[codes]
            continue
        for who in (case, ~case):
            found[repeat, who] = rng.permutation(int(who.sum())) % n_folds
    return found


def _cross_validate(
    answers: FloatMatrix, case: BoolVector, search: Search, folds: IntMatrix
) -> tuple[FloatMatrix, FloatVector]:
    """Return who is flagged by rules found without them, and how often items came."""
    flagged = np.empty(folds.shape)
    chosen = np.zeros(answers.shape[1])
    fits = 0
    for repeat, fold in enumerate(folds):
        for number in range(int(fold.max()) + 1):
            out = fold == number
            train = case[~out]
            if train.all() or not train.any():
                raise NotEstimableError(
                    "A fold leaves only cases or only others to choose from: use fewer "
                    "folds or smaller clusters."
                )
            rule: Rule = choose_rule(answers[~out], train, search)
            flagged[repeat, out] = rule.flags(answers[out])
            chosen[rule.items] += 1
            fits += 1
    return flagged, chosen / fits


def _row(
    measure: str,
    basis: str,
    hits: FloatVector,
    about: tuple[IntVector | None, float],
) -> Estimate:
    clusters, level = about
    n = hits.size
    value = float(hits.mean())
    size = n / _design_effect(hits, clusters)
    low, high = binomial_limits(value * size, size, "wilson", level=level)
    notes: tuple[str, ...] = ()
    if basis == "apparent":
        notes = ("on the persons who chose the rule: too good, for comparison only",)
    return Estimate(
        estimand=f"{measure} of the screening tool",
        unit="proportion",
        estimate=value,
        std_error=float(np.sqrt(value * (1 - value) / size)),
        ci=Interval(
            low=min(max(low, 0.0), value),
            high=max(min(high, 1.0), value),
            level=level,
            method="wilson",
        ),
        method="build_screening_tool",
        n_obs=n,
        notes=notes,
    )


def _design_effect(hits: FloatVector, clusters: IntVector | None) -> float:
    """Return the variance of the mean by clusters over that by persons, at least 1."""
    spread = float(((hits - hits.mean()) ** 2).sum())
    if clusters is None or spread <= 0:
        return 1.0
    totals = np.bincount(clusters, hits - hits.mean())
    present = int(np.count_nonzero(np.bincount(clusters)))
    between = float((totals**2).sum()) * present / max(present - 1, 1)
    return max(1.0, between / spread)


def _notes(  # noqa: PLR0917 - all that can be doubted
    case: BoolVector,
    names: list[str],
    optimism: dict[str, float],
    chosen: FloatVector,
    rule: Rule,
    search: Search,
) -> tuple[str, ...]:
    n_cases, n_others = int(case.sum()), int((~case).sum())
    notes = [
        f"optimism: sensitivity {optimism['sensitivity']:+.3f}, "
        f"specificity {optimism['specificity']:+.3f} (apparent less cross-validated)"
    ]
    if min(n_cases, n_others) < _FEW:
        notes.append(
            f"small sample: {n_cases} cases and {n_others} others; below {_FEW} of "
            "either the choice of items is hardly better than chance"
        )
    if n_cases < 10 * len(names) and len(names) > 1:
        notes.append(
            f"{n_cases / len(names):.1f} cases per candidate item: fewer than 10, drop "
            "candidates on grounds of substance first"
        )
    shaky = [names[at] for at in rule.items if chosen[at] < 0.5]
    if shaky:
        notes.append(
            f"chosen in fewer than half of the cross-validation's fits: "
            f"{', '.join(shaky)}"
        )
    if search.sensitivity_floor is not None:
        notes.append(
            f"sensitivity {search.sensitivity_floor:g} or more was asked for on the "
            "choosing persons; on new ones expect the cross-validated figure"
        )
    return tuple(notes)
