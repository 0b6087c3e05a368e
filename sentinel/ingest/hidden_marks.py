"""Marks that no reader sees: taken out of texts, and what could become a formula told.

Direction marks reorder what a person reads, and zero-width marks make two equal looking
codes differ. Joiners and zero-width spaces stay in the scripts that need them (Khmer,
Lao, Thai, Burmese, Arabic and their neighbours) and go everywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sentinel.schema.problems import Problem, Problems

__all__ = ["list_hidden_marks", "without_hidden_marks"]

BoolVector = npt.NDArray[np.bool_]
_ALWAYS = "[\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
_JOINERS = "[\u200b-\u200d]"
_NEEDS_JOINERS = "[\u0590-\u1cff]"
# What a spreadsheet takes for a formula; a sign before digits is a number.
_FORMULA = "^(?:[=@\uff1d\uff20]|[+\\-\uff0b\uff0d][^\\d\\s.,\\-])"
_MOST_NAMED = 5


def without_hidden_marks(array: Any) -> tuple[Any, BoolVector | None]:  # noqa: ANN401 - pyarrow is untyped
    """Return texts without hidden marks, and where there were some; None if nowhere."""
    import pyarrow.compute as pc

    found = pc.match_substring_regex(array, f"{_ALWAYS}|{_JOINERS}")
    if not pc.any(found).as_py():
        return array, None
    plain = pc.replace_substring_regex(array, _ALWAYS, "")
    bare = pc.replace_substring_regex(plain, _JOINERS, "")
    cleaned = pc.if_else(pc.match_substring_regex(plain, _NEEDS_JOINERS), plain, bare)
    changed = pc.not_equal(cleaned, array).to_numpy(zero_copy_only=False)
    return cleaned, np.asarray(changed, np.bool_) if changed.any() else None


def list_hidden_marks(
    columns: Mapping[str, tuple[Any, BoolVector | None]],
    rows: npt.NDArray[np.int64],
    file: str,
    problems: Problems,
) -> None:
    """Add one warning for hidden marks and one for cells that look like formulas.

    `columns` hold by name the clean texts and where marks were removed. Contents are
    never shown: what is written to a table is made harmless when it is released.
    """
    import pyarrow.compute as pc

    marked = {name: mask for name, (_, mask) in columns.items() if mask is not None}
    _add(
        problems,
        marked,
        rows,
        file,
        expected="text without direction and zero-width marks",
        hint="They were removed, so that what is read is what is seen.",
    )
    formulas: dict[str, BoolVector] = {}
    for name, (array, _) in columns.items():
        found = pc.match_substring_regex(array, _FORMULA)
        if pc.any(found).as_py():
            formulas[name] = np.asarray(found.to_numpy(zero_copy_only=False), np.bool_)
    _add(
        problems,
        formulas,
        rows,
        file,
        expected="answers, and no text that a spreadsheet takes for a formula",
        hint="They are kept as text here and made harmless in every released table. Do "
        "not open this file in a spreadsheet program.",
    )


def _add(
    problems: Problems,
    found: Mapping[str, BoolVector],
    rows: npt.NDArray[np.int64],
    file: str,
    *,
    expected: str,
    hint: str,
) -> None:
    if not found:
        return
    names: Sequence[str] = list(found)
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    count = sum(int(mask.sum()) for mask in found.values())
    problems.add(
        Problem(
            severity="warning",
            file=file,
            row=int(min(rows[mask].min() for mask in found.values())),
            column=", ".join(names[:_MOST_NAMED]) + more,
            expected=expected,
            hint=f"{count} cells, the first in this row. {hint}",
        )
    )
