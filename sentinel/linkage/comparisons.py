"""How two records are compared, written once for both engines.

Every field has levels from the closest agreement to none; each level is a condition of
SQL on the columns of the left and the right record. A field that one record does not
have says nothing for or against a link.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from sentinel.linkage.records import LinkField

__all__ = [
    "Comparison",
    "Level",
    "compare_field",
    "prediction_blocks",
]

_CLOSE, _NEAR = 0.92, 0.8
_GUESSED_YEARS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level of agreement.

    Attributes
    ----------
    label : str
    sql : str
        Condition on ``<column>_l`` and ``<column>_r``; levels are tried in order.
    expected : float
        Share of true links supposed at this level before any was seen.
    frequency_column : str
        Column whose values, where both records have the same, weigh more when they are
        rare; empty for none.
    """

    label: str
    sql: str
    expected: float
    frequency_column: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The levels of one field, closest first; the last is met by every other pair."""

    field: str
    unknown: str
    levels: tuple[Level, ...]

    def case(self) -> str:
        """Return SQL for the level: -1 unknown, 0 none, and up to the closest."""
        last = len(self.levels) - 1
        tried = " ".join(
            f"WHEN {level.sql} THEN {last - place}"
            for place, level in enumerate(self.levels[:-1])
        )
        return f"CASE WHEN {self.unknown} THEN -1 {tried} ELSE 0 END"


def compare_field(field: LinkField) -> Comparison:
    """Return the levels of a field by its kind.

    Examples
    --------
    >>> comparison = compare_field(LinkField(name="sex", kind="sex"))
    >>> [level.label for level in comparison.levels]
    ['equal', 'different']
    """
    name = field.name
    levels = _LEVELS[field.kind]
    unknown = f"{name}_l IS NULL OR {name}_r IS NULL"
    if field.kind == "name":
        unknown += f" OR {name}_script_l <> {name}_script_r"
    return Comparison(
        field=name,
        unknown=f"({unknown})",
        levels=tuple(
            Level(
                label=label,
                sql=sql.format(f=name),
                expected=expected,
                frequency_column=frequency.format(f=name),
            )
            for label, sql, expected, frequency in levels
        ),
    )


def prediction_blocks(fields: Sequence[LinkField]) -> tuple[tuple[str, ...], ...]:
    """Return which columns must be equal for a pair to be compared at all.

    Each block is a set of columns; a pair is compared if all of one block are equal:
    names that sound alike, one year of birth with one word that sounds alike, or
    everything but the name.

    Examples
    --------
    >>> from sentinel.linkage import FIELDS
    >>> for block in prediction_blocks(FIELDS):
    ...     print(" + ".join(block))
    name_sound
    birth_year + name_first
    birth_year + name_last
    birth_year + sex + origin
    """
    names = [field.name for field in fields if field.kind == "name"]
    years = [field.name for field in fields if field.kind == "year"]
    others = tuple(field.name for field in fields if field.kind != "name")
    by_word = chain.from_iterable(
        ((year, f"{name}_first"), (year, f"{name}_last"))
        for year in years
        for name in names
    )
    blocks = [*((f"{name}_sound",) for name in names), *by_word]
    return tuple(dict.fromkeys([*blocks, *([others] if len(others) > 1 else [])]))


_EQUAL = ("equal", '"{f}_l" = "{f}_r"')
_SIMILAR = (
    "greatest(jaro_winkler_similarity({f}_l, {f}_r),"
    " jaro_winkler_similarity({f}_joined_l, {f}_joined_r)) >= "
)
_LEVELS: Mapping[str, Sequence[tuple[str, str, float, str]]] = {
    "name": (
        (*_EQUAL, 0.6, "{f}"),
        (
            "sounds equal",
            "({f}_joined_l = {f}_joined_r OR {f}_sound_l = {f}_sound_r)",
            0.2,
            "{f}_sound",
        ),
        (f"similarity {_CLOSE} or more", _SIMILAR + str(_CLOSE), 0.1, ""),
        (f"similarity {_NEAR} or more", _SIMILAR + str(_NEAR), 0.06, ""),
        ("different", "ELSE", 0.04, ""),
    ),
    "year": (
        (*_EQUAL, 0.8, ""),
        (
            "one year apart, or two digits exchanged",
            "(abs({f}_l - {f}_r) = 1 OR ({f}_l // 100 = {f}_r // 100"
            " AND {f}_l % 10 = ({f}_r // 10) % 10"
            " AND ({f}_l // 10) % 10 = {f}_r % 10))",
            0.1,
            "",
        ),
        (
            f"at most {_GUESSED_YEARS} years apart",
            f"abs({{f}}_l - {{f}}_r) <= {_GUESSED_YEARS}",
            0.06,
            "",
        ),
        ("different", "ELSE", 0.04, ""),
    ),
    "sex": ((*_EQUAL, 0.98, ""), ("different", "ELSE", 0.02, "")),
    "code": ((*_EQUAL, 0.92, "{f}"), ("different", "ELSE", 0.08, "")),
}
