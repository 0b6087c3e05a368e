"""Levels of a model's factors that too few respondents or cases stand behind.

An odds ratio with its standard error gives the cases of a level back (its variance is
about the sum of one over the four counts), so a level needs as many cases and as many
others as a printed row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from estimators.errors import InputError

__all__ = ["check_levels", "merge_rare"]

OTHER = "other"


def merge_rare(
    column: pd.Series, answer: pd.Series, least: int
) -> tuple[pd.Series, list[str]]:
    """Merge the levels with few respondents, few cases or few others.

    Parameters
    ----------
    column : Series of str
        Levels, most frequent first in the result; missing values stay.
    answer : Series
        The outcome; where it is not 0 and 1, only respondents are counted.
    least : int
        Smallest number of each.

    Returns
    -------
    Series, list of str
        Ordered as a categorical, "other" last, and what was merged. Where "other" would
        be too small itself, it is joined by the smallest level that is not.
    """
    counts = column.value_counts()
    tallies = _tallies(column, answer)
    few = [level for level in counts.index if _is_few(tallies.loc[level], least)]
    kept = [level for level in counts.index if level not in set(few)]
    while few and kept and _is_few(tallies.loc[few].sum(), least):
        few.append(kept.pop())
    if not few:
        plain = pd.Categorical(column, categories=kept)
        return pd.Series(plain, index=column.index), []
    merged = column.where(~column.isin(few) | column.isna(), OTHER)
    levels = [level for level in kept if level != OTHER]
    return (
        pd.Series(
            pd.Categorical(merged, categories=[*levels, OTHER]), index=column.index
        ),
        sorted(map(str, few)),
    )


def check_levels(data: pd.DataFrame, outcome: str, formula: str, least: int) -> None:
    """Refuse a model one of whose rounds or combinations of levels has too few.

    Raises
    ------
    InputError
        It names the terms, not the counts.
    """
    complete = data.dropna()
    problems = []
    for names in _factors_of_terms(formula, complete):
        levels = complete[list(names)].astype("str").agg(" x ".join, axis=1)
        tallies = _tallies(levels, complete[outcome])
        few = [str(level) for level, row in tallies.iterrows() if _is_few(row, least)]
        if few:
            problems.append(f"{' x '.join(names)}: {', '.join(few)}")
    if problems:
        raise InputError(
            f"fewer than {least} respondents, cases or others stand behind "
            f"{'; '.join(problems)}. Leave them out with where, or leave out the term."
        )


def _tallies(levels: pd.Series, answer: pd.Series) -> pd.DataFrame:
    """Return respondents, cases and others of each level."""
    value = pd.to_numeric(answer, errors="coerce")
    if not value.dropna().isin([0, 1]).all():
        found = pd.DataFrame({"n": 1}, index=levels.index)
    else:
        known = value.notna()
        found = pd.DataFrame(
            {"n": known, "cases": known & (value == 1), "others": known & (value == 0)}
        )
    return found.astype("int64").groupby(levels.astype("object")).sum()


def _is_few(tally: pd.Series, least: int) -> bool:
    return bool((tally < least).any())


def _factors_of_terms(formula: str, data: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """Yield the categorical columns of each term."""
    from formulaic import Formula

    seen: set[tuple[str, ...]] = set()
    for term in Formula(formula).rhs:
        names = tuple(
            name
            for factor in term.factors
            for name in sorted(_columns(str(factor), data))
            if isinstance(data[name].dtype, pd.CategoricalDtype)
        )
        if names and names not in seen:
            seen.add(names)
            yield names


def _columns(factor: str, data: pd.DataFrame) -> set[str]:
    from formulaic import Formula

    if factor == "1":
        return set()
    named: Mapping[str, object] = dict.fromkeys(Formula(factor).required_variables)
    return {str(name) for name in named} & set(map(str, data.columns))
