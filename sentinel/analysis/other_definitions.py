"""The study's respondents under other definitions than its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING

from estimators.errors import InputError
from sentinel.classify import (
    Definition,
    available_definitions,
    compare_definitions,
    load_definition,
)

if TYPE_CHECKING:
    import pandas as pd

    from estimators.survey import SurveyDesign
    from sentinel.analysis.design import StudyDesign
    from sentinel.classify import DefinitionComparison
    from sentinel.ingest.interviews import Interviews
    from sentinel.study.config import StudyConfig

__all__ = ["OtherDefinitions", "other_definitions"]

ROUND = "round_id"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OtherDefinitions:
    """What a study's definition is compared with, once it is known on which rounds.

    Rounds that disclosure control withholds may not enter: numbers of all rounds
    together would tell them.

    Attributes
    ----------
    interviews : Interviews
    design : StudyDesign
    definitions : tuple of Definition
        The study's own first.
    setting : str
    """

    interviews: Interviews
    design: StudyDesign
    definitions: tuple[Definition, ...]
    setting: str

    def compare(self, rounds: Collection[str]) -> DefinitionComparison:
        """Compare on the respondents of these rounds, with their event weights."""
        chosen = self.interviews.frame[ROUND].astype("str").isin(rounds)
        part = self.design.frame[chosen.to_numpy()]

        def survey(new: Mapping[str, pd.Series]) -> SurveyDesign:
            return self.design.survey("event", part.assign(**new))

        return compare_definitions(
            SimpleNamespace(
                frame=self.interviews.frame[chosen],
                states=self.interviews.states[chosen],
            ),
            self.definitions,
            setting=self.setting,
            survey=survey,
        )


def other_definitions(
    interviews: Interviews, design: StudyDesign, own: Definition, config: StudyConfig
) -> tuple[OtherDefinitions | None, tuple[str, ...]]:
    """Load the definitions of ``[classify] compare`` beside the study's own.

    Returns
    -------
    others : OtherDefinitions or None
        None where there is nothing to compare with.
    reasons : tuple of str
        Why a definition that the study file names cannot be compared. Of the shipped
        ones those that fit the codebook are taken.

    Notes
    -----
    What ships switched off stays off in the others: a reason given for one definition
    is none for another.
    """
    given = config.classify.compare
    chosen: dict[str, Definition] = {own.name: own}
    reasons: list[str] = []
    for name in available_definitions() if given is None else given:
        try:
            found = load_definition(
                config.path(name) if name.endswith(".toml") else name,
                codebook=interviews.codebook,
            )
        except InputError as error:
            if given is not None:
                reason = str(error).splitlines()[0]
                reasons.append(f"Comparison of definitions: {name}: {reason}")
            continue
        chosen.setdefault(found.name, found)
    if len(chosen) == 1:
        return None, tuple(reasons)
    others = OtherDefinitions(
        interviews=interviews,
        design=design,
        definitions=tuple(chosen.values()),
        setting=config.classify.setting,
    )
    return others, tuple(reasons)
