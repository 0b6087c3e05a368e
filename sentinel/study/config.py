"""The study file: what was asked, of whom, how it was sampled, what to estimate."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from sentinel.study.monitoring_section import MonitoringSection
from sentinel.study.section import Name, Names, Section

__all__ = [
    "ClassifySection",
    "ConsentBasis",
    "DesignSection",
    "EstimateSection",
    "FrameCounts",
    "MapsSection",
    "ModelSection",
    "MonitoringSection",
    "PrivacySection",
    "ReportSection",
    "RoundSection",
    "StudyConfig",
    "StudySection",
]

LEAST_MINIMUM_CELL = 5


class StudySection(Section):
    """``[study]``."""

    title: Name
    question: str = ""
    population: Name
    reference_period: Name
    simulated: bool = False
    codebook: str = "deportee"
    source: str = ""
    limits: tuple[str, ...] = ()


class FrameCounts(Section):
    """Sampling frame of a round: how many there were to be sampled from."""

    events: float | None = Field(default=None, gt=0)
    clusters: float | None = Field(default=None, gt=0)
    source: str = ""


class RoundSection(Section):
    """One ``[[rounds]]`` entry.

    `form` names the XLSForm of the round, several where its version changed during
    fieldwork, oldest first. `submissions` is the count that the form server shows.
    Records are kept until `retain_until`, unless they are `deidentified` or
    `retention_extended` says who decided otherwise and where that is documented.
    """

    label: Name
    name: str = ""
    files: tuple[Name, ...] = Field(min_length=1)
    sheet: str | None = None
    form: Names = ()
    mapping: str | None = None
    fieldwork_start: date
    fieldwork_end: date
    retain_until: date | None = None
    retention_extended: str = ""
    deidentified: bool = False
    submissions: int | None = Field(default=None, ge=0)
    frame: FrameCounts = FrameCounts()

    @model_validator(mode="after")
    def _dates_in_order(self) -> RoundSection:
        if self.fieldwork_end < self.fieldwork_start:
            raise ValueError("fieldwork_end lies before fieldwork_start")
        return self


class ConsentBasis(Section):
    """How consent is known.

    Either `variable` names the question whose answer `yes` lets a respondent's content
    through, or `statement` says who obtained consent and where that is documented, for
    secondary data that hold consenting persons only. A statement alone switches the
    question off.
    """

    variable: str | None = "consent_given"
    yes: str = "1"
    private_variable: str | None = "private"
    statement: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _statement_alone(cls, data: Any) -> Any:  # noqa: ANN401 - raw TOML
        if isinstance(data, dict) and data.get("statement") and "variable" not in data:
            return {**data, "variable": None}
        return data

    @model_validator(mode="after")
    def _one_basis(self) -> ConsentBasis:
        if self.variable is None and not self.statement:
            raise ValueError(
                "without a consent variable, state who obtained consent and where that "
                "is documented (statement)"
            )
        return self


class PrivacySection(Section):
    """``[privacy]``.

    `ledger` names the file, beside the study file and outside every report, that
    remembers what was released, so that two releases together tell no small group.

    `epsilon_budget` is the most that synthetic records may ever cost anybody.

    `withdrawals` names the file in which `sentinel withdraw` keeps tombstones, and
    `audit_log` the log of runs. `retain_until` is for rounds without a date of their
    own; `sentinel check` reminds `retention_notice_days` before.
    """

    minimum_cell: int = Field(default=11, ge=LEAST_MINIMUM_CELL)
    consent: ConsentBasis = ConsentBasis()
    place_level: Literal["province", "country"] = "province"
    time_unit: Literal["month", "quarter", "year"] = "quarter"
    withdrawn: tuple[str, ...] = ()
    ledger: str | None = None
    epsilon_budget: float | None = Field(default=None, gt=0)
    withdrawals: str | None = None
    audit_log: str | None = None
    retain_until: date | None = None
    retention_notice_days: int = Field(default=90, ge=0)


class ClassifySection(Section):
    """``[classify]``.

    `switch_on` maps the code of an indicator that ships switched off, or "*", to the
    reason why it may be used; the report prints it. `absent` says whether variables
    that no round has are an error or unknown for everybody. `compare` names the
    definitions that the report sets beside the study's own: all that are shipped by
    default, none if empty.
    """

    definition: str = "uniap"
    setting: Literal["strict", "base", "broad"] = "base"
    outcome: str = "d_traff"
    switch_on: dict[str, str] = Field(default_factory=dict)
    absent: Literal["refuse", "unknown"] = "refuse"
    compare: tuple[str, ...] | None = None


class DesignSection(Section):
    """``[design]``: columns of the interviews that carry the sampling design.

    `weight` names a column of ready event weights; without it weights are computed from
    `cluster_size`, respondents per cluster and the rounds' frame counts.
    `prior_events` counts a person's earlier events in the frame and gives the person
    weight, event weight / (1 + prior events); without it person prevalence is not
    estimated. `comparable` lists groups of rounds between which change may be read;
    without it rounds at a common site are compared, and an empty list compares none.
    """

    weight: str | None = None
    strata: tuple[str, ...] = ("round_id", "site_code")
    cluster: tuple[str, ...] = ("site_code", "int_date", "truck_seq")
    cluster_size: str | None = "truck_n"
    prior_events: str | None = "deport_12m"
    use_fpc: bool = False
    comparable: tuple[tuple[str, ...], ...] | None = None
    lonely_psu: Literal["fail", "certainty", "adjust", "average"] = "fail"
    interval: str = "korn_graubard"
    level: float = Field(default=0.95, gt=0, lt=1)


class EstimateSection(Section):
    """One ``[[estimates]]`` entry: an estimator of the catalogue, by groups."""

    key: str = "survey_proportion"
    label: str = ""
    variable: str | None = None
    by: tuple[str, ...] = ()
    where: str | None = None
    weights: Literal["event", "person", "both"] = "both"
    options: dict[str, Any] = Field(default_factory=dict)


class ModelSection(Section):
    """One ``[[models]]`` entry.

    `weights` says for whom the model speaks; the variance then is that of the sampling
    design. With "none" respondents count alike and as if drawn one by one.
    """

    key: str = "firth_logistic"
    label: str = ""
    formula: Name
    where: str | None = None
    weights: Literal["event", "person", "none"] = "event"
    options: dict[str, Any] = Field(default_factory=dict)


MapKind = Literal[
    "routes",
    "sankey",
    "sectors",
    "rounds",
    "flows",
    "places",
    "hotspots",
    "interactive",
    "intensity",
]
USUAL_MAPS = tuple(kind for kind in get_args(MapKind) if kind != "intensity")
HotspotMethod = Literal["getis_ord", "local_moran", "scan"]
SheetFormat = Literal["svg", "png", "pdf"]
ROUTES_TITLE = "From home province by border crossing to place of work"


class MapsSection(Section):
    """``[maps]``: columns that hold places, the user's boundaries, what is drawn.

    `show` names kinds of maps: ``routes`` of each round, ``sankey`` of each round,
    ``sectors`` worked in at each destination, the ``rounds`` side by side, ``flows``
    that exceed what their ends explain, ``places`` with their estimates, ``hotspots``
    among those, the ``interactive`` file; all by default, but not ``intensity``, a
    smooth surface of respondents by home province (kernel of `intensity_km`).
    `rounds` limits the maps of routes to some rounds; they are all drawn by default.
    `hotspots` names the methods that judge places; neighbours are the `neighbours`
    nearest ones where no polygons tell. `formats` are those of the printed sheets.
    """

    origin: str | None = "origin_adm1"
    crossing: str | None = "cross_code"
    destination: str | None = "dest_adm1"
    sector: str | None = "sector"
    title: str = ROUTES_TITLE
    places: str | None = None
    boundaries: str | None = None
    boundary_key: str | None = None
    boundary_source: str = ""
    top_flows: int = Field(default=25, ge=1, le=200)
    show: tuple[MapKind, ...] = USUAL_MAPS
    rounds: tuple[str, ...] = ()
    hotspots: tuple[HotspotMethod, ...] = get_args(HotspotMethod)
    neighbours: int = Field(default=4, ge=1, le=30)
    formats: tuple[SheetFormat, ...] = ("svg", "png")
    intensity_km: float | None = Field(default=None, gt=0)

    @field_validator("formats")
    @classmethod
    def _can_be_shown(cls, value: tuple[SheetFormat, ...]) -> tuple[SheetFormat, ...]:
        if not {"svg", "png"} & set(value):
            raise ValueError(
                'formats needs "svg" or "png": the report shows one of them'
            )
        return tuple(dict.fromkeys(value))


class ReportSection(Section):
    """``[report]``."""

    authors: tuple[str, ...] = ()
    contact: str = ""
    citation: str = ""
    notes: tuple[str, ...] = ()


class StudyConfig(Section):
    """A whole study file; `folder` is where its relative paths start."""

    study: StudySection
    rounds: tuple[RoundSection, ...] = Field(min_length=1)
    privacy: PrivacySection = PrivacySection()
    classify: ClassifySection = ClassifySection()
    design: DesignSection = DesignSection()
    estimates: tuple[EstimateSection, ...] = ()
    models: tuple[ModelSection, ...] = ()
    maps: MapsSection | None = MapsSection()
    monitoring: MonitoringSection = MonitoringSection()
    report: ReportSection = ReportSection()
    folder: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _distinct_rounds(self) -> StudyConfig:
        labels = [item.label for item in self.rounds]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(f"round labels must differ; twice: {', '.join(twice)}")
        drawn = self.maps.rounds if self.maps is not None else ()
        unknown = sorted(set(drawn) - set(labels))
        if unknown:
            raise ValueError(f"[maps] rounds names no round of this study: {unknown}")
        named = [name for group in self.design.comparable or () for name in group]
        strange = sorted({name for name in named if name not in labels})
        if strange:
            raise ValueError(f"comparable names no round of this study: {strange}")
        return self

    def path(self, relative: str) -> Path:
        """Return a path of the study file as a path on disk."""
        return self.folder / relative
