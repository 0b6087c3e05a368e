"""Which indicators of a framework are used: what is unverified is off until told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sentinel.classify.definition_schema import CrosswalkEntry, DefinitionFile
from sentinel.classify.definitions import SwitchedOff
from sentinel.classify.indicator_sets import SetIndicator, unverified_codes
from sentinel.classify.strength_rules import STRENGTHS

__all__ = ["EVERYTHING", "Candidate", "Switches", "candidates"]

EVERYTHING = "*"  # all that is off as unverified and has a condition
NO_QUESTION = "no question of the codebook measures it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An indicator before it is decided whether it is used.

    `section` is where the file speaks of it; `off` why it ships switched off.
    """

    section: str
    code: str
    label: str
    phase: str
    strength: str
    when: str
    not_asked_is_no: bool
    provenance: str
    off: str
    is_unverified: bool


def candidates(
    content: DefinitionFile, members: tuple[SetIndicator, ...]
) -> Iterator[Candidate]:
    """Yield the indicators of the set, then those that the file adds."""
    unverified = unverified_codes()
    for item in members:
        entry = content.crosswalk.get(item.code, CrosswalkEntry())
        yield Candidate(
            section="crosswalk",
            code=item.code,
            label=item.text,
            phase=entry.phase or item.phase,
            strength=entry.strength or item.strength,
            when=entry.when,
            not_asked_is_no=entry.not_asked == "no",
            provenance=item.provenance,
            off=item.off or entry.off or ("" if entry.when else NO_QUESTION),
            is_unverified=bool(item.off),
        )
    for code, own in content.indicators.items():
        yield Candidate(
            section="indicators",
            code=code,
            label=own.label,
            phase=own.phase,
            strength=own.strength or "",
            when=own.when,
            not_asked_is_no=own.not_asked == "no",
            provenance="",
            # A copied code brings its doubt along: leaving `off` out does not help.
            off=own.off or unverified.get(code, ""),
            is_unverified=code in unverified,
        )


class Switches:
    """Decides which indicators are used and keeps what must be said about it."""

    def __init__(self, switched_on: Mapping[str, str]) -> None:
        self._on = dict(switched_on)
        self._given: dict[tuple[str, str], list[str]] = {}
        self.off: list[SwitchedOff] = []

    def is_used(self, item: Candidate) -> bool:
        """Return whether an indicator is used; note it if it is off."""
        reason = self._on.get(item.code)
        if reason is None and item.when and item.is_unverified:
            reason = self._on.get(EVERYTHING)
        if item.off and reason is None:
            self.off.append(
                SwitchedOff(
                    code=item.code,
                    label=item.label,
                    phase=item.phase,
                    strength=item.strength,
                    reason=item.off,
                    text=item.when,
                )
            )
            return False
        if item.off and reason is not None:
            self._given.setdefault((item.off, reason), []).append(item.code)
        return True

    def faults(self, codes: set[str]) -> Iterator[tuple[str, str]]:
        """Yield code and what was expected of an entry of ``[switched_on]``."""
        for code, reason in self._on.items():
            if code != EVERYTHING and code not in codes:
                yield code, f"codes of this definition; it has no {code}"
            if not reason.strip():
                yield code, "the reason: who compared it with which document, when"

    def notes(
        self, members: tuple[SetIndicator, ...], used: DefinitionFile
    ) -> list[str]:
        """Return what every report must say of switches and changed weights."""
        notes = [
            f"SWITCHED ON although shipped switched off ({off}): {', '.join(codes)}. "
            f"Reason given: {reason}"
            for (off, reason), codes in self._given.items()
        ]
        for item in members:
            entry = used.crosswalk.get(item.code)
            changed = entry.strength if entry and item.strength in STRENGTHS else None
            if changed and changed != item.strength:
                notes.append(
                    f"{item.code} counts as {changed} here; its framework says "
                    f"{item.strength}."
                )
        by_reason: dict[str, list[str]] = {}
        for off in self.off:
            by_reason.setdefault(off.reason, []).append(off.code)
        notes += [
            f"Switched off and not counted ({reason}): {', '.join(codes)}."
            for reason, codes in by_reason.items()
        ]
        return notes
