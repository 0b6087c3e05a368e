"""From a model and levels of agreement to weights and a table of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sentinel.linkage.comparisons import Comparison
from sentinel.linkage.pairs import LinkedPairs, probability_of

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntMatrix, IntVector
    from sentinel.linkage.fellegi_sunter import AgreementModel
    from sentinel.linkage.records import LinkageRecords

__all__ = ["expected_levels", "score"]

WEIGHT_DIGITS = 6


def expected_levels(comparisons: Sequence[Comparison]) -> list[FloatVector]:
    """Return the supposed shares of levels among links, from level 0 up."""
    return [
        np.array([level.expected for level in reversed(item.levels)])
        for item in comparisons
    ]


def score(
    records: LinkageRecords,
    comparisons: Sequence[Comparison],
    model: AgreementModel,
    *,
    pairs: tuple[IntVector, IntVector, IntMatrix],
    n_compared: int,
    floor: float,
    engine: str,
) -> LinkedPairs:
    """Weigh pairs (ids and levels) and keep those that reach the floor."""
    left, right, levels = pairs
    patterns, place = np.unique(levels, axis=0, return_inverse=True)
    weight = model.weights(patterns)[place.ravel()]
    for number, item in enumerate(comparisons):
        weight += _rarity(records, item, model.u[number], levels[:, number], left)
    weight = np.round(weight, WEIGHT_DIGITS)
    probability = probability_of(weight)
    kept = probability >= floor
    frame = pd.DataFrame(
        {
            "id_l": left[kept],
            "id_r": right[kept],
            "match_weight": weight[kept],
            "match_probability": probability[kept],
            **{
                f"level_{item.field}": levels[kept, number]
                for number, item in enumerate(comparisons)
            },
        }
    )
    return LinkedPairs(
        records=records,
        frame=frame.sort_values(
            ["match_weight", "id_l", "id_r"],
            ascending=[False, True, True],
            ignore_index=True,
        ),
        model=_model_table(comparisons, model),
        prior=model.prior,
        n_compared=n_compared,
        # Sorted: the sum of the same numbers must not depend on their order.
        expected_links=float(np.sort(probability).sum()),
        floor=floor,
        engine=engine,
        notes=(*_doubts(comparisons, model), *_no_links(probability)),
    )


def _rarity(
    records: LinkageRecords,
    comparison: Comparison,
    u: FloatVector,
    level: IntVector,
    left: IntVector,
) -> FloatVector:
    """Return what equal values add when they are rarer than equal values are at large.

    u of the closest level is replaced by the value's own frequency.
    """
    top = comparison.levels[0]
    gain = np.zeros(left.size)
    if not top.frequency_column:
        return gain
    values = records.frame[top.frequency_column]
    frequency = values.map(values.value_counts(normalize=True)).to_numpy(np.float64)
    equal = level == len(comparison.levels) - 1
    gain[equal] = np.log2(u[-1] / frequency[left[equal]])
    return gain


def _model_table(
    comparisons: Sequence[Comparison], model: AgreementModel
) -> pd.DataFrame:
    rows = [
        {
            "field": item.field,
            "level": len(item.levels) - 1 - place,
            "label": level.label,
            "m": m[len(item.levels) - 1 - place],
            "u": u[len(item.levels) - 1 - place],
        }
        for item, m, u in zip(comparisons, model.m, model.u, strict=True)
        for place, level in enumerate(item.levels)
    ]
    return pd.DataFrame(rows)


def _no_links(probability: FloatVector) -> tuple[str, ...]:
    if (probability >= 0.5).any():
        return ()
    return (
        "no pair is likelier a link than not: the lists have nobody in common, or are "
        "too large for the model; divide them by province or nationality",
    )


def _doubts(
    comparisons: Sequence[Comparison], model: AgreementModel
) -> tuple[str, ...]:
    turned = [
        item.field
        for item, m, u in zip(comparisons, model.m, model.u, strict=True)
        if m[-1] <= u[-1]
    ]
    if turned:
        return (
            f"{', '.join(turned)}: links agree no more often than other pairs; the "
            "model may have found something else than persons, review pairs by hand",
        )
    return ()
