"""A linkage from its file to what may be released and what stays inside the house."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentinel.ingest import read_table
from sentinel.linkage import (
    LinkedPairs,
    LinkedPersons,
    LinkErrors,
    LinkField,
    Review,
    SourceList,
    apply_decisions,
    errors_from_model,
    errors_from_review,
    link_records,
    list_histories,
    prepare_lists,
    read_decisions,
    review_sample,
    size_over_links,
)

if TYPE_CHECKING:
    import pandas as pd

    from estimators.capture_recapture import CaptureHistories
    from estimators.results import Estimate
    from sentinel.study.link_file import LinkFile

__all__ = ["LinkageRun", "run_linkage"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkageRun:
    """What a linkage found. Microdata and unprotected counts: never released as it is.

    Attributes
    ----------
    pairs : LinkedPairs
        With decisions applied, if there were some.
    persons : LinkedPersons
    histories : CaptureHistories
    errors : tuple of LinkErrors
        For each two lists with persons in common.
    size : Estimate or None
        Over draws of the links; None if it cannot be estimated.
    review : Review
        The next sample for clerks.
    notes : tuple of str
        Without counts of persons; `pairs.summary()` has those, for internal use.
    """

    pairs: LinkedPairs
    persons: LinkedPersons
    histories: CaptureHistories
    errors: tuple[LinkErrors, ...]
    size: Estimate | None
    review: Review
    notes: tuple[str, ...]


def run_linkage(config: LinkFile, *, rng: int = 1) -> LinkageRun:
    """Read the lists, link them, and estimate sizes with the errors of the links.

    Parameters
    ----------
    config : LinkFile
    rng : int
        Seeds of samples and draws come from it.

    Raises
    ------
    InputError
        Whatever is wrong with the lists, all of it at once.
    """
    lists = [
        SourceList(
            source=item.source,
            frame=read_table(
                config.path(item.file), sheet=item.sheet, file_label=item.file
            ).frame,
            record_id=item.record_id,
            columns=item.columns,
            duplicate_free=item.duplicate_free,
        )
        for item in config.lists
    ]
    fields = [LinkField(name=name, kind=kind) for name, kind in config.fields.items()]
    records = prepare_lists(lists, fields=fields)
    scored = link_records(
        records,
        engine=config.link.engine,
        blocking=config.link.blocking,
        rng=rng,
    )
    linked = scored.persons(config.link.threshold)
    review = review_sample(
        scored,
        linked,
        lists,
        bands=config.review.bands,
        per_band=config.review.per_band,
        rng=rng,
    )
    pairs, decisions = scored, None
    if config.review.decisions is not None and config.review.key is not None:
        decisions = _decisions(config)
        pairs = apply_decisions(scored, decisions)
    persons = pairs.persons(config.link.threshold)
    # Notes are released: those of the records count a few persons and stay with them.
    notes = list(scored.notes)
    if decisions is not None:
        notes.append("doubtful pairs were decided by hand")
    errors = _errors(scored, linked, decisions, notes)
    return LinkageRun(
        pairs=pairs,
        persons=persons,
        histories=list_histories(persons),
        errors=errors,
        size=_size(pairs, config.link.n_resamples, rng, notes),
        review=review,
        notes=tuple(dict.fromkeys(notes)),
    )


def _decisions(config: LinkFile) -> pd.DataFrame:
    sheet = read_table(config.path(str(config.review.decisions))).frame
    key = read_table(config.path(str(config.review.key))).frame
    numbers = {
        "id_l": "int64", "id_r": "int64", "band": "int64", "n_band": "int64",
        "inclusion_probability": "float64",
    }  # fmt: skip
    key = key.astype(numbers).assign(
        linked=key["linked"].astype("object").isin(["True", "true", "1"])
    )
    return read_decisions(sheet, key)


def _errors(
    pairs: LinkedPairs,
    persons: LinkedPersons,
    decisions: pd.DataFrame | None,
    notes: list[str],
) -> tuple[LinkErrors, ...]:
    from estimators.errors import NotEstimableError

    found = []
    for first, second in _two_of(pairs.records.sources):
        try:
            if decisions is None:
                one = errors_from_model(pairs, persons, first=first, second=second)
            else:
                one = errors_from_review(
                    pairs, persons, decisions, first=first, second=second
                )
        except NotEstimableError:
            notes.append(f"{first} and {second}: too few links to judge their errors")
            continue
        found.append(one)
        notes.extend(one.notes)
    return tuple(found)


def _two_of(sources: Sequence[str]) -> list[tuple[str, str]]:
    return [
        (first, second)
        for place, first in enumerate(sources)
        for second in sources[place + 1 :]
    ]


def _size(
    pairs: LinkedPairs, n_resamples: int, rng: int, notes: list[str]
) -> Estimate | None:
    from estimators.errors import ConvergenceError, NotEstimableError

    try:
        return size_over_links(pairs, n_resamples=n_resamples, rng=rng)
    except (NotEstimableError, ConvergenceError):
        notes.append("no size: the lists have too little in common")
        return None
