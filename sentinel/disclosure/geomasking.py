"""Points moved for a map, on top of aggregation and never instead of it."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import check_columns, finite_vector
from estimators.errors import InputError

if TYPE_CHECKING:
    from sentinel.disclosure.policy import ReleasePolicy

__all__ = ["geomask"]

SHORTEST_KEY = 16
LEAST_METRES = 500.0
WIDEST_METRES = 100_000.0
PURPOSE = b"sentinel geomask v1|"


def geomask(
    frame: pd.DataFrame,
    policy: ReleasePolicy,
    *,
    key: bytes,
    person: str,
    least_metres: float = 1_000.0,
    anonymity: int = 1_000,
) -> pd.DataFrame:
    """Move persons who share a coarse place apart from it, each always the same way.

    Parameters
    ----------
    frame : DataFrame of n persons
        ``longitude, latitude`` in degrees of the coarse place (a province's centre),
        ``density`` in residents per square kilometre there, and the person's id.
    policy : ReleasePolicy
        Every position must be shared by ``minimum_cell`` distinct persons.
    key : bytes
        Secret, at least 16 bytes, from outside the data.
    person : str
        Column of the ids. Only their keyed hashes are used.
    least_metres : float
        Inner radius of the ring that a point is moved into, at least 500.
    anonymity : int
        Residents that the ring is to hold: sparse country makes it wider.

    Returns
    -------
    DataFrame
        ``longitude, latitude`` rounded to 0.001 degrees, ``least_metres``,
        ``most_metres``; in order of position, without ids.

    Raises
    ------
    InputError
        If positions are not aggregated, or a number or the key is unfit.

    Notes
    -----
    The shift is a function of key and person alone, so a person who appears in several
    rounds is moved alike each time and averaging brings nothing. What protects is the
    aggregation: undoing every shift gives the coarse place, no more.

    Examples
    --------
    >>> from sentinel.disclosure import ReleasePolicy
    >>> people = pd.DataFrame({"id": range(12), "longitude": 103.2, "latitude": 13.1,
    ...                        "density": 90.0})
    >>> moved = geomask(people, ReleasePolicy(), key=b"sixteen bytes ok", person="id")
    >>> len(moved), moved["longitude"].nunique() > 8
    (12, True)
    """
    needed = ("longitude", "latitude", "density", person)
    check_columns(frame, {f"column {name}": name for name in needed})
    _check(frame, policy, key, person, least_metres)
    if anonymity < policy.minimum_cell:
        raise InputError(f"anonymity={anonymity}: at least {policy.minimum_cell}.")
    residents = np.asarray(frame["density"], dtype=np.float64) / 1e6
    most = np.sqrt(least_metres**2 + anonymity / (np.pi * residents))
    if (most > WIDEST_METRES).any():
        raise InputError(
            f"Some rings would be wider than {WIDEST_METRES / 1000:g} km: too few "
            "people live there to be hidden by a ring. Use a coarser place."
        )
    uniform = np.array([_uniform(key, str(item)) for item in frame[person]])
    # Uniform by area, not by distance.
    metres = np.sqrt(least_metres**2 + uniform[:, 0] * (most**2 - least_metres**2))
    longitude, latitude = _moved(frame, 360 * uniform[:, 1], metres)
    moved = pd.DataFrame(
        {
            "longitude": longitude.round(3),
            "latitude": latitude.round(3),
            "least_metres": least_metres,
            "most_metres": most.round(),
        }
    )
    return moved.sort_values(["longitude", "latitude"], ignore_index=True)


def _check(
    frame: pd.DataFrame,
    policy: ReleasePolicy,
    key: bytes,
    person: str,
    least_metres: float,
) -> None:
    if len(key) < SHORTEST_KEY:
        raise InputError(f"The key has {len(key)} bytes; at least {SHORTEST_KEY}.")
    if not LEAST_METRES <= least_metres < WIDEST_METRES:
        raise InputError(f"least_metres={least_metres:g}: at least {LEAST_METRES:g}.")
    for name, limit in (("longitude", 180.0), ("latitude", 90.0)):
        if np.any(np.abs(finite_vector(frame[name], name)) > limit):
            raise InputError(f"{name}: degrees from {-limit:g} to {limit:g} expected.")
    if np.any(finite_vector(frame["density"], "density") <= 0):
        raise InputError("density: residents per square kilometre, > 0, expected.")
    if frame[person].isna().any():
        raise InputError(f"{person}: every row needs the id of its person.")
    sharing = frame.groupby(["longitude", "latitude"])[person].nunique()
    few = int((sharing < policy.minimum_cell).sum())
    if few:
        raise InputError(
            f"{few} of {len(sharing)} positions are shared by fewer than "
            f"{policy.minimum_cell} persons: these are points, not aggregated places. "
            "Moving points does not protect; replace them by their province's centre."
        )


def _uniform(key: bytes, person: str) -> tuple[float, float]:
    digest = hmac.new(key, PURPOSE + person.encode("utf-8"), hashlib.sha256).digest()
    first, second = (int.from_bytes(digest[at : at + 8], "big") for at in (0, 8))
    return first / 2**64, second / 2**64


def _moved(
    frame: pd.DataFrame, azimuth: np.ndarray, metres: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    from pyproj import Geod

    longitude, latitude, _ = Geod(ellps="WGS84").fwd(
        frame["longitude"].to_numpy(dtype=np.float64),
        frame["latitude"].to_numpy(dtype=np.float64),
        azimuth,
        metres,
    )
    return np.asarray(longitude), np.asarray(latitude)
