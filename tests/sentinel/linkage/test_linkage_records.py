"""Lists of agencies become comparable records, or say everything that is wrong."""

from __future__ import annotations

import unicodedata

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.linkage import SourceList, plain_name, prepare_lists, sound_key
from sentinel.schema.problems import IngestError

# Pairs of romanisations that clerks use for one name, and pairs of two names.
SAME = [
    ("Chea Vannak", "Wannakh Chia"),
    ("Somchai", "Somjay"),
    ("Phonphan", "Pornpan"),
    ("Kyaw Htun", "Chaw Tun"),
    ("Nguyễn Văn Đức", "NGUYEN VAN DUC"),
    ("Bounmy", "Bunmi"),
    ("Souksavanh", "Suksawan"),
    ("Sophea", "Sophia"),
    ("Phol", "Pon"),
    ("Khamla", "Kamra"),
    ("Thida", "Tida"),
]
DIFFERENT = [("Sophea", "Soriya"), ("Chea", "Cha"), ("Maya", "Mayuri"), ("Sok", "Som")]


@pytest.mark.parametrize(("left", "right"), SAME)
def test_romanisations_of_one_name_sound_alike(left, right):
    assert sound_key(left) == sound_key(right)


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_two_names_sound_different(left, right):
    assert sound_key(left) != sound_key(right)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.lists(st.text(max_size=12), max_size=4))
def test_order_case_and_accents_do_not_matter(words):
    text = " ".join(words)
    composed = unicodedata.normalize("NFC", text)
    turned = " ".join(reversed(text.split()))
    for read in (plain_name, sound_key):
        assert read(text) == read(composed)
        assert read(text) == read(turned)
    assert plain_name(plain_name(text)) == plain_name(text)


def test_vowel_signs_of_khmer_stay_and_thai_tone_marks_go():
    assert plain_name("សុខា") == "សុខា"
    assert plain_name("น้อย") == plain_name("นอย")


def lists(**changed):
    frame = pd.DataFrame(
        {
            "id": ["p2", "p1", "p3"],
            "family": ["Chan", "Sok", None],
            "given": ["Thy", "Dara", ""],
            "born": [1987.0, 2530.0, None],
            "sex": ["F", "male", "unknown"],
        }
    ).assign(**changed)
    return SourceList(
        source="police",
        frame=frame,
        record_id="id",
        columns={"name": ("family", "given"), "birth_year": "born", "sex": "sex"},
    )


def test_records_are_sorted_joined_and_keep_those_without_content():
    records = prepare_lists([lists()])
    frame = records.frame
    assert frame["record"].tolist() == ["p1", "p2", "p3"]
    assert frame["unique_id"].tolist() == [0, 1, 2]
    assert frame["name"].tolist()[:2] == ["dara sok", "chan thy"]
    assert frame["birth_year"].tolist()[:2] == [1987, 1987]
    assert frame.loc[2, ["name", "birth_year", "sex", "origin"]].isna().all()
    assert records.notes == (
        "police: 1 years of the Buddhist era",
        "1 records hold nothing to compare: they link to nobody",
    )


def test_everything_wrong_is_listed_and_no_content_is_shown():
    wrong = lists(
        id=["p1", "p1", ""], born=["1887", "secret", "1990"], sex=["1", "F", "F"]
    )
    with pytest.raises(IngestError) as caught:
        prepare_lists([wrong])
    message = str(caught.value)
    assert len(caught.value.problems) == 3
    assert "police:id" in message
    assert "Correct 2 rows: 3, 4." in message
    assert "police:born" in message
    assert "Correct 2 rows: 2, 3." in message
    assert "police:sex" in message
    assert "secret" not in message


def test_absent_columns_and_unknown_fields_are_listed_together():
    wrong = SourceList(
        source="ngo",
        frame=pd.DataFrame({"id": ["1"]}),
        record_id="ID",
        columns={"name": "who", "phone": "id"},
    )
    with pytest.raises(IngestError) as caught:
        prepare_lists([wrong, wrong])
    columns = [item.column for item in caught.value.problems]
    assert columns == ["ngo", "phone", "ID", "who", "phone", "ID", "who"]
