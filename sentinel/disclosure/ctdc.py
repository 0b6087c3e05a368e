"""Records in the shape of the Counter-Trafficking Data Collaborative (2024)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError
from sentinel.disclosure.microdata import (
    MicrodataReport,
    k_anonymise,
    microdata_report,
)

if TYPE_CHECKING:
    from estimators.array_types import BoolVector

__all__ = [
    "CTDC_BLOCKS",
    "CTDC_COLUMNS",
    "CTDC_QUASI_IDENTIFIERS",
    "CtdcRelease",
    "infer_ctdc_zeros",
    "release_ctdc",
    "to_ctdc",
]

GENDERS = ("Man", "Woman", "Trans/Transgender/NonConforming")
FIRST_YEAR = 2002
OLDEST = 120


class _Bands(NamedTuple):
    exact: str
    band: str
    starts: tuple[int, ...]
    codes: tuple[str, ...]
    highest: int


_AGE = _Bands(
    exact="age",
    band="ageBroad",
    starts=(0, 9, 18, 21, 24, 27, 30, 39, 48),
    codes=(
        *("0--8", "09--17", "18--20", "21--23", "24--26", "27--29", "30--38"),
        *("39--47", "48+"),
    ),
    highest=OLDEST,
)
_MONTHS = _Bands(
    exact="months",
    band="traffickMonths",
    starts=(0, 13, 25),
    codes=("0--12 (0-1 yr)", "13--24 (1-2 yrs)", "25+ (2+ yrs)"),
    highest=12 * OLDEST,
)
# Items of which any 1 says that the block was asked.
CTDC_BLOCKS: dict[str, tuple[str, ...]] = {
    "means": (
        *("meansDebtBondageEarnings", "meansThreats", "meansAbusePsyPhySex"),
        *("meansFalsePromises", "meansDrugsAlcohol", "meansDenyBasicNeeds"),
        *("meansExcessiveWorkHours", "meansWithholdDocs"),
    ),
    "exploitation": ("isForcedLabour", "isSexualExploit", "isOtherExploit"),
    "labour": (
        *("typeOfLabourAgriculture", "typeOfLabourConstruction"),
        *("typeOfLabourDomesticWork", "typeOfLabourHospitality"),
    ),
    "sex": ("typeOfSexProstitution", "typeOfSexPornography"),
    "recruiter": (
        *("recruiterRelationIntimatePartner", "recruiterRelationFriend"),
        *("recruiterRelationFamily", "recruiterRelationOther"),
    ),
}
_PERSON = (
    *("yearOfRegistration", "gender", "ageBroad", "citizenship"),
    *("CountryOfExploitation", "traffickMonths"),
)
CTDC_ITEMS = tuple(name for block in CTDC_BLOCKS.values() for name in block)
CTDC_COLUMNS: tuple[str, ...] = (*_PERSON, *CTDC_ITEMS)
CTDC_QUASI_IDENTIFIERS = _PERSON[:5]
_COUNTRY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CtdcRelease:
    """A k-anonymous file in CTDC's shape, and what making it cost.

    Attributes
    ----------
    frame : DataFrame
        Exactly `CTDC_COLUMNS`; empty means not known, not "no".
    report : MicrodataReport
        Of the file as released.
    n_dropped : int
    blanked : Series of int
        Cells emptied, per quasi-identifier.
    loss : float
        Share of filled quasi-identifier cells that is gone.
    """

    frame: pd.DataFrame
    report: MicrodataReport
    n_dropped: int
    blanked: pd.Series
    loss: float

    def summary(self) -> str:
        """Return what may be printed beside the file."""
        least = self.report.minimum_cell
        dropped = (
            f"fewer than {least}"
            if 0 < self.n_dropped < least
            else f"{self.n_dropped:,}"
        )
        return (
            f"{len(self.frame):,} records, each equal to at least {least - 1} others "
            f"in {', '.join(self.report.quasi_identifiers)}; {100 * self.loss:.1f} % "
            f"of these cells emptied, {dropped} records left out. An empty cell is not "
            '"no". Not protected: repeated releases, and knowledge of other columns.'
        )


def to_ctdc(frame: pd.DataFrame) -> pd.DataFrame:
    """Put records into exactly the 27 columns, bands and codes of CTDC.

    Parameters
    ----------
    frame : DataFrame
        ``yearOfRegistration``; ``gender``; ``age`` in years (or ``ageBroad``);
        ``citizenship`` and ``CountryOfExploitation``, ISO alpha-3; ``months`` in
        trafficking (or ``traffickMonths``); the items of `CTDC_BLOCKS` as 1, 0 or
        missing. An absent column is empty in the result; other columns are left out.

    Returns
    -------
    DataFrame
        Items are 1 or missing, never 0: as in CTDC's files a missing item says
        nothing. NOT anonymous: see `release_ctdc`.

    Raises
    ------
    InputError
        Every value outside the codebook, by column (values are not repeated).

    Examples
    --------
    >>> person = pd.DataFrame({"yearOfRegistration": [2012], "age": [8.5],
    ...     "months": [12], "isForcedLabour": [1], "isSexualExploit": [0]})
    >>> shaped = to_ctdc(person)
    >>> shaped[["ageBroad", "traffickMonths"]].iloc[0].tolist()
    ['0--8', '0--12 (0-1 yr)']
    >>> shaped["isSexualExploit"].isna().item()
    True
    """
    problems: list[str] = []
    shaped = pd.DataFrame(index=frame.index)
    shaped["yearOfRegistration"] = _year(frame, problems)
    shaped["gender"] = _coded(frame, "gender", GENDERS, problems)
    shaped["ageBroad"] = _banded(frame, _AGE, problems)
    for name in ("citizenship", "CountryOfExploitation"):
        shaped[name] = _country(frame, name, problems)
    shaped["traffickMonths"] = _banded(frame, _MONTHS, problems)
    for name in CTDC_ITEMS:
        shaped[name] = _item(frame, name, problems)
    if problems:
        raise InputError(f"Not in CTDC's codebook: {'; '.join(problems)}.")
    return shaped[list(CTDC_COLUMNS)].reset_index(drop=True)


def release_ctdc(
    frame: pd.DataFrame,
    *,
    k: int = 11,
    quasi_identifiers: Sequence[str] = CTDC_QUASI_IDENTIFIERS,
    rng: int | np.random.Generator | None = None,
) -> CtdcRelease:
    """Make a k-anonymous file in CTDC's shape: bands first, then cells emptied.

    Parameters
    ----------
    frame : DataFrame
        As `to_ctdc` takes it.
    k : int
        11, as CTDC's k-anonymous files used.
    quasi_identifiers : sequence of str
        Columns that an outsider may know; the first five by default.
    rng : int or Generator, optional
        Draws the order of the records.

    Notes
    -----
    Emptying more than the bands do is the only generalisation that CTDC's columns have
    room for. Do not release it beside a differentially private file of the same persons
    as if both guarantees held: this one has none against repeated releases.

    Examples
    --------
    >>> people = pd.DataFrame({"gender": ["Man"] * 11 + ["Woman"] * 12, "age": 30})
    >>> release_ctdc(people, rng=1).report.k
    11
    """
    shaped = to_ctdc(frame)
    kept = k_anonymise(shaped, quasi_identifiers, k=k, rng=rng)
    if kept.frame.empty:
        raise InputError(f"{len(frame)} records are too few for a release with k={k}.")
    return CtdcRelease(
        frame=kept.frame,
        report=microdata_report(
            kept.frame,
            quasi_identifiers,
            sensitive=CTDC_BLOCKS["exploitation"],
            minimum_cell=k,
        ),
        n_dropped=kept.n_dropped,
        blanked=kept.blanked,
        loss=kept.loss,
    )


def infer_ctdc_zeros(frame: pd.DataFrame) -> pd.DataFrame:
    """Return CTDC records with 0 where another item of the block is 1.

    Parameters
    ----------
    frame : DataFrame
        With some or all columns of `CTDC_BLOCKS`, 1 or missing.

    Returns
    -------
    DataFrame
        A copy; a block without any 1 stays missing. Means of its columns are the
        percentages as the codebook defines them.

    Examples
    --------
    >>> five = pd.DataFrame({"isForcedLabour": [1, None, None, None, 1],
    ...     "isSexualExploit": [None, 1, None, None, 1],
    ...     "isOtherExploit": [None, None, 1, None, None]})
    >>> infer_ctdc_zeros(five).mean().tolist()
    [0.5, 0.5, 0.25]
    """
    result = frame.copy()
    problems: list[str] = []
    for block in CTDC_BLOCKS.values():
        names = [name for name in block if name in frame]
        items = pd.DataFrame({name: _item(frame, name, problems) for name in names})
        known = items.notna().any(axis=1)
        for name in names:
            result[name] = items[name].mask(items[name].isna() & known, 0)
    if problems:
        raise InputError(f"Not in CTDC's codebook: {'; '.join(problems)}.")
    return result


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame:
        return pd.Series(pd.NA, index=frame.index, dtype="object")
    check_columns(frame, {"column": name})
    column = frame[name].astype("object")
    return column.mask(column.isna() | (column.astype("str").str.strip() == ""), pd.NA)


def _refuse(name: str, bad: BoolVector, expected: str, problems: list[str]) -> None:
    if bad.any():
        problems.append(f"{name}: {int(bad.sum())} values, {expected} was expected")


def _numbers(
    frame: pd.DataFrame, name: str, low: float, high: float, problems: list[str]
) -> pd.Series:
    column = _column(frame, name)
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    bad = column.notna() & ~numbers.between(low, high)
    _refuse(name, bad.to_numpy(dtype=bool), f"{low:g} to {high:g}", problems)
    return numbers.mask(bad)


def _year(frame: pd.DataFrame, problems: list[str]) -> pd.Series:
    # Later years came after the codebook; earlier ones are a mistake.
    years = _numbers(frame, "yearOfRegistration", FIRST_YEAR, 2100, problems)
    whole = years.isna() | (years == years.round())
    _refuse("yearOfRegistration", ~whole.to_numpy(dtype=bool), "a year", problems)
    return years.where(whole).astype("Int64")


def _banded(frame: pd.DataFrame, bands: _Bands, problems: list[str]) -> pd.Series:
    if bands.exact not in frame:
        return _coded(frame, bands.band, bands.codes, problems)
    numbers = _numbers(frame, bands.exact, 0, bands.highest, problems)
    # Completed years or months: 8.5 years is 8.
    completed = np.floor(numbers.fillna(0))
    at = np.searchsorted(bands.starts, completed, side="right") - 1
    found = pd.Series(np.array(bands.codes, dtype=object)[at], index=frame.index)
    return found.where(numbers.notna())


def _coded(
    frame: pd.DataFrame, name: str, codes: tuple[str, ...], problems: list[str]
) -> pd.Series:
    column = _column(frame, name)
    bad = column.notna() & ~column.isin(codes)
    _refuse(name, bad.to_numpy(dtype=bool), f"one of {', '.join(codes)}", problems)
    return column


def _country(frame: pd.DataFrame, name: str, problems: list[str]) -> pd.Series:
    column = _column(frame, name)
    fits = column.map(lambda code: bool(_COUNTRY.fullmatch(str(code))))
    bad = column.notna() & ~fits.astype(bool)
    _refuse(name, bad.to_numpy(dtype=bool), "an ISO alpha-3 code", problems)
    return column


def _item(frame: pd.DataFrame, name: str, problems: list[str]) -> pd.Series:
    column = _column(frame, name)
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    bad = column.notna() & ~numbers.isin([0, 1])
    _refuse(name, bad.to_numpy(dtype=bool), "1, 0 or nothing", problems)
    return numbers.where(numbers == 1).astype("Int64")
