"""Linkage of encodings: what they show, what they find, what they refuse."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import pandas as pd
import pytest

from estimators.errors import InputError
from sentinel.linkage import Encodings, encode_records, link_encodings
from sentinel.safekeeping import ProjectKey
from tests.twins.linkage import dice_of_positions

KEY = ProjectKey(bytes(range(32)))
OTHER = ProjectKey(bytes(range(1, 33)))


@pytest.fixture(scope="module")
def encoded(records):
    return {name: encode_records(records, KEY, source=name) for name in records.sources}


@pytest.fixture(scope="module")
def linked(encoded):
    return link_encodings(encoded["police"], encoded["ngo"])


def test_mutual_best_links_are_precise_and_nearly_complete(
    linked, records, encoded, truth
):
    person = {}
    for source in ("police", "ngo"):
        number = np.flatnonzero(records.frame["source"] == source)
        person |= dict(zip(encoded[source].record, truth[number], strict=True))
    right = np.array(
        [
            person[row.record_l] == person[row.record_r]
            for row in linked.itertuples(index=False)
        ]
    )
    parts = [truth[records.frame["source"] == name] for name in ("police", "ngo")]
    both = np.intersect1d(*parts).size
    # Names alone reach 0.82 and 0.95 on lists of this kind (documentation).
    assert right.mean() > 0.9
    assert right.sum() / both > 0.85
    assert right[linked["exact"]].mean() > 0.97


def test_nobody_is_linked_twice(linked):
    assert linked["record_l"].is_unique
    assert linked["record_r"].is_unique
    assert (linked["score"] >= 0.85).all()


def test_similarity_is_that_of_the_plain_version(records, encoded):
    names = {
        source: records.frame.loc[records.frame["source"] == source, "name"].tolist()
        for source in ("police", "ngo")
    }
    found = link_encodings(encoded["police"], encoded["ngo"])
    places = [
        {code: place for place, code in enumerate(encoded[source].record)}
        for source in ("police", "ngo")
    ]

    def digest(word):
        # As the documentation writes it, from the standard library alone.
        inner = hmac.new(bytes(range(32)), f"filter|1024|{word}".encode(), "sha256")
        return hashlib.sha256(inner.digest()).digest()

    for row in found.head(20).itertuples():
        left = names["police"][places[0][row.record_l]]
        right = names["ngo"][places[1][row.record_r]]
        wanted = dice_of_positions(left, right, digest, n_bits=1024, n_hashes=20)
        assert row.name_similarity == pytest.approx(wanted, abs=1e-6)


def test_encodings_hold_neither_names_nor_ids_nor_the_key(encoded, records):
    text = encoded["police"].to_frame().to_csv() + repr(encoded["police"])
    for value in ("pol-", *records.frame["name"].head(50)):
        assert value not in text
    assert KEY.to_text() not in text
    assert bytes(range(32)).hex() not in text


def test_a_table_comes_back_as_it_went(encoded):
    table = encoded["ngo"].to_frame()
    back = Encodings.from_frame(table)
    pd.testing.assert_frame_equal(back.to_frame(), table)


def test_other_keys_and_sizes_are_refused(records, encoded):
    with pytest.raises(InputError, match="different keys"):
        link_encodings(encoded["police"], encode_records(records, OTHER, source="ngo"))
    with pytest.raises(InputError, match="Encode both alike"):
        link_encodings(
            encoded["police"], encode_records(records, KEY, source="ngo", n_bits=512)
        )


def test_another_key_sets_other_bits(records, encoded):
    other = encode_records(records, OTHER, source="police")
    same = (other.names == encoded["police"].names).all(axis=1)
    assert not same.any()
    assert not set(other.exact) & set(encoded["police"].exact) - {""}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "church"}, "'church' without records"),
        ({"source": "police", "n_bits": 100}, "multiple of 8"),
        ({"source": "police", "n_hashes": 0}, "1 to 64 hashes"),
    ],
)
def test_wrong_options_are_refused(records, options, message):
    with pytest.raises(InputError, match=message):
        encode_records(records, KEY, **options)


def test_damaged_tables_are_refused(encoded):
    table = encoded["ngo"].to_frame()
    with pytest.raises(InputError, match="check differ"):
        Encodings.from_frame(table.assign(check=range(len(table))))
    with pytest.raises(InputError, match="base64 of 128 bytes"):
        Encodings.from_frame(table.assign(names="AAAA"))
    with pytest.raises(InputError, match="exact is absent"):
        Encodings.from_frame(table.drop(columns="exact"))


def test_unknown_years_leave_the_name_to_decide(records):
    frame = records.frame.assign(
        birth_year=pd.array([None] * len(records.frame), "Int64")
    )
    blank = type(records)(frame=frame, fields=records.fields, sources=records.sources)
    left, right = (
        encode_records(blank, KEY, source=name) for name in ("police", "ngo")
    )
    found = link_encodings(left, right)
    assert found["year_similarity"].isna().all()
    assert np.allclose(found["score"], found["name_similarity"], atol=2e-6)
    assert not found["exact"].any()
