"""What was asked, by which rule, with which means, from which files: as tables."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from sentinel.report.formats import count, is_hidden, is_missing, number
from sentinel.report.labels import QUANTITY_WORDS
from sentinel.report.outgoing.manifest import (
    dependency_versions,
    package_version,
    shown_name,
)
from sentinel.report.tables import Column, PrintedTable, text_columns

if TYPE_CHECKING:
    from sentinel.report.protected.release import Release

__all__ = [
    "design_effects_table",
    "facts",
    "families",
    "frame_table",
    "inputs_table",
    "methods_table",
    "package_version",
    "plan_table",
    "suppression_table",
    "versions_table",
    "warnings_table",
]


def facts(release: Release) -> list[tuple[str, str]]:
    """Return the study in a few lines: label and text."""
    study = release.config.study
    labels = release.labels
    rounds = "; ".join(
        f"{labels.rounds[code]} (fieldwork {labels.periods[code]})"
        for code in labels.rounds
    )
    interviews = "; ".join(
        f"{labels.value('round_id', row['round_id'])}: "
        f"{release.count_text(row['classified'])} classified of "
        f"{release.count_text(row['consented'])} interviewed"
        for _, row in release.flow.iterrows()
    )
    lines = [
        ("Question", study.question or study.title),
        ("Population", study.population),
        ("Reference period", study.reference_period),
        ("Definition", f"{release.definition.title}, setting “{release.setting}”"),
        ("Rounds", rounds),
        ("Interviews", interviews),
        ("Source", study.source),
        ("Notes", " ".join(release.config.report.notes)),
    ]
    return [(label, text) for label, text in lines if text]


def frame_table(release: Release) -> PrintedTable:
    """Return each round's fieldwork and sampling frame."""
    rows = [
        (
            release.labels.rounds[item.label],
            release.labels.periods[item.label],
            count(item.frame.events),
            count(item.frame.clusters),
            item.frame.source or "not stated",
        )
        for item in release.config.rounds
    ]
    return PrintedTable(
        name="rounds",
        caption="Rounds and their sampling frames",
        columns=(
            Column(label="Round", numeric=False),
            Column(label="Fieldwork", numeric=False),
            Column(label="Events in the frame"),
            Column(label="Batches in the frame"),
            Column(label="Source of the frame", numeric=False),
        ),
        rows=tuple(rows),
    )


def design_effects_table(release: Release) -> PrintedTable | None:
    """Return the design effect of every round that is shown."""
    rows = [
        (
            release.labels.value("round_id", row["round_id"]),
            QUANTITY_WORDS[table.quantity],
            count(row["n_obs"]),
            number(row["design_effect"], decimals=2),
        )
        for table in release.headline
        if "design_effect" in table.frame
        for _, row in table.frame.iterrows()
        if not is_hidden(row) and not is_missing(row["design_effect"])
    ]
    if not rows:
        return None
    return PrintedTable(
        name="design_effects",
        caption="How much clustering and weights widen the intervals: variance against "
        "a simple random sample of the same size",
        columns=(
            *text_columns("Round", "Quantity"),
            Column(label="n"),
            Column(label="Design effect"),
        ),
        rows=tuple(rows),
        n_headers=2,
    )


def warnings_table(release: Release) -> PrintedTable | None:
    """Return what the input check found, without the values that came."""
    rows = [
        (
            str(item["file"]),
            str(item["column"]),
            str(item["expected"]),
            count(item["count"]),
        )
        for item in release.warnings
    ]
    if not rows:
        return None
    return PrintedTable(
        name="warnings",
        caption="Warnings about the files",
        columns=(
            *text_columns("File", "Column", "Expected"),
            Column(label="Rows"),
        ),
        rows=tuple(rows),
    )


def methods_table(release: Release) -> PrintedTable | None:
    """Return the estimators that were used, as the catalogue describes them."""
    rows = [
        (spec.label, spec.key, spec.source, spec.summary())
        for spec in release.estimators
    ]
    if not rows:
        return None
    return PrintedTable(
        name="methods",
        caption="Estimators used",
        columns=text_columns("Method", "Key", "Source", "What it does"),
        rows=tuple(rows),
    )


def families(release: Release) -> set[str]:
    """Return the families of the estimators that were used."""
    return {spec.family for spec in release.estimators}


def inputs_table(release: Release) -> PrintedTable:
    """Return every file that was read."""
    rows = [
        (
            shown_name(origin.file) + (f" [{origin.sheet}]" if origin.sheet else ""),
            count(origin.rows),
            origin.encoding or origin.format,
            origin.sha256,
        )
        for origin in release.origins
    ]
    return PrintedTable(
        name="inputs",
        caption="Files read",
        columns=(
            Column(label="File", numeric=False),
            Column(label="Rows"),
            Column(label="Encoding or format", numeric=False),
            Column(label="SHA-256", numeric=False),
        ),
        rows=tuple(rows),
    )


def versions_table() -> PrintedTable:
    """Return the versions that made the numbers."""
    rows = [
        ("sentinel-prevalence", package_version()),
        ("Python", platform.python_version()),
        *dependency_versions().items(),
    ]
    return PrintedTable(
        name="versions",
        caption="Software",
        columns=text_columns("Package", "Version"),
        rows=tuple(rows),
    )


def plan_table(release: Release) -> PrintedTable:
    """Return what the study file asked for."""
    config = release.config
    rows: list[tuple[str, ...]] = [
        (
            item.key,
            item.variable or config.classify.outcome,
            ", ".join(item.by) or "all",
            item.where or "—",
            item.weights,
        )
        for item in config.estimates
    ]
    rows += [
        (item.key, item.formula, "—", item.where or "—", "—") for item in config.models
    ]
    return PrintedTable(
        name="plan",
        caption=f"The study plan (random numbers start at rng = {release.rng})",
        columns=text_columns(
            "Estimator", "Variable or formula", "By", "Where", "Weights"
        ),
        rows=tuple(rows),
    )


def suppression_table(release: Release) -> PrintedTable:
    """Return how many cells each table lost to disclosure control."""
    rows = [
        (
            str(record["table"]),
            count(record["cells"]),
            count(record["primary"]),
            count(record["complementary"]),
        )
        for record in release.suppression_records()
    ]
    return PrintedTable(
        name="suppression",
        caption="Cells hidden by disclosure control",
        columns=(
            Column(label="Table", numeric=False),
            Column(label="Cells"),
            Column(label="Too small"),
            Column(label="Hidden for their sake"),
        ),
        rows=tuple(rows),
    )
