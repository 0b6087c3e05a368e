"""One sample under several definitions: how many, who agrees, who moves."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.diagnostics import agreement
from estimators.errors import InputError, NotEstimableError
from estimators.results import Estimate
from estimators.survey import SurveyDesign, proportion
from sentinel.classify.apply import InterviewTable, classify
from sentinel.classify.definition_files import available_definitions, load_definition
from sentinel.classify.definitions import Definition
from sentinel.classify.indicator_sets import unverified_codes

if TYPE_CHECKING:
    from sentinel.classify.classification import Classification

__all__ = ["DefinitionComparison", "InternalRecords", "compare_definitions"]

WORDS = {1: "yes", 0: "no"}
UNKNOWN_WORD = "unknown"
CASE, BOUNDS = "case", ("lower", "upper")

DesignMaker = Callable[[Mapping[str, pd.Series]], SurveyDesign]


@dataclass(frozen=True, slots=True, eq=False)
class InternalRecords:
    """Record ids with what each definition says of them; never for release.

    Neither printing nor logging shows its content; ask for ``frame`` by name.
    """

    frame: pd.DataFrame = field(repr=False)

    def __str__(self) -> str:
        """Say how many there are, not who."""
        return f"{len(self.frame)} records, internal, not for release"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DefinitionComparison:
    """What several definitions say of the same persons; unprotected.

    Print it through `sentinel.report.release_comparison`, which hides small groups.

    Attributes
    ----------
    prevalence : DataFrame
        One row per outcome compared, and one per outcome of a definition that has no
        main one (the eleven ILO indicators): ``definition, outcome, is_headline, n,
        yes, no, unknown, estimate, ci_low, ci_high`` (unknowns left out; missing where
        the answers could settle only yes or only no), ``lower, upper`` (unknowns all
        no, all yes), ``bound_low, bound_high`` (outer limits of these two),
        ``switched_off, reference_period``.
    agreement : DataFrame
        One row per pair of definitions: ``first, second``, the persons that both settle
        as ``both_yes, first_only, second_only, both_no``, ``share``, Cohen's
        ``kappa, kappa_low, kappa_high``.
    patterns : DataFrame
        One column per definition compared with yes, no or unknown, and ``count``.
    persons : DataFrame
        Those words per interview, without any id.
    records : InternalRecords
        The same with record ids, for work inside the house.
    definitions : tuple of Definition
    notes : tuple of str
    """

    prevalence: pd.DataFrame
    agreement: pd.DataFrame
    patterns: pd.DataFrame
    persons: pd.DataFrame = field(repr=False)
    records: InternalRecords = field(repr=False)
    definitions: tuple[Definition, ...] = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def compared(self) -> tuple[str, ...]:
        """Names of the definitions that settle persons both ways."""
        return tuple(map(str, self.persons.columns))


def compare_definitions(
    interviews: InterviewTable,
    definitions: Sequence[str | Definition] | None = None,
    *,
    setting: str = "base",
    survey: DesignMaker | None = None,
    level: float = 0.95,
) -> DefinitionComparison:
    """Classify one sample under several definitions and compare.

    Parameters
    ----------
    interviews : Interviews
        Variables that they do not have are unknown for everybody.
    definitions : sequence of str or Definition, optional
        Names of shipped definitions, or definitions; by default all that are shipped.
    setting : str
        Threshold setting; "base" where a definition does not have it.
    survey : callable, optional
        Given new columns, the sampling design of the interviews with these added, such
        as ``lambda new: design.survey("event", design.frame.assign(**new))``. Without
        it every interview counts alike and as if drawn one by one.
    level : float

    Returns
    -------
    DefinitionComparison

    Raises
    ------
    InputError
        If a name is not known, two definitions have one name, or nobody was asked.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> frame = pd.DataFrame({"violence": ["1", "0", "0", "1"] * 10})
    >>> states = pd.DataFrame(0, index=frame.index, columns=frame.columns)
    >>> interviews = SimpleNamespace(frame=frame, states=states)
    >>> found = compare_definitions(interviews, ["uniap", "palermo"])
    >>> found.prevalence[["definition", "yes", "no", "unknown"]].values.tolist()
    [['uniap', 20, 0, 20], ['palermo', 0, 0, 40]]
    """
    chosen = _definitions(definitions)
    if not len(interviews.frame):
        raise InputError("There are no interviews to compare definitions on.")
    results = [
        classify(
            interviews,
            item,
            setting=setting if setting in item.settings else "base",
            absent="unknown",
        )
        for item in chosen
    ]
    main = {
        result.definition.name: result.frame[result.definition.headline]
        for result in results
        if result.definition.headline
        and _settles_both_ways(result.frame[result.definition.headline])
    }
    persons = pd.DataFrame(
        {name: _words(values) for name, values in main.items()},
        index=interviews.frame.index,
    )
    make = survey or _simple
    return DefinitionComparison(
        prevalence=pd.DataFrame(
            [
                row
                for result in results
                for row in _prevalence_rows(result, make, level=level)
            ]
        ),
        agreement=pd.DataFrame(
            [
                _agreement_row(pair, main, make, level=level)
                for pair in itertools.combinations(main, 2)
            ]
        ),
        patterns=_patterns(persons),
        persons=persons,
        records=InternalRecords(_records(interviews.frame, persons)),
        definitions=chosen,
        notes=_notes(results, weighted=survey is not None),
    )


def _definitions(given: Sequence[str | Definition] | None) -> tuple[Definition, ...]:
    chosen = tuple(
        item if isinstance(item, Definition) else load_definition(item)
        for item in (available_definitions() if given is None else given)
    )
    names = [item.name for item in chosen]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not chosen:
        raise InputError(
            f"Give definitions with names of their own; twice: {', '.join(twice)}."
            if twice
            else "Give at least one definition."
        )
    return chosen


def _words(values: pd.Series) -> pd.Series:
    return values.map(WORDS).fillna(UNKNOWN_WORD).astype("str")


def _simple(new: Mapping[str, pd.Series]) -> SurveyDesign:
    return SurveyDesign.from_frame(pd.DataFrame(dict(new)))


def _prevalence_rows(
    result: Classification, make: DesignMaker, *, level: float
) -> list[dict[str, object]]:
    definition = result.definition
    names = (definition.headline,) if definition.headline else definition.outcome_names
    rows: list[dict[str, object]] = []
    for name in names:
        observed = result.frame[name]
        yes, known = int((observed == 1).sum()), int(observed.notna().sum())
        bounds = {key: result.bounds(name)[key].astype("float64") for key in BOUNDS} | {
            CASE: observed.astype("Float64")
        }
        design = make(bounds)
        low, high = (_share(design, key, level=level) for key in BOUNDS)
        row: dict[str, object] = {
            "definition": definition.name,
            "outcome": name,
            "is_headline": bool(definition.headline),
            "n": len(observed),
            "yes": yes,
            "no": known - yes,
            "unknown": len(observed) - known,
            **dict.fromkeys(("estimate", "ci_low", "ci_high"), np.nan),
            "lower": low.estimate,
            "upper": high.estimate,
            "bound_low": low.ci.low,
            "bound_high": high.ci.high,
            "switched_off": len(definition.switched_off),
            "reference_period": definition.reference_period,
        }
        if _settles_both_ways(observed):
            found = _share(design, CASE, level=level)
            row |= {
                "estimate": found.estimate,
                "ci_low": found.ci.low,
                "ci_high": found.ci.high,
            }
        rows.append(row)
    return rows


def _settles_both_ways(observed: pd.Series) -> bool:
    """Return whether yes and no can both be proven with the answers that were given.

    Where an answer decides only one way, or the indicators are switched off, the share
    of "yes" among the settled says nothing; the bounds say all.
    """
    return not observed.isna().any() or observed.nunique() == len(WORDS)


def _share(design: SurveyDesign, variable: str, *, level: float) -> Estimate:
    found = proportion(design, variable, level=level)
    if not isinstance(found, Estimate):
        raise TypeError(f"{type(found).__name__} without groups")
    return found


def _agreement_row(
    pair: tuple[str, str],
    main: Mapping[str, pd.Series],
    make: DesignMaker,
    *,
    level: float,
) -> dict[str, object]:
    first, second = (main[name] for name in pair)
    both = first.notna() & second.notna()
    row: dict[str, object] = {
        "first": pair[0],
        "second": pair[1],
        "both_yes": int(((first == 1) & (second == 1)).sum()),
        "first_only": int(((first == 1) & (second == 0)).sum()),
        "second_only": int(((first == 0) & (second == 1)).sum()),
        "both_no": int(((first == 0) & (second == 0)).sum()),
        **dict.fromkeys(("share", "kappa", "kappa_low", "kappa_high"), np.nan),
    }
    if not both.any():
        return row
    ratings = pd.DataFrame(
        {"first": first.astype("Float64"), "second": second.astype("Float64")}
    ).where(both)
    same = (first == second).astype("Float64").where(both)
    design = make({"same": same, **{f"rating_{k}": ratings[k] for k in ratings}})
    row["share"] = _share(design, "same", level=level).estimate
    if min(first[both].nunique(), second[both].nunique()) < len(WORDS):
        return row  # somebody who always says the same cannot agree beyond chance
    try:
        found = agreement(ratings.astype("float64"), design=design, level=level)
    except NotEstimableError:
        return row
    return row | {
        "kappa": found.estimate,
        "kappa_low": found.ci.low,
        "kappa_high": found.ci.high,
    }


def _patterns(persons: pd.DataFrame) -> pd.DataFrame:
    if not len(persons.columns):
        return pd.DataFrame({"count": pd.array([], dtype="int64")})
    counts = persons.groupby(list(persons.columns), sort=True).size().rename("count")
    table = counts.reset_index()
    return table.sort_values("count", ascending=False, kind="stable", ignore_index=True)


def _records(frame: pd.DataFrame, persons: pd.DataFrame) -> pd.DataFrame:
    if "rec_id" not in frame:
        return persons.copy()
    return pd.concat([frame[["rec_id"]], persons], axis=1)


def _notes(results: Sequence[Classification], *, weighted: bool) -> tuple[str, ...]:
    notes = [
        "Definitions answer different questions: a difference between them is no error "
        "of either, and none of them is a legal finding.",
        "Design weights and clusters are those of the study."
        if weighted
        else "Every interview counts alike, as if persons had been drawn one by one.",
        "Agreement is between persons whom both definitions settle; kappa is low by "
        "itself where cases are rare.",
    ]
    for result in results:
        definition, gone = result.definition, result.absent
        name, headline = definition.name, definition.headline
        if gone:
            notes.append(
                f"{name}: not asked, so unknown of everybody: {', '.join(gone)}."
            )
        if headline and not _settles_both_ways(result.frame[headline]):
            notes.append(
                f"{name}: only bounds are given, because what is switched on and asked "
                "cannot settle both yes and no; it is left out of the comparison."
            )
        reasons = Counter(
            item.reason if item.code in unverified_codes() else "not measured"
            for item in definition.switched_off
        )
        notes += [
            f"{name}: {count} indicators switched off ({reason})."
            for reason, count in reasons.items()
        ]
        notes += [
            f"{name}: {note}"
            for note in definition.notes
            if note.startswith("SWITCHED ON")
        ]
    return tuple(notes)
