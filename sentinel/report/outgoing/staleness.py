"""Reports that still hold persons who withdrew since they were written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from estimators.errors import InputError
from sentinel.report.outgoing.staging import MADE_BY, MANIFEST, read_manifest
from sentinel.safekeeping import later_withdrawals
from sentinel.schema.problems import Problem

if TYPE_CHECKING:
    from sentinel.study.config import StudyConfig

__all__ = ["stale_reports"]

# Where the commands write if no folder is named.
USUAL = ("out", "report")


def stale_reports(config: StudyConfig, folders: Sequence[Path]) -> Iterator[Problem]:
    """List the reports of a study that must be built again, and what cannot be told.

    Parameters
    ----------
    config : StudyConfig
    folders : sequence of path
        Reports to look at. Folders named ``out`` and ``report``, here and beside the
        study file, are looked at as well.
    """
    if config.privacy.withdrawals is None:
        return
    for folder in folders:
        if read_manifest(folder / MANIFEST).get("made_by") != MADE_BY:
            yield Problem(
                file=folder.name,
                expected="the folder of a report, with its manifest.json",
                hint="It cannot be told whether it holds persons who withdrew.",
            )
    usual = [place / name for place in (Path(), config.folder) for name in USUAL]
    for folder in _distinct([*folders, *usual]):
        manifest = read_manifest(folder / MANIFEST)
        mine = manifest.get("study") == config.study.title
        if manifest.get("made_by") == MADE_BY and mine:
            yield from _of_report(config, folder, str(manifest.get("withdrawals", "")))


def _distinct(folders: Sequence[Path]) -> list[Path]:
    return list({folder.resolve(): folder for folder in folders}.values())


def _of_report(config: StudyConfig, folder: Path, head: str) -> Iterator[Problem]:
    expected = "a report without the persons who withdrew"
    place = f"{folder.name}/{MANIFEST}"
    try:
        later = later_withdrawals(config, head)
    except InputError as error:
        yield Problem(file=place, expected=expected, hint=str(error))
        return
    if later:
        yield Problem(
            file=place,
            column="withdrawals",
            value=f"{later} withdrew after it was made",
            expected=expected,
            hint="It must be rebuilt with sentinel run, and copies given away called "
            "back. Release the new one with the next round, not beside the old "
            "one: their difference would be the person.",
        )
