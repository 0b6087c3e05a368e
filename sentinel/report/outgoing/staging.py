"""An output folder that is either the old one or the new one, never half of each."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from estimators.errors import InputError

__all__ = [
    "LOG",
    "MADE_BY",
    "MANIFEST",
    "check_output_folder",
    "read_manifest",
    "staged_folder",
]

MANIFEST = "manifest.json"
LOG = "log.jsonl"
MADE_BY = "sentinel"
SHOWN = 5


def check_output_folder(folder: Path) -> None:
    """Raise unless `folder` is free for a report.

    Free means: absent, empty, or a previous report without anything else in it. A run
    that takes minutes asks this first.

    Raises
    ------
    estimators.errors.InputError
        If it has no name of its own (``.``), is a file, holds no `manifest.json` of
        ours, or holds files that a report did not write; they would be lost when the
        folder is replaced.

    Examples
    --------
    >>> import tempfile
    >>> check_output_folder(Path(tempfile.mkdtemp()))
    """
    if folder.name in ("", ".."):
        raise InputError(
            f"{folder}: an output folder is replaced as a whole, and this one has no "
            "name of its own. Name it, as in --out report."
        )
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(
            f"{folder.name}: a folder was expected, a file or link is there. "
            "Name another output folder."
        )
    if not folder.exists():
        return
    present = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if not path.is_dir() or path.is_symlink()
    }
    if not present:
        return
    foreign = sorted(present - _written_before(folder))
    if foreign:
        more = f" and {len(foreign) - SHOWN} more" if len(foreign) > SHOWN else ""
        raise InputError(
            f"{folder.name} holds files that no report wrote "
            f"({', '.join(foreign[:SHOWN])}{more}), and writing a report replaces the "
            "whole folder. Move them, or name another output folder."
        )


@contextmanager
def staged_folder(folder: Path) -> Iterator[Path]:
    """Yield a new empty folder beside `folder` that takes its place on success.

    If the body raises or the process dies, `folder` stays as it was. The change of
    names at the end is undone if it is interrupted; if the process is killed between
    its two renames, the next call puts the previous output back first.
    """
    folder = Path(folder)
    check_output_folder(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _put_back(folder)
    staging = Path(
        tempfile.mkdtemp(prefix=f".{folder.name}-building-", dir=folder.parent)
    )
    try:
        yield staging
        # mkdtemp makes folders that only their owner can read; a report is to be read.
        staging.chmod(0o755)
        check_output_folder(folder)
        _swap(staging, folder)
    finally:
        if staging.exists():
            shutil.rmtree(staging, ignore_errors=True)


def _swap(staging: Path, folder: Path) -> None:
    previous = _previous(folder)
    had_previous = folder.exists()
    if had_previous:
        folder.rename(previous)
    try:
        staging.rename(folder)
    except BaseException:
        if had_previous and not folder.exists():
            previous.rename(folder)
        raise
    if had_previous:
        shutil.rmtree(previous, ignore_errors=True)


def _put_back(folder: Path) -> None:
    previous = _previous(folder)
    if not previous.is_dir():
        return
    check_output_folder(previous)
    if folder.exists():
        shutil.rmtree(previous)
    else:
        previous.rename(folder)


def _previous(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}-previous")


def _written_before(folder: Path) -> set[str]:
    """Return what a previous report says it wrote; nothing if it is not one of ours."""
    content = read_manifest(folder / MANIFEST)
    if content.get("made_by") != MADE_BY:
        return set()
    return {*content.get("outputs", {}), MANIFEST, LOG}


def read_manifest(path: Path) -> dict[str, Any]:
    """Return a manifest; nothing where there is none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
