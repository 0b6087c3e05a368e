"""Pseudonyms: a keyed hash of an id, different for every purpose and site."""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from estimators.errors import InputError

if TYPE_CHECKING:
    from sentinel.safekeeping.keys import ProjectKey

__all__ = ["LEAST_LENGTH", "pseudonym", "pseudonyms"]

LENGTH = 20
# 80 bits: among a million records two share a pseudonym with probability 4e-13.
LEAST_LENGTH, LONGEST = 16, 52
_BETWEEN = "|"


def pseudonym(
    key: ProjectKey, record: str, *, purpose: str, site: str = "", length: int = LENGTH
) -> str:
    """Return base32(HMAC-SHA256(key, purpose|site|record)), cut to `length`.

    Parameters
    ----------
    key : ProjectKey
    record : str
        The id; white space around it does not count, and it is normalised to NFC.
    purpose : str
        What the pseudonym is for: "record", "recontact", "link". Those of different
        purposes cannot be joined by anybody who does not hold the key.
    site : str
        Where ids are unique, if each site numbers its own.
    length : int
        Characters kept, 16 (80 bits) to 52 (all 256).

    Raises
    ------
    InputError
        If the id is empty, or `purpose` is, or one of purpose and site holds "|": two
        different persons must never share a pseudonym.

    Notes
    -----
    A pseudonym is not anonymous: whoever holds the key can compute it for an id he
    knows. A new key makes new pseudonyms, which do not match the old ones: see the page
    on safe keeping before changing a key between rounds.

    Examples
    --------
    >>> from sentinel.safekeeping import ProjectKey, pseudonym
    >>> key = ProjectKey(bytes(range(32)))
    >>> pseudonym(key, "KK1-0042", purpose="record", site="KK1")
    'IRILQW2ZY4BTJH2G3GAC'
    """
    return next(pseudonyms(key, (record,), purpose=purpose, site=site, length=length))


def pseudonyms(
    key: ProjectKey,
    records: Iterable[str],
    *,
    purpose: str,
    site: str = "",
    length: int = LENGTH,
) -> Iterator[str]:
    """Yield the pseudonym of every id, as `pseudonym` does of one.

    Raises
    ------
    InputError
        As `pseudonym`; an empty id is named by its place, never by its content.
    """
    purpose, site = _plain(purpose), _plain(site)
    if not purpose or _BETWEEN in purpose or _BETWEEN in site:
        raise InputError(
            "A purpose, and a site or none, without the sign | were expected: "
            f"purpose {purpose!r}, site {site!r} came."
        )
    if not LEAST_LENGTH <= length <= LONGEST:
        raise InputError(
            f"length must lie in [{LEAST_LENGTH}, {LONGEST}], {length} came: with "
            "fewer characters two persons soon share a pseudonym."
        )
    head = f"{purpose}{_BETWEEN}{site}{_BETWEEN}"
    return _make(key, records, head, length)


def _make(
    key: ProjectKey, records: Iterable[str], head: str, length: int
) -> Iterator[str]:
    for place, record in enumerate(records, start=1):
        plain = _plain(record)
        if not plain:
            raise InputError(
                f"An id was expected, number {place} is empty. A person without an id "
                "cannot be given a pseudonym: number the records first."
            )
        digest = key.digest((head + plain).encode())
        yield base64.b32encode(digest).decode()[:length]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()
