"""The study's maps, drawn by `sentinel.mapping` from protected routes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sentinel.report.document import MapPicture

if TYPE_CHECKING:
    from sentinel.report.release import Release

__all__ = ["write_maps"]


def write_maps(_release: Release, _folder: Path) -> list[MapPicture]:
    """Draw the maps into `folder` and return their pictures for the page."""
    return []
