"""Whether a log-linear model can be estimated from a table, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture._extended_likelihood import (
    STATUS_WORDS,
    design_columns,
    estimability_status,
    forced_empty,
    superset_totals,
)
from estimators.capture_recapture._histories_argument import check_histories
from estimators.capture_recapture.model_terms import (
    Terms,
    read_terms,
    term_label,
    write_terms,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import IntVector
    from estimators.capture_recapture.histories import CaptureHistories

__all__ = ["Estimability", "check_estimability"]

NEGLIGIBLE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimability:
    """What a table can say about a model.

    Attributes
    ----------
    model : str
        Maximal terms in brackets, lists counted from 1.
    status : int
        0 estimable, 1 no maximum likelihood estimate exists, 2 parameters are not
        identifiable, 3 both.
    missing_overlaps : tuple of str
        Smallest sets of lists of the model that share nobody: "A and B".
    infinite : tuple of str
        Terms whose coefficient is minus infinity, supersets included.
    blocking : tuple of str
        Histories, each on exactly these lists, that any table with the same margins
        leaves empty (status 1 and 3): as long as nobody has them, no estimate exists.
    confounded : tuple of str
        Terms that no remaining history tells apart (status 2 and 3).
    remedies : tuple of str
        Interactions of which leaving out any single one makes the model estimable.
    """

    model: str
    status: int
    missing_overlaps: tuple[str, ...]
    infinite: tuple[str, ...]
    blocking: tuple[str, ...]
    confounded: tuple[str, ...]
    remedies: tuple[str, ...]

    @property
    def estimable(self) -> bool:
        """Whether a finite population size follows from the model."""
        return self.status == 0

    def summary(self) -> str:
        """Return the verdict in words, one sentence per line."""
        lines = [f"Model {self.model}: {STATUS_WORDS[self.status]}."]
        if self.missing_overlaps:
            lines.append(
                f"Nobody is on all lists of: {'; '.join(self.missing_overlaps)}."
            )
        if self.infinite:
            lines.append(
                f"Parameters at minus infinity: {'; '.join(self.infinite)}. They are "
                "estimated, and count as parameters."
            )
        if self.blocking:
            lines.append(
                "No estimate exists as long as nobody is on exactly: "
                f"{'; '.join(self.blocking)}."
            )
        if self.confounded:
            lines.append(
                "No observed history tells these terms apart: "
                f"{'; '.join(self.confounded)}."
            )
        if self.status:
            lines.append(
                f"Leave out one of: {'; '.join(self.remedies)}."
                if self.remedies
                else "Leaving out one interaction does not help: choose a smaller "
                "model, or merge or omit lists."
            )
        return "\n".join(lines)


def check_estimability(
    histories: CaptureHistories, *, terms: Terms = ()
) -> Estimability:
    """Tell whether a log-linear model can be estimated, and if not, what is missing.

    A term of the model whose lists share nobody has its coefficient at minus infinity,
    and the histories that contain it are impossible. On what is left an estimate
    exists if some table without zeros has the same margins (a linear program), and is
    unique if the remaining columns are linearly independent. Only the zeros of the
    table matter, not its size.

    Parameters
    ----------
    histories : CaptureHistories
    terms : str or sequence, optional
        Interactions as ``"[12,3]"`` (lists counted from 1) or as tuples of list names;
        main effects and subsets are always in. By default main effects only.

    Returns
    -------
    Estimability
        Its `summary` says it in words.

    Raises
    ------
    InputError
        If `histories` is no `CaptureHistories`, a term names no list of it, or there
        are more than fourteen lists.

    References
    ----------
    Fienberg, S. E. and Rinaldo, A. (2012). Maximum likelihood estimation in log-linear
    models. Annals of Statistics 40, 996-1023. https://doi.org/10.1214/12-AOS986

    Chan, L., Silverman, B. W. and Vincent, K. (2021). Multiple systems estimation for
    sparse capture data: inferential challenges when there are nonoverlapping lists.
    Journal of the American Statistical Association 116, 1297-1306.
    https://doi.org/10.1080/01621459.2019.1708748

    Examples
    --------
    >>> from estimators.capture_recapture import CaptureHistories
    >>> table = CaptureHistories.from_counts(
    ...     {"100": 40, "010": 30, "001": 20, "101": 5, "011": 6}
    ... )
    >>> check_estimability(table, terms="[12,13,23]").status
    2
    >>> print(check_estimability(table, terms="[12,3]").summary())
    Model [12,3]: estimable.
    Nobody is on all lists of: A and B.
    Parameters at minus infinity: A and B. They are estimated, and count as parameters.
    """
    check_histories(histories)
    masks = read_terms(terms, histories.lists)
    counts = histories.dense()
    status = estimability_status(counts, masks, histories.n_lists)
    totals = superset_totals(counts, histories.n_lists)
    empty = [term for term in masks if totals[term] == 0]
    smallest = [t for t in empty if not any(o != t and o & t == o for o in empty)]
    blocking = forced_empty(counts, masks, histories.n_lists) if status % 2 else ()
    confounded = _confounded(counts, masks, totals) if status >= 2 else []
    remedies = _remedies(counts, masks, histories.n_lists) if status else []
    return Estimability(
        model=write_terms(masks),
        status=status,
        missing_overlaps=_labels(smallest, histories.lists),
        infinite=_labels(empty, histories.lists),
        blocking=_labels(blocking, histories.lists),
        confounded=_labels(confounded, histories.lists),
        remedies=_labels(remedies, histories.lists),
    )


def _labels(terms: Sequence[int], lists: Sequence[str]) -> tuple[str, ...]:
    return tuple(term_label(term, lists) for term in terms)


def _confounded(
    counts: IntVector, terms: tuple[int, ...], totals: IntVector
) -> list[int]:
    """Return the terms that take part in a null vector of the reduced design."""
    empty = [term for term in terms if totals[term] == 0]
    finite = tuple(term for term in terms if totals[term] > 0)
    cells = np.array(
        [c for c in range(1, counts.size) if not any(c & t == t for t in empty)]
    )
    _, sizes, rows = np.linalg.svd(design_columns(cells, finite))
    rank = int((sizes > NEGLIGIBLE * sizes[0]).sum())
    part = np.abs(rows[rank:]).max(axis=0) > NEGLIGIBLE
    return [term for term, inside in zip(finite, part, strict=True) if inside]


def _remedies(counts: IntVector, terms: tuple[int, ...], n_lists: int) -> list[int]:
    """Return the maximal interactions without which the model is estimable."""
    maximal = [
        t
        for t in terms
        if t.bit_count() > 1 and not any(o != t and o & t == t for o in terms)
    ]
    return [
        term
        for term in maximal
        if not estimability_status(
            counts, tuple(t for t in terms if t != term), n_lists
        )
    ]
