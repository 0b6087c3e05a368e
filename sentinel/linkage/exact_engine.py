"""Small lists: every pair is compared, and the model is fitted to all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.errors import InputError
from sentinel.linkage.comparisons import Comparison, compare_field
from sentinel.linkage.duck import connection
from sentinel.linkage.fellegi_sunter import AgreementModel, fit_agreement
from sentinel.linkage.pairs import LinkedPairs, probability_of

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntMatrix, IntVector
    from sentinel.linkage.records import LinkageRecords

__all__ = ["link_exactly"]

WEIGHT_DIGITS = 6


def link_exactly(records: LinkageRecords, *, floor: float) -> LinkedPairs:
    """Compare every pair in DuckDB and fit the model in numpy; see `link_records`."""
    comparisons = [compare_field(field) for field in records.fields]
    left, right, levels = _compare(records, comparisons)
    if not left.size:
        raise InputError(
            "There is no pair of records to compare: two lists with records are needed."
        )
    patterns, place, count = np.unique(
        levels, axis=0, return_inverse=True, return_counts=True
    )
    model = fit_agreement(
        patterns,
        count,
        [
            np.array([level.expected for level in reversed(item.levels)])
            for item in comparisons
        ],
        most_links=_most_links(records),
    )
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
        n_compared=left.size,
        expected_links=float(probability.sum()),
        floor=floor,
        engine="exact",
        notes=_doubts(comparisons, model),
    )


def _compare(
    records: LinkageRecords, comparisons: Sequence[Comparison]
) -> tuple[IntVector, IntVector, IntMatrix]:
    fields = [item.field for item in comparisons]
    cases = ", ".join(f"{item.case()} AS level_{item.field}" for item in comparisons)
    free = ", ".join(str(int(flag)) for flag in records.duplicate_free_mask)
    table = records.frame.drop(columns=["source", "record"])
    both = ", ".join(
        f"a.{column} AS {column}_l, b.{column} AS {column}_r" for column in table
    )
    table = table.assign(source=records.source_numbers)
    query = f"""
        WITH pairs AS (
            SELECT {both} FROM records a JOIN records b
            ON a.unique_id < b.unique_id
            AND (a.source <> b.source OR [{free}][a.source + 1] = 0)
        )
        SELECT unique_id_l, unique_id_r, {cases} FROM pairs
        ORDER BY unique_id_l, unique_id_r
    """
    with connection() as duck:
        duck.register("records", table)
        found = duck.sql(query).fetchnumpy()
    levels = np.column_stack(
        [np.asarray(found[f"level_{name}"], dtype=np.int64) for name in fields]
    )
    ids = (np.asarray(found[f"unique_id_{side}"], dtype=np.int64) for side in "lr")
    left, right = ids
    return left, right, levels


def _most_links(records: LinkageRecords) -> float:
    sizes = np.bincount(records.source_numbers, minlength=len(records.sources))
    across = np.minimum.outer(sizes, sizes)[np.triu_indices(sizes.size, 1)].sum()
    within = sizes[~records.duplicate_free_mask].sum() / 2
    return float(max(across + within, 1))


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
