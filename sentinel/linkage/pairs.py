"""Pairs of records with the probability that both are one person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import check_choice
from estimators.errors import InputError
from sentinel.linkage.clusters import Clusters, cluster_pairs

if TYPE_CHECKING:
    from estimators.array_types import FloatVector
    from sentinel.linkage.records import LinkageRecords

__all__ = ["LinkedPairs", "LinkedPersons", "link_records", "probability_of"]

ENGINES = ("auto", "exact", "splink")
# Below this many records every pair is compared; above, splink compares blocks.
EXACT_UP_TO = 2000
MOST_EXACT = 6000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkedPersons:
    """Records grouped into persons at one threshold.

    Attributes
    ----------
    frame : DataFrame
        ``unique_id, source, record, person``. Microdata: never released.
    clusters : Clusters
        Counts of links used and refused.
    threshold : float
        Least match probability of a link that was used.
    """

    frame: pd.DataFrame
    clusters: Clusters
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkedPairs:
    """What an engine found, in the same shape for all engines.

    Attributes
    ----------
    records : LinkageRecords
    frame : DataFrame
        ``id_l < id_r`` (unique_id), ``match_weight`` (log2 of the odds, six decimals,
        rivals for a record of a duplicate-free list taken into account),
        ``match_probability`` and one ``level_<field>`` per field (-1 unknown, 0 none,
        up to the closest). Sorted by weight, then ids. Pairs of a probability under
        `floor` are left out.
    model : DataFrame
        ``field, level, label, m, u``: share of true links and of other pairs at each
        level.
    prior : float
        Probability that two records that may be compared are one person.
    n_compared : int
        Pairs that the prior refers to.
    expected_links : float
        Links among all those pairs by the model, those under the floor or in no block
        included; without those that no pair of records shows, which `notes` name.
    links_std_error : float
        Of `expected_links`.
    floor : float
    engine : str
    notes : tuple of str
    """

    records: LinkageRecords
    frame: pd.DataFrame
    model: pd.DataFrame
    prior: float
    n_compared: int
    expected_links: float
    links_std_error: float
    floor: float
    engine: str
    notes: tuple[str, ...] = field(default=())

    def persons(self, threshold: float = 0.5) -> LinkedPersons:
        """Group records into persons by the links of at least `threshold`.

        Duplicates inside a list are joined first; a duplicate-free list names a person
        at most once (`cluster_pairs`).
        """
        if not self.floor <= threshold <= 1:
            raise InputError(
                f"threshold={threshold}: a probability from {self.floor} (the floor of "
                "these pairs) to 1 was expected."
            )
        kept = self.frame[self.frame["match_probability"] >= threshold]
        return self.grouped(kept, threshold=threshold)

    def threshold_for(self, precision: float) -> float:
        """Return the least threshold whose links are expected to be this precise.

        Pairs of at least that probability are true with `precision` on average, as far
        as the probabilities are calibrated: take it to `persons`.

        Raises
        ------
        InputError
            If no pair is as likely.
        """
        if not 0 < precision < 1:
            raise InputError(
                f"precision={precision}: a share between 0 and 1 was expected."
            )
        probability = self.frame["match_probability"].to_numpy(np.float64)
        # Rows fall by weight, so that means of the first ones fall too.
        mean = np.cumsum(probability) / np.arange(1, probability.size + 1)
        enough = np.flatnonzero(mean >= precision)
        if not enough.size:
            raise InputError(
                f"precision={precision}: the likeliest pair has a probability of "
                f"{probability.max(initial=0):.2f}. Ask for less, or add a field."
            )
        return float(probability[enough[-1]])

    def grouped(self, kept: pd.DataFrame, *, threshold: float) -> LinkedPersons:
        """Group records into persons by these rows of `frame`, whatever chose them."""
        clusters = cluster_pairs(
            kept["id_l"].to_numpy(np.int64),
            kept["id_r"].to_numpy(np.int64),
            kept["match_weight"].to_numpy(np.float64),
            source=self.records.source_numbers,
            duplicate_free=self.records.duplicate_free_mask,
        )
        names = self.records.frame[["unique_id", "source", "record"]]
        return LinkedPersons(
            frame=names.assign(person=clusters.person),
            clusters=clusters,
            threshold=threshold,
        )

    def summary(self) -> str:
        """Return what was compared and found, in counts of pairs; for internal use."""
        head = (
            f"{len(self.records.frame):,} records of {len(self.records.sources)} lists,"
            f" engine {self.engine}: {len(self.frame):,} pairs of a probability of "
            f"{self.floor:g} or more, {self.expected_links:,.0f} links expected"
        )
        return "\n".join([head, *self.records.notes, *self.notes])


def link_records(
    records: LinkageRecords,
    *,
    engine: str = "auto",
    floor: float = 0.001,
    blocking: Sequence[Sequence[str]] | None = None,
    rng: int = 0,
    n_threads: int | None = None,
) -> LinkedPairs:
    """Give pairs of records the probability that both are one person.

    The model is that of Fellegi and Sunter: among records of one person, agreement in
    one field says nothing about another; among others, two fields go together where the
    counts demand it (names and provinces of one country). Rare names and places weigh
    more than common ones where they are equal. Records of a list that is vouched to be
    duplicate-free are not compared with each other, and a record has at most one link
    to such a list: a strong candidate lowers the probability of its rivals.

    Parameters
    ----------
    records : LinkageRecords
        From `prepare_lists`.
    engine : {"auto", "exact", "splink"}
        ``exact`` compares every pair (up to 6 000 records); ``splink`` compares pairs
        that are equal in one of the blocks, on DuckDB; ``auto`` takes ``exact`` under
        2 000 records.
    floor : float
        Pairs of a smaller probability are not returned.
    blocking : sequence of sequence of str, optional
        For splink: pairs are compared whose columns of one entry are all equal. By
        default names that sound alike, one year of birth with one word that sounds
        alike, and everything but the name; in lists so large that such a block holds
        more than ten pairs per record, with one column more.
    rng : int
        For splink: seed of the samples of pairs outside the blocks, which show how
        often others agree.
    n_threads : int, optional
        For splink: threads of DuckDB. The answer does not depend on it.

    Returns
    -------
    LinkedPairs

    Raises
    ------
    InputError
        If no two lists can be linked, there is nothing to compare by, or splink is
        needed and not installed.
    ConvergenceError
        If the model does not settle.

    References
    ----------
    Fellegi, I. P. and Sunter, A. B. (1969). A theory for record linkage. Journal of the
    American Statistical Association 64, 1183-1210.

    Larsen, M. D. and Rubin, D. B. (2001). Iterative automated record linkage using
    mixture models. Journal of the American Statistical Association 96, 32-41.

    Examples
    --------
    >>> from sentinel.linkage import SourceList, prepare_lists
    >>> from sentinel.simulate import simulate_lists
    >>> lists = simulate_lists(400, rng=3).lists
    >>> columns = {name: name for name in ("name", "birth_year", "sex", "origin")}
    >>> records = prepare_lists(
    ...     [SourceList(source=name, frame=frame, record_id="record_id",
    ...                 columns=columns, duplicate_free=True)
    ...      for name, frame in lists.items()])
    >>> pairs = link_records(records)
    >>> pairs.engine
    'exact'
    """
    check_choice("engine", engine, ENGINES)
    if not 0 < floor < 1:
        raise InputError(f"floor={floor}: a probability between 0 and 1 was expected.")
    if len(records.sources) < 2 and records.duplicate_free:
        raise InputError(
            "One list came, and it is duplicate-free: there is nothing to link."
        )
    n_records = len(records.frame)
    if engine == "auto":
        engine = "exact" if n_records < EXACT_UP_TO else "splink"
    if engine == "splink":
        from sentinel.linkage.splink_engine import link_by_splink

        return link_by_splink(
            records, floor=floor, blocking=blocking, rng=rng, n_threads=n_threads
        )
    from sentinel.linkage.exact_engine import link_exactly

    if n_records > MOST_EXACT:
        raise InputError(
            f"{n_records:,} records: engine 'exact' compares every pair of up to "
            f"{MOST_EXACT:,}. Take engine='splink'."
        )
    return link_exactly(records, floor=floor)


def probability_of(weight: FloatVector) -> FloatVector:
    """Return the probability of a match weight, log2 of the odds.

    Examples
    --------
    >>> probability_of(np.array([0.0, 10.0])).round(4).tolist()
    [0.5, 0.999]
    """
    return np.asarray(1 / (1 + np.exp2(-weight)), dtype=np.float64)
