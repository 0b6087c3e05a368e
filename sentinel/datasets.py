"""The bundled datasets: listed, verified against their checksums, loaded, described.

A dataset is a folder with tables, a ``CARD.md`` whose front matter says what it is, and
a ``checksum.txt`` with one ``sha256  file`` line per file. Folders lie in ``datasets/``
of a checkout and in ``sentinel/_datasets`` of an installed package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from estimators.errors import InputError

__all__ = ["available", "card", "load", "path"]

CARD_KEYS = ("title", "kind", "source", "licence", "simulated", "units")
_FENCE = "---"


def available() -> pd.DataFrame:
    """List the bundled datasets.

    Returns
    -------
    DataFrame
        One row per dataset, sorted: ``name, title, kind, files, licence, simulated``.
        ``files`` is a tuple of the file names that `load` and `path` know.

    Examples
    --------
    >>> "places" in set(available()["name"])
    True
    """
    folders = sorted(item for item in _root().iterdir() if (item / "CARD.md").is_file())
    rows = []
    for folder in folders:
        about = card(folder.name)
        rows.append(
            {
                "name": folder.name,
                "title": about["title"],
                "kind": about["kind"],
                "files": tuple(_checksums(folder)),
                "licence": about["licence"],
                "simulated": about["simulated"] == "true",
            }
        )
    columns = ["name", "title", "kind", "files", "licence", "simulated"]
    return pd.DataFrame(rows, columns=columns)


def load(name: str, *, file: str | None = None) -> Any:  # noqa: ANN401 - see Returns
    """Load a bundled dataset after verifying its checksums.

    Parameters
    ----------
    name : str
        One of ``available()["name"]``.
    file : str, optional
        One table of it; needed only to read one of several.

    Returns
    -------
    DataFrame or dict of DataFrame
        The table; for a dataset of several tables a mapping of file name without its
        ending to table. A dataset whose card says another ``kind`` than ``table`` may
        come back as the data object of that kind.

    Raises
    ------
    InputError
        Unknown name or file, or a file that differs from its checksum.

    Examples
    --------
    >>> load("places").set_index("code").loc["KH-1", "name"]
    'Banteay Meanchey'
    """
    folder = _folder(name)
    if file is not None:
        return _read(_verified(folder, file))
    tables = {
        item: _verified(folder, item)
        for item in _checksums(folder)
        if PurePosixPath(item).suffix in _READERS
    }
    if not tables:
        raise InputError(
            f"Dataset {name!r} holds no table; datasets.path({name!r}) is its folder."
        )
    make = _KINDS.get(card(name)["kind"])
    frames = {
        str(PurePosixPath(item).with_suffix("")): _read(found)
        for item, found in tables.items()
    }
    if make is not None:
        return make(frames)
    return next(iter(frames.values())) if len(frames) == 1 else frames


def path(name: str) -> Path:
    """Return the folder of a bundled dataset, every file of it verified.

    Examples
    --------
    >>> path("places").name
    'places'
    """
    folder = _folder(name)
    for file in _checksums(folder):
        _verified(folder, file)
    return folder


def card(name: str) -> dict[str, str]:
    """Return the front matter of a dataset's card, with the whole text as ``text``.

    Examples
    --------
    >>> card("places")["simulated"]
    'false'
    """
    text = (_folder(name) / "CARD.md").read_text(encoding="utf-8")
    lines = text.splitlines()
    if not lines or lines[0] != _FENCE or _FENCE not in lines[1:]:
        raise InputError(
            f"datasets/{name}/CARD.md must open with front matter between two lines "
            f"of '{_FENCE}' with the keys {', '.join(CARD_KEYS)}."
        )
    end = lines.index(_FENCE, 1)
    about = {}
    for line in lines[1:end]:
        key, _, value = line.partition(":")
        about[key.strip()] = value.strip()
    missing = [key for key in CARD_KEYS if not about.get(key)]
    if missing:
        raise InputError(f"datasets/{name}/CARD.md lacks {', '.join(missing)}.")
    return {**about, "text": "\n".join(lines[end + 1 :]).strip() + "\n"}


def _root() -> Path:
    installed = Path(__file__).resolve().parent / "_datasets"
    checkout = Path(__file__).resolve().parents[1] / "datasets"
    for folder in (installed, checkout):
        if folder.is_dir():
            return folder
    raise InputError(
        "The bundled datasets are missing from this installation; install the package "
        "anew from its wheel or source archive."
    )


def _folder(name: str) -> Path:
    root = _root()
    known = sorted(item.name for item in root.iterdir() if (item / "CARD.md").is_file())
    # Membership rather than joining: a name with ".." in it must not leave the folder.
    if name not in known:
        raise InputError(
            f"No bundled dataset is called {name!r}; there are {', '.join(known)}."
        )
    return root / name


def _checksums(folder: Path) -> dict[str, str]:
    listing = folder / "checksum.txt"
    if not listing.is_file():
        raise InputError(f"datasets/{folder.name} has no checksum.txt.")
    found: dict[str, str] = {}
    for line in listing.read_text(encoding="utf-8").splitlines():
        digest, _, file = line.partition("  ")
        if not file:
            raise InputError(
                f"datasets/{folder.name}/checksum.txt: {line!r} is not 'sha256  file'."
            )
        found[file] = digest
    return found


def _verified(folder: Path, file: str) -> Path:
    expected = _checksums(folder)
    if file not in expected:
        raise InputError(
            f"Dataset {folder.name!r} has no file {file!r}; it has "
            f"{', '.join(expected)}."
        )
    target = folder / file
    if not target.is_file():
        raise InputError(f"datasets/{folder.name}/{file} is missing; install anew.")
    came = hashlib.sha256(target.read_bytes()).hexdigest()
    if came != expected[file]:
        raise InputError(
            f"datasets/{folder.name}/{file} differs from what was released (sha256 "
            f"{came[:12]}... came, {expected[file][:12]}... expected). It was edited, "
            "damaged, or its line ends were converted; restore the file, or update "
            "checksum.txt if the change is meant."
        )
    return target


def _read(found: Path) -> pd.DataFrame:
    reader = _READERS.get(found.suffix)
    if reader is None:
        raise InputError(
            f"{found.name} is not a table; tables end in {', '.join(_READERS)}. "
            "Use datasets.path() and open it with its own reader."
        )
    return reader(found)


def _read_csv(found: Path) -> pd.DataFrame:
    # "NA" is Namibia and a frequent answer code: only an empty cell is missing.
    return pd.read_csv(found, keep_default_na=False, na_values=[""])


_READERS: Mapping[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".parquet": pd.read_parquet,
}


def _capture_histories(frames: dict[str, pd.DataFrame]) -> Any:  # noqa: ANN401 - one or several
    from estimators.capture_recapture import CaptureHistories

    tables = {
        name: CaptureHistories.from_frame(frame, count="count")
        for name, frame in frames.items()
    }
    return next(iter(tables.values())) if len(tables) == 1 else tables


# A card's kind -> what its tables become, {"data": frame} in. Kinds that are not here
# stay frames.
_KINDS: dict[str, Callable[[dict[str, pd.DataFrame]], Any]] = {
    "capture_histories": _capture_histories,
}
