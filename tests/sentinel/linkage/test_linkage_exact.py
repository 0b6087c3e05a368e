"""The exact engine: levels, model and links, against truth and plain versions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from estimators.errors import InputError
from sentinel.linkage import LinkField, SourceList, link_records, prepare_lists
from sentinel.simulate import simulate_lists
from tests.sentinel.linkage.conftest import (
    COLUMNS,
    pairs_of,
    records_of,
    true_persons,
)

LEVELS = [
    # names, then the level expected; 4 equal, 3 sounds, 2 close, 1 near, 0 different
    ("Sok Dara", "DARA, Sok", 4),
    ("Chea Vannak", "Chia Wannak", 3),
    ("Sok Danara", "Sok Danata", 2),
    ("Sok Dara", "Prum Bopha", 0),
    ("Sok Dara", "សុខ តារា", -1),
    ("Sok Dara", "", -1),
]
YEARS = [(1987, 1987, 3), (1987, 1988, 2), (1987, 1978, 2), (1987, 1991, 1)]
FAR_YEARS = [(1987, 1966, 0), (1987, "unknown", -1), (1991, 2000, 0)]


def two(field, kind, left, right):
    lists = [
        SourceList(
            source=source,
            frame=pd.DataFrame({"id": ["1", "2"], "value": [value, filler]}),
            record_id="id",
            columns={field: "value"},
            duplicate_free=True,
        )
        for source, value, filler in (
            ("a", left, "1950" if kind == "year" else "Zaw Zaw"),
            ("b", right, "1930" if kind == "year" else "Hla Pe"),
        )
    ]
    return prepare_lists(lists, fields=[LinkField(name=field, kind=kind)])


@pytest.mark.parametrize(("left", "right", "level"), LEVELS)
def test_names_reach_their_level(left, right, level):
    frame = link_records(two("who", "name", left, right), floor=1e-9).frame
    pair = frame[(frame["id_l"] == 0) & (frame["id_r"] == 2)]
    assert pair["level_who"].tolist() == [level]


@pytest.mark.parametrize(("left", "right", "level"), [*YEARS, *FAR_YEARS])
def test_years_reach_their_level(left, right, level):
    frame = link_records(two("born", "year", left, right), floor=1e-9).frame
    pair = frame[(frame["id_l"] == 0) & (frame["id_r"] == 2)]
    assert pair["level_born"].tolist() == [level]


def test_relatives_of_one_province_are_not_taken_for_one_person():
    # Names and provinces go together among other pairs: a model that does not know it
    # expects 10 to 20 per cent too many links of lists of this size.
    ratio = []
    for rng in range(5):
        simulated = simulate_lists(1000, rng=rng)
        records = records_of(simulated)
        wanted = len(pairs_of(true_persons(records, simulated)))
        found = link_records(records, engine="exact")
        ratio.append(found.expected_links / wanted)
        assert abs(found.expected_links - wanted) < 4 * found.links_std_error
    error = np.std(ratio, ddof=1) / np.sqrt(len(ratio))
    assert np.mean(ratio) == pytest.approx(1, abs=4 * error)


def test_m_is_the_share_among_true_links():
    # The mean of the difference over data sets is noise of so many, and at most the
    # share of links on levels where they cannot be told (a hundredth of the names).
    differences = []
    for rng in range(6):
        simulated = simulate_lists(800, rng=rng)
        records = records_of(simulated)
        left, right = np.array(sorted(pairs_of(true_persons(records, simulated)))).T
        model = link_records(records, engine="exact").model
        top = model.drop_duplicates("field").set_index("field")["m"]
        row = []
        for name in COLUMNS:
            values = records.frame[name]
            one, other = (
                values.take(ids).reset_index(drop=True) for ids in (left, right)
            )
            known = one.notna() & other.notna()
            row.append(top[name] - (one[known] == other[known]).mean())
        differences.append(row)
    found = np.array(differences, dtype=float)
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert (np.abs(found.mean(axis=0)) < 4 * error + 0.01).all()


def test_links_of_simulated_lists_are_precise_and_nearly_complete(pairs, truth):
    wanted = pairs_of(truth)
    found = pairs_of(pairs.persons(0.5).frame["person"].to_numpy())
    hits = len(wanted & found)
    assert hits / len(found) > 0.93
    assert hits / len(wanted) > 0.9
    assert pairs.expected_links == pytest.approx(len(wanted), rel=0.1)


def test_probabilities_are_calibrated(pairs, truth):
    found = pairs.frame
    same = truth[found["id_l"]] == truth[found["id_r"]]
    sure = found["match_probability"] > 0.95
    assert same[sure].mean() > 0.95
    assert same[found["match_probability"] < 0.05].mean() < 0.05


def test_a_threshold_is_found_for_a_precision(pairs, truth):
    threshold = pairs.threshold_for(0.99)
    kept = pairs.frame[pairs.frame["match_probability"] >= threshold]
    assert kept["match_probability"].mean() >= 0.99
    lower = pairs.frame.iloc[: len(kept) + 1]["match_probability"]
    assert lower.mean() < 0.99
    same = truth[kept["id_l"]] == truth[kept["id_r"]]
    # Binomial: 4 standard errors below the precision asked for.
    assert same.mean() > 0.99 - 4 * np.sqrt(0.99 * 0.01 / len(kept))
    with pytest.raises(InputError, match="between 0 and 1"):
        pairs.threshold_for(1.0)
    doubtful = replace(pairs, frame=pairs.frame.tail(5))
    with pytest.raises(InputError, match="Ask for less"):
        doubtful.threshold_for(0.99)


def test_weights_fall_and_ids_are_ordered(pairs):
    frame = pairs.frame
    assert (frame["id_l"] < frame["id_r"]).all()
    assert frame["match_weight"].is_monotonic_decreasing
    assert not frame.duplicated(["id_l", "id_r"]).any()
    assert (frame["match_probability"] >= pairs.floor).all()


def test_duplicates_inside_a_list_are_found():
    simulated = simulate_lists(700, duplicate_rate=0.15, rng=4)
    records = records_of(simulated, duplicate_free=False)
    truth = true_persons(records, simulated)
    linked = link_records(records, engine="exact").persons(0.5)
    wanted, found = pairs_of(truth), pairs_of(linked.frame["person"].to_numpy())
    assert len(wanted & found) / len(found) > 0.9
    assert len(wanted & found) / len(wanted) > 0.9
    extra = len(truth) - len(set(zip(truth, records.source_numbers, strict=True)))
    assert linked.clusters.n_duplicates == pytest.approx(extra, rel=0.15)


def test_what_cannot_be_linked_is_refused(records, pairs):
    alone = SourceList(
        source="a",
        frame=pd.DataFrame({"id": ["1"], "who": ["Sok"]}),
        record_id="id",
        columns={"name": "who"},
        duplicate_free=True,
    )
    with pytest.raises(InputError, match="nothing to link"):
        link_records(prepare_lists([alone]))
    with pytest.raises(InputError, match="engine"):
        link_records(records, engine="guess")
    with pytest.raises(InputError, match="floor=0"):
        link_records(records, floor=0)
    with pytest.raises(InputError, match="the floor of these pairs"):
        pairs.persons(0.0001)
