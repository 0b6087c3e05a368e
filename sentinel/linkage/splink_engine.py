"""Large lists: splink on DuckDB, made repeatable.

splink blocks, compares and scores; the model is our own (`fit_agreement`), fitted to
counts of patterns, because training by expectation and maximisation within blocks took
people of one country for one person as soon as lists mixed nationalities. Records have
unique sorted numbers, what is sampled is drawn with a seed, and weights are rounded
before anything depends on them: the answer is the same on any number of threads.
Nothing is read from or sent to a network.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.errors import InputError
from sentinel.linkage.comparisons import (
    Comparison,
    compare_field,
    prediction_blocks,
)
from sentinel.linkage.duck import connection
from sentinel.linkage.fellegi_sunter import AgreementModel, fit_agreement
from sentinel.linkage.pattern_counts import (
    fitting_blocks,
    most_links,
    number_of_pairs,
    sampled_patterns,
)
from sentinel.linkage.scoring import expected_levels, score

if TYPE_CHECKING:
    import duckdb

    from estimators.array_types import FloatVector, IntMatrix, IntVector
    from sentinel.linkage.pairs import LinkedPairs
    from sentinel.linkage.records import LinkageRecords

__all__ = ["link_by_splink", "splink_settings"]

# What splink scores under its marginal u may fall, seldom rise, under two kinds of
# other pairs: pairs well under the floor come back too.
_UNDER_FLOOR = 0.1


def splink_settings(
    records: LinkageRecords,
    model: AgreementModel,
    *,
    blocking: Sequence[Sequence[str]],
) -> dict[str, Any]:
    """Return the settings of splink for these records, this model and these blocks."""
    free = set(records.duplicate_free) == set(records.sources)
    alone = len(records.sources) == 1
    link_type = "dedupe_only" if alone else "link_only" if free else "link_and_dedupe"
    return {
        "link_type": link_type,
        "unique_id_column_name": "unique_id",
        "source_dataset_column_name": "source_dataset",
        "comparisons": [
            _comparison_settings(compare_field(field), m, u)
            for field, m, u in zip(records.fields, model.m, model.u, strict=True)
        ],
        "blocking_rules_to_generate_predictions": [_rule(block) for block in blocking],
        "retain_matching_columns": True,
        "retain_intermediate_calculation_columns": False,
        "probability_two_random_records_match": model.prior,
        "linker_uid": "sentinel",
    }


def link_by_splink(
    records: LinkageRecords,
    *,
    floor: float,
    blocking: Sequence[Sequence[str]] | None,
    rng: int,
    n_threads: int | None,
) -> LinkedPairs:
    """Train on blocks and score pairs of blocks with splink; see `link_records`."""
    _check_splink()
    comparisons = [compare_field(field) for field in records.fields]
    blocks = _blocks(records, blocking)
    with connection(n_threads) as duck, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patterns, count = sampled_patterns(duck, records, comparisons, blocks, rng=rng)
        model = fit_agreement(
            patterns,
            count,
            expected_levels(comparisons),
            most_links=most_links(records),
        )
        settings = splink_settings(records, model, blocking=blocks)
        pairs = _predict(_linker(duck, records, settings), records, floor)
    found = score(
        records,
        comparisons,
        model,
        pairs=pairs,
        n_compared=number_of_pairs(records),
        floor=floor,
        engine="splink",
    )
    note = (
        "links between records that agree in none of the blocks are not counted among "
        f"the expected ones; blocks: {'; '.join(' + '.join(item) for item in blocks)}"
    )
    return replace(found, notes=(*found.notes, note))


def _check_splink() -> None:
    try:
        import splink
    except ImportError as error:
        raise InputError(
            "Linking lists of 2 000 records and more needs splink, which is not "
            "installed: pip install 'sentinel-prevalence[link]'. Up to 6 000 records "
            "are linked without it by engine='exact'."
        ) from error
    if int(splink.__version__.split(".")[0]) < 5:
        raise InputError(
            f"splink {splink.__version__} is installed; version 5 or newer was "
            "expected: pip install --upgrade 'sentinel-prevalence[link]'."
        )


def _linker(
    duck: duckdb.DuckDBPyConnection,
    records: LinkageRecords,
    settings: Mapping[str, Any],
) -> Any:  # noqa: ANN401 - splink is untyped
    import pyarrow as pa
    from splink import DuckDBAPI, Linker

    logging.getLogger("splink").setLevel(logging.ERROR)
    api = DuckDBAPI(connection=duck)
    columns = records.frame.drop(columns=["record", "source"])
    number = records.source_numbers
    tables = [
        api.register(
            pa.Table.from_pandas(columns[number == place], preserve_index=False),
            # A name of our own: what agencies call their lists is not SQL.
            dataset_display_name=f"list_{place:02d}",
        )
        for place in range(len(records.sources))
    ]
    return Linker(
        tables if len(tables) > 1 else tables[0], dict(settings), log_level=None
    )


def _predict(
    linker: Any,  # noqa: ANN401 - splink is untyped
    records: LinkageRecords,
    floor: float,
) -> tuple[IntVector, IntVector, IntMatrix]:
    predicted = linker.inference.predict(
        threshold_match_probability=floor * _UNDER_FLOOR, warning_mode="never"
    )
    levels = [f"gamma_{field.name}" for field in records.fields]
    wanted = ", ".join(["unique_id_l", "unique_id_r", "match_weight", *levels])
    # What records hold stays in DuckDB: only numbers come back.
    found: pd.DataFrame = predicted.as_duckdbpyrelation().project(wanted).df()
    number, free = records.source_numbers, records.duplicate_free_mask
    left = found["unique_id_l"].to_numpy(np.int64)
    right = found["unique_id_r"].to_numpy(np.int64)
    kept = (number[left] != number[right]) | ~free[number[left]]
    matrix = np.column_stack([found[name].to_numpy(np.int64) for name in levels])
    return (
        np.minimum(left, right)[kept],
        np.maximum(left, right)[kept],
        matrix[kept],
    )


def _comparison_settings(
    comparison: Comparison, m: FloatVector, u: FloatVector
) -> dict[str, Any]:
    levels: list[dict[str, Any]] = [
        {
            "sql_condition": comparison.unknown,
            "label_for_charts": "unknown",
            "is_null_level": True,
        }
    ]
    for place, level in enumerate(comparison.levels, start=1):
        entry: dict[str, Any] = {
            "sql_condition": level.sql,
            "label_for_charts": level.label,
            "m_probability": float(m[-place]),
            "u_probability": float(u[-place]),
        }
        if level.frequency_column:
            entry["tf_adjustment_column"] = level.frequency_column
            entry["tf_adjustment_weight"] = 1.0
        levels.append(entry)
    return {"output_column_name": comparison.field, "comparison_levels": levels}


def _blocks(
    records: LinkageRecords, blocking: Sequence[Sequence[str]] | None
) -> Sequence[Sequence[str]]:
    if blocking is None:
        return fitting_blocks(records, prediction_blocks(records.fields))
    known = list(records.frame.columns.drop(["unique_id", "source", "record"]))
    unknown = sorted(set(chain.from_iterable(blocking)) - set(known))
    if unknown or not blocking or not all(blocking):
        raise InputError(
            f"blocking names {', '.join(unknown) or 'nothing'}; the columns are "
            f"{', '.join(known)}."
        )
    return blocking


def _rule(block: Sequence[str]) -> str:
    return " AND ".join(f'l."{name}" = r."{name}"' for name in block)
