"""A commented study folder to start from."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from estimators.errors import InputError
from sentinel.schema.codebook import shipped_codebook_text

__all__ = ["starter_text", "write_new_study"]

_FILES = {
    "study.toml": "study.toml",
    "mapping.toml": "mapping.toml",
    "README.md": "README.md",
    "round_1.csv": "data/round_1.csv",
}


def starter_text(name: str) -> str:
    """Return a text of the folder to start from."""
    source = resources.files("sentinel.study") / "starter" / name
    return source.read_text(encoding="utf-8")


def write_new_study(
    folder: str | Path, *, more: Mapping[str, str | bytes | None] | None = None
) -> tuple[Path, ...]:
    """Write a study that can be checked at once, and return the written files.

    Parameters
    ----------
    folder : path
        Made if it is not there; it must be empty.
    more : mapping of str to text, bytes or None, optional
        Further files by their place in the folder, or others in place of those of the
        starter; None leaves one out.

    Raises
    ------
    InputError
        If the folder holds anything: nothing is ever overwritten.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            f"{folder} is not an empty folder. Name a new one; nothing was written."
        )
    texts: dict[str, str | bytes | None] = {
        "codebook.csv": shipped_codebook_text("deportee"),
        **{place: starter_text(name) for name, place in _FILES.items()},
        **(more or {}),
    }
    written = []
    for place, text in texts.items():
        if text is None:
            continue
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        content = text if isinstance(text, bytes) else text.encode("utf-8")
        target.write_bytes(content)
        written.append(target)
    return tuple(written)
