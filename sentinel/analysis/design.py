"""From interviews to a sampling design: clusters, event weights and person weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.errors import InputError
from estimators.survey import SurveyDesign
from sentinel.ingest.consent import cluster_key

if TYPE_CHECKING:
    from sentinel.ingest.interviews import Interviews
    from sentinel.study.config import DesignSection, StudyConfig

__all__ = ["PERSON_KNOWN", "StudyDesign", "build_design"]

CLUSTER = "cluster"
STRATUM = "stratum"
EVENT_WEIGHT = "w_event"
PERSON_WEIGHT = "w_person"
PERSON_KNOWN = "prior_events_known"
FRAME_CLUSTERS = "frame_clusters"
OUT_OF_SCOPE = ("ineligible",)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StudyDesign:
    """The interviews with their design columns, and what was assumed to make them.

    Attributes
    ----------
    frame : DataFrame
        The respondents with ``cluster, stratum, w_event`` and, where earlier events are
        known, ``w_person`` and ``prior_events_known``.
    section : DesignSection
    notes : tuple of str
    """

    frame: pd.DataFrame
    section: DesignSection
    notes: tuple[str, ...]

    @property
    def has_person_weights(self) -> bool:
        """Whether person prevalence can be estimated."""
        return PERSON_WEIGHT in self.frame

    def survey(self, weights: str, frame: pd.DataFrame | None = None) -> SurveyDesign:
        """Return the design for ``"event"`` or ``"person"`` weights."""
        return SurveyDesign.from_frame(
            self.frame if frame is None else frame,
            weights=EVENT_WEIGHT if weights == "event" else PERSON_WEIGHT,
            strata=STRATUM,
            psu=CLUSTER,
            fpc=FRAME_CLUSTERS if self.section.use_fpc else None,
            lonely_psu=self.section.lonely_psu,
        )


def build_design(interviews: Interviews, config: StudyConfig) -> StudyDesign:
    """Attach clusters, strata and weights to the respondents.

    Without a ready weight column the event weight of a respondent of cluster *c* in
    round *r* is

        (batch size of c x eligible share among those selected in c / respondents of c)
        x arrivals of r / arrivals in the sampled clusters of r,

    which is 1 / inclusion probability for a systematic sample within a cluster, with
    non-response taken to be random within the cluster. The person weight is the event
    weight over 1 + earlier events within the frame's reach.

    Raises
    ------
    InputError
        If a design column is missing or a cluster states two different sizes.
    """
    section = config.design
    frame = interviews.frame.copy()
    notes: list[str] = []
    _require(frame, [*section.strata, *section.cluster], "design")
    frame[STRATUM] = _key(frame, section.strata)
    frame[CLUSTER] = _key(frame, (*section.strata, *section.cluster))
    if section.weight is not None:
        _require(frame, [section.weight], "design.weight")
        frame[EVENT_WEIGHT] = _ready_weights(frame[section.weight], section.weight)
        notes.append(f"Event weights are the study's own, column {section.weight}.")
    else:
        frame[EVENT_WEIGHT], made = _computed_weights(frame, interviews, config)
        notes.extend(made)
    if section.use_fpc:
        frame[FRAME_CLUSTERS] = _frame_clusters(frame, config)
        notes.append("Finite population correction from the rounds' batch counts.")
    else:
        notes.append(
            "No finite population correction: intervals are slightly too wide, never "
            "too narrow."
        )
    notes.extend(_add_person_weights(frame, section))
    strata, clusters = frame[STRATUM].nunique(), frame[CLUSTER].nunique()
    notes.append(
        f"{len(frame):,} respondents in {clusters:,} clusters "
        f"({', '.join(section.cluster)}) and {strata:,} strata "
        f"({', '.join(section.strata)})."
    )
    return StudyDesign(frame=frame, section=section, notes=tuple(notes))


def _require(frame: pd.DataFrame, columns: list[str], where: str) -> None:
    missing = [name for name in columns if name not in frame]
    if missing:
        raise InputError(
            f"[{where}] names columns that the interviews do not have: "
            f"{', '.join(missing)}. Map them in the round's mapping file."
        )
    gaps = {name: int(frame[name].isna().sum()) for name in columns}
    gaps = {name: count for name, count in gaps.items() if count}
    if gaps:
        listed = ", ".join(f"{name} ({count} rows)" for name, count in gaps.items())
        raise InputError(
            f"[{where}] columns must be known for everybody; missing in {listed}."
        )


def _key(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.Series:
    """Return the key under which `dispositions` knows the same stratum or cluster."""
    if not names:
        return pd.Series("all", index=frame.index)
    parts = [
        cluster_key({name: frame[name]}, [name], round_label="", n=len(frame))
        if name != "round_id"
        else frame[name].astype("str")
        for name in names
    ]
    key = parts[0]
    for part in parts[1:]:
        key = key.str.cat(part, sep="|")
    return key


def _ready_weights(column: pd.Series, name: str) -> pd.Series:
    weights = pd.to_numeric(column, errors="coerce").astype("Float64")
    wrong = weights.isna() | (weights <= 0)
    if wrong.any():
        rows = ", ".join(str(row) for row in np.flatnonzero(wrong)[:10])
        raise InputError(
            f"Weight column {name} must be a number above 0 for every respondent; "
            f"{int(wrong.sum())} are not (respondents {rows}, counted from 0)."
        )
    return weights.astype("float64")


def _computed_weights(
    frame: pd.DataFrame, interviews: Interviews, config: StudyConfig
) -> tuple[pd.Series, list[str]]:
    """Event weights from batch sizes, selection outcomes and the rounds' frames."""
    section = config.design
    notes: list[str] = []
    clusters = frame.groupby(CLUSTER, sort=True).agg(
        round_id=("round_id", "first"), respondents=("round_id", "size")
    )
    if section.cluster_size is None:
        clusters["size"] = clusters["respondents"].astype("float64")
        notes.append("No batch size given: every respondent counts the same.")
    else:
        _require_columns_only(frame, section.cluster_size)
        clusters["size"] = _cluster_sizes(frame, section.cluster_size, notes)
    eligible, lost = _eligible_share(interviews.dispositions, clusters.index)
    clusters["weight"] = clusters["size"] * eligible / clusters["respondents"]
    factor = {
        item.label: _arrival_factor(
            clusters[clusters["round_id"] == item.label], item, notes
        )
        for item in config.rounds
    }
    notes.extend(lost)
    weight = frame[CLUSTER].map(clusters["weight"]) * frame["round_id"].map(factor)
    return weight.astype("float64"), notes


def _require_columns_only(frame: pd.DataFrame, name: str) -> None:
    if name not in frame:
        raise InputError(
            f"[design] cluster_size = {name!r}, but the interviews have no such column."
        )


def _cluster_sizes(frame: pd.DataFrame, name: str, notes: list[str]) -> pd.Series:
    sizes = frame.groupby(CLUSTER, sort=True)[name]
    low, high = sizes.min(), sizes.max()
    differing = low.index[(low != high).fillna(value=False)]
    if len(differing):
        raise InputError(
            f"{name} must be one number per cluster; {len(differing)} state two "
            f"or more, the first is {differing[0]}."
        )
    gaps = low.isna()
    if gaps.any():
        rounds = frame.groupby(CLUSTER, sort=True)["round_id"].first()
        mean = low.groupby(rounds).transform("mean")
        if mean[gaps].isna().any():
            raise InputError(f"{name} is missing for every cluster of a round.")
        low = low.fillna(mean)
        notes.append(
            f"{int(gaps.sum())} clusters without {name} were given their round's mean."
        )
    return low.astype("float64")


def _eligible_share(
    dispositions: pd.DataFrame, clusters: pd.Index
) -> tuple[pd.Series, list[str]]:
    """Share of the selected who were eligible, by cluster; 1 where nothing is known."""
    if "cluster" not in dispositions or dispositions.empty:
        return pd.Series(1.0, index=clusters), []
    out = dispositions["outcome"].isin(OUT_OF_SCOPE)
    by_cluster = (~out).groupby(dispositions["cluster"]).mean()
    share = by_cluster.reindex(clusters)
    silent = set(dispositions.loc[~out, "cluster"].dropna()) - set(clusters)
    notes = (
        [
            f"{len(silent)} sampled clusters gave no interview; their arrivals are "
            "represented by the other clusters of the round."
        ]
        if silent
        else []
    )
    return share.fillna(1.0).astype("float64"), notes


def _arrival_factor(clusters: pd.DataFrame, item: object, notes: list[str]) -> float:
    from sentinel.study.config import RoundSection

    if not isinstance(item, RoundSection):
        raise InputError("A round of the study was expected.")
    if clusters.empty:
        return 1.0
    if item.frame.events is not None:
        seen = float(clusters["size"].sum())
        notes.append(
            f"{item.label}: weights add up to the {item.frame.events:,.0f} arrivals of "
            f"the frame (less the ineligible); {seen:,.0f} were in the sampled "
            "clusters."
        )
        return item.frame.events / seen
    if item.frame.clusters is not None:
        notes.append(
            f"{item.label}: {len(clusters):,} of {item.frame.clusters:,.0f} clusters "
            "were sampled."
        )
        return item.frame.clusters / len(clusters)
    notes.append(
        f"{item.label}: no frame counts, so weights are relative within the round and "
        "pooled figures weigh rounds by the size of their sampled clusters."
    )
    return 1.0


def _frame_clusters(frame: pd.DataFrame, config: StudyConfig) -> pd.Series:
    counts = {item.label: item.frame.clusters for item in config.rounds}
    unknown = sorted(label for label, count in counts.items() if count is None)
    if unknown:
        raise InputError(
            "[design] use_fpc = true needs frame.clusters in every round; missing in "
            f"{', '.join(unknown)}."
        )
    return frame["round_id"].map(counts).astype("float64")


def _add_person_weights(frame: pd.DataFrame, section: DesignSection) -> list[str]:
    from estimators.survey import multiplicity_weights

    if section.prior_events is None:
        return ["Person prevalence is not estimated: earlier events were not asked."]
    if section.prior_events not in frame:
        return [
            "Person prevalence is not estimated: no column "
            f"{section.prior_events} in these interviews."
        ]
    prior = frame[section.prior_events].astype("Float64")
    known = prior.notna()
    frame[PERSON_KNOWN] = known.to_numpy(dtype=bool)
    frame[PERSON_WEIGHT] = multiplicity_weights(
        frame[EVENT_WEIGHT].to_numpy(dtype=np.float64),
        prior.fillna(0).to_numpy(dtype=np.float64),
    )
    unknown = int((~known).sum())
    notes = [f"Person weight = event weight / (1 + {section.prior_events})."]
    if unknown:
        notes.append(
            f"{unknown} respondents did not say how often they were deported and "
            "are left out of person prevalence."
        )
    return notes
