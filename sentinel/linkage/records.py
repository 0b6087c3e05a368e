"""Lists of several agencies as one table of comparable records."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd

from sentinel.linkage.names import name_script, plain_name, sound_key
from sentinel.linkage.values import read_code, read_sex, read_year
from sentinel.schema.problems import Problem, Problems

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, IntVector

__all__ = ["FIELDS", "LinkField", "LinkageRecords", "SourceList", "prepare_lists"]

Kind: TypeAlias = Literal["name", "year", "sex", "code"]
_READERS: Mapping[str, Callable[[str], str | int | None]] = {
    "year": read_year,
    "sex": read_sex,
    "code": read_code,
}
_EXPECTED = {
    "year": "a year of birth in 1900..2100, or in the Buddhist era",
    "sex": "male, female, other or their first letters",
}
_RESERVED = ("unique_id", "source", "record")
_MOST_SHOWN = 5
MOST_SOURCES = 62


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkField:
    """One thing that records are compared by.

    Attributes
    ----------
    name : str
        Lower-case letters, digits and underscores.
    kind : {"name", "year", "sex", "code"}
        How it is made comparable and compared; a code is equal or it is not (province,
        nationality).
    """

    name: str
    kind: Kind


FIELDS: tuple[LinkField, ...] = (
    LinkField(name="name", kind="name"),
    LinkField(name="birth_year", kind="year"),
    LinkField(name="sex", kind="sex"),
    LinkField(name="origin", kind="code"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceList:
    """One agency's list as it came.

    Attributes
    ----------
    source : str
        Name of the list.
    frame : DataFrame
        One row per record, cells as text or numbers.
    record_id : str
        Column that names a record; each id stands once.
    columns : mapping of str to str or sequence of str
        Column of each field; several columns (family name, given name) are joined. A
        field that the list does not have is left out, and is unknown for its records.
    duplicate_free : bool
        The agency vouches that no person is on its list twice.
    """

    source: str
    frame: pd.DataFrame
    record_id: str
    columns: Mapping[str, str | Sequence[str]]
    duplicate_free: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkageRecords:
    """Records of all lists in comparable form. Microdata: never released.

    Attributes
    ----------
    frame : DataFrame
        ``unique_id`` (0, 1, ... in the order of list and record id), ``source``,
        ``record``, one column per field (NA if unknown) and, for names, ``_joined``,
        ``_sound``, ``_first``, ``_last`` and ``_script``.
    fields : tuple of LinkField
    sources : tuple of str
    duplicate_free : tuple of str
    notes : tuple of str
    """

    frame: pd.DataFrame
    fields: tuple[LinkField, ...]
    sources: tuple[str, ...]
    duplicate_free: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def source_numbers(self) -> IntVector:
        """Place of each record's list in `sources`, shape (n,)."""
        codes = pd.Categorical(self.frame["source"], categories=list(self.sources))
        return np.asarray(codes.codes, dtype=np.int64)

    @property
    def duplicate_free_mask(self) -> BoolVector:
        """Whether each list is vouched to hold nobody twice, shape (sources,)."""
        return np.array([name in self.duplicate_free for name in self.sources], bool)


def prepare_lists(
    lists: Sequence[SourceList], *, fields: Sequence[LinkField] = FIELDS
) -> LinkageRecords:
    """Check lists and bring them into comparable form.

    Parameters
    ----------
    lists : sequence of SourceList
        Up to 62.
    fields : sequence of LinkField
        By default name, birth_year, sex and origin.

    Returns
    -------
    LinkageRecords
        Every record stays. `notes` count the records of which nothing is known, which
        can be linked to nobody, and the years that were in the Buddhist era.

    Raises
    ------
    IngestError
        With every problem of every list: columns that are absent, record ids that are
        empty or stand twice, years and sexes that cannot be read. Rows are counted as
        in a file whose header is row 1; contents are never shown.

    Examples
    --------
    >>> frame = pd.DataFrame({"id": ["b", "a"], "who": ["Sok Chan", "CHAN, Sok"],
    ...                       "born": [2530, "1987"]})
    >>> police = SourceList(source="police", frame=frame, record_id="id",
    ...                     columns={"name": "who", "birth_year": "born"})
    >>> prepare_lists([police]).frame[["record", "name", "birth_year"]]
      record      name  birth_year
    0      a  chan sok        1987
    1      b  chan sok        1987
    """
    problems = Problems()
    _check_plan(lists, fields, problems)
    problems.raise_errors()
    notes: list[str] = []
    parts = [_prepare(item, fields, problems, notes) for item in lists]
    problems.raise_errors()
    frame = pd.concat(parts, ignore_index=True)
    frame.insert(0, "unique_id", np.arange(len(frame), dtype=np.int64))
    blank = int(frame[[item.name for item in fields]].isna().all(axis=1).sum())
    if blank:
        notes.append(f"{blank:,} records hold nothing to compare: they link to nobody")
    return LinkageRecords(
        frame=frame,
        fields=tuple(fields),
        sources=tuple(item.source for item in lists),
        duplicate_free=tuple(item.source for item in lists if item.duplicate_free),
        notes=tuple(notes),
    )


def _check_plan(
    lists: Sequence[SourceList], fields: Sequence[LinkField], problems: Problems
) -> None:
    names = [item.name for item in fields]
    sources = [item.source for item in lists]
    for what, found in (("list", sources), ("field", names)):
        twice = sorted({name for name in found if found.count(name) > 1})
        if twice or not found:
            problems.add(
                Problem(
                    column=", ".join(twice),
                    expected=f"at least one {what}, each named once",
                    hint=f"Name every {what} once.",
                )
            )
    if len(lists) > MOST_SOURCES:
        problems.add(
            Problem(value=str(len(lists)), expected=f"at most {MOST_SOURCES} lists")
        )
    for name in names:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in _RESERVED:
            problems.add(
                Problem(
                    column=name,
                    expected="a field of lower-case letters, digits and underscores "
                    f"that is none of {', '.join(_RESERVED)}",
                )
            )
    for item in lists:
        _check_columns(item, names, problems)


def _check_columns(item: SourceList, names: Sequence[str], problems: Problems) -> None:
    for name in sorted(set(item.columns) - set(names)):
        problems.add(
            Problem(
                file=item.source,
                column=name,
                expected=f"one of the fields {', '.join(names)}",
                hint="Correct the name, or declare the field.",
            )
        )
    wanted = [
        item.record_id,
        *(col for key in item.columns for col in _columns(item, key)),
    ]
    for column in dict.fromkeys(wanted):
        if column not in item.frame:
            problems.add(
                Problem(
                    file=item.source,
                    column=column,
                    expected="a column of this list",
                    hint=f"It has {', '.join(map(str, item.frame.columns))}.",
                )
            )
    if item.frame.empty:
        problems.add(Problem(file=item.source, expected="at least one record"))


def _columns(item: SourceList, name: str) -> tuple[str, ...]:
    found = item.columns[name]
    return (found,) if isinstance(found, str) else tuple(found)


def _prepare(
    item: SourceList,
    fields: Sequence[LinkField],
    problems: Problems,
    notes: list[str],
) -> pd.DataFrame:
    ids = _texts(item.frame[item.record_id])
    _report_rows(
        problems,
        item,
        item.record_id,
        (ids == "").to_numpy(np.bool_)
        | ids.duplicated(keep="first").to_numpy(np.bool_),
        "a record id in every row, each once",
    )
    made = pd.DataFrame({"source": item.source, "record": ids})
    for link_field in fields:
        if link_field.name in item.columns:
            columns = _columns(item, link_field.name)
            texts = _texts(item.frame[columns[0]])
            for column in columns[1:]:
                texts = (texts + " " + _texts(item.frame[column])).str.strip()
            found = _field(item, link_field, texts, problems, notes)
        else:
            found = _unknown(link_field, made.index)
        made = pd.concat([made, found], axis=1)
    return made.sort_values("record", kind="stable", ignore_index=True)


def _texts(column: pd.Series) -> pd.Series:
    # A column of whole numbers with gaps arrives as floats: 1987.0 is the year 1987.
    texts = column.astype("string").str.strip().str.replace(r"\.0+$", "", regex=True)
    return texts.fillna("").reset_index(drop=True).astype("object")


def _field(
    item: SourceList,
    link_field: LinkField,
    texts: pd.Series,
    problems: Problems,
    notes: list[str],
) -> pd.DataFrame:
    name, kind = link_field.name, link_field.kind
    places, distinct = pd.factorize(texts)
    if kind == "name":
        return _spread(_name_columns(name, list(distinct)), places)
    read = _READERS[kind]
    values: list[str | int | None] = []
    wrong = np.zeros(len(distinct), dtype=np.bool_)
    for place, text in enumerate(distinct):
        try:
            values.append(read(text))
        except ValueError:
            values.append(None)
            wrong[place] = True
    column = " + ".join(_columns(item, name))
    _report_rows(problems, item, column, wrong[places], _EXPECTED.get(kind, "a code"))
    if kind == "year":
        changed = np.array(
            [value is not None and str(value) != text
             for value, text in zip(values, distinct, strict=True)], dtype=np.bool_
        )  # fmt: skip
        n_changed = int(changed[places].sum())
        if n_changed:
            notes.append(f"{item.source}: {n_changed:,} years of the Buddhist era")
    return _spread({name: values}, places, integer=kind == "year")


def _name_columns(name: str, texts: list[str]) -> dict[str, list[str | int | None]]:
    found: dict[str, list[str | int | None]] = {
        name + suffix: []
        for suffix in ("", "_joined", "_sound", "_first", "_last", "_script")
    }
    for text in texts:
        plain = plain_name(text) if read_code(text) else ""
        sounds = sound_key(text).split() if plain else []
        row = (
            plain,
            plain_name(text, in_order=True),
            " ".join(sounds),
            sounds[0] if sounds else "",
            sounds[-1] if sounds else "",
            name_script(plain),
        )
        for column, value in zip(found.values(), row, strict=True):
            column.append(value if plain else None)
    return found


def _spread(
    columns: Mapping[str, list[str | int | None]],
    places: IntVector,
    *,
    integer: bool = False,
) -> pd.DataFrame:
    dtype: Literal["Int64", "str"] = "Int64" if integer else "str"
    distinct = pd.DataFrame(columns, dtype="object").astype(dtype)
    return distinct.take(places).reset_index(drop=True)


def _unknown(link_field: LinkField, index: pd.Index) -> pd.DataFrame:
    places = np.zeros(len(index), dtype=np.int64)
    if link_field.kind == "name":
        return _spread(_name_columns(link_field.name, [""]), places)
    return _spread({link_field.name: [None]}, places, integer=link_field.kind == "year")


def _report_rows(
    problems: Problems,
    item: SourceList,
    column: str,
    wrong: BoolVector,
    expected: str,
) -> None:
    rows = np.flatnonzero(wrong) + 2
    if not rows.size:
        return
    shown = ", ".join(map(str, rows[:_MOST_SHOWN]))
    more = f" and {rows.size - _MOST_SHOWN:,} more" if rows.size > _MOST_SHOWN else ""
    problems.add(
        Problem(
            file=item.source,
            column=column,
            expected=expected,
            hint=f"Correct {rows.size:,} rows: {shown}{more}.",
        )
    )
