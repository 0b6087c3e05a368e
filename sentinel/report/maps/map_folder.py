"""Write a folder of maps alone: `sentinel map`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from estimators.errors import InputError
from sentinel.disclosure import release_file
from sentinel.report.maps.map_pictures import write_maps
from sentinel.report.outgoing.ledger_entry import released_cells
from sentinel.report.outgoing.manifest import file_hashes, make_manifest, manifest_text
from sentinel.report.outgoing.staging import MANIFEST
from sentinel.report.outgoing.way_out import WayOut
from sentinel.report.protected.protection import protect_study
from sentinel.report.writing import own_texts

if TYPE_CHECKING:
    from sentinel.analysis.results import StudyResult

__all__ = ["write_map_folder"]


def write_map_folder(
    result: StudyResult,
    folder: Path,
    *,
    rng: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> tuple[list[Path], tuple[str, ...]]:
    """Protect a study's results and write its maps, whole or not at all.

    Parameters
    ----------
    result : StudyResult
        Unprotected; disclosure control happens here, before anything is written, and
        on all its tables together, so that maps and report tell no more than either.
    folder : Path
        Replaced as a whole. May be absent, empty or a previous output.
    rng : int, optional
        Number that started the run's random draws, for the record.
    progress : callable, optional
        Called with the name of each step as it begins.

    Returns
    -------
    files : list of Path
        The maps, sorted.
    reasons : tuple of str
        Why maps that were asked for could not be drawn; places without a polygon.

    Raises
    ------
    InputError
        If no map could be drawn, or `folder` holds something else; nothing is written.

    Examples
    --------
    >>> import inspect
    >>> list(inspect.signature(write_map_folder).parameters)
    ['result', 'folder', 'rng', 'progress']
    """
    started = time.perf_counter()
    folder = Path(folder)
    if progress is not None:
        progress("maps")
    release = protect_study(result, rng=rng)
    cells = released_cells(result, release)
    with WayOut.of_study(result.config, "map").folder(folder, cells) as staging:
        _, reasons = write_maps(release, staging / "maps")
        written = sorted(staging.rglob("*.*"))
        if not written:
            told = (*(text for text in release.skipped if "Maps:" in text), *reasons)
            why = " ".join(told) or "The study has no [maps] or no places."
            raise InputError(f"No map could be drawn. {why}")
        outputs = file_hashes(staging)
        manifest = make_manifest(
            release, outputs, rng=rng, wall_seconds=time.perf_counter() - started
        )
        release_file(
            staging / MANIFEST, manifest_text(manifest), allowed=own_texts(release)
        )
    return [folder / path.relative_to(staging) for path in written], reasons
