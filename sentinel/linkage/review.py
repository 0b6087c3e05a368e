"""Pairs for the eye of a clerk: drawn by probability, shown blind, read back.

The clerk sees what two records say and nothing else: no list, no record id, no
probability, in an order that means nothing. A key, kept apart, says which pair is which
and with what probability it was drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import check_counts
from estimators.errors import InputError
from sentinel.linkage.link_errors import LinkErrors, Tally, link_errors
from sentinel.linkage.pairs import LinkedPairs, LinkedPersons, probability_of
from sentinel.schema.problems import Problem, Problems

if TYPE_CHECKING:
    from sentinel.linkage.records import SourceList

__all__ = [
    "Review",
    "apply_decisions",
    "errors_from_review",
    "read_decisions",
    "review_sample",
]

BANDS = (0.001, 0.05, 0.3, 0.5, 0.7, 0.95, 1.0)
_DECISIONS = {
    "same": "same", "s": "same", "yes": "same", "y": "same", "1": "same",
    "different": "different", "d": "different", "no": "different", "n": "different",
    "0": "different", "unsure": "unsure", "?": "unsure", "u": "unsure",
}  # fmt: skip
# Odds of 2 to the 40th: nothing that a model says outweighs a clerk.
_CERTAIN = 40.0
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Review:
    """A sample of pairs for review.

    Attributes
    ----------
    sheet : DataFrame
        For the clerk: ``pair``, every field as ``<field>_1`` and ``<field>_2`` as the
        agencies wrote them, and empty columns ``decision`` (same, different, unsure)
        and ``comment``. Microdata: write it with
        `sentinel.report.write_review_sheet`.
    key : DataFrame
        For the coordinator: ``pair, id_l, id_r, band, linked, n_band,
        inclusion_probability``.
    """

    sheet: pd.DataFrame
    key: pd.DataFrame


def review_sample(
    pairs: LinkedPairs,
    persons: LinkedPersons,
    lists: Sequence[SourceList],
    *,
    bands: Sequence[float] = BANDS,
    per_band: int = 30,
    rng: int | np.random.Generator | None = None,
) -> Review:
    """Draw pairs by bands of probability, linked and not linked apart.

    Parameters
    ----------
    pairs : LinkedPairs
    persons : LinkedPersons
        Made from these pairs: says which pairs are linked.
    lists : sequence of SourceList
        The lists as they came, whose cells the clerk is shown.
    bands : sequence of float
        Rising limits of probability; pairs outside are not drawn. To decide doubtful
        pairs only: ``(0.3, 0.7)``. To estimate rates, cover all from the floor to 1.
    per_band : int
        Pairs per band, of those linked and of those not linked each; all if there are
        fewer.
    rng : int, Generator or None

    Raises
    ------
    InputError
        If the limits do not rise within [0, 1], or no pair lies within them.
    """
    check_counts(per_band=per_band)
    limits = np.asarray(bands, dtype=np.float64)
    if (
        limits.size < 2
        or (np.diff(limits) <= 0).any()
        or limits[0] < 0
        or limits[-1] > 1
    ):
        raise InputError(
            f"bands={list(bands)}: two or more rising probabilities were expected."
        )
    choose, turn, shuffle = np.random.default_rng(rng).spawn(3)
    person = persons.frame["person"].to_numpy(np.int64)
    table = pairs.frame[["id_l", "id_r"]].assign(
        # The last band holds its upper limit.
        band=np.searchsorted(
            limits[:-1], pairs.frame["match_probability"], side="right"
        ),
        linked=person[pairs.frame["id_l"]] == person[pairs.frame["id_r"]],
    )
    inside = pairs.frame["match_probability"].between(limits[0], limits[-1])
    parts = []
    for _, group in table[inside].groupby(["band", "linked"], sort=True):
        size = min(per_band, len(group))
        rows = np.sort(choose.choice(len(group), size, replace=False))
        parts.append(
            group.iloc[rows].assign(
                n_band=len(group), inclusion_probability=size / len(group)
            )
        )
    if not parts:
        raise InputError(
            f"No pair has a probability in {limits[0]:g}..{limits[-1]:g}; nothing is "
            "to be reviewed there."
        )
    key = pd.concat(parts, ignore_index=True)
    key = key.take(shuffle.permutation(len(key))).reset_index(drop=True)
    width = len(str(len(key)))
    number = pd.Series(range(1, len(key) + 1)).astype(str).str.zfill(width)
    key.insert(0, "pair", "R" + number)
    turned = turn.random(len(key)) < 0.5
    return Review(sheet=_sheet(pairs, lists, key, turned), key=key)


def _sheet(
    pairs: LinkedPairs,
    lists: Sequence[SourceList],
    key: pd.DataFrame,
    turned: np.ndarray,
) -> pd.DataFrame:
    written = _written(pairs, lists)
    one = np.where(turned, key["id_r"], key["id_l"])
    other = np.where(turned, key["id_l"], key["id_r"])
    sheet = key[["pair"]].copy()
    for field in pairs.records.fields:
        cells = written[field.name].to_numpy(dtype=object)
        sheet[f"{field.name}_1"], sheet[f"{field.name}_2"] = cells[one], cells[other]
    return sheet.assign(decision="", comment="")


def _written(pairs: LinkedPairs, lists: Sequence[SourceList]) -> pd.DataFrame:
    """Return the cells of every record as they came, in the order of unique_id."""
    parts = []
    for item in lists:
        ids = item.frame[item.record_id].astype("string").str.strip()
        part = pd.DataFrame({"source": item.source, "record": ids.astype("object")})
        for field in pairs.records.fields:
            found = item.columns.get(field.name, ())
            columns = (found,) if isinstance(found, str) else tuple(found)
            texts = [item.frame[name].astype("string").fillna("") for name in columns]
            joined = pd.Series("", index=item.frame.index, dtype="string")
            for text in texts:
                joined = (joined + " " + text).str.strip()
            part[field.name] = joined.astype("object")
        parts.append(part)
    order = pairs.records.frame[["source", "record"]].astype("object")
    known = pd.concat(parts, ignore_index=True)
    merged = order.merge(known, on=["source", "record"], how="left")
    absent = int((~order["record"].isin(known["record"])).sum())
    if absent or len(merged) != len(order):
        raise InputError(
            f"{absent:,} records of these pairs are not in `lists`: give the lists "
            "that were linked."
        )
    return merged


def read_decisions(sheet: pd.DataFrame, key: pd.DataFrame) -> pd.DataFrame:
    """Read a sheet that came back and join it with its key.

    Parameters
    ----------
    sheet : DataFrame
        With ``pair`` and ``decision``: same, different, unsure (or yes, no, ?). Empty
        decisions are pairs not yet reviewed.
    key : DataFrame
        Of the `Review` that the sheet is from.

    Returns
    -------
    DataFrame
        The key's rows with ``decision``: same, different, unsure, or empty.

    Raises
    ------
    IngestError
        With every problem: pairs that are not of this review, that are absent or stand
        twice, decisions that cannot be read.

    Examples
    --------
    >>> key = pd.DataFrame({"pair": ["R1", "R2"]})
    >>> sheet = pd.DataFrame({"pair": ["R2", "R1"], "decision": ["Yes", " d"]})
    >>> read_decisions(sheet, key)["decision"].tolist()
    ['different', 'same']
    """
    problems = Problems()
    for column in ("pair", "decision"):
        if column not in sheet:
            problems.add(
                Problem(
                    file="review sheet",
                    column=column,
                    expected="a column of this name",
                    hint="Do not rename or remove columns of the sheet.",
                )
            )
    problems.raise_errors()
    names = sheet["pair"].astype("string").fillna("").str.strip().astype("object")
    texts = sheet["decision"].astype("string").fillna("").str.strip().str.lower()
    texts = texts.str.replace(r"\.0$", "", regex=True).astype("object")
    _report(problems, names[~names.isin(key["pair"])], "pair", "pairs of this review")
    _report(problems, names[names.duplicated()], "pair", "every pair once")
    gone = key.loc[~key["pair"].isin(names), "pair"]
    _report(problems, gone, "pair", "every pair of the review", rows=False)
    wrong = ~texts.isin([*_DECISIONS, ""])
    _report(problems, names[wrong], "decision", "same, different, unsure or nothing")
    problems.raise_errors()
    found = dict(zip(names, texts, strict=True))
    decision = [_DECISIONS.get(found[name], "") for name in key["pair"]]
    return key.assign(decision=decision)


def _report(
    problems: Problems,
    pairs: pd.Series,
    column: str,
    expected: str,
    *,
    rows: bool = True,
) -> None:
    if pairs.empty:
        return
    shown = pairs.index + 2 if rows else pairs
    text = ", ".join(map(str, list(shown)[:_MOST_NAMED]))
    more = len(pairs) - _MOST_NAMED
    what = "rows" if rows else "absent pairs"
    problems.add(
        Problem(
            file="review sheet",
            column=column,
            expected=expected,
            hint=f"See {what} {text}{f' and {more} more' if more > 0 else ''}.",
        )
    )


def apply_decisions(pairs: LinkedPairs, decisions: pd.DataFrame) -> LinkedPairs:
    """Return pairs in which decided ones are certain; unsure ones stay as they are.

    Parameters
    ----------
    pairs : LinkedPairs
        Of which the review was drawn.
    decisions : DataFrame
        From `read_decisions`.

    Returns
    -------
    LinkedPairs
        Pairs decided to be different keep a place with the smallest weight there is,
        under every threshold, so that nothing is lost from the count.
    """
    clear = decisions[decisions["decision"].isin(["same", "different"])]
    wanted = pd.MultiIndex.from_frame(clear[["id_l", "id_r"]])
    index = pd.MultiIndex.from_frame(pairs.frame[["id_l", "id_r"]])
    place = index.get_indexer(wanted)
    if (place < 0).any():
        raise InputError(
            f"{int((place < 0).sum())} decided pairs are not among these pairs: apply "
            "decisions to the pairs that the review was drawn from."
        )
    weight = pairs.frame["match_weight"].to_numpy(np.float64).copy()
    weight[place] = np.where(clear["decision"] == "same", _CERTAIN, -_CERTAIN)
    frame = pairs.frame.assign(
        match_weight=weight, match_probability=probability_of(weight)
    )
    frame = frame.sort_values(
        ["match_weight", "id_l", "id_r"],
        ascending=[False, True, True],
        ignore_index=True,
    )
    return replace(
        pairs,
        frame=frame,
        notes=(*pairs.notes, f"{len(clear):,} pairs were decided by hand"),
    )


def errors_from_review(
    pairs: LinkedPairs,
    persons: LinkedPersons,
    decisions: pd.DataFrame,
    *,
    first: str,
    second: str,
) -> LinkErrors:
    """Estimate the errors of the links between two lists from a reviewed sample.

    Bands are strata: each counts with the pairs it holds, and the standard errors are
    those of a stratified sample without replacement, with half a hit and half a
    miss more in every band, so that a band without a hit is not taken for certain.

    Parameters
    ----------
    pairs : LinkedPairs
    persons : LinkedPersons
        As linked, before decisions were applied.
    decisions : DataFrame
        From `read_decisions`. Pairs not reviewed or unsure are taken to be missing at
        random within their band; a note counts them.
    first, second : str
        Lists.

    Raises
    ------
    InputError
        If no pair of the two lists was decided in a band that has some.
    """
    number = pairs.records.source_numbers
    sources = pairs.records.sources
    unknown = [name for name in (first, second) if name not in sources]
    if unknown or first == second:
        raise InputError(
            f"first={first!r}, second={second!r}: two of the lists "
            f"{', '.join(sources)} were expected."
        )
    wanted = {sources.index(first), sources.index(second)}
    between = [
        {int(number[left]), int(number[right])} == wanted
        for left, right in zip(decisions["id_l"], decisions["id_r"], strict=True)
    ]
    clear = decisions["decision"].isin(["same", "different"])
    sums: dict[str, list[float]] = {"true": [], "false": [], "missed": []}
    spread: dict[str, list[float]] = {"true": [], "false": [], "missed": []}
    for (_, linked), band in decisions.groupby(["band", "linked"], sort=True):
        decided = band[clear[band.index]]
        if decided.empty:
            raise InputError(
                "No pair of a band was decided: review at least one of each, or draw "
                "with other bands."
            )
        ours = pd.Series(between, index=decisions.index)[decided.index]
        same = (decided["decision"] == "same") & ours
        other = (decided["decision"] == "different") & ours
        counted = {"true": same, "false": other} if linked else {"missed": same}
        for name, hits in counted.items():
            total, variance = _stratum(hits.to_numpy(), int(band["n_band"].iloc[0]))
            sums[name].append(total)
            spread[name].append(variance)
    tally = Tally(
        true=sum(sums["true"]),
        false=sum(sums["false"]),
        missed=sum(sums["missed"]),
        true_variance=sum(spread["true"]),
        false_variance=sum(spread["false"]),
        missed_variance=sum(spread["missed"]),
    )
    left_out = int((~clear).sum())
    notes = (
        "links among pairs under the lowest band are not counted as missed",
        *(
            (f"{left_out} pairs without a clear decision were left out",)
            if left_out
            else ()
        ),
    )
    return link_errors(
        persons, tally, first=first, second=second, basis="clerical review", notes=notes
    )


def _stratum(hits: np.ndarray, size: int) -> tuple[float, float]:
    """Return the estimated number of hits among `size` pairs, and its variance."""
    n = hits.size
    # No hit, or nothing else, among n leaves doubt: half of each is supposed besides.
    share = (float(hits.sum()) + 0.5) / (n + 1)
    spread = share * (1 - share) * (1 - n / size) / n
    return size * float(hits.mean()), size**2 * spread
