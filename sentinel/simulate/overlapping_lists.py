"""Overlapping lists of agencies with known truth: who is who, and how many are."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import pandas as pd

from estimators.checks import check_counts
from estimators.errors import InputError
from sentinel.simulate.clerks import miswrite_codes, miswrite_names, miswrite_years

__all__ = ["SimulatedLists", "simulate_lists"]

_CAPTURE: Mapping[str, float] = {"police": 0.35, "ngo": 0.3, "hotline": 0.2}
_YEARS = (1955, 2004)
# Popularity of a name by its rank: a few names are everywhere, as in any village.
_ZIPF = 0.7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedLists:
    """Lists as agencies would hand them over, and the truth behind them.

    Attributes
    ----------
    lists : mapping of str to DataFrame
        ``record_id, name, birth_year, sex, origin``, as text; empty where unknown.
    truth : DataFrame
        ``source, record_id, person``, one row per record.
    n_persons : int
        Size of the population, those on no list included.
    """

    lists: Mapping[str, pd.DataFrame]
    truth: pd.DataFrame
    n_persons: int


def simulate_lists(
    n_persons: int,
    *,
    capture: Mapping[str, float] = _CAPTURE,
    error_rate: float = 0.12,
    missing_rate: float = 0.05,
    duplicate_rate: float = 0.0,
    rng: int | np.random.Generator | None = None,
) -> SimulatedLists:
    """Draw a population and the records that agencies made of it.

    Lists are independent, and everybody has a list's one probability to be on it.
    Names are drawn from pools of Khmer, Burmese, Lao and Vietnamese syllables, popular
    ones far more often. Every record is written down anew, with its own errors.

    Parameters
    ----------
    n_persons : int
    capture : mapping of str to float
        Probability of a person to be on each list.
    error_rate : float
        Probability that a name is misspelt by ear or by a slip of the finger; that a
        year of birth is off, guessed or has two digits exchanged; a quarter of it, that
        the province is wrong, and a twentieth, the sex.
    missing_rate : float
        Probability that the year or the province is unknown; a tenth of it for sex.
    duplicate_rate : float
        Probability that a person on a list was written down there twice.
    rng : int, Generator or None

    Returns
    -------
    SimulatedLists

    Raises
    ------
    InputError
        If a rate is no probability or nobody is on a list.

    Examples
    --------
    >>> found = simulate_lists(500, rng=1)
    >>> sorted(found.lists), found.n_persons
    (['hotline', 'ngo', 'police'], 500)
    """
    n_persons = check_counts(n_persons=n_persons)["n_persons"]
    rates = {
        "error_rate": error_rate,
        "missing_rate": missing_rate,
        "duplicate_rate": duplicate_rate,
        **{f"capture[{name!r}]": rate for name, rate in capture.items()},
    }
    wrong = [f"{name}={rate}" for name, rate in rates.items() if not 0 <= rate <= 1]
    if wrong or not capture:
        raise InputError(
            f"{', '.join(wrong) or 'capture is empty'}: probabilities in [0, 1] were "
            "expected, at least one list."
        )
    streams = np.random.default_rng(rng).spawn(len(capture) + 1)
    people = _population(n_persons, streams[0])
    lists: dict[str, pd.DataFrame] = {}
    truth: list[pd.DataFrame] = []
    for (name, rate), stream in zip(capture.items(), streams[1:], strict=True):
        on_list = np.flatnonzero(stream.random(n_persons) < rate)
        again = on_list[stream.random(on_list.size) < duplicate_rate]
        person = stream.permutation(np.concatenate([on_list, again]))
        if not person.size:
            raise InputError(f"Nobody is on the list {name!r}: raise its probability.")
        width = len(str(person.size))
        record = pd.Series(range(person.size)).astype(str).str.zfill(width)
        ids = name[:3] + "-" + record
        written = _write_down(people.take(person), error_rate, missing_rate, stream)
        lists[name] = pd.concat([ids.rename("record_id"), written], axis=1)
        truth.append(pd.DataFrame({"source": name, "record_id": ids, "person": person}))
    return SimulatedLists(
        lists=lists, truth=pd.concat(truth, ignore_index=True), n_persons=n_persons
    )


def _population(n_persons: int, rng: np.random.Generator) -> pd.DataFrame:
    text = files("sentinel.simulate").joinpath("list_names.toml").read_text("utf-8")
    pools = tomllib.loads(text)
    share = np.array([pool["share"] for pool in pools.values()])
    country = rng.choice(len(pools), n_persons, p=share / share.sum())
    name = np.empty(n_persons, dtype=object)
    origin = np.empty(n_persons, dtype=object)
    for number, (code, pool) in enumerate(pools.items()):
        rows = np.flatnonzero(country == number)
        parts = [
            _popular(pool[part].split(), rows.size, rng)
            for part in ("family", "opening", "ending")
        ]
        name[rows] = parts[0] + " " + parts[1] + parts[2]
        provinces = [f"{code}{place:02d}" for place in range(1, pool["provinces"] + 1)]
        origin[rows] = _popular(provinces, rows.size, rng)
    first, last = _YEARS
    # Most migrants are young: the older of two draws is kept away.
    years = rng.integers(first, last + 1, size=(2, n_persons)).max(axis=0)
    sex = np.where(rng.random(n_persons) < 0.45, "female", "male")
    return pd.DataFrame(
        {"name": name, "birth_year": years, "sex": sex, "origin": origin}
    )


def _popular(words: list[str], n: int, rng: np.random.Generator) -> np.ndarray:
    weight = 1.0 / np.arange(1, len(words) + 1) ** _ZIPF
    return np.array(words, dtype=object)[
        rng.choice(len(words), n, p=weight / weight.sum())
    ]


def _write_down(
    people: pd.DataFrame,
    error_rate: float,
    missing_rate: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    people = people.reset_index(drop=True)
    year = miswrite_years(people["birth_year"].to_numpy(), error_rate, rng)
    other_sex = np.where(people["sex"] == "male", "female", "male")
    sexes = np.where(
        rng.random(len(people)) < error_rate / 20, other_sex, people["sex"]
    )
    written = pd.DataFrame(
        {
            "name": miswrite_names(people["name"].to_numpy(), error_rate, rng),
            "birth_year": year.astype(str),
            "sex": sexes,
            "origin": miswrite_codes(people["origin"].to_numpy(), error_rate / 4, rng),
        }
    )
    for column, rate in (("birth_year", 1.0), ("origin", 1.0), ("sex", 0.1)):
        unknown = rng.random(len(people)) < missing_rate * rate
        written[column] = written[column].mask(unknown, "")
    return written
