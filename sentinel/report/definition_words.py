"""The case definition in words: rule, thresholds, indicators."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sentinel.report.tables import Column, PrintedTable, text_columns

if TYPE_CHECKING:
    from sentinel.report.protected.release import Release

__all__ = ["definition_context"]


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
                _switched_off_table(release),
            )
            if table.rows
        ],
        "not_measured": definition.notes,
    }


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
        columns=text_columns("Kind", "Name", "Condition"),
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
            *text_columns("Parameter", "Meaning"),
            *(Column(label=setting) for setting in settings),
        ),
        rows=tuple(rows),
    )


def _indicators_table(release: Release) -> PrintedTable:
    values = release.definition.values(release.setting)

    def with_values(text: str) -> str:
        return re.sub(r"\$(\w+)", lambda match: f"{values[match[1]]:g}", text)

    rows = [
        (item.label, item.phase, item.strength, with_values(item.text), item.code)
        for item in release.definition.indicators
    ]
    return PrintedTable(
        name="indicators",
        caption=f"Indicators, with the thresholds of the setting “{release.setting}”",
        columns=text_columns("Indicator", "Phase", "Strength", "Condition", "Code"),
        rows=tuple(rows),
    )


def _switched_off_table(release: Release) -> PrintedTable:
    rows = [
        (item.label, item.phase, item.strength, item.reason, item.code)
        for item in release.definition.switched_off
    ]
    return PrintedTable(
        name="switched_off",
        caption="Indicators of the framework that are not used, and why",
        columns=text_columns("Indicator", "Phase", "Strength", "Reason", "Code"),
        rows=tuple(rows),
    )
