"""A release as the ledger keeps it: every count, shown or hidden, by its labels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from sentinel.analysis.estimates import default_label
from sentinel.disclosure import ReleasedCells
from sentinel.monitoring import told_counts

if TYPE_CHECKING:
    from sentinel.analysis.results import StudyResult
    from sentinel.disclosure import ProtectedFlows
    from sentinel.ingest.interviews import Origin
    from sentinel.monitoring import MonitoringResult
    from sentinel.report.protected.release import Release
    from sentinel.study.config import StudyConfig

__all__ = ["monitoring_cells", "released_cells", "study_rounds"]

ROUND = "round_id"
ROUTES = "routes"
ALL_ROUNDS = "all rounds"
MONITORING = "monitoring"
PLACES = ("origin", "crossing", "destination")
Cell = tuple[str, int | str | None]


def released_cells(result: StudyResult, release: Release) -> ReleasedCells:
    """Return the counts of respondents and cases behind everything released.

    Parameters
    ----------
    result : StudyResult
        Unprotected: the cases behind shown rows are read here. Those behind hidden rows
        are not taken over.
    release : Release
    """
    cells: dict[str, dict[str, int | str | None]] = {}
    counted = {table.name: table.frame for table in result.estimates}
    everybody = _of_everybody(release.config)
    for table in release.estimates:
        family = cells.setdefault(_family(table.frame), {})
        labels = [*table.by]
        # Of everybody the labels say all; of some, the table's name says of whom.
        told = table.quantity if (table.label, table.by) in everybody else table.name
        family.update(
            _rows(table.frame, counted[table.name], labels, release.minimum_cell, told)
        )
    if len(release.sensitivity):
        labels = [ROUND, "setting", "unknowns", "quantity"]
        family = cells.setdefault(_family(release.sensitivity), {})
        family.update(
            _rows(
                release.sensitivity,
                result.sensitivity,
                [name for name in labels if name in release.sensitivity],
                release.minimum_cell,
                "definition_sensitivity",
            )
        )
    if release.routes is not None:
        cells[ROUTES] = dict(_routes(release.routes))
        # In one family: a destination's sectors add up to what its routes print.
        cells[ROUTES] |= {
            f"destination={row['destination']}|sector={row['sector']}|n": int(row["n"])
            for row in release.sectors.to_dict("records")
        }
    return ReleasedCells(
        rounds=study_rounds(release.config, release.origins),
        minimum_cell=release.minimum_cell,
        cells=cells,
    )


def monitoring_cells(
    result: MonitoringResult, config: StudyConfig
) -> tuple[ReleasedCells, ...]:
    """Return the counts that the tables of monitoring tell; none if there are none."""
    cells = {part.name: told_counts(part) for part in result.parts}
    series = {
        name: counts for part in result.parts for name, counts in part.series.items()
    }
    cells = {name: counts for name, counts in cells.items() if counts}
    if not cells and not series:
        return ()
    return (
        ReleasedCells(
            rounds={MONITORING: ""},
            minimum_cell=config.privacy.minimum_cell,
            cells=cells,
            series=series,
        ),
    )


def _of_everybody(config: StudyConfig) -> set[tuple[str, tuple[str, ...]]]:
    """Return the label and groups of the plan's tables that leave nobody out."""
    tables = [(item.label or default_label(item), item.by) for item in config.estimates]
    some = {
        table
        for table, item in zip(tables, config.estimates, strict=True)
        if item.where is not None
    }
    return set(tables) - some


def study_rounds(config: StudyConfig, origins: Sequence[Origin]) -> dict[str, str]:
    """Return a fingerprint of the files of each round."""
    hashes = {origin.file: origin.sha256 for origin in origins}
    found = {}
    for section in config.rounds:
        parts = [hashes.get(name, "") for name in section.files]
        # Rounds whose files are not known have nothing in common.
        whole = hashlib.sha256("|".join(parts).encode()).hexdigest()
        found[section.label] = whole if all(parts) else ""
    return found


def _family(frame: pd.DataFrame) -> str:
    if "estimand" not in frame or frame.empty:
        return ""
    return str(frame["estimand"].iloc[0])


def _rows(
    shown: pd.DataFrame,
    counted: pd.DataFrame,
    labels: Sequence[str],
    minimum: int,
    table: str,
) -> Iterator[Cell]:
    cases = _cases(counted, labels)
    for record in shown.to_dict("records"):
        key = _key(record, labels)
        front = f"{key}|" if key else ""
        number = record["n_obs"]
        reason = str(record.get("reason", ""))
        told = f"{reason}<{minimum}" if reason.startswith("few") else None
        n = None if pd.isna(number) else int(number)
        yield f"{front}{table}|n", told if n is None else n
        if bool(record["suppressed"]):
            yield f"{front}{table}|cases", told
            continue
        if n is not None and key in cases:
            yield f"{front}{table}|cases", cases[key]
            yield f"{front}{table}|others", n - cases[key]


def _cases(counted: pd.DataFrame, labels: Sequence[str]) -> dict[str, int]:
    if "n_cases" not in counted:
        return {}
    return {
        _key(record, labels): int(record["n_cases"])
        for record in counted[counted["n_cases"].notna()].to_dict("records")
    }


def _key(record: Mapping[object, object], labels: Sequence[str]) -> str:
    """Return the labels of a row, the round first."""
    ordered = sorted(labels, key=lambda name: (name != ROUND, name))
    return "|".join(
        f"{'round' if name == ROUND else name}={record[name]}" for name in ordered
    )


def _routes(routes: ProtectedFlows) -> Iterator[Cell]:
    for record in routes.flows.to_dict("records"):
        ends = "|".join(str(record[place]) for place in PLACES)
        if "OTHER" not in ends.split("|"):
            yield _place(record, f"leg={record['leg']}|{ends}")
    for what, nodes in zip(
        PLACES, (routes.origins, routes.crossings, routes.destinations), strict=True
    ):
        for record in nodes.to_dict("records"):
            yield _place(record, f"{what}={record['place']}")


def _place(record: Mapping[object, object], key: str) -> Cell:
    label = str(record["round_id"])
    front = "" if label == ALL_ROUNDS else f"round={label}|"
    number = record["n"]
    shown = None if pd.isna(number) else int(number)  # type: ignore[call-overload]
    return f"{front}{key}|n", shown
