"""Who the person is, how the trip began and ended: answers that do not move risk."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from estimators.array_types import BoolVector
from sentinel.simulate.arrivals import UNTROUBLED, draw_codes
from sentinel.simulate.parameters import RoundParameters

__all__ = ["draw_circumstances"]

Columns: TypeAlias = dict[str, npt.NDArray[np.generic] | pd.Series]
_ADULT = 18
_DAYS_PER_MONTH = 365.25 / 12
_BAHT_PER_DOLLAR = 33.0
_FISHING = ("1", "2")
_REASONS = {"1": 0.34, "2": 0.16, "3": 0.14, "4": 0.24, "5": 0.04, "7": 0.04, "9": 0.04}
_RECRUITED = {"1": 0.36, "2": 0.2, "3": 0.22, "4": 0.14, "7": 0.04, "9": 0.04}
_BY_BROKER = {"5": 0.62, "6": 0.26, "8": 0.12}
_EXITS = {"2": 0.08, "3": 0.1, "4": 0.1, "5": 0.3, "6": 0.28, "7": 0.14}


def draw_circumstances(
    persons: pd.DataFrame, parameters: RoundParameters, rng: np.random.Generator
) -> Columns:
    """Draw the answers about the person, the journey and the return.

    None of them changes the risk of a trafficked trip: sex, age, schooling, knowledge
    of trafficking and origin are drawn independently of how the trip went.

    Parameters
    ----------
    persons : DataFrame of shape (n, ...)
        Rows of `Arrivals.persons` with ``int_date``.

    Returns
    -------
    dict of str to array of shape (n,)
        Codes as text, amounts as floats; NaN and "" where a question does not apply.
    """
    return {
        **_person(persons, parameters, rng),
        **_journey(persons, parameters, rng),
        **_return(persons, parameters, rng),
    }


def _person(
    persons: pd.DataFrame, parameters: RoundParameters, rng: np.random.Generator
) -> Columns:
    n = len(persons)
    age = persons["age"].to_numpy()
    child = age < _ADULT
    schooling = np.clip(np.rint(rng.normal(5.2, 2.8, n)), 0, np.minimum(age - 6, 14))
    debt = rng.random(n) < 0.38
    knowledge = draw_codes({"0": 0.42, "1": 0.42, "2": 0.16}, n, rng)
    single = {"1": 0.9, "2": 0.1}
    marital = np.where(
        age < 22,
        draw_codes(single, n, rng),
        draw_codes({"1": 0.25, "2": 0.66, "3": 0.06, "4": 0.03}, n, rng),
    )
    repeat = persons["repeat"].to_numpy()
    earlier = persons["deport_12m"].to_numpy() + rng.poisson(np.where(repeat, 1.5, 0.1))
    return {
        "sex": persons["sex"].to_numpy(),
        "age": age.astype(np.float64),
        "age_src": draw_codes({"1": 0.92, "2": 0.06, "3": 0.02}, n, rng),
        "nationality": np.full(n, parameters.nationality),
        "origin_adm1": draw_codes(parameters.origins, n, rng),
        "urban": draw_codes({"1": 0.9, "2": 0.1}, n, rng),
        "marital": marital,
        "hh_size": np.clip(rng.poisson(4.2, n) + 1, 1, 14).astype(np.float64),
        "edu_years": schooling,
        "hh_debt": np.where(debt, "1", "0"),
        "hh_debt_usd": np.where(
            debt, np.round(rng.gamma(1.4, 320, n), -1) + 20, np.nan
        ),
        "reason": draw_codes(_REASONS, n, rng),
        "tip_knowledge": knowledge,
        "n_trips": np.minimum(rng.poisson(np.where(repeat, 3.0, 0.7)) + earlier, 50.0),
        "n_deport": np.minimum(earlier, 50).astype(np.float64),
        "deport_12m": persons["deport_12m"].to_numpy().astype(np.float64),
        "child_guard": np.where(child, draw_codes({"1": 0.5, "2": 0.5}, n, rng), ""),
    }


def _journey(
    persons: pd.DataFrame, parameters: RoundParameters, rng: np.random.Generator
) -> Columns:
    n = len(persons)
    broker = persons["broker_origin"].to_numpy(dtype=bool)
    across = rng.random(n) < np.where(broker, 0.75, 0.25)
    onward = rng.random(n) < np.where(across, 0.6, 0.2)
    brokers = broker.astype(int) + across + onward
    fee = np.where(brokers > 0, np.round(rng.gamma(3.0, 25, n) * brokers, 0) + 10, 0.0)
    sector = persons["sector"].to_numpy(dtype=np.str_)
    crossing = draw_codes(parameters.crossings, n, rng)
    legal = rng.random(n) < 0.12
    kind = np.where(legal, "1", draw_codes({"2": 0.45, "3": 0.55}, n, rng))
    return {
        "recruit_who": np.where(
            broker, draw_codes(_BY_BROKER, n, rng), draw_codes(_RECRUITED, n, rng)
        ),
        "broker_origin": _yes_no(broker),
        "broker_cross": _yes_no(across),
        "broker_dest": _yes_no(onward),
        "broker_n": brokers.astype(np.float64),
        "fee_total": fee,
        "docs_type": np.where(legal, "border_pass", "none"),
        "cross_code": crossing,
        "cross_type": np.where(crossing == "XB-INFORMAL", "3", kind),
        "transport": draw_codes(
            {"truck": 0.35, "truck;walk": 0.25, "taxi": 0.2, "bus": 0.2}, n, rng
        ).astype(object),
        "transit_days": np.floor(rng.exponential(1.8, n)),
        "dest_adm1": _destinations(sector, parameters, rng),
        "sector": sector,
        "emp_size": draw_codes(
            {"1-4": 0.22, "5-19": 0.36, "20-99": 0.28, "100+": 0.14}, n, rng
        ),
    }


def _return(
    persons: pd.DataFrame, parameters: RoundParameters, rng: np.random.Generator
) -> Columns:
    n = len(persons)
    months = persons["months_away"].to_numpy()
    detained = persons["detain_days"].to_numpy()
    away = np.rint(months * _DAYS_PER_MONTH + detained).astype(np.int64)
    interviewed = pd.to_datetime(persons["int_date"])
    left = (interviewed - pd.to_timedelta(away, unit="D")).dt.strftime("%Y-%m")
    owes = (persons["state"].to_numpy() > UNTROUBLED) & (rng.random(n) < 0.3)
    return {
        "leave_date": left.to_numpy(dtype=object),
        "return_date": interviewed.dt.strftime("%Y-%m").to_numpy(dtype=object),
        "dur_months": np.round(months, 1),
        "debt_dest": _yes_no(owes),
        "debt_fair": np.where(owes, _yes_no(rng.random(n) < 0.4), ""),
        "exit_how": draw_codes(_EXITS, n, rng),
        "arrest_who": draw_codes({"1": 0.62, "2": 0.3, "5": 0.08}, n, rng),
        "arrest_screened": _yes_no(rng.random(n) < 0.02),
        # Nobody in the sample of 2009 had been identified as a victim by officials.
        "arrest_vot": np.full(n, "0"),
        "detain_days": detained.astype(np.float64),
        "deport_code": np.full(n, parameters.site_code),
        "intend": draw_codes({"1": 0.45, "2": 0.3, "3": 0.25}, n, rng),
    }


def _destinations(
    sector: npt.NDArray[np.str_], parameters: RoundParameters, rng: np.random.Generator
) -> npt.NDArray[np.str_]:
    found = np.full(sector.size, "", dtype="<U8")
    for item in parameters.destinations:
        drawn = draw_codes(item.provinces, sector.size, rng)
        here = np.isin(sector, item.sectors)
        found[here] = drawn[here]
    return found


def _yes_no(hit: BoolVector) -> npt.NDArray[np.str_]:
    return np.where(hit, "1", "0")
