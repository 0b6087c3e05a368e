"""What a person answers, given how the trip went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from estimators.array_types import BoolVector
from sentinel.simulate.arrivals import (
    CHEATED,
    EXPLOITED,
    MEANS,
    TRAFFICKED,
    UNTROUBLED,
    WORST,
    draw_codes,
)
from sentinel.simulate.parameters import RoundParameters

__all__ = ["draw_treatment"]

Columns: TypeAlias = dict[str, npt.NDArray[np.generic] | pd.Series]
YES, NO = "1", "0"
"""Codes of a yes/no question."""

_ADULT = 18
_FISHING = ("1", "2")
_CHANGED_LATER = "3"
_NO_PROMISE = "7"
_COERCION = {
    "sold": 0.12,
    "docs_held": 0.35,
    "threat_self": 0.30,
    "threat_family": 0.08,
    "threat_police": 0.30,
    "threat_kill": 0.08,
}
_LIVING = ("overcrowded", "no_water", "no_food", "no_toilet")
_REASONS_TO_STAY = {
    "violence": 0.25,
    "arrest": 0.35,
    "pay_lost": 0.40,
    "debt": 0.25,
    "papers": 0.20,
}


def draw_treatment(
    persons: pd.DataFrame, parameters: RoundParameters, rng: np.random.Generator
) -> Columns:
    """Draw the answers that the case definition reads.

    Under the base setting of the shipped definition, with every answer known, each
    person's tier is the person's state: that is what makes the truth known. The other
    settings differ from it, as thresholds do.

    Parameters
    ----------
    persons : DataFrame of shape (n, ...)
        Rows of `Arrivals.persons`.
    parameters : RoundParameters
    rng : Generator

    Returns
    -------
    dict of str to array of shape (n,)
        Codes as text, amounts as floats; NaN and "" where a question does not apply.
    """
    return _Treatment(persons, parameters, rng).columns()


class _Treatment:
    """Draws one block of answers after the other; later ones look at earlier ones."""

    def __init__(
        self,
        persons: pd.DataFrame,
        parameters: RoundParameters,
        rng: np.random.Generator,
    ) -> None:
        self._n = len(persons)
        self._rng = rng
        self._parameters = parameters
        self._state = persons["state"].to_numpy()
        self._sector = persons["sector"].to_numpy(dtype=np.str_)
        age = persons["age"].to_numpy()
        case = (self._state == TRAFFICKED) | (self._state == WORST)
        # Children without any means are cases too; nobody's age is in doubt there.
        bare_child = (self._state == TRAFFICKED) & (age < _ADULT) & self._chance(0.3)
        has_means = ((self._state == MEANS) | case) & ~bare_child
        both, only = self._chance(0.35), self._chance(0.65)
        worst = self._state == WORST
        self._deceived = has_means & (both | only)
        self._coerced = (has_means & (both | ~only)) | worst
        self._exploited = case | (self._state == EXPLOITED)
        self._worst = worst

    def columns(self) -> Columns:
        unpaid = self._unpaid()
        confined = self._confined(unpaid)
        violence = self._coerced & self._exploited & self._chance(0.3)
        paid = self._pay(unpaid, needs_low_pay=self._exploited & ~unpaid & ~violence)
        return {
            **self._coercion(confined, violence),
            **paid,
            **self._conditions(confined, unpaid, paid),
            "cheated": self._cheated(),
        }

    def _chance(self, probability: float) -> BoolVector:
        return np.asarray(self._rng.random(self._n) < probability)

    def _unpaid(self) -> BoolVector:
        shares = self._parameters.states
        cases = (self._state == TRAFFICKED) & self._chance(shares.unpaid_of_trafficked)
        others = (self._state == EXPLOITED) & self._chance(shares.unpaid_of_exploited)
        return np.asarray(self._worst | cases | others)

    def _confined(self, unpaid: BoolVector) -> BoolVector:
        """Not free to leave the workplace; with no pay as well it is the worst tier."""
        shares = self._parameters.states
        means = (self._state == MEANS) & self._chance(shares.confined_of_means)
        paid_case = (self._state == TRAFFICKED) & ~unpaid & self._coerced
        confined = means | (paid_case & self._chance(shares.confined_of_trafficked))
        self._coerced |= means
        return np.asarray(confined | self._worst)

    def _coercion(self, confined: BoolVector, violence: BoolVector) -> Columns:
        drawn = {
            name: self._coerced & self._chance(probability)
            for name, probability in _COERCION.items()
        }
        locked = confined & self._chance(0.35)
        bound = self._coerced & self._chance(0.5)
        anything = np.any([*drawn.values(), confined, violence, bound], axis=0)
        bound |= self._coerced & ~anything
        reasons = _multiple(
            {name: self._chance(p) for name, p in _REASONS_TO_STAY.items()}, "pay_lost"
        )
        columns: Columns = {name: _yes_no(hit) for name, hit in drawn.items()}
        had_none = (columns["docs_held"] == NO) & self._chance(0.45)
        columns["docs_held"] = np.where(had_none, _NO_PROMISE, columns["docs_held"])
        return {
            **columns,
            "violence": _yes_no(violence),
            "verbal": _yes_no(
                violence | (self._state > UNTROUBLED) & self._chance(0.35)
            ),
            "locked": _yes_no(locked),
            "guarded": _yes_no(locked | (confined & self._chance(0.4))),
            "free_leave_site": _yes_no(~confined),
            "free_quit": _yes_no(~bound),
            "why_not_quit": np.where(bound, reasons, ""),
        }

    def _pay(self, unpaid: BoolVector, *, needs_low_pay: BoolVector) -> Columns:
        rng, n = self._rng, self._n
        spread = rng.normal(0.0, 0.18, n)
        usual = np.exp(np.log(self._parameters.median_pay) + spread)
        promised = np.maximum(np.round(usual, -2), 3500.0)
        wrong_job = self._deceived & self._chance(0.45)
        wrong_place = self._deceived & self._chance(0.35)
        changed = self._deceived & self._chance(0.08)
        short = self._deceived & ~unpaid & self._chance(0.5)
        low_pay = needs_low_pay & self._chance(0.4)
        # A low pay that was promised higher is a deception: without one, none promised.
        silent = (low_pay & ~self._deceived) | self._chance(self._parameters.no_promise)
        silent &= ~self._deceived
        wrong_job |= self._deceived & ~(wrong_job | wrong_place | changed | short)
        ratio = np.where(
            self._chance(0.15), rng.uniform(0.78, 0.88, n), rng.uniform(0.92, 1.1, n)
        )
        ratio = np.where(short, rng.uniform(0.4, 0.72, n), ratio)
        # Short of the promise, yet above half the minimum wage: deception alone.
        received = np.maximum(np.round(promised * ratio, 0), 2050.0)
        received = np.where(low_pay, np.round(rng.uniform(400, 1850, n), -1), received)
        received = np.where(unpaid, 0.0, received)
        kept = np.where(silent, _NO_PROMISE, YES)
        contract = draw_codes({"0": 0.86, "1": 0.05, "2": 0.09}, n, rng)
        return {
            "pay_promised": np.where(silent, np.nan, promised),
            "pay_received": received,
            "pay_never": _yes_no(unpaid),
            "pay_final": _yes_no(~unpaid & (self._chance(0.6) | (self._state == 0))),
            "job_promised": np.where(wrong_job, NO, kept),
            "place_promised": np.where(wrong_place, NO, kept),
            "contract": np.where(changed, _CHANGED_LATER, contract),
        }

    def _conditions(
        self, confined: BoolVector, unpaid: BoolVector, paid: Columns
    ) -> Columns:
        rng, n = self._rng, self._n
        low_pay = ~unpaid & (np.asarray(paid["pay_received"]) < 1900)
        fishing = np.isin(self._sector, _FISHING)
        overworked = self._exploited & self._chance(0.45)
        severe = self._exploited & self._chance(0.3)
        overworked |= self._exploited & ~(unpaid | low_pay | severe)
        usual = np.clip(rng.normal(8.8, 1.0, n), 5, 12)
        fished = np.clip(rng.normal(18.8, 5.9, n), 12.5, 22)
        longer = np.where(fishing, fished, rng.uniform(12.5, 17, n))
        hours = np.round(np.where(overworked, longer, usual) * 2) / 2
        order = rng.random((n, len(_LIVING))).argsort(axis=1)
        count = np.where(severe, rng.integers(2, 5, n), self._chance(0.2).astype(int))
        problems = {name: order[:, place] < count for place, name in enumerate(_LIVING)}
        hazard = fishing & self._chance(0.5) | self._chance(0.2)
        return {
            "hours_day": hours,
            "days_week": np.where(self._chance(0.6), 7.0, 6.0),
            "living": _multiple(problems, "ok"),
            "hazard": _yes_no(hazard),
            "injury": _yes_no(hazard & self._chance(0.25)),
            "phone": _yes_no(confined & self._chance(0.6)),
        }

    def _cheated(self) -> npt.NDArray[np.str_]:
        shares = self._parameters.states
        probability = np.select(
            [
                self._state == CHEATED,
                self._state == MEANS,
                self._state == EXPLOITED,
                self._state >= TRAFFICKED,
            ],
            [
                1.0,
                shares.cheated_of_means,
                shares.cheated_of_exploited,
                shares.cheated_of_trafficked,
            ],
            default=0.0,
        )
        return _yes_no(self._rng.random(self._n) < probability)


def _yes_no(hit: BoolVector) -> npt.NDArray[np.str_]:
    return np.where(hit, YES, NO)


def _multiple(
    hits: Mapping[str, BoolVector], otherwise: str
) -> npt.NDArray[np.object_]:
    """Join the codes that are hit, sorted, with ";"; `otherwise` where none is."""
    names = sorted(hits)
    stacked = np.stack([hits[name] for name in names], axis=1)
    number = stacked @ (1 << np.arange(len(names)))
    texts = [
        ";".join(name for bit, name in enumerate(names) if value >> bit & 1)
        or otherwise
        for value in range(1 << len(names))
    ]
    joined: npt.NDArray[np.object_] = np.array(texts, dtype=object)[number]
    return joined
