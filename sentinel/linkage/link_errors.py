"""How many links were missed and how many are false, and what that does to a size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.capture_recapture import (
    CaptureHistories,
    linkage_error_correction,
    missed_link_sensitivity,
)
from estimators.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import IntVector
    from estimators.results import Estimate, Estimates
    from sentinel.linkage.pairs import LinkedPairs, LinkedPersons

__all__ = ["LinkErrors", "errors_from_model", "errors_from_truth", "list_histories"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkErrors:
    """Errors of the links between two lists.

    Attributes
    ----------
    first, second : str
        Names of the lists.
    n_first, n_second, n_linked : int
        Persons on each list and on both, as linked.
    missed_link_rate : float
        Share of the persons truly on both lists who are not linked.
    false_link_rate : float
        Share of the persons of the second list who are truly not on the first and are
        linked to somebody: what `linkage_error_correction` takes.
    false_discovery_rate : float
        Share of the links that are false: what a reviewer sees.
    missed_link_std_error, false_link_std_error : float
    basis : str
        Where the rates come from.
    notes : tuple of str
    """

    first: str
    second: str
    n_first: int
    n_second: int
    n_linked: int
    missed_link_rate: float
    false_link_rate: float
    false_discovery_rate: float
    missed_link_std_error: float = 0.0
    false_link_std_error: float = 0.0
    basis: str
    notes: tuple[str, ...] = field(default=())

    def corrected_size(self, *, level: float = 0.95) -> Estimate:
        """Estimate the population's size from the two lists, errors taken back."""
        return linkage_error_correction(
            self.n_first,
            self.n_second,
            self.n_linked,
            missed_link_rate=self.missed_link_rate,
            false_link_rate=self.false_link_rate,
            missed_link_std_error=self.missed_link_std_error,
            false_link_std_error=self.false_link_std_error,
            level=level,
        )

    def sensitivity(
        self,
        histories: CaptureHistories,
        *,
        estimator: Callable[..., Estimate] | None = None,
        level: float = 0.95,
    ) -> Estimates:
        """Estimate from all lists with no, half, all and twice this rate of misses.

        Only missed links are taken back; see `missed_link_sensitivity`.
        """
        rates = [share * self.missed_link_rate for share in (0.0, 0.5, 1.0, 2.0)]
        kept = sorted({rate for rate in rates if rate < 1})
        if estimator is None:
            return missed_link_sensitivity(
                histories, missed_link_rates=kept, level=level
            )
        return missed_link_sensitivity(
            histories, missed_link_rates=kept, estimator=estimator, level=level
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row with the rates, their errors and where they come from."""
        names = (
            "first", "second", "missed_link_rate", "missed_link_std_error",
            "false_link_rate", "false_link_std_error", "false_discovery_rate", "basis",
        )  # fmt: skip
        return pd.DataFrame([{name: getattr(self, name) for name in names}])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Links by truth, as counted or estimated, with the variance of each."""

    true: float
    false: float
    missed: float
    true_variance: float = 0.0
    false_variance: float = 0.0
    missed_variance: float = 0.0


def list_histories(persons: LinkedPersons) -> CaptureHistories:
    """Return the capture histories of linked persons; `.plot()` draws the overlaps.

    A person who stands twice in one list counts once; notes say how many did.
    """
    return CaptureHistories.from_individuals(
        persons.frame, person="person", list_name="source"
    )


def errors_from_model(
    pairs: LinkedPairs, persons: LinkedPersons, *, first: str, second: str
) -> LinkErrors:
    """Estimate the errors of the links between two lists from match probabilities.

    Of every pair with probability p, p links are true: those not made are missed, and
    1 - p of those made are false. That is right as far as the probabilities are
    calibrated, which a review of a sample shows and a model does not.

    Parameters
    ----------
    pairs : LinkedPairs
    persons : LinkedPersons
        Made from these pairs.
    first, second : str
        Lists.

    Returns
    -------
    LinkErrors
        Missed are the probabilities of pairs not linked, and the two lists' share of
        the links that the model expects under the floor or in no block. Standard errors
        hold the chance of each pair given its probability, and the error of the number
        of links that are expected; not that of what the fields cannot show.
    """
    frame = pairs.frame
    number = pairs.records.source_numbers
    places = _places(pairs.records.sources, first, second)
    sides = np.sort(
        np.column_stack(
            [number[frame["id_l"].to_numpy()], number[frame["id_r"].to_numpy()]]
        ),
        axis=1,
    )
    between = (sides == np.sort(places)).all(axis=1)
    person = persons.frame["person"].to_numpy(np.int64)
    probability = frame["match_probability"].to_numpy()[between]
    made = (
        person[frame["id_l"].to_numpy()[between]]
        == person[frame["id_r"].to_numpy()[between]]
    )
    spread = probability * (1 - probability)
    returned = float(frame["match_probability"].sum())
    ours = float(probability.sum()) / returned if returned else 0.0
    unseen = ours * max(pairs.expected_links - returned, 0.0)
    tally = Tally(
        true=float(probability[made].sum()),
        false=float((1 - probability[made]).sum()),
        missed=float(probability[~made].sum()) + unseen,
        true_variance=float(spread[made].sum()),
        false_variance=float(spread[made].sum()),
        missed_variance=float(spread[~made].sum())
        + (ours * pairs.links_std_error) ** 2,
    )
    notes = (
        "rates from match probabilities: as good as the model, and blind to links that "
        "the fields cannot show; review a sample",
    )
    return link_errors(
        persons, tally, first=first, second=second, basis="model", notes=notes
    )


def errors_from_truth(
    persons: LinkedPersons, true_person: IntVector, *, first: str, second: str
) -> LinkErrors:
    """Count the errors of the links between two lists whose truth is known.

    Parameters
    ----------
    persons : LinkedPersons
    true_person : ndarray of int64, shape (n,)
        True person of every record, in the order of ``unique_id``.
    first, second : str
    """
    source = persons.frame["source"].to_numpy()
    _places(tuple(pd.unique(persons.frame["source"])), first, second)
    if len(true_person) != len(source):
        raise InputError(
            f"true_person has {len(true_person):,} entries; one for each of "
            f"{len(source):,} records was expected."
        )
    frame = pd.DataFrame(
        {"true": true_person, "made": persons.frame["person"].to_numpy()}
    )
    left, right = frame[source == first], frame[source == second]
    linked = left.merge(right, on="made").drop_duplicates(["made", "true_x", "true_y"])
    right_ones = linked.loc[linked["true_x"] == linked["true_y"], "true_x"].nunique()
    both = np.intersect1d(left["true"], right["true"]).size
    n_linked = linked["made"].nunique()
    tally = Tally(
        true=right_ones,
        false=max(n_linked - right_ones, 0),
        missed=both - right_ones,
    )
    return link_errors(persons, tally, first=first, second=second, basis="known truth")


def link_errors(
    persons: LinkedPersons,
    tally: Tally,
    *,
    first: str,
    second: str,
    basis: str,
    notes: tuple[str, ...] = (),
) -> LinkErrors:
    """Turn links by truth into rates with delta-method standard errors."""
    on_list = persons.frame.groupby("source")["person"].unique()
    ones, others = on_list[first], on_list[second]
    both = tally.true + tally.missed
    apart = others.size - both
    if both <= 0 or apart <= 0:
        raise NotEstimableError(
            f"{both:.1f} persons truly on both lists and {apart:.1f} on {second!r} "
            "alone: rates of missed and false links need some of each."
        )
    # missed / (missed + true), both with error; false / apart, apart taken as known.
    missed_variance = (
        tally.true**2 * tally.missed_variance + tally.missed**2 * tally.true_variance
    ) / both**4
    made = tally.true + tally.false
    return LinkErrors(
        first=first,
        second=second,
        n_first=ones.size,
        n_second=others.size,
        n_linked=np.intersect1d(ones, others).size,
        missed_link_rate=tally.missed / both,
        false_link_rate=min(tally.false / apart, 1.0),
        false_discovery_rate=tally.false / made if made else 0.0,
        missed_link_std_error=float(np.sqrt(missed_variance)),
        false_link_std_error=float(np.sqrt(tally.false_variance)) / apart,
        basis=basis,
        notes=notes,
    )


def _places(sources: Sequence[str], first: str, second: str) -> IntVector:
    unknown = [name for name in (first, second) if name not in sources]
    if unknown or first == second:
        raise InputError(
            f"first={first!r}, second={second!r}: two of the lists "
            f"{', '.join(sources)} were expected."
        )
    return np.array([sources.index(first), sources.index(second)])
