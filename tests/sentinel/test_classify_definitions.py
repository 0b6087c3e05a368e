"""Definition files: the shipped one holds together, a faulty one is told everything."""

import pytest

from estimators.errors import InputError
from sentinel.classify import (
    available_definitions,
    definition_table,
    load_definition,
)
from sentinel.schema.problems import IngestError

GOOD = """
[definition]
name = "small"
title = "A small definition"

[settings.base]
hours_over = 12

[indicators.LOCKED]
label = "locked in"
phase = "work"
when = "locked = 1"

[indicators.HOURS]
label = "long hours"
phase = "work"
when = "hours_day > $hours_over"

[dimensions.bad]
any_of = ["LOCKED", "HOURS"]

[outcomes]
d_both = "d_any and LOCKED and HOURS"
d_any = "bad"

[tiers]
1 = "d_any"
2 = "d_both"
"""


def _load(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return load_definition(path)


def _problems(tmp_path, text):
    with pytest.raises(IngestError) as caught:
        _load(tmp_path, text)
    return caught.value.problems


def test_load__a_file_of_ones_own_with_outcomes_in_any_order(tmp_path):
    definition = _load(tmp_path, GOOD)
    assert definition.outcome_names == ("d_any", "d_both")
    assert definition.variables == ("hours_day", "locked")
    assert definition_table(definition)["dimensions"].tolist() == ["bad", "bad"]


def test_load__a_byte_order_mark_does_no_harm(tmp_path):
    assert _load(tmp_path, "\ufeff" + GOOD).name == "small"


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('"locked = 1"', '"locked = "', 9, "it ends where"),
        ('"locked = 1"', '"locket = 1"', 9, "it has no locket"),
        ('"locked = 1"', '"locked = 5"', 9, "for locked, not '5'"),
        ('"locked = 1"', '"locked = 9"', 9, "dont_know, which is unknown"),
        ('"locked = 1"', '"locked > 1"', 9, "values are codes"),
        ('"locked = 1"', '"living = 1"', 9, "several answers"),
        ('"locked = 1"', "\"selected(locked, '1')\"", 9, "whose kind is category"),
        ('"locked = 1"', '"HOURS"', 9, "not other conditions"),
        ('"hours_day > $hours_over"', "\"hours_day > 'long'\"", 14, "not 'long'"),
        ("$hours_over", "$hours_above", 6, "a value of hours_above"),
        ('"LOCKED", "HOURS"]', '"LOCKED", "HOUR"]', 19, "HOUR is not defined"),
        ('d_any = "bad"', 'd_any = "d_both"', 23, "needs itself"),
        ('d_any = "bad"', 'd_any = "bad and locked = 1"', 24, "names of conditions"),
        (
            'phase = "work"\nwhen = "locked',
            'phase = "later"\nwhen = "locked',
            9,
            "'work'",
        ),
        ("any_of", "some_of", 19, "some_of"),
        ("[settings.base]", "[settings.bass]", 6, "base"),
        ("[tiers]", "[teirs]", 26, "teirs"),
        ('"small"', "", None, "TOML"),
        ("d_any = ", "LOCKED = ", 24, "a name of its own"),
    ],
)
def test_load__a_fault_is_named_with_its_line(tmp_path, old, new, line, words):
    assert old in GOOD
    problems = _problems(tmp_path, GOOD.replace(old, new, 1))
    assert any(item.row == line and words in str(item) for item in problems), [
        (item.row, str(item)) for item in problems
    ]
    assert all(item.file == "mine.toml" for item in problems)


def test_load__all_faults_at_once(tmp_path):
    text = GOOD.replace("locked = 1", "locket = 1").replace("$hours_over", "$x")
    text = text.replace('d_any = "bad"', 'd_any = "worse"')
    found = "\n".join(map(str, _problems(tmp_path, text)))
    for words in (
        "no locket",
        "a value of x",
        "no one uses hours_over",
        "worse is not",
    ):
        assert words in found


def test_load__no_such_definition_lists_what_there_is():
    with pytest.raises(InputError, match="nor a shipped definition; shipped are"):
        load_definition("uniapp")


def test_load__a_file_that_is_no_text(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="not UTF-8"):
        load_definition(path)


@pytest.mark.parametrize("name", available_definitions())
def test_shipped__loads_and_explains_itself(name):
    definition = load_definition(name)
    assert definition.sources
    assert definition.notes
    assert set(definition.settings) == {"strict", "base", "broad"}
    assert set(definition.parameters) == set(definition.values("base"))
    table = definition_table(definition)
    assert table["code"].is_unique
    assert not table["label"].eq("").any()


def test_unknown_setting_lists_the_settings():
    with pytest.raises(InputError, match="strict, base, broad"):
        load_definition("uniap").values("lax")
