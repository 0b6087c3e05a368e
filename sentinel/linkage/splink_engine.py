"""Large lists: splink on DuckDB, made repeatable.

Records have unique sorted numbers, the sample of pairs is drawn by a hash with a seed,
and weights are rounded before anything depends on them: the answer is the same on any
number of threads. Nothing is read from or sent to a network.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.errors import ConvergenceError, InputError
from sentinel.linkage.comparisons import (
    Comparison,
    compare_field,
    prediction_blocks,
    training_blocks,
)
from sentinel.linkage.duck import connection
from sentinel.linkage.pairs import LinkedPairs, probability_of

if TYPE_CHECKING:
    import duckdb

    from estimators.array_types import FloatVector
    from sentinel.linkage.records import LinkageRecords

__all__ = ["link_by_splink", "splink_settings"]

WEIGHT_DIGITS = 6
_SAMPLED_PAIRS = 5e6
_TRAINING_PAIRS = 5e6
# Every pair that could reach the floor under another prior must come back.
_DOWN = 1e-4
_MOST_ROUNDS = 1000
_TOLERANCE = 1e-10
_HALF = 0.5


def splink_settings(
    records: LinkageRecords, *, blocking: Sequence[Sequence[str]] | None = None
) -> dict[str, Any]:
    """Return the settings of splink for these records.

    Examples
    --------
    >>> from sentinel.linkage import SourceList, prepare_lists
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"id": ["1"], "who": ["Sok Chan"]})
    >>> lists = [SourceList(source=name, frame=frame, record_id="id",
    ...                     columns={"name": "who"}) for name in ("a", "b")]
    >>> splink_settings(prepare_lists(lists))["link_type"]
    'link_and_dedupe'
    """
    free = set(records.duplicate_free) == set(records.sources)
    alone = len(records.sources) == 1
    link_type = "dedupe_only" if alone else "link_only" if free else "link_and_dedupe"
    return {
        "link_type": link_type,
        "unique_id_column_name": "unique_id",
        "source_dataset_column_name": "source_dataset",
        "comparisons": [
            _comparison_settings(compare_field(field)) for field in records.fields
        ],
        "blocking_rules_to_generate_predictions": [
            _rule(block) for block in _blocks(records, blocking)
        ],
        "retain_matching_columns": True,
        "retain_intermediate_calculation_columns": False,
        "max_iterations": 200,
        "em_convergence": 1e-6,
        "probability_two_random_records_match": _guessed_prior(records),
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
    trained_on = training_blocks(records.fields)
    if not trained_on:
        raise InputError(
            "splink is trained on records that agree in the name and on records that "
            "agree in all else: a name and at least one other field are needed."
        )
    settings = splink_settings(records, blocking=blocking)
    with connection(n_threads) as duck, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        linker = _linker(duck, records, settings)
        linker.training.estimate_u_using_random_sampling(
            max_pairs=_SAMPLED_PAIRS, seed=rng
        )
        for block in trained_on:
            linker.training.estimate_parameters_using_expectation_maximisation(
                _rule(block), max_pairs=_TRAINING_PAIRS
            )
        model = linker.misc.save_model_to_json(out_path=None)
        found = _predict(linker, records, floor)
    comparisons = [compare_field(field) for field in records.fields]
    table = _model_table(comparisons, model)
    return _linked(records, found, table, model, floor)


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


def _predict(linker: Any, records: LinkageRecords, floor: float) -> pd.DataFrame:  # noqa: ANN401 - splink is untyped
    predicted = linker.inference.predict(
        threshold_match_probability=min(floor, _DOWN), warning_mode="never"
    )
    levels = [f"gamma_{field.name}" for field in records.fields]
    wanted = ", ".join(["unique_id_l", "unique_id_r", "match_weight", *levels])
    # What records hold stays in DuckDB: only numbers come back.
    found: pd.DataFrame = predicted.as_duckdbpyrelation().project(wanted).df()
    number, free = records.source_numbers, records.duplicate_free_mask
    left = found["unique_id_l"].to_numpy(np.int64)
    right = found["unique_id_r"].to_numpy(np.int64)
    barred = (number[left] == number[right]) & free[number[left]]
    made = pd.DataFrame(
        {
            "id_l": np.minimum(left, right),
            "id_r": np.maximum(left, right),
            "match_weight": found["match_weight"].to_numpy(np.float64),
            **{
                name.replace("gamma_", "level_", 1): found[name].to_numpy(np.int64)
                for name in levels
            },
        }
    )
    return made.loc[~barred]


def _linked(
    records: LinkageRecords,
    found: pd.DataFrame,
    table: pd.DataFrame,
    model: Mapping[str, Any],
    floor: float,
) -> LinkedPairs:
    prior = float(model["probability_two_random_records_match"])
    n_pairs = _n_pairs(records)
    # What the pair itself says, without the share of links that splink supposed.
    evidence = np.round(
        found["match_weight"].to_numpy(np.float64) - np.log2(prior / (1 - prior)),
        WEIGHT_DIGITS,
    )
    share = _share_of_links(np.sort(evidence), n_pairs, prior)
    weight = np.round(evidence + np.log2(share / (1 - share)), WEIGHT_DIGITS)
    probability = probability_of(weight)
    frame = found.assign(match_weight=weight)
    frame.insert(3, "match_probability", probability)
    kept = frame[probability >= floor].sort_values(
        ["match_weight", "id_l", "id_r"],
        ascending=[False, True, True],
        ignore_index=True,
    )
    return LinkedPairs(
        records=records,
        frame=kept,
        model=table,
        prior=share,
        n_compared=n_pairs,
        expected_links=float(np.sort(probability).sum()),
        floor=floor,
        engine="splink",
        notes=(
            "links between records that agree in none of the blocks are not counted "
            "among the expected ones",
        ),
    )


def _share_of_links(evidence: FloatVector, n_pairs: int, start: float) -> float:
    """Return the share of links that the scored pairs make likeliest.

    splink takes it from a guess; here m and u stay and the share is maximised, which
    needs the pairs that count only: all others are taken for no links.
    """
    share = start
    for _ in range(_MOST_ROUNDS):
        odds = evidence + np.log2(share / (1 - share))
        found = min(float(probability_of(odds).sum()) / n_pairs, _HALF)
        found = max(found, 1 / (n_pairs + 1.0) / 100)
        if abs(found - share) <= _TOLERANCE * share:
            return float(found)
        share = found
    raise ConvergenceError(
        f"The share of links still moved after {_MOST_ROUNDS:,} rounds: the fields do "
        "not tell links from other pairs. Add a field, or check the lists."
    )


def _n_pairs(records: LinkageRecords) -> int:
    sizes = np.bincount(records.source_numbers, minlength=len(records.sources))
    total = int(sizes.sum()) ** 2 - int((sizes**2).sum())
    within = sizes[~records.duplicate_free_mask]
    return (total + int((within * (within - 1)).sum())) // 2


def _guessed_prior(records: LinkageRecords) -> float:
    # Half of the most that can be; training and `_share_of_links` replace it.
    sizes = np.bincount(records.source_numbers, minlength=len(records.sources))
    across = np.minimum.outer(sizes, sizes)[np.triu_indices(sizes.size, 1)].sum()
    most = float(max(across, sizes.max()))
    return min(_HALF * most / max(_n_pairs(records), 1), _HALF)


def _comparison_settings(comparison: Comparison) -> dict[str, Any]:
    levels: list[dict[str, Any]] = [
        {
            "sql_condition": comparison.unknown,
            "label_for_charts": "unknown",
            "is_null_level": True,
        }
    ]
    for level in comparison.levels:
        entry: dict[str, Any] = {
            "sql_condition": level.sql,
            "label_for_charts": level.label,
            "m_probability": level.expected,
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
        return prediction_blocks(records.fields)
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


def _model_table(
    comparisons: Sequence[Comparison], model: Mapping[str, Any]
) -> pd.DataFrame:
    rows = []
    for item, trained in zip(comparisons, model["comparisons"], strict=True):
        levels = [
            level
            for level in trained["comparison_levels"]
            if not level.get("is_null_level")
        ]
        last = len(levels) - 1
        rows += [
            {
                "field": item.field,
                "level": last - place,
                "label": level.label,
                "m": entry.get("m_probability", np.nan),
                "u": entry.get("u_probability", np.nan),
            }
            for place, (level, entry) in enumerate(
                zip(item.levels, levels, strict=True)
            )
        ]
    return pd.DataFrame(rows)
