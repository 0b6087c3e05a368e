"""Write a report's folder: the page, the numbers, the figures, the maps, the record."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from estimators.results import RESULT_COLUMNS
from sentinel.disclosure import release_file, safe_csv_cell
from sentinel.monitoring import MonitoringResult
from sentinel.report.document import Document, make_document, render
from sentinel.report.maps.map_pictures import write_maps
from sentinel.report.monitored.monitoring_parts import monitoring_parts
from sentinel.report.outgoing.counted_file import comparison_cells
from sentinel.report.outgoing.ledger_entry import monitoring_cells, released_cells
from sentinel.report.outgoing.manifest import (
    file_hashes,
    log_text,
    make_manifest,
    manifest_text,
)
from sentinel.report.outgoing.staging import LOG, MANIFEST
from sentinel.report.outgoing.unfinished import removed_if_refused
from sentinel.report.outgoing.way_out import WayOut
from sentinel.report.protected.protection import protect_study
from sentinel.report.route_tables import routes_frame
from sentinel.report.tables import csv_text

if TYPE_CHECKING:
    from sentinel.analysis.results import StudyResult
    from sentinel.report.outgoing.unfinished import Unfinished
    from sentinel.report.protected.release import Release

__all__ = [
    "ESTIMATE_EXTRAS",
    "PAGE",
    "estimates_frame",
    "models_frame",
    "own_texts",
    "write_report",
]

PAGE = "report.html"
ESTIMATE_EXTRAS = ("table", "quantity", "reference_period", "suppressed")

Progress = Callable[[str], None]


def write_report(
    result: StudyResult,
    folder: Path,
    *,
    monitoring: MonitoringResult | None = None,
    rng: int | None = None,
    progress: Progress | None = None,
    unfinished: Unfinished | None = None,
) -> Path:
    """Protect a study's results and write its output folder, whole or not at all.

    Parameters
    ----------
    result : StudyResult
        Unprotected; disclosure control happens here, before anything is written.
    folder : Path
        Replaced as a whole. May be absent, empty or a previous report.
    monitoring : MonitoringResult, optional
        What `sentinel.monitoring.monitor` made, protected there.
    rng : int, optional
        Number that started the run's random draws, for the record.
    progress : callable, optional
        Called with the name of each step as it begins.
    unfinished : Unfinished, optional
        Finished steps of this run if an earlier one was interrupted, and where those
        that finish now are kept; emptied in the end, and if the release is refused.

    Returns
    -------
    Path
        The page, ``report.html``.

    Raises
    ------
    estimators.errors.InputError
        If `folder` holds something else than a previous report, this release and an
        earlier one of the study's ledger tell a small group together, or the audit log
        was tampered with; nothing is written.

    Examples
    --------
    >>> import inspect
    >>> list(inspect.signature(write_report).parameters)
    ['result', 'folder', 'monitoring', 'rng', 'progress', 'unfinished']
    """
    tell = progress or _silent
    started = time.perf_counter()
    folder = Path(folder)
    tell("report")
    release = protect_study(result, rng=rng, unfinished=unfinished)
    watched = monitoring or MonitoringResult(parts=())
    cells = [released_cells(result, release)]
    if release.comparison is not None:
        cells.append(
            comparison_cells(
                release.comparison,
                release.config,
                release.origins,
                setting=release.setting,
            )
        )
    cells += monitoring_cells(watched, result.config)
    way = WayOut.of_study(result.config, "run")
    with removed_if_refused(unfinished), way.folder(folder, *cells) as staging:
        tell("maps")
        pictures, reasons = write_maps(release, staging / "maps", unfinished=unfinished)
        skipped = (*release.skipped, *reasons, *watched.skipped)
        release = replace(release, skipped=skipped)
        tell("report")
        simulated = release.config.study.simulated
        parts = monitoring_parts(watched, simulated=simulated)
        document = make_document(release, pictures, parts)
        _write_numbers(release, document, staging)
        _write_figures(document, staging / "figures")
        release_file(staging / PAGE, render(document), allowed=own_texts(release))
        outputs = file_hashes(staging)
        release_file(
            staging / LOG, log_text(release, outputs), allowed=own_texts(release)
        )
        manifest = make_manifest(
            release,
            outputs,
            rng=rng,
            wall_seconds=time.perf_counter() - started,
        )
        release_file(
            staging / MANIFEST, manifest_text(manifest), allowed=own_texts(release)
        )
    if unfinished is not None:
        unfinished.remove()
    return folder / PAGE


def estimates_frame(release: Release) -> pd.DataFrame:
    """Return all estimates as one frame, group columns of all tables after ``unit``.

    Columns: ``method, estimand, unit, group..., estimate, std_error, ci_low, ci_high,
    ci_level, n_obs``, then `ESTIMATE_EXTRAS`. Numbers of suppressed rows are missing.
    """
    groups = list(dict.fromkeys(key for table in release.estimates for key in table.by))
    columns = [*RESULT_COLUMNS[:3], *groups, *RESULT_COLUMNS[3:], *ESTIMATE_EXTRAS]
    frames = [
        table.frame.assign(table=table.name, quantity=table.quantity).reindex(
            columns=columns
        )
        for table in release.estimates
    ]
    if not frames:
        return pd.DataFrame(columns=columns)
    types = {
        **dict.fromkeys((*RESULT_COLUMNS[:3], *groups), "str"),
        **dict.fromkeys(RESULT_COLUMNS[3:-1], "Float64"),
        "n_obs": "Int64",
        **dict.fromkeys(ESTIMATE_EXTRAS[:-1], "str"),
        "suppressed": "bool",
    }
    return pd.concat([frame.astype(types) for frame in frames], ignore_index=True)


def models_frame(release: Release) -> pd.DataFrame:
    """Return the terms of all models; odds ratios beside the log odds."""
    frames = [
        model.terms.drop(columns="label").assign(
            model=model.name,
            label=model.label,
            method=model.method,
            formula=model.formula,
            ci_level=model.ci_level,
            ci_method=model.ci_method,
            n_obs=model.n_obs,
            reference_period=release.reference_period,
        )
        for model in release.models
    ]
    if not frames:
        return pd.DataFrame(columns=["model", "label", "method", "formula", "term"])
    merged = pd.concat(frames, ignore_index=True)
    head = ["model", "label", "method", "formula", "term"]
    return merged[[*head, *(name for name in merged.columns if name not in head)]]


def _write_numbers(release: Release, document: Document, staging: Path) -> None:
    estimates = estimates_frame(release)
    _write_frame(staging / "estimates.csv", estimates)
    packed = io.BytesIO()
    estimates.to_parquet(packed, index=False)
    release_file(staging / "estimates.parquet", packed.getvalue())
    _write_frame(staging / "models.csv", models_frame(release))
    folder = staging / "tables"
    for table in document.tables:
        _write_frame(folder / f"{table.name}.csv", table.to_frame())
    if release.routes is not None:
        _write_frame(folder / "routes.csv", routes_frame(release))


def _write_figures(document: Document, folder: Path) -> None:
    for drawn in document.drawings:
        release_file(folder / f"{drawn.name}.svg", drawn.svg)
        release_file(folder / f"{drawn.name}.png", drawn.png)


def _write_frame(path: Path, frame: pd.DataFrame) -> None:
    release_file(path, csv_text(frame, safe_csv_cell))


def own_texts(release: Release) -> tuple[str, ...]:
    """Return what the study's author prints on purpose: contacts and sources."""
    study, report = release.config.study, release.config.report
    sources = [item.frame.source for item in release.config.rounds]
    watched = [entry.source for _, _, entry in release.config.monitoring.entries()]
    return (
        *report.authors,
        report.contact,
        report.citation,
        *report.notes,
        study.source,
        *study.limits,
        *sources,
        *watched,
    )


def _silent(_step: str) -> None:
    return None
