"""Definition files: the shipped one holds together, a faulty one is told everything."""

from importlib import resources
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from estimators.errors import InputError
from sentinel.classify import (
    available_definitions,
    available_sets,
    classify,
    definition_table,
    definition_template,
    indicator_set,
    load_definition,
)
from sentinel.classify.definitions import PHASES
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
    assert set(definition.settings) in ({"strict", "base", "broad"}, {"base"})
    assert set(definition.parameters) == set(definition.values("base"))
    table = definition_table(definition)
    assert table["code"].is_unique
    assert not table["label"].eq("").any()
    assert set(table["phase"]) <= set(PHASES)
    assert name == "uniap" or definition.reference_period


UNVERIFIED = ["ilo_hard_to_see", "icls20", "ilo_adult_sexual", "ilo_child_sexual"]


@pytest.mark.parametrize("name", UNVERIFIED)
def test_unverified__is_off_says_so_and_finds_nobody(name):
    definition = load_definition(name)
    codes = {item.code for item in indicator_set(SETS[name])}
    assert {item.code for item in definition.switched_off} == codes
    assert not codes & {item.code for item in definition.indicators}
    assert all(item.reason for item in definition.switched_off)
    assert any("Switched off and not counted" in note for note in definition.notes)
    frame = pd.DataFrame({"age_at_departure": [15.0, 30.0]})
    states = pd.DataFrame(np.uint8(0), index=frame.index, columns=frame.columns)
    result = classify(SimpleNamespace(frame=frame, states=states), definition)
    # Nobody is a case, and nobody is none but for being no child.
    assert not (result.frame[definition.headline] == 1).any()
    assert pd.isna(result.frame.loc[0, definition.headline])


SETS = {
    "ilo_hard_to_see": "ilo_hard_to_see_2012",
    "icls20": "icls20_2018",
    "ilo_adult_sexual": "ilo_ec_2009_adult_sexual",
    "ilo_child_sexual": "ilo_ec_2009_child_sexual",
}


def test_unverified__exactly_what_the_source_marks_is_off(shared_folder):
    listed = pd.read_csv(shared_folder / "domain" / "indicators.csv")
    doubtful = listed["provenance"].str.contains("RECALLED", case=False)
    sexual = listed["set"].str.contains("sexual")
    off = set(listed.loc[doubtful | sexual, "indicator_code"])
    ours = {
        item.code: item.off for name in available_sets() for item in indicator_set(name)
    }
    assert {code for code, reason in ours.items() if reason} == off & set(ours)


@pytest.mark.parametrize("name", ["ilo_hard_to_see", "icls20"])
def test_unverified__switching_on_is_told_and_needs_a_reason(name):
    reason = "compared with the document by A. B., 2 May 2026"
    definition = load_definition(name, switch_on={"*": reason})
    told = [note for note in definition.notes if note.startswith("SWITCHED ON")]
    assert len(told) == 1
    assert reason in told[0]
    assert all(item.code in told[0] for item in definition.indicators)
    with pytest.raises(IngestError, match="expected the reason: who compared it"):
        load_definition(name, switch_on={"*": " "})
    with pytest.raises(IngestError, match="it has no XX_01"):
        load_definition(name, switch_on={"XX_01": reason})


def test_unverified__the_report_prints_the_reason_and_what_is_off():
    from sentinel.report.definition_words import definition_context

    reason = "compared with paragraphs 5-9 by A. B."
    release = SimpleNamespace(
        definition=load_definition("icls20", switch_on={"IC_I04": reason}),
        setting="base",
        labels=SimpleNamespace(variable=str),
    )
    context = definition_context(release)
    assert any(
        "SWITCHED ON" in note and reason in note and "IC_I04" in note
        for note in context["not_measured"]
    )
    table = next(item for item in context["tables"] if item.name == "switched_off")
    assert len(table.rows) == 14
    assert all("recalled" in row[3] for row in table.rows)


def test_unverified__copying_a_code_does_not_switch_it_on(tmp_path):
    text = GOOD.replace("LOCKED", "H_WL_P05")
    definition = _load(tmp_path, text.replace("d_any and H_WL_P05", "d_any"))
    assert [item.code for item in definition.switched_off] == ["H_WL_P05"]
    with pytest.raises(IngestError, match="H_WL_P05 is switched off"):
        _load(tmp_path, text)
    on = '\n[switched_on]\nH_WL_P05 = "checked by A. B."\n'
    assert "SWITCHED ON" in _load(tmp_path, text + on).notes[0]


def test_eleven_indicators__are_shown_one_by_one_and_never_counted(tmp_path):
    definition = load_definition("ilo_forced_labour_2012")
    assert len(definition.outcome_names) == len(definition.indicators) == 11
    assert definition.headline == ""
    assert definition.dimensions == ()
    shipped = resources.files("sentinel.classify") / "shipped"
    text = (shipped / "ilo_forced_labour_2012.toml").read_text("utf-8")
    for combined in (
        'd_any = "at_least(3, ILO11_01, ILO11_02, ILO11_03)"',
        'd_any = "ILO11_01 or ILO11_02"',
    ):
        with pytest.raises(IngestError, match="no 'k of n' may be made"):
            _load(tmp_path, f"{text}{combined}\n")
    counted = (
        '\n[dimensions.all]\nof_set = "forced labour indicator"\ncounts = "N >= 3"\n'
    )
    with pytest.raises(IngestError, match="no 'k of n' may be made"):
        _load(tmp_path, text + counted)


def test_load__names_given_twice_and_every_cycle_with_their_lines(tmp_path):
    text = GOOD.replace('d_any = "bad"', 'd_any = "bad"\nd_any = "LOCKED"')
    text += '\n[indicators.HOURS]\nlabel = "again"\n'
    lines = {(item.row, item.column) for item in _problems(tmp_path, text)}
    assert (25, "outcomes.d_any") in lines
    assert any(column == "indicators.HOURS" for _, column in lines)
    text = GOOD.replace("[tiers]", 'a = "b"\nb = "a"\nc = "c"\n[tiers]')
    found = [str(item) for item in _problems(tmp_path, text)]
    assert any("a -> b -> a" in item for item in found)
    assert any("c -> c" in item for item in found)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('phase = "work"', 'phase = "work"\nstrength = "stronk"', "'strong', 'medium'"),
        ("any_of", 'counts = "S >= 1"\nof', "a strength (strong, medium, weak) of"),
        ("any_of", 'counts = "X >= 1"\nof', "there is no strength X"),
        ("any_of", 'counts = "N >= many"\nof', "there is no strength many"),
        ('"LOCKED", "HOURS"]', '"LOCKED", "LOCKED"]', "LOCKED is twice"),
        ("[definition]", '[definition]\nindicator_set = "ilo"', "one of icls20_2018"),
        ("[definition]", '[definition]\nheadline = "d_no"', "one of the outcomes"),
        ("[tiers]", '[crosswalk]\nAL_DR01 = "x = 1"\n[tiers]', "of the indicator set"),
        (
            "[tiers]",
            '[typology]\nof = ["bad"]\n[typology.types]\n"case" = "bad"\n[tiers]',
            "1 have none: 0",
        ),
        (
            "[tiers]",
            '[typology]\nof = ["bad"]\n[typology.types]\n"case" = "LOCKED"\n[tiers]',
            "conditions on bad only",
        ),
    ],
)
def test_load__faults_of_rules_and_sets(tmp_path, old, new, words):
    assert old in GOOD
    problems = _problems(tmp_path, GOOD.replace(old, new, 1))
    assert any(words in str(item) and item.row for item in problems), list(
        map(str, problems)
    )


def test_template__is_read_and_names_no_framework(tmp_path):
    assert "PRIF" not in definition_template()
    assert not any("prif" in name for name in available_definitions())
    definition = _load(tmp_path, definition_template())
    assert definition.headline == "d_case"


def test_unknown_setting_lists_the_settings():
    with pytest.raises(InputError, match="strict, base, broad"):
        load_definition("uniap").values("lax")
