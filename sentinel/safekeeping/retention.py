"""Until when microdata may be kept, and who is reminded when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from sentinel.schema.problems import Problem, Problems

if TYPE_CHECKING:
    from sentinel.study.config import RoundSection, StudyConfig

__all__ = ["check_retention", "retain_until"]


def retain_until(config: StudyConfig, item: RoundSection) -> date | None:
    """Return the last day on which a round's records may be kept; None if none is set.

    That of the round itself, else that of ``[privacy]``.
    """
    return item.retain_until or config.privacy.retain_until


def check_retention(config: StudyConfig, *, today: date) -> Problems:
    """Return a finding for every round whose retention date nears or has passed.

    Parameters
    ----------
    config : StudyConfig
    today : date

    Returns
    -------
    Problems
        A warning within ``retention_notice_days`` of the date, and from the day after
        it an error, which stops a run. Rounds that are ``deidentified`` need no date;
        where ``retention_extended`` says who decided to keep records longer and where
        that is documented, a warning repeats it.
    """
    return Problems(
        problem
        for number, item in enumerate(config.rounds, start=1)
        for problem in _of_round(config, item, number, today)
    )


def _of_round(
    config: StudyConfig, item: RoundSection, number: int, today: date
) -> Iterator[Problem]:
    last = retain_until(config, item)
    if last is None or item.deidentified:
        return
    left = (last - today).days
    column = f"rounds[{number}].retain_until"
    if left >= 0:
        if left <= config.privacy.retention_notice_days:
            yield Problem(
                severity="warning",
                column=column,
                value=last.isoformat(),
                expected=f"a decision within {left} days",
                hint=f"The records of round {item.label} may be kept until then: plan "
                "sentinel deidentify, or their deletion with all copies.",
            )
    elif item.retention_extended:
        yield Problem(
            severity="warning",
            column=column,
            value=last.isoformat(),
            expected="no records after their retention date",
            hint=f"Kept by decision: {item.retention_extended}",
        )
    else:
        yield Problem(
            column=column,
            value=last.isoformat(),
            expected="no records after their retention date",
            hint=f"Round {item.label}: run sentinel deidentify and delete the records "
            "with all copies; then name the new file and write deidentified = true. If "
            "it was decided to keep them, write retention_extended = "
            '"who decided, when, where it is documented".',
        )
