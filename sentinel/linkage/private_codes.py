"""Linkage without handing over names: keyed hashes and Bloom filters.

Each agency encodes its own list with a key that the agencies share and that whoever
links does not have. Equal codes are equal keys of name, year, sex and origin; filters
are similar where names are similar.

Filters are not anonymous. Frequent names make frequent patterns, and published attacks
re-identify many records without the key. Encodings are microdata: they are linked by a
third party in a closed room, kept as short as the linkage takes, and never published.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from estimators.checks import check_counts
from estimators.errors import InputError
from sentinel.safekeeping import ProjectKey, pseudonyms

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntVector
    from sentinel.linkage.records import LinkageRecords

__all__ = ["Encodings", "encode_records", "link_encodings"]

_ATTACK = (
    "Bloom filters can be attacked without the key: keep encodings as safe as names, "
    "link them at a third party and destroy them afterwards"
)
_YEAR_BITS = 256
_YEAR_HASHES = 10
_CHUNK = 2048
Bits = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encodings:
    """Encoded records of one list.

    Attributes
    ----------
    source : str
    record : ndarray of str, shape (n,)
        Pseudonyms of the record ids: only their agency can find the record again.
    exact : ndarray of str, shape (n,)
        Keyed hash of sound of name, year, sex and origin; empty if one is unknown.
    names : ndarray of uint8, shape (n, bits / 8)
        Filters of the names' pairs of letters.
    years : ndarray of uint8, shape (n, 32)
        Filters of the digits of the year of birth; all 0 if it is unknown.
    n_bits, n_hashes : int
        Of the names' filters: what agencies must agree on.
    check : str
        Tells whether two encodings were made with one key, and nothing of the key.
    notes : tuple of str
    """

    source: str
    record: npt.NDArray[np.str_]
    exact: npt.NDArray[np.str_]
    names: Bits
    years: Bits
    n_bits: int
    n_hashes: int
    check: str
    notes: tuple[str, ...] = field(default=(_ATTACK,))

    def to_frame(self) -> pd.DataFrame:
        """Return the table that is handed to whoever links, filters in base64."""
        frame = pd.DataFrame({"record": self.record, "exact": self.exact})
        for name, bits in (("names", self.names), ("years", self.years)):
            frame[name] = [base64.b64encode(row.tobytes()).decode() for row in bits]
        return frame.assign(
            source=self.source,
            n_bits=self.n_bits,
            n_hashes=self.n_hashes,
            check=self.check,
        )

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Encodings:
        """Read a table that `to_frame` wrote."""
        columns = ("source", "n_bits", "n_hashes", "check")
        wanted = [*columns, "record", "exact", "names", "years"]
        absent = [name for name in wanted if name not in frame]
        if absent or frame.empty:
            raise InputError(
                f"A table of encodings with {', '.join(wanted)} was expected; "
                f"{', '.join(absent) or 'every row'} is absent."
            )
        mixed = [name for name in columns if (frame[name] != frame[name].iloc[0]).any()]
        if mixed:
            raise InputError(
                f"{', '.join(mixed)} differ within the table: encodings of one list "
                "and one key were expected."
            )
        first = frame.iloc[0]
        n_bits = int(first["n_bits"])
        return cls(
            source=str(first["source"]),
            record=frame["record"].to_numpy(dtype=np.str_),
            exact=frame["exact"].fillna("").to_numpy(dtype=np.str_),
            names=_from_base64(frame["names"], n_bits // 8),
            years=_from_base64(frame["years"], _YEAR_BITS // 8),
            n_bits=n_bits,
            n_hashes=int(first["n_hashes"]),
            check=str(first["check"]),
        )


def encode_records(
    records: LinkageRecords,
    key: ProjectKey,
    *,
    source: str,
    n_bits: int = 1024,
    n_hashes: int = 20,
) -> Encodings:
    """Encode one list with the key that the agencies share.

    Every two letters that follow each other in the name, words in alphabetical order,
    set `n_hashes` bits at ``h1 + i h2``, where h1 and h2 come from one HMAC-SHA256
    under the key.

    Parameters
    ----------
    records : LinkageRecords
        With the fields name and birth_year at least.
    key : ProjectKey
        From `sentinel.safekeeping.load_key`: a file or the environment. It is stored
        nowhere.
    source : str
        List to encode.
    n_bits : int
        Multiple of 8, at least 64.
    n_hashes : int

    Raises
    ------
    InputError
        If the list or one of the fields is absent, or a size is out of range.

    References
    ----------
    Schnell, R., Bachteler, T. and Reiher, J. (2009). Privacy-preserving record linkage
    using Bloom filters. BMC Medical Informatics and Decision Making 9, 41.
    """
    sizes = check_counts(n_bits=n_bits, n_hashes=n_hashes)
    if sizes["n_bits"] < 64 or sizes["n_bits"] % 8 or not 0 < sizes["n_hashes"] <= 64:
        raise InputError(
            f"n_bits={n_bits}, n_hashes={n_hashes}: a multiple of 8 from 64 up and 1 "
            "to 64 hashes were expected."
        )
    absent = [name for name in ("name", "birth_year") if name not in records.frame]
    if absent or source not in records.sources:
        raise InputError(
            f"The fields name and birth_year of a list of "
            f"{', '.join(records.sources)} were expected; {source!r} without "
            f"{', '.join(absent) or 'records'} came."
        )
    frame = records.frame[records.frame["source"] == source]
    names = frame["name"].fillna("").to_list()
    years = frame["birth_year"].astype("string").fillna("").to_list()
    ids = pseudonyms(key, frame["record"].to_list(), purpose="link", site=source)
    return Encodings(
        source=source,
        record=np.array(list(ids)),
        exact=np.array([_exact(key, parts) for parts in _exact_parts(frame)]),
        names=_filters([_bigrams(name) for name in names], key, n_bits, n_hashes),
        years=_filters(
            [_digits(year) for year in years], key, _YEAR_BITS, _YEAR_HASHES
        ),
        n_bits=n_bits,
        n_hashes=n_hashes,
        check=key.digest(b"sentinel: link encodings").hex()[:16],
    )


def link_encodings(
    left: Encodings,
    right: Encodings,
    *,
    threshold: float = 0.85,
    year_weight: float = 0.35,
) -> pd.DataFrame:
    """Pair encoded records that are each other's most similar.

    Similarity is that of Dice, twice the common bits by the bits of both, of the names
    and of the years weighed together; where a year is unknown, the name alone counts.
    Names alone are not enough: popular ones are shared by many.

    Parameters
    ----------
    left, right : Encodings
        Of two lists without duplicates, encoded with one key and the same sizes.
    threshold : float
        Least score of a pair, in (0, 1].
    year_weight : float
        Weight of the years' similarity, in [0, 1).

    Returns
    -------
    DataFrame
        ``record_l, record_r, score, name_similarity, year_similarity, exact`` (equal
        keyed hashes), best first. A record that has two equally good partners is not
        linked.

    Raises
    ------
    InputError
        If keys or sizes differ, or an option is out of range.
    """
    if not 0 < threshold <= 1 or not 0 <= year_weight < 1:
        raise InputError(
            f"threshold={threshold}, year_weight={year_weight}: a score in (0, 1] and "
            "a weight in [0, 1) were expected."
        )
    if left.check != right.check:
        raise InputError(
            "The two lists were encoded with different keys: encode both with the key "
            "that the agencies share."
        )
    if (left.n_bits, left.n_hashes) != (right.n_bits, right.n_hashes):
        raise InputError(
            f"{left.source}: {left.n_bits} bits and {left.n_hashes} hashes; "
            f"{right.source}: {right.n_bits} and {right.n_hashes}. Encode both alike."
        )
    best, rival = _best(left, right, year_weight)
    back, back_rival = _best(right, left, year_weight)
    place, score = best
    rows = np.arange(place.size)
    mutual = back[0][place] == rows
    alone = (score > rival) & (back[1] > back_rival)[place]
    kept = np.flatnonzero(mutual & alone & (score >= threshold))
    partner = place[kept]
    names = _paired_dice(left.names[kept], right.names[partner])
    years = _paired_dice(left.years[kept], right.years[partner])
    known = left.years[kept].any(axis=1) & right.years[partner].any(axis=1)
    frame = pd.DataFrame(
        {
            "record_l": left.record[kept],
            "record_r": right.record[partner],
            "score": score[kept],
            "name_similarity": names.round(6),
            "year_similarity": np.where(known, years.round(6), np.nan),
            "exact": (left.exact[kept] == right.exact[partner])
            & (left.exact[kept] != ""),
        }
    )
    return frame.sort_values(
        ["score", "record_l"], ascending=[False, True], ignore_index=True
    )


def _exact_parts(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    wanted = ["name_sound", "birth_year", "sex", "origin"]
    columns = [name for name in wanted if name in frame]
    texts = frame[columns].astype("string").fillna("")
    return list(texts.itertuples(index=False, name=None))


def _exact(key: ProjectKey, parts: Sequence[str]) -> str:
    if not all(parts):
        return ""
    return key.digest("|".join(("exact", *parts)).encode()).hex()[:32]


def _bigrams(name: str) -> list[str]:
    padded = f"_{name.replace(' ', '_')}_"
    return sorted({padded[i : i + 2] for i in range(len(padded) - 1)}) if name else []


def _digits(year: str) -> list[str]:
    # Digits by place, and pairs without their order: exchanged ones stay near.
    if not year:
        return []
    placed = [f"{place}{digit}" for place, digit in enumerate(year)]
    return [*placed, "last" + "".join(sorted(year[-2:]))]


def _filters(
    tokens: Sequence[Sequence[str]], key: ProjectKey, n_bits: int, n_hashes: int
) -> Bits:
    bits = np.zeros((len(tokens), n_bits), dtype=np.bool_)
    known: dict[str, IntVector] = {}
    for row, words in enumerate(tokens):
        for word in words:
            if word not in known:
                known[word] = _positions(key, f"{n_bits}|{word}", n_bits, n_hashes)
            bits[row, known[word]] = True
    return np.packbits(bits, axis=1)


def _positions(key: ProjectKey, word: str, n_bits: int, n_hashes: int) -> IntVector:
    digest = hashlib.sha256(key.digest(f"filter|{word}".encode())).digest()
    first, step = (int.from_bytes(digest[at : at + 8], "big") for at in (0, 8))
    # An odd step does not fall into a short cycle of a power of two.
    return np.array(
        [(first + i * (step | 1)) % n_bits for i in range(n_hashes)], dtype=np.int64
    )


def _best(
    left: Encodings, right: Encodings, year_weight: float
) -> tuple[tuple[IntVector, FloatVector], FloatVector]:
    """Return each left record's best partner, its score, and the second best score."""
    n = left.record.size
    place = np.zeros(n, dtype=np.int64)
    score, rival = np.zeros(n), np.full(n, -1.0)
    names, years = _unpacked(right.names), _unpacked(right.years)
    for start in range(0, n, _CHUNK):
        rows = slice(start, start + _CHUNK)
        similar = _dice(_unpacked(left.names[rows]), names)
        ours = _unpacked(left.years[rows])
        known = np.outer(ours.any(axis=1), years.any(axis=1))
        weight = np.where(known, year_weight, 0.0)
        total = (1 - weight) * similar + weight * _dice(ours, years)
        # Rounded, so that equal scores are equal whatever summed them.
        total = total.round(6)
        best = total.argmax(axis=1)
        place[rows] = best
        at = np.arange(best.size)
        score[rows] = total[at, best]
        total[at, best] = -1.0
        rival[rows] = total.max(axis=1)
    return (place, score), rival


def _unpacked(bits: Bits) -> npt.NDArray[np.float32]:
    # Counts of bits are whole numbers below 2 ** 24: exact in single precision.
    return np.unpackbits(bits, axis=1).astype(np.float32)


def _dice(left: npt.NDArray[np.float32], right: npt.NDArray[np.float32]) -> FloatMatrix:
    both = (left @ right.T).astype(np.float64)
    size = left.sum(axis=1)[:, None] + right.sum(axis=1)[None, :]
    return np.asarray(2 * both / np.maximum(size, 1), dtype=np.float64)


def _paired_dice(left: Bits, right: Bits) -> FloatVector:
    ones = [
        np.unpackbits(bits, axis=1).sum(axis=1) for bits in (left, right, left & right)
    ]
    size = ones[0].astype(np.float64) + ones[1]
    return np.asarray(2 * ones[2] / np.maximum(size, 1), dtype=np.float64)


def _from_base64(column: pd.Series, n_bytes: int) -> Bits:
    try:
        rows = [base64.b64decode(str(text), validate=True) for text in column]
    except ValueError:
        rows = []
    if len(rows) != len(column) or any(len(row) != n_bytes for row in rows):
        raise InputError(
            f"{column.name}: base64 of {n_bytes} bytes in every row was expected."
        )
    return np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(-1, n_bytes).copy()
