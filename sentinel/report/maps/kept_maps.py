"""Maps that an interrupted run had drawn, taken over instead of drawn again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentinel.disclosure import release_again
from sentinel.mapping import MapFile

if TYPE_CHECKING:
    from sentinel.report.outgoing.unfinished import Unfinished

__all__ = ["kept_maps"]

STEP = "maps"
Drawn = tuple[list[MapFile], tuple[str, ...]]


def kept_maps(
    unfinished: Unfinished | None, folder: Path, draw: Callable[[Path], Drawn]
) -> Drawn:
    """Return maps in `folder`, and why some are lacking, drawn now or before.

    Parameters
    ----------
    unfinished : Unfinished or None
    folder : Path
    draw : callable
        Draws into a folder.
    """
    if unfinished is None:
        return draw(folder)
    try:
        place, facts = unfinished.files(STEP, lambda kept: _as_facts(*draw(kept)))
        written = [
            MapFile(path=folder / name, **about)
            for name, about in facts["files"].items()
        ]
        for item in written:
            # It passed the gate when it was kept; its seal says that it is the same.
            release_again(item.path, place / item.path.name)
    except FileNotFoundError:
        # Another run of the same output is done, and removed what both had kept.
        return draw(folder)
    return written, tuple(facts["reasons"])


def _as_facts(written: Sequence[MapFile], reasons: Sequence[str]) -> dict[str, Any]:
    """Return what is known of the files beside what is in them."""
    return {
        "files": {
            item.path.name: {
                "format": item.format,
                "round_id": item.round_id,
                "title": item.title,
                "alt": item.alt,
            }
            for item in written
        },
        "reasons": list(reasons),
    }
