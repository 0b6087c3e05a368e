"""The report page: one HTML file that needs no network, no script and no other file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sentinel.report import provenance, sentences, standing_text, tables
from sentinel.report.definition_words import definition_context
from sentinel.report.formats import WITHHELD
from sentinel.report.gallery import (
    flow_drawing,
    model_drawing,
    prevalence_drawings,
    sensitivity_drawings,
    trend_drawings,
)
from sentinel.report.parts import Part, data_uri, shown_drawing, shown_part
from sentinel.report.protected.other_definitions import definition_tables
from sentinel.report.route_tables import largest_legs

if TYPE_CHECKING:
    from sentinel.report.drawing import Drawing
    from sentinel.report.maps.map_pictures import MapPicture
    from sentinel.report.protected.release import Release, ReleasedModel, ReleasedTable
    from sentinel.report.tables import PrintedTable

__all__ = ["Document", "Part", "make_document", "render"]

CONTENTS = (
    ("asked", "What was asked"),
    ("findings", "Key findings"),
    ("flow", "From the files to the numbers"),
    ("prevalence", "Prevalence by round"),
    ("groups", "Prevalence by group"),
    ("sensitivity", "How much the definition decides"),
    ("definitions", "The same answers under other definitions"),
    ("trend", "Change between rounds"),
    ("model", "What goes with risk"),
    ("maps", "Maps"),
    ("monitoring", "Monitoring series"),
    ("definition", "The definition in words"),
    ("design", "Design and weights"),
    ("methods", "Methods"),
    ("limits", "Limits"),
    ("provenance", "Provenance"),
)
FLOW_TOTALS = (
    "Rows read",
    "Selected persons",
    "Consented and interviewed",
    "Classified",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Everything that the page and the files beside it are made of."""

    release: Release
    flow: Drawing | None
    flow_table: PrintedTable
    headline: tuple[Part, ...]
    groups: tuple[Part, ...]
    sensitivity: Part | None
    trend: Part | None
    models: tuple[Part, ...]
    monitoring: tuple[Part, ...] = ()
    maps: tuple[MapPicture, ...] = ()
    legs: PrintedTable | None = None
    definitions: tuple[PrintedTable, ...] = ()
    variables: PrintedTable | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts in the order of the page."""
        single = tuple(part for part in (self.sensitivity, self.trend) if part)
        return (
            *self.headline,
            *self.groups,
            *single,
            *self.models,
            *self.monitoring,
        )

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """All figures in the order of the page."""
        flow = (self.flow,) if self.flow else ()
        return (*flow, *(drawn for part in self.parts for drawn in part.drawings))

    @property
    def tables(self) -> tuple[PrintedTable, ...]:
        """All tables of results in the order of the page."""
        more = tuple(table for table in (self.legs, self.variables) if table)
        parts = (part.table for part in self.parts)
        return (self.flow_table, *parts, *self.definitions, *more)


def make_document(
    release: Release,
    maps: Sequence[MapPicture] = (),
    monitoring: Sequence[Part] = (),
) -> Document:
    """Draw the figures and fill the tables of a protected study."""
    headline = tuple(
        _estimate_part(group, release) for group in release.pairs if _is_headline(group)
    )
    groups = tuple(
        _estimate_part(group, release)
        for group in release.pairs
        if not _is_headline(group)
    )
    return Document(
        release=release,
        flow=flow_drawing(release),
        flow_table=tables.flow_table(release),
        headline=headline,
        groups=groups,
        sensitivity=_sensitivity_part(release),
        trend=_trend_part(release),
        models=tuple(_model_part(model, release) for model in release.models),
        monitoring=tuple(monitoring),
        maps=tuple(maps),
        legs=largest_legs(release) if maps else None,
        definitions=definition_tables(release),
        variables=tables.harmonisation_table(release),
    )


def render(document: Document) -> str:
    """Return the page as HTML; equal documents give equal bytes."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    loader = PackageLoader("sentinel.report", "templates")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, _, _ = loader.get_source(environment, "style.css")
    template = environment.get_template("report.html.j2")
    # Our own file, never data: the only text on the page that is not escaped.
    content = {**_context(document), "style": Markup(style)}
    return template.render(content).lstrip()


def _context(document: Document) -> dict[str, Any]:
    release = document.release
    config = release.config
    used = {
        "groups": document.groups,
        "sensitivity": document.sensitivity,
        "definitions": document.definitions,
        "trend": document.trend,
        "model": document.models,
        "maps": document.maps,
        "monitoring": document.monitoring,
    }
    return {
        "version": provenance.package_version(),
        "simulated": config.study.simulated,
        "study": config.study,
        "report": config.report,
        "hidden": release.hidden,
        "withheld": WITHHELD,
        "contents": [entry for entry in CONTENTS if used.get(entry[0], True)],
        "facts": provenance.facts(release),
        "findings": sentences.key_findings(release)
        or ["No number could be released; see the limits."],
        "both_quantities": {"event", "person"}
        <= {table.quantity for table in release.headline},
        "two_quantities": sentences.TWO_QUANTITIES,
        "words": standing_text.about(standing_text.WORDS, release.labels.outcome),
        "flow_figure": document.flow and shown_drawing(document.flow),
        "flow_table": document.flow_table,
        "flow_totals": FLOW_TOTALS,
        "variables": document.variables,
        "headline": [shown_part(part) for part in document.headline],
        "groups": [shown_part(part) for part in document.groups],
        "sensitivity": document.sensitivity and shown_part(document.sensitivity),
        "definition_tables": document.definitions,
        "trend": document.trend and shown_part(document.trend),
        "models": [shown_part(part) for part in document.models],
        "monitoring": [shown_part(part) for part in document.monitoring],
        "maps": [_shown_map(picture) for picture in document.maps],
        "legs_table": document.legs,
        "place_level": release.place_level,
        "minimum_cell": release.minimum_cell,
        "setting": release.setting,
        "definition": definition_context(release),
        "components_overlap": standing_text.COMPONENTS_OVERLAP,
        "design_notes": release.design_notes
        or ("The study file names no sampling design.",),
        "frame_table": provenance.frame_table(release),
        "design_effects": provenance.design_effects_table(release),
        "warnings_table": provenance.warnings_table(release),
        "methods_table": provenance.methods_table(release),
        "references": standing_text.references(provenance.families(release)),
        "study_limits": config.study.limits,
        "skipped": release.skipped,
        "standard_limits": standing_text.about(
            standing_text.STANDARD_LIMITS, release.labels.outcome
        ),
        "legend": release.legend,
        "suppression_table": provenance.suppression_table(release),
        "inputs_table": provenance.inputs_table(release),
        "versions_table": provenance.versions_table(),
        "plan_table": provenance.plan_table(release),
    }


def _is_headline(group: Sequence[ReleasedTable]) -> bool:
    return group[0].is_headline


def _estimate_part(group: Sequence[ReleasedTable], release: Release) -> Part:
    name = re.sub(r"_(event|person)$", "", group[0].name)
    title = group[0].label
    return Part(
        anchor=f"by-{name}",
        title=title,
        drawings=tuple(
            prevalence_drawings(
                group, release, name=name, title=f"{title}: estimates with intervals"
            )
        ),
        table=tables.estimates_table(
            group, release, name=name, caption=f"{title}: the numbers"
        ),
    )


def _sensitivity_part(release: Release) -> Part | None:
    if release.sensitivity.empty:
        return None
    return Part(
        anchor="definition-sensitivity",
        title="Definition sensitivity",
        drawings=tuple(sensitivity_drawings(release)),
        table=tables.sensitivity_table(release),
    )


def _trend_part(release: Release) -> Part | None:
    if release.trend.empty:
        return None
    return Part(
        anchor="trend-table",
        title="Trend",
        drawings=tuple(trend_drawings(release)),
        table=tables.trend_table(release),
    )


def _model_part(model: ReleasedModel, release: Release) -> Part:
    return Part(
        anchor=f"model-{model.name}",
        title=model.label,
        drawings=tuple(model_drawing(model, release)),
        table=tables.model_table(model),
        notes=model.notes,
    )


def _shown_map(picture: MapPicture) -> Mapping[str, Any]:
    return {
        "name": picture.name,
        "title": picture.title,
        "alt": picture.alt,
        "data_uri": data_uri(picture.image, picture.media_type),
        "size": (),
        "links": picture.links,
    }
