"""Withdrawn consent: a tombstone for every record, without the record's id.

The tombstones are a chain (`sentinel.safekeeping.chain`): one that is taken out again,
so that a person comes back, is found. A study whose tombstones cannot be read, or not
with this key, is not read either: nobody could say whose rows must stay out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from estimators.errors import InputError
from sentinel.safekeeping.audit import key_if_named
from sentinel.safekeeping.chain import Chain, append, read_chain
from sentinel.safekeeping.keys import load_key
from sentinel.safekeeping.pseudonyms import pseudonym

if TYPE_CHECKING:
    from sentinel.safekeeping.keys import ProjectKey
    from sentinel.study.config import StudyConfig

__all__ = ["Withdrawals", "later_withdrawals", "read_withdrawals", "withdraw_record"]

PURPOSE = "withdrawal"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Withdrawals:
    """Who withdrew, as tombstones; `head` names the last of them.

    `tombstones` are mapped to their lines in `file`.
    """

    tombstones: Mapping[str, int]
    key: ProjectKey
    head: str
    file: str

    def lines(self, records: Iterable[str | None]) -> npt.NDArray[np.int64]:
        """Return the line of each record's tombstone, 0 for who has not withdrawn."""
        return np.fromiter((self._line(record) for record in records), np.int64)

    def _line(self, record: str | None) -> int:
        if not isinstance(record, str) or not record.strip():
            return 0
        return self.tombstones.get(tombstone(self.key, record), 0)


def tombstone(key: ProjectKey, record: str) -> str:
    """Return what stands for a withdrawn record: nobody gets from it to the id."""
    return pseudonym(key, record, purpose=PURPOSE, length=52)


def read_withdrawals(
    config: StudyConfig, *, key: ProjectKey | None = None
) -> Withdrawals | None:
    """Return the tombstones that ``[privacy] withdrawals`` names, None if it does not.

    Raises
    ------
    InputError
        If the file is absent or was tampered with, or there is no key, or another one
        than that of the tombstones.
    """
    if config.privacy.withdrawals is None:
        return None
    path = config.path(config.privacy.withdrawals)
    chain = _read(path)
    key = load_key() if key is None else key
    return Withdrawals(
        tombstones=_tombstones(chain, key, path),
        key=key,
        head=chain.head,
        file=config.privacy.withdrawals,
    )


def withdraw_record(
    config: StudyConfig, record: str, *, day: date, who: str, key: ProjectKey
) -> bool:
    """Add the tombstone of a record; return False if it has one already.

    Raises
    ------
    InputError
        If the study names no file for tombstones, or that file was tampered with or
        was made with another key.
    """
    if config.privacy.withdrawals is None:
        raise InputError(
            "A file for tombstones was expected, the study names none. Write under "
            '[privacy] in the study file: withdrawals = "withdrawals.jsonl"'
        )
    path = config.path(config.privacy.withdrawals)
    made = tombstone(key, record)
    if _is_there(path) and made in _tombstones(_read(path), key, path):
        return False
    content = {
        "date": day.isoformat(),
        "key": key.fingerprint,
        "tombstone": made,
        "who": " ".join(who.split()) or "unknown",
    }
    append(path, content, key=key)
    return True


def later_withdrawals(config: StudyConfig, head: str) -> int:
    """Return how many withdrew since a report was made that bears this head.

    Needs no key. An empty head means that the report knows of no withdrawal.

    Raises
    ------
    InputError
        If the tombstones were tampered with or do not hold the head.
    """
    if config.privacy.withdrawals is None:
        return 0
    path = config.path(config.privacy.withdrawals)
    chain = _read(path, head=head)
    known = int(head.partition(":")[0]) if head else 0
    return len(chain.entries) - known


def _is_there(path: Path) -> bool:
    return path.exists() or path.with_name(f"{path.name}.head").exists()


def _read(path: Path, *, head: str = "") -> Chain:
    if not _is_there(path):
        raise InputError(
            f"{path.name}: the tombstones of persons who withdrew were expected, the "
            "file is not there. Restore it from a copy: without it they would come "
            "back. sentinel withdraw makes it at the first withdrawal; until then take "
            "the line withdrawals out of the study file."
        )
    chain = read_chain(path, key=key_if_named(), head=head)
    if chain.faults:
        first = chain.faults[0]
        raise InputError(
            f"{path.name} line {first.line}: {first.what}. The tombstones were changed "
            f"from outside; restore them from a copy. sentinel audit verify {path} "
            "lists all."
        )
    return chain


def _tombstones(chain: Chain, key: ProjectKey, path: Path) -> dict[str, int]:
    for entry in chain.entries:
        if entry.content.get("key") != key.fingerprint:
            raise InputError(
                f"{path.name} line {entry.number}: the tombstone was made with the key "
                f"{entry.content.get('key')}, the project key at hand is "
                f"{key.fingerprint}. Name the right key: another one would let the "
                "person's record back in."
            )
    return {
        str(entry.content.get("tombstone")): entry.number for entry in chain.entries
    }
