"""The output of `sentinel monitor`: a page, tables and figures of monitoring alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentinel.disclosure import release_file, safe_csv_cell
from sentinel.report.monitored.monitoring_parts import monitoring_parts
from sentinel.report.outgoing.ledger_entry import monitoring_cells
from sentinel.report.outgoing.manifest import (
    file_hashes,
    manifest_text,
    monitoring_manifest,
    package_version,
)
from sentinel.report.outgoing.staging import MANIFEST
from sentinel.report.outgoing.way_out import WayOut
from sentinel.report.parts import Part, shown_part
from sentinel.report.tables import csv_text

if TYPE_CHECKING:
    from sentinel.monitoring import MonitoringResult
    from sentinel.study.config import StudyConfig

__all__ = ["MONITORING_PAGE", "write_monitoring"]

MONITORING_PAGE = "monitoring.html"


def write_monitoring(
    result: MonitoringResult, config: StudyConfig, folder: Path
) -> Path:
    """Write the page, tables and figures of monitoring, whole or not at all.

    Parameters
    ----------
    result : MonitoringResult
        Protected by `sentinel.monitoring.monitor`.
    config : StudyConfig
    folder : Path
        Replaced as a whole. May be absent, empty or a previous output.

    Returns
    -------
    Path
        The page, ``monitoring.html``.

    Raises
    ------
    InputError
        If `folder` holds something else, a file may not be released, or together with
        earlier releases it would tell a small group.

    Examples
    --------
    >>> import inspect
    >>> list(inspect.signature(write_monitoring).parameters)
    ['result', 'config', 'folder']
    """
    parts = monitoring_parts(result, simulated=config.study.simulated)
    allowed = _own_texts(config)
    folder = Path(folder)
    cells = monitoring_cells(result, config)
    with WayOut.of_study(config, "monitor").folder(folder, *cells) as staging:
        for part in parts:
            text = csv_text(part.table.to_frame(), safe_csv_cell)
            release_file(
                staging / "tables" / f"{part.table.name}.csv", text, allowed=allowed
            )
            for drawn in part.drawings:
                release_file(staging / "figures" / f"{drawn.name}.svg", drawn.svg)
                release_file(staging / "figures" / f"{drawn.name}.png", drawn.png)
        page = _render(parts, result, config)
        release_file(staging / MONITORING_PAGE, page, allowed=allowed)
        manifest = monitoring_manifest(config, result, file_hashes(staging))
        release_file(staging / MANIFEST, manifest_text(manifest), allowed=allowed)
    return folder / MONITORING_PAGE


def _own_texts(config: StudyConfig) -> tuple[str, ...]:
    """Return what the study's author prints on purpose: contacts and sources."""
    report = config.report
    sources = [entry.source for _, _, entry in config.monitoring.entries()]
    rounds = [item.frame.source for item in config.rounds]
    return (
        *report.authors, report.contact, report.citation, *report.notes,
        config.study.source, *config.study.limits, *sources, *rounds,
    )  # fmt: skip


def _render(
    parts: tuple[Part, ...], result: MonitoringResult, config: StudyConfig
) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    from sentinel.report.formats import WITHHELD

    loader = PackageLoader("sentinel.report", "templates")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, _, _ = loader.get_source(environment, "style.css")
    context: dict[str, Any] = {
        "version": package_version(),
        "simulated": config.study.simulated,
        "study": config.study,
        "report": config.report,
        "parts": [shown_part(part) for part in parts],
        "skipped": result.skipped,
        "minimum_cell": config.privacy.minimum_cell,
        "hidden": WITHHELD,
        "withheld": WITHHELD,
        "style": Markup(style),
    }
    template = environment.get_template("monitoring.html.j2")
    return template.render(context).lstrip()
