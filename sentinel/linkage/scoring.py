"""From a model and classes of agreement to weights and a table of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sentinel.linkage.exclusive import exclusive_weights
from sentinel.linkage.pairs import LinkedPairs, probability_of
from sentinel.linkage.pattern_counts import number_of_pairs

if TYPE_CHECKING:
    from estimators.array_types import FloatVector
    from sentinel.linkage.agreement_classes import PairClasses
    from sentinel.linkage.comparisons import Comparison
    from sentinel.linkage.fellegi_sunter import AgreementModel
    from sentinel.linkage.pattern_counts import Levels
    from sentinel.linkage.records import LinkageRecords

__all__ = ["score"]

WEIGHT_DIGITS = 6
_HALF = 0.5
# A number of links is told poorly if its error is above this share of it.
_POORLY_TOLD = 0.1


def score(
    records: LinkageRecords,
    comparisons: Sequence[Comparison],
    model: AgreementModel,
    pairs: Levels,
    classes: PairClasses,
    *,
    floor: float,
    engine: str,
) -> LinkedPairs:
    """Weigh pairs, let rivals exclude each other, and keep those above the floor."""
    alone = model.weights[classes.cell]
    kept = np.flatnonzero(probability_of(alone) >= floor)
    left, right = pairs[0][kept].astype(np.int64), pairs[1][kept].astype(np.int64)
    kept = kept[np.lexsort((right, left))]
    left, right = pairs[0][kept].astype(np.int64), pairs[1][kept].astype(np.int64)
    weight = exclusive_weights(
        left,
        right,
        alone[kept],
        source=records.source_numbers,
        duplicate_free=records.duplicate_free_mask,
    )
    weight = np.round(weight, WEIGHT_DIGITS)
    probability = probability_of(weight)
    frame = pd.DataFrame(
        {
            "id_l": left,
            "id_r": right,
            "match_weight": weight,
            "match_probability": probability,
            **{
                f"level_{item.field}": pairs[2][kept, place].astype(np.int64)
                for place, item in enumerate(comparisons)
            },
        }
    )
    frame = frame[probability >= floor].sort_values(
        ["match_weight", "id_l", "id_r"],
        ascending=[False, True, True],
        ignore_index=True,
    )
    n_pairs = number_of_pairs(records)
    found = frame["match_probability"].to_numpy(np.float64)
    return LinkedPairs(
        records=records,
        frame=frame,
        model=_model_table(comparisons, model, classes),
        prior=model.n_links / n_pairs,
        n_compared=n_pairs,
        expected_links=model.n_links,
        links_std_error=model.std_error,
        floor=floor,
        engine=engine,
        notes=(
            *_doubts(comparisons, model, classes),
            *_untold(comparisons, model, classes),
            *_reach(model, found),
        ),
    )


def _model_table(
    comparisons: Sequence[Comparison], model: AgreementModel, classes: PairClasses
) -> pd.DataFrame:
    rows = []
    for place, item in enumerate(comparisons):
        m, u = _by_level(place, model, classes, len(item.levels))
        rows += [
            {
                "field": item.field,
                "level": len(item.levels) - 1 - number,
                "label": level.label,
                "m": m[len(item.levels) - 1 - number],
                "u": u[len(item.levels) - 1 - number],
            }
            for number, level in enumerate(item.levels)
        ]
    return pd.DataFrame(rows)


def _by_level(
    place: int, model: AgreementModel, classes: PairClasses, n_levels: int
) -> tuple[FloatVector, FloatVector]:
    """Return m and u by level, over all pairs that have the field."""
    level = classes.fields[place].level
    m = np.bincount(level[1:], model.m[place][1:], n_levels)
    others = np.bincount(
        classes.cells[:, place], model.others, classes.fields[place].size
    )
    u = np.bincount(level[1:], others[1:], n_levels)
    return m / m.sum(), u / u.sum()


def _doubts(
    comparisons: Sequence[Comparison], model: AgreementModel, classes: PairClasses
) -> tuple[str, ...]:
    turned = []
    for place, item in enumerate(comparisons):
        m, u = _by_level(place, model, classes, len(item.levels))
        if m[-1] <= u[-1]:
            turned.append(item.field)
    if turned:
        return (
            f"{', '.join(turned)}: links agree no more often than other pairs; the "
            "model may have found something else than persons, review pairs by hand",
        )
    return ()


def _untold(
    comparisons: Sequence[Comparison], model: AgreementModel, classes: PairClasses
) -> tuple[str, ...]:
    """Name levels all of whose links are lost among other pairs."""
    lost = []
    for item, told, field in zip(comparisons, model.told, classes.fields, strict=True):
        for number, level in enumerate(reversed(item.levels)):
            here = field.level == number
            if here.any() and not told[here].any():
                lost.append(f"{item.field} {level.label}")
    if not lost:
        return ()
    return (
        "links cannot be told from other pairs, and are not counted among the expected "
        f"ones, where: {'; '.join(lost)}",
    )


def _reach(model: AgreementModel, probability: FloatVector) -> tuple[str, ...]:
    """Say how many links are expected, and how many of them can be made."""
    made = probability >= _HALF
    share = float(np.sort(probability[made]).sum()) / model.n_links
    # Shares, not counts: notes are released, and an overlap may be too small to be.
    notes = [
        f"{share:.0%} of the expected links have a probability of one half or more; "
        f"their number has a standard error of {model.std_error / model.n_links:.0%}"
    ]
    if model.std_error > _POORLY_TOLD * model.n_links:
        notes.append(
            "the number of links is poorly told by these fields: sizes and rates from "
            "this model are guesses, add a field or review pairs by hand"
        )
    if not made.any():
        notes.append(
            "no pair is likelier a link than not: the lists have nobody in common, or "
            "the fields tell too little for lists of this size; add a field, or divide "
            "them by province or nationality"
        )
    return tuple(notes)
