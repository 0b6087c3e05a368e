"""Places of a study: the bundled ones, the user's own, and what was written down."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError
from sentinel import datasets
from sentinel.schema.problems import Problem, Problems

__all__ = ["PLACE_COLUMNS", "load_places", "normalise_name", "resolve_places"]

PLACE_COLUMNS = ("code", "name", "level", "country", "lat", "lon")
UNPLACED = frozenset({"", "*", "OTHER", "XB-INFORMAL"})
# Words that say what kind of unit it is, not which one.
_KINDS = re.compile(
    r"\b(province|prefecture|municipality|department|departamento|state|estado|region"
    r"|division|district|city|changwat|khaet|khoueng|tinh|thanh pho|of|de|the)\b"
)


def load_places(file: Path | str | None = None, *, name: str = "") -> pd.DataFrame:
    """Return the bundled places, extended by a study's own file.

    Parameters
    ----------
    file : path, optional
        CSV with the columns `PLACE_COLUMNS` and, if wanted, ``aliases`` (other
        spellings, ";" between them). A code that is bundled already is replaced.
    name : str
        What errors call the file; by default its own name.

    Returns
    -------
    DataFrame
        `PLACE_COLUMNS` and ``aliases``, one row per code; degrees, WGS 84.

    Raises
    ------
    IngestError
        Every row without a code or name, with a code twice, or with coordinates that
        are not degrees.

    Examples
    --------
    >>> load_places().set_index("code").loc["KH-1", "name"]
    'Banteay Meanchey'
    """
    shipped: pd.DataFrame = datasets.load("places")
    bundled = shipped[list(PLACE_COLUMNS)].assign(aliases="")
    if file is None:
        return bundled
    path = Path(file)
    label = name or path.name
    if not path.is_file():
        raise InputError(f"The places file {label} does not exist ([maps] places).")
    own = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    check_columns(own, {f"column of {label}": column for column in PLACE_COLUMNS})
    if "aliases" not in own:
        own["aliases"] = ""
    own = _checked(own[[*PLACE_COLUMNS, "aliases"]], label)
    kept = bundled[~bundled["code"].isin(own["code"])]
    both: pd.DataFrame = pd.concat([kept, own], ignore_index=True)
    return both


def _checked(own: pd.DataFrame, label: str) -> pd.DataFrame:
    problems = Problems()

    def report(rows: pd.Series, column: str, expected: str) -> None:
        for row in own.index[rows]:
            problems.add(
                Problem(
                    file=label,
                    row=int(row) + 2,
                    column=column,
                    value=str(own.loc[row, column]),
                    expected=expected,
                )
            )

    for column in ("code", "name"):
        own[column] = own[column].str.strip()
        report(own[column] == "", column, "a value")
    report(own["code"].duplicated() & (own["code"] != ""), "code", "each code once")
    for column, most in (("lat", 90), ("lon", 180)):
        degrees = pd.to_numeric(own[column], errors="coerce")
        report(~degrees.between(-most, most), column, f"degrees from -{most} to {most}")
        own[column] = degrees
    problems.raise_errors()
    return own


def normalise_name(text: str) -> str:
    """Return a name without case, marks, punctuation and words such as "province".

    Examples
    --------
    >>> normalise_name("Bântéay Méanchey Province")
    'banteay meanchey'
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    # Letters such as d-stroke have no decomposition of their own.
    plain = plain.replace("\u0111", "d").replace("\u0153", "oe")
    plain = "".join(char for char in plain if not _is_latin_mark(char))
    plain = re.sub(r"[\W_]+", " ", plain)
    short = re.sub(r"\s+", " ", _KINDS.sub(" ", plain)).strip()
    return short or plain.strip()


def _is_latin_mark(char: str) -> bool:
    # Marks of other scripts (Khmer, Thai, Lao vowels) are letters, not decoration.
    return unicodedata.combining(char) > 0 and "\u0300" <= char <= "\u036f"


def resolve_places(
    values: Iterable[str],
    places: pd.DataFrame,
    extra: Mapping[str, str] | None = None,
) -> tuple[dict[str, str], Problems]:
    """Find the code of each place as it was written: code first, then name.

    Parameters
    ----------
    values : iterable of str
        Codes or names.
    places : DataFrame
        As `load_places` returns it.
    extra : mapping of str to str, optional
        A study's own spellings and their codes.

    Returns
    -------
    found : dict of str to str
        Value to code, matches only. A name counts if it is the name or an alias of
        exactly one place after `normalise_name`; nothing is guessed.
    problems : Problems
        One warning for each value without a match.

    Examples
    --------
    >>> found, problems = resolve_places(["KH-1", "Siem Reap", "Springfield"],
    ...     load_places())
    >>> found, len(problems)
    ({'KH-1': 'KH-1', 'Siem Reap': 'KH-17'}, 1)
    """
    check_columns(places, {"place": "code", "its name": "name"})
    codes = set(places["code"].astype("str"))
    names = _names(places)
    given = {normalise_name(key): code for key, code in (extra or {}).items()}
    found: dict[str, str] = {}
    problems = Problems()
    for value in dict.fromkeys(str(item) for item in values):
        if value in UNPLACED:
            continue
        plain = normalise_name(value)
        options = {given[plain]} & codes if plain in given else names.get(plain, set())
        if value in codes:
            found[value] = value
        elif len(options) == 1:
            found[value] = next(iter(options))
        else:
            several = f"it may be {', '.join(sorted(options))}; " if options else ""
            problems.add(
                Problem(
                    severity="warning",
                    column="place",
                    value=value,
                    expected="a code or name of the places table",
                    hint=f"Not drawn: {several}write the code, or add the place to the "
                    "file of [maps] places.",
                )
            )
    return found, problems


def _names(places: pd.DataFrame) -> dict[str, set[str]]:
    names: dict[str, set[str]] = {}
    aliases = places.get("aliases", pd.Series("", index=places.index)).fillna("")
    for code, name, others in zip(places["code"], places["name"], aliases, strict=True):
        # "Bangkok (Krung Thep)" is known as either.
        spellings = [str(name), re.sub(r"\(.*?\)", "", str(name))]
        spellings += re.findall(r"\((.*?)\)", str(name))
        spellings += str(others).split(";")
        for spelling in spellings:
            plain = normalise_name(spelling)
            if plain:
                names.setdefault(plain, set()).add(str(code))
    return names
