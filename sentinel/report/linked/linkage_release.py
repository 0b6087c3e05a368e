"""What of a linkage may leave the house: overlaps, sizes and error rates, protected."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sentinel.disclosure import (
    ReleasedCells,
    ReleasePolicy,
    protect_marginals,
    release_file,
    safe_csv_cell,
)
from sentinel.report.outgoing.internal_tables import write_internal_table
from sentinel.report.outgoing.staging import LOG, MADE_BY, MANIFEST
from sentinel.report.outgoing.way_out import WayOut
from sentinel.report.tables import csv_text

if TYPE_CHECKING:
    from estimators.results import Estimate
    from sentinel.linkage import LinkErrors
    from sentinel.report.linked.linkage_run import LinkageRun
    from sentinel.study.link_file import LinkFile

__all__ = [
    "ReleasedLinkage",
    "linkage_cells",
    "release_linkage",
    "write_internal_linkage",
    "write_linkage",
    "write_review_sheet",
]

# With more lists than this, the table of all combinations is not released.
_MOST_JOINT = 5
_RATE_DIGITS = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReleasedLinkage:
    """Tables that may be given away together.

    Attributes
    ----------
    overlaps : DataFrame
        ``lists, count``: persons on each list and on each two; NA if hidden.
    sizes : DataFrame
        Rows of estimates in the columns of every result; empty if withheld.
    rates : DataFrame
        Missed and false links of the list pairs whose counts are all shown.
    n_hidden : int
    notes : tuple of str
    """

    overlaps: pd.DataFrame
    sizes: pd.DataFrame
    rates: pd.DataFrame
    n_hidden: int
    notes: tuple[str, ...]

    def text(self) -> str:
        """Return the tables as a person reads them at the terminal."""
        parts = ["Persons on lists (hidden counts as -)", _shown(self.overlaps)]
        for title, table in (
            ("Sizes", self.sizes),
            ("Errors of the links", self.rates),
        ):
            if not table.empty:
                parts += ["", title, _shown(table)]
        return "\n".join([*parts, "", *(f"note: {note}" for note in self.notes)])


def release_linkage(run: LinkageRun, policy: ReleasePolicy) -> ReleasedLinkage:
    """Protect the counts of a linkage, and withhold what would tell hidden ones.

    A size is a function of its counts: two lists of 300 and 200 persons and a size of
    6 000 tell that 10 are on both. So a size and rates of two lists are released only
    if all counts behind them are shown, and the size of all lists only if nothing at
    all is hidden.
    """
    lists = list(run.histories.lists)
    people = _people(run)
    tables = [[name] for name in lists]
    tables += [list(two) for two in combinations(lists, 2)]
    joint = 2 < len(lists) <= _MOST_JOINT
    if joint:
        tables.append(lists)
    found = protect_marginals(people, tables, policy, headline=lists)
    rows: list[dict[str, object]] = []
    whole: dict[tuple[str, ...], bool] = {}
    for columns, table in zip(tables, found.tables, strict=True):
        whole[tuple(columns)] = bool(table["count"].notna().all())
        kept = (
            table if len(columns) > 2 else table[(table[columns] == "yes").all(axis=1)]
        )
        if kept.empty:
            rows.append({"lists": " & ".join(columns), "count": 0})
        rows += [
            {"lists": _label(columns, row), "count": row["count"]}
            for _, row in kept.iterrows()
        ]
    shown = [
        item
        for item in run.errors
        if all(
            whole[key]
            for key in (
                (item.first,),
                (item.second,),
                _key(lists, item.first, item.second),
            )
        )
    ]
    notes = [*run.notes]
    if found.n_hidden:
        notes.append(
            f"{found.n_hidden} counts are hidden: they are under {policy.minimum_cell} "
            "or would tell one that is"
        )
    if len(shown) < len(run.errors):
        notes.append(
            "sizes and error rates are withheld where a count behind them is hidden"
        )
    return ReleasedLinkage(
        overlaps=pd.DataFrame(rows).astype({"count": "Int64"}),
        sizes=_sizes(run, shown, all_shown=not found.n_hidden, notes=notes),
        rates=_rates(shown),
        n_hidden=found.n_hidden,
        notes=tuple(dict.fromkeys(notes)),
    )


def write_linkage(
    released: ReleasedLinkage, run: LinkageRun, config: LinkFile, folder: Path
) -> None:
    """Write the release to a folder that is the old one or the new one, never half.

    Raises
    ------
    InputError
        If together with earlier releases of the same ledger it would tell a small
        group: lists linked anew with one person less, with other decisions, with one
        list more.
    """
    from sentinel import __version__

    way = WayOut.of_study(config, "link")
    with way.folder(folder, linkage_cells(released, config)) as staging:
        tables = {
            "overlaps.csv": released.overlaps,
            "sizes.csv": released.sizes,
            "rates.csv": released.rates,
            "notes.csv": pd.DataFrame({"note": list(released.notes)}),
        }
        for name, table in tables.items():
            release_file(staging / name, csv_text(table, safe_csv_cell))
        if not released.n_hidden:
            _draw(run, staging / "overlaps.svg")
        outputs = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(staging.iterdir())
        }
        manifest = {
            "made_by": MADE_BY,
            "version": __version__,
            "command": "link",
            "title": config.link.title,
            "minimum_cell": config.privacy.minimum_cell,
            "threshold": config.link.threshold,
            "engine": run.pairs.engine,
            "row_counts": [],
            "suppression": [
                {
                    "table": "overlaps",
                    "cells": len(released.overlaps),
                    "hidden": released.n_hidden,
                }
            ],
            "outputs": outputs,
        }
        text = json.dumps(manifest, indent=2, ensure_ascii=False)
        manifest["sha256"] = hashlib.sha256(text.encode()).hexdigest()
        release_file(
            staging / MANIFEST,
            json.dumps(manifest, indent=2, ensure_ascii=False),
            allowed=(config.link.title,),
        )
        release_file(staging / LOG, "")


def linkage_cells(released: ReleasedLinkage, config: LinkFile) -> ReleasedCells:
    """Return the counts of persons on lists for the ledger, hidden ones as None."""
    overlaps = released.overlaps
    counts = {
        f"lists={lists}|persons": None if pd.isna(count) else int(count)
        for lists, count in zip(overlaps["lists"], overlaps["count"], strict=True)
    }
    return ReleasedCells(
        rounds={"linkage": ""},
        minimum_cell=config.privacy.minimum_cell,
        cells={"linked lists": counts},
    )


def write_internal_linkage(
    run: LinkageRun, config: LinkFile, folder: Path
) -> list[str]:
    """Write persons, the review sheet and its key to new files for their owner only.

    Returns
    -------
    list of str
        What was written, one line each.
    """
    way = WayOut.of_study(config, "link internal")
    way.check()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = [
        write_internal_table(run.persons.frame, folder / "persons.csv"),
        write_review_sheet(run.review.sheet, folder / "review_sheet.xlsx"),
        write_internal_table(run.review.key, folder / "review_key.csv"),
    ]
    way.note(counts={"records": len(run.persons.frame), "pairs": len(run.review.sheet)})
    return written


def write_review_sheet(sheet: pd.DataFrame, path: Path) -> str:
    """Write a clerk's sheet as .xlsx or .csv, for its owner only, with safe cells.

    In a workbook every cell is text and no formula; in CSV text that a spreadsheet
    would take for one gets an apostrophe in front.

    Raises
    ------
    InputError
        If the file exists, lies in a report's folder, or has another suffix.
    """
    from estimators.errors import InputError
    from sentinel.ingest.forms.workbook_writer import workbook_bytes
    from sentinel.safekeeping import write_private

    if path.suffix == ".csv":
        return write_internal_table(sheet, path)
    if path.suffix != ".xlsx":
        raise InputError(
            f"{path.name}: a name that ends in .xlsx or .csv was expected."
        )
    if (path.resolve().parent / MANIFEST).is_file():
        raise InputError(
            f"{path}: this is the folder of a report, which is made to be given away. "
            "Write records somewhere else."
        )
    texts = sheet.astype("object").fillna("").astype(str)
    rows = [list(texts.columns), *texts.to_numpy().tolist()]
    write_private(path, workbook_bytes({"review": rows}))
    return f"{path}: {len(sheet):,} pairs, INTERNAL, never to be released"


def _people(run: LinkageRun) -> pd.DataFrame:
    frame = run.histories.to_frame()
    lists = list(run.histories.lists)
    words = frame[lists].replace({1: "yes", 0: "no"}).astype("object")
    return words.loc[words.index.repeat(frame["count"])].reset_index(drop=True)


def _key(lists: list[str], first: str, second: str) -> tuple[str, ...]:
    return tuple(sorted((first, second), key=lists.index))


def _label(columns: list[str], row: pd.Series) -> str:
    on = [name for name in columns if row[name] == "yes"]
    # Of all lists together a combination means these lists and no other.
    return (" & ".join(on) or "none") + (" only" if len(columns) > 2 else "")


def _sizes(
    run: LinkageRun, shown: Sequence[LinkErrors], *, all_shown: bool, notes: list[str]
) -> pd.DataFrame:
    from estimators.errors import NotEstimableError

    rows: list[tuple[str, Estimate]] = []
    for item in shown:
        name = " & ".join(_key(list(run.histories.lists), item.first, item.second))
        try:
            rows.append((name, item.corrected_size()))
        except NotEstimableError:
            notes.append(f"{name}: no size follows from the rates")
    if all_shown and run.size is not None:
        rows.append((" & ".join(run.histories.lists), run.size))
    if not rows:
        return pd.DataFrame()
    return pd.concat(
        [row.to_frame().assign(lists=lists) for lists, row in rows], ignore_index=True
    )


def _rates(shown: Sequence[LinkErrors]) -> pd.DataFrame:
    if not shown:
        return pd.DataFrame()
    table = pd.concat([item.to_frame() for item in shown], ignore_index=True)
    return pd.DataFrame(table.round(_RATE_DIGITS))


def _draw(run: LinkageRun, path: Path) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "sentinel"}):
        figure = Figure(figsize=(7, 4.5), layout="constrained")
        run.histories.plot(figure.subplots())
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    release_file(path, drawn.getvalue())


def _shown(table: pd.DataFrame) -> str:
    return table.to_string(index=False, na_rep="-", max_colwidth=60)
