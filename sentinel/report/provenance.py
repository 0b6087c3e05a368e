"""What was asked, by which rule, with which means, from which files: as tables."""

from __future__ import annotations

import platform
import re
from typing import TYPE_CHECKING, Any

from sentinel.report.formats import count
from sentinel.report.manifest import dependency_versions, package_version, shown_name
from sentinel.report.tables import Column, PrintedTable

if TYPE_CHECKING:
    from sentinel.report.release import Release

__all__ = [
    "definition_context",
    "facts",
    "families",
    "frame_table",
    "inputs_table",
    "methods_table",
    "package_version",
    "plan_table",
    "suppression_table",
    "versions_table",
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


def definition_context(release: Release) -> dict[str, Any]:
    """Return the definition's rule, parameters and indicators for the page."""
    definition = release.definition
    return {
        "title": definition.title,
        "description": "A person belongs to a class if its condition below holds. An "
        "answer that is missing, refused or not known stays unknown and is never "
        "counted as “no”; a class is unknown if the known answers do not decide it.",
        "tables": [
            table
            for table in (
                _rules_table(release),
                _parameters_table(release),
                _indicators_table(release),
            )
            if table.rows
        ],
        "not_measured": definition.notes,
    }


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
        columns=_text_columns("Method", "Key", "Source", "What it does"),
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
        columns=_text_columns("Package", "Version"),
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
        columns=_text_columns(
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


def _rules_table(release: Release) -> PrintedTable:
    definition = release.definition
    words = {item.code: f"“{item.label}”" for item in definition.indicators} | {
        item.name: release.labels.variable(item.name).lower()
        for item in definition.outcomes
    }

    def in_words(text: str) -> str:
        named = re.sub(r"\w+", lambda match: words.get(match[0], match[0]), text)
        return named.replace("any(", "any of (").replace("all(", "all of (")

    rows = [
        *(
            ("Dimension", item.label, in_words(item.text))
            for item in definition.dimensions
        ),
        *(
            ("Class", release.labels.variable(item.name), in_words(item.text))
            for item in definition.outcomes
        ),
        *(
            ("Tier", str(number), in_words(item.text))
            for number, item in sorted(definition.tiers.items())
        ),
    ]
    return PrintedTable(
        name="rules",
        caption="Dimensions, classes and tiers",
        columns=_text_columns("Kind", "Name", "Condition"),
        rows=tuple(rows),
    )


def _parameters_table(release: Release) -> PrintedTable:
    definition = release.definition
    settings = list(definition.settings)
    rows = [
        (
            name,
            meaning,
            *(f"{definition.settings[setting][name]:g}" for setting in settings),
        )
        for name, meaning in definition.parameters.items()
    ]
    return PrintedTable(
        name="parameters",
        caption="Thresholds in every setting",
        columns=(
            *_text_columns("Parameter", "Meaning"),
            *(Column(label=setting) for setting in settings),
        ),
        rows=tuple(rows),
    )


def _indicators_table(release: Release) -> PrintedTable:
    values = release.definition.values(release.setting)

    def with_values(text: str) -> str:
        return re.sub(r"\$(\w+)", lambda match: f"{values[match[1]]:g}", text)

    rows = [
        (item.label, item.phase, with_values(item.text), item.code)
        for item in release.definition.indicators
    ]
    return PrintedTable(
        name="indicators",
        caption=f"Indicators, with the thresholds of the setting “{release.setting}”",
        columns=_text_columns("Indicator", "Phase", "Condition", "Code"),
        rows=tuple(rows),
    )


def _text_columns(*labels: str) -> tuple[Column, ...]:
    return tuple(Column(label=label, numeric=False) for label in labels)
