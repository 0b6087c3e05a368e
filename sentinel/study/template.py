"""A commented study folder to start from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from estimators.errors import InputError
from sentinel.schema.codebook import shipped_codebook_text

__all__ = ["write_new_study"]

_FILES = {
    "study.toml": "study.toml",
    "mapping.toml": "mapping.toml",
    "README.md": "README.md",
    "round_1.csv": "data/round_1.csv",
}


def write_new_study(folder: str | Path) -> tuple[Path, ...]:
    """Write a study that can be checked at once, and return the written files.

    Parameters
    ----------
    folder : path
        Made if it is not there; it must be empty.

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
    texts = {"codebook.csv": shipped_codebook_text("deportee")}
    starter = resources.files("sentinel.study") / "starter"
    for name, place in _FILES.items():
        texts[place] = (starter / name).read_text(encoding="utf-8")
    written = []
    for place, text in texts.items():
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")
        written.append(target)
    return tuple(written)
