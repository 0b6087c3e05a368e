"""Mapping files: each section, and what is said when one is wrong."""

from __future__ import annotations

import pytest

from sentinel.ingest import FLOW_STEPS, ingest_study
from sentinel.schema.states import CellState
from sentinel.study import load_study


def read(path):
    return ingest_study(load_study(path))


def states(interviews, name):
    return [CellState(state).name for state in interviews.states[name]]


def test_columns__rename_and_recode(study, table):
    renamed = table.rename(columns={"sex": "Q1 gender", "age": "q2"})
    renamed["Q1 gender"] = renamed["Q1 gender"].replace({"1": "M", "2": "F"})
    mapping = """
    [columns]
    "Q1 gender" = "sex"
    q2 = "age"
    [recode.sex]
    M = 1
    F = "2"
    """
    frame = read(study.write(renamed, mapping=mapping)).frame
    assert frame["sex"].tolist()[:2] == ["1", "2"]
    assert frame["age"].tolist()[:2] == [24, 17]


def test_columns__case_differs_between_files_and_names_between_years(study, table):
    first = table.iloc[:3].rename(columns={"sex": "SEXO", "age": "Edad"})
    second = table.iloc[3:].rename(columns={"sex": "sexo", "age": "EDAD_2"})
    mapping = """
    ignore_case = true
    [columns]
    sexo = "sex"
    edad = "age"
    edad_2 = "age"
    """
    frame = read(study.write(first, second, mapping=mapping)).frame
    assert frame["age"].fillna(-1).tolist() == [24, 17, -1, 48]
    assert frame["sex"].fillna("?").tolist() == ["1", "2", "?", "?"]


def test_columns__absent_source_lists_near_names(study, table, found):
    lines = found(study.write(table, mapping='[columns]\nsexx = "sex"\n'))
    assert len(lines) == 1
    assert lines[0].startswith("error mapping.toml:2:columns.sexx: 'sexx' came")
    assert "Near names: sex" in lines[0]
    optional = 'optional = ["sexx"]\n[columns]\nsexx = "sex"\n'
    assert found(study.write(table, mapping=optional)) == []


def test_missing__ranges_and_codes_by_state(study, table):
    table["pay"] = ["-3", "97", "", "999", "", "150"]
    mapping = """
    [missing]
    "-52..-1" = "not_asked"
    [missing.pay]
    "-52..-1" = "not_asked"
    97 = "dont_know"
    "998..999" = "refused"
    """
    interviews = read(study.write(table, mapping=mapping))
    assert states(interviews, "pay") == ["NOT_ASKED", "DONT_KNOW", "REFUSED", "VALUE"]


def test_missing__a_general_code_that_is_lawful_must_be_decided(study, table, found):
    table.loc[0, "age"] = "97"
    lines = found(study.write(table, mapping='[missing]\n97 = "refused"\n'))
    assert len(lines) == 1
    assert "decide in [missing.age]" in lines[0]
    own = '[missing]\n97 = "refused"\n[missing.age]\n98 = "dont_know"\n'
    interviews = read(study.write(table, mapping=own))
    assert interviews.frame["age"][0] == 97


def test_missing__listed_codes_are_never_taken_by_general_ones(study, table):
    interviews = read(study.write(table, mapping='[missing]\n0 = "refused"\n'))
    assert interviews.frame["debt"][1] == "0"
    assert interviews.frame["consent_given"][1] == "1"


def test_missing__declared_in_spss_and_stata_files_count(study, table):
    import pyreadstat

    table["pay"] = [100.0, 888, None, 999, None, 5]
    pyreadstat.write_sav(
        table,
        study.folder / "one.sav",
        missing_ranges={"pay": [888, 999]},
        variable_value_labels={"pay": {888: "Refused to say", 999: "No sabe"}},
    )
    path = study.write(table)
    text = path.read_text(encoding="utf-8").replace("one.csv", "one.sav")
    path.write_text(text, encoding="utf-8")
    assert states(read(path), "pay") == ["VALUE", "REFUSED", "DONT_KNOW", "VALUE"]


def test_units__factor_and_factor_by_column(study, table):
    table["pay"] = ["3100", "10", "", "-9", "", "20"]
    table["per"] = ["month", "day", "", "day", "", "week"]
    fixed = '[units.pay]\nfactor = 0.031\nsource = "bank, March 2020"\n'
    frame = read(study.write(table, mapping=fixed)).frame
    assert frame["pay"][0] == pytest.approx(96.1)
    varied = """
    [units.pay]
    by = "per"
    factors = { month = 1.0, day = 26.0, week = 4.33 }
    source = "days worked per month"
    """
    interviews = read(study.write(table, mapping=varied))
    assert interviews.frame["pay"].fillna(-1).tolist() == [3100, 260, -1, 86.6]
    assert states(interviews, "pay")[2] == "DONT_KNOW"


def test_units__a_unit_without_factor_is_an_error(study, table, found):
    table["pay"] = ["10", "10", "", "", "", ""]
    table["per"] = ["day", "year", "", "year", "", ""]
    mapping = '[units.pay]\nby = "per"\nfactors = { day = 26.0 }\nsource = "x"\n'
    lines = found(study.write(table, mapping=mapping))
    assert len(lines) == 1
    assert "one.csv:3:pay" in lines[0]
    assert "a unit in per that has a factor: day" in lines[0]


def test_decimal_comma(study, table):
    table["pay"] = "3,5"
    interviews = read(study.write(table, mapping="decimal_comma = true"))
    assert interviews.frame["pay"].tolist() == [3.5] * 4


def test_dates__in_another_order(study, table):
    table["int_date"] = ["02/03/2020"] * 3 + ["03/03/2020"] * 3
    mapping = '[dates]\nint_date = "%d/%m/%Y"\n'
    frame = read(study.write(table, mapping=mapping)).frame
    assert frame["int_date"].dt.strftime("%Y-%m-%d").tolist() == [
        "2020-03-02", "2020-03-02", "2020-03-03", "2020-03-03",
    ]  # fmt: skip


def test_constants_and_join(study, table):
    table = table.drop(columns=["site_code", "rec_id"]).assign(folio=list("112345"))
    mapping = """
    [constants]
    site_code = "XB-POIPET"
    [join.rec_id]
    columns = ["folio", "age"]
    per_file = true
    """
    interviews = read(study.write(table, mapping=mapping))
    assert set(interviews.frame["site_code"]) == {"XB-POIPET"}
    assert interviews.frame["rec_id"].tolist()[:2] == ["one-1-24", "one-1-17"]


def test_combine__multiple_answers_out_of_columns(study, table):
    table = table.drop(columns="travel")
    table["p1"] = ["1", "0", "", "-1", "", ""]
    table["p2"] = ["1.0", "0", "", "-1", "", "1"]
    mapping = """
    [missing]
    "-9..-1" = "not_asked"
    [combine.travel]
    spouse = "p1=1"
    friend = "p2=1"
    """
    interviews = read(study.write(table, mapping=mapping))
    assert states(interviews, "travel") == ["VALUE", "VALUE", "NOT_ASKED", "VALUE"]
    answers = interviews.frame["travel"].fillna("?").tolist()
    assert answers == ["friend;spouse", "none", "?", "friend"]


def test_combine__a_category_takes_the_first_that_holds(study, table):
    table["q"] = ["3", "2", "", "9", "", ""]
    table = table.drop(columns="sex")
    mapping = '[combine.sex]\n1 = "q>=3"\n2 = "q=2|3"\n'
    interviews = read(study.write(table, mapping=mapping))
    assert interviews.frame["sex"].fillna("?").tolist() == ["1", "2", "1", "?"]
    assert states(interviews, "sex")[3] == "MISSING"


def test_exclude__rows_are_counted_by_rule(study, table):
    table["status"] = ["test", "", "", "", "test", ""]
    mapping = '[[exclude]]\nwhen = "status=test"\nreason = "training week"\n'
    interviews = read(study.write(table, mapping=mapping))
    row = interviews.flow.iloc[0]
    assert row["excluded_by_rule"] == 2
    assert row["rows_read"] == 6
    assert row["rows_read"] == row["selected"] + row["excluded_by_rule"]
    assert set(FLOW_STEPS) < set(interviews.flow.columns)


def test_unmapped__columns_are_listed(study, table):
    interviews = read(study.write(table.assign(extra="1")))
    held = interviews.harmonisation.set_index("variable")
    assert held.loc["extra", "fate"] == "unmapped"
    assert held.loc["sex", "answered"] == 2
    assert bool(held.loc["sex", "present"])
    assert not held.loc["pay", "present"]


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ('[columns]\nq1 = "sexx"', "mapping.toml:2:columns.q1: expected a variable of"),
        ('[recodes.sex]\nM = "1"', "Did you mean 'recode'?"),
        ('[recode.sex]\nM = "7"', "'7' is none of them"),
        ('[missing]\n"5..1" = "refused"', "begins above its end"),
        ('[missing]\n9 = "unknown"', "one of not_asked, dont_know, refused, missing"),
        ('[combine.travel]\nspouse = "p1 is 1"', "expected a condition like"),
        ('[combine.travel]\nenemy = "sex=1"', "'enemy' is none of them"),
        ('[combine.pay]\n1 = "sex=1"', "a multiple answer or a category"),
        ('[units.sex]\nfactor = 2.0\nsource = "x"', "a variable that is a number"),
        ('[units.pay]\nfactor = -2.0\nsource = "x"', "greater than 0"),
        ("[units.pay]\nfactor = 2.0", "mapping.toml:1:units.pay.source: expected a"),
        ('[constants]\nround_id = "x"', "no mapping of round_id"),
        ('[constants]\nsex = "1"\n[columns]\nq = "sex"', "one way to make sex"),
        ('[dates]\nsex = "%Y"', "a variable that is a day or a month"),
        ('[[exclude]]\nwhen = "a~1"\nreason = "x"', "expected a condition like"),
        ("[columns", "mapping.toml:1: expected a mapping file in TOML"),
    ],
)
def test_mapping__mistakes_are_named_with_their_line(
    study, table, found, mapping, expected
):
    lines = found(study.write(table, mapping=mapping))
    assert any(expected in line for line in lines), lines
    assert all(line.startswith("error mapping.toml") for line in lines)


def test_combine__blank_sources_are_missing_and_not_an_empty_answer(study, table):
    table = table.drop(columns="travel")
    # The third and fifth person did not respond; the second was never asked anything.
    table["p1"] = ["1", "", "", "0", "", ""]
    table["p2"] = ["0", "", "", "", "", ""]
    mapping = '[combine.travel]\nspouse = "p1=1"\nfriend = "p2=1"\n'
    interviews = read(study.write(table, mapping=mapping))
    assert states(interviews, "travel") == ["VALUE", "MISSING", "VALUE", "MISSING"]
    assert interviews.frame["travel"].fillna("?").tolist()[:2] == ["spouse", "?"]
