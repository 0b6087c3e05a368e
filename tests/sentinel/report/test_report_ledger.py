"""Releases that are each safe and together are not."""

from __future__ import annotations

import dataclasses
import json
import stat
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from estimators.errors import InputError
from sentinel.cli import run
from sentinel.disclosure import ReleasedCells, ReleasedRecords, ReleaseLedger
from sentinel.report.outgoing.ledger_entry import released_cells
from sentinel.report.protected.protection import protect_study
from sentinel.report.writing import write_report

K = 11


def cells(rounds, minimum=K, **families):
    files = {label: f"files of {label}" for label in rounds}
    return ReleasedCells(rounds=files, minimum_cell=minimum, cells=families)


def by_sex(label, male, female):
    return {f"round={label}|sex=1|n": male, f"round={label}|sex=2|n": female}


@pytest.fixture
def ledger(tmp_path):
    return ReleaseLedger.read(tmp_path / "ledger.jsonl")


def again(ledger):
    return ReleaseLedger.read(ledger.path)


def test_the_same_release_is_lawful_and_written_once(ledger):
    first = cells(["2009"], people=by_sex("2009", 60, 45))
    assert ledger.record(first) == again(ledger).record(first) == 1
    assert len(again(ledger).entries) == 1


@pytest.mark.parametrize("change", [-10, -1, 1, 10])
def test_a_few_persons_less_or_more_are_refused(ledger, change):
    ledger.record(cells(["2009"], people=by_sex("2009", 60, 45)))
    with pytest.raises(InputError, match="fewer than 11 persons") as caught:
        again(ledger).record(cells(["2009"], people=by_sex("2009", 60 + change, 45)))
    assert str(60 + change) not in str(caught.value)
    assert len(again(ledger).entries) == 1


def test_a_round_under_a_new_name_is_the_same_round(ledger):
    """Somebody withdrew, by a tombstone: the files are those of before."""
    ledger.record(cells(["2009", "2010"], people=by_sex("2009", 60, 45)))
    renamed = ReleasedCells(
        rounds={"Poipet": "files of 2009"},
        minimum_cell=K,
        cells={"people": by_sex("Poipet", 59, 45)},
    )
    with pytest.raises(InputError, match="people, n by round, sex: differs by fewer"):
        again(ledger).record(renamed)
    same = dataclasses.replace(renamed, cells={"people": by_sex("Poipet", 60, 45)})
    assert again(ledger).record(same) == 2
    # Of files that are not known nothing can be said.
    other = dataclasses.replace(renamed, rounds={"Poipet 2": ""})
    assert again(ledger).record(other) == 3


def test_a_refusal_says_how_a_new_round_goes_out(ledger):
    """By itself it is compared with no sum over rounds."""
    sums = {"sex=1|n": 60, "round=A|sex=1|n": 60}
    ledger.record(cells(["A"], people=sums))
    new = {"round=B|sex=1|n": None}
    with pytest.raises(InputError, match="new round alone"):
        again(ledger).record(cells(["A", "B"], people={**sums, "sex=1|n": 80, **new}))
    assert again(ledger).record(cells(["B"], people=new)) == 2


def test_many_persons_more_are_lawful(ledger):
    ledger.record(cells(["2009"], people=by_sex("2009", 60, 45)))
    assert again(ledger).record(cells(["2009"], people=by_sex("2009", 71, 45))) == 2


def test_more_of_the_same_data_is_lawful_where_it_was_protected_as_a_whole(ledger):
    sexes = by_sex("2009", 60, 45)
    ledger.record(cells(["2009"], people=sexes))
    more = {**sexes, "round=2009|sector=4|n": 80, "round=2009|sector=7|n": None}
    assert again(ledger).record(cells(["2009"], people=more)) == 2


def test_two_tables_protected_apart_are_refused(ledger):
    ledger.record(cells(["2009"], people=by_sex("2009", 60, 45)))
    sectors = {"round=2009|sector=4|n": 80, "round=2009|sector=7|n": None}
    with pytest.raises(InputError, match="not protected together"):
        again(ledger).record(cells(["2009"], people=sectors))


def test_another_pattern_of_hidden_cells_is_refused(ledger):
    """Each hides two cells of a row; both together show the row's small cell."""
    row = {"round=2009|a|n": None, "round=2009|b|n": None, "round=2009|c|n": 40}
    ledger.record(cells(["2009"], people=row))
    other = {"round=2009|a|n": None, "round=2009|b|n": 30, "round=2009|c|n": None}
    with pytest.raises(InputError, match="not protected together"):
        again(ledger).record(cells(["2009"], people=other))


def test_a_lower_minimum_tells_more_of_a_hidden_cell(ledger):
    told = {"round=2009|a|n": "few<11", "round=2009|b|n": 40}
    ledger.record(cells(["2009"], people=told))
    lower = {"round=2009|a|n": "few<5", "round=2009|b|n": 40}
    with pytest.raises(InputError):
        again(ledger).record(cells(["2009"], minimum=5, people=lower))


def test_a_minimum_that_was_promised_is_not_lowered(ledger):
    """Eight persons that eleven hid: all else is shown as before."""
    hidden = {"round=2009|a|n": None, "round=2009|b|n": 40}
    shown = {**hidden, "round=2009|a|n": 8}
    ledger.record(cells(["2009"], people=hidden))
    with pytest.raises(InputError, match="hidden under a minimum cell of 11"):
        again(ledger).record(cells(["2009"], minimum=5, people=shown))
    # The same tables, more of them, and other persons are lawful.
    more = {**hidden, "round=2009|c|n": 30}
    assert again(ledger).record(cells(["2009"], minimum=5, people=more)) == 2
    other = {"round=2010|a|n": 8, "round=2010|b|n": 40}
    assert again(ledger).record(cells(["2010"], minimum=5, people=other)) == 3


def test_a_round_added_to_a_sum_is_refused_where_it_hides_something(ledger):
    """The demo's trap: 60 over two rounds, then 64 over three: the third had 4."""
    two = {"sex=1|n": 60, "sex=2|n": 45, **by_sex("2009", 60, 45)}
    ledger.record(cells(["2009", "2010"], people=two))
    three = {"sex=1|n": 64, "sex=2|n": 85, **by_sex("2009", 60, 45)}
    three |= {"round=2012|sex=1|n": None, "round=2012|sex=2|n": None}
    with pytest.raises(InputError, match=r"differs by fewer|rounds added"):
        again(ledger).record(cells(["2009", "2010", "2012"], people=three))
    shown = {"sex=1|n": 80, "sex=2|n": 85, **by_sex("2009", 60, 45)}
    shown |= by_sex("2012", 20, 40)
    assert again(ledger).record(cells(["2009", "2010", "2012"], people=shown)) == 2


def test_hidden_complementary_cell_of_an_added_round_is_not_told_by_sums(ledger):
    # 20 of the new round are hidden for the sake of another cell; sums would tell 20.
    ledger.record(cells(["A"], people={"sex=1|n": 60, "round=A|sex=1|n": 60}))
    later = {"sex=1|n": 80, "round=A|sex=1|n": 60, "round=B|sex=1|n": None}
    with pytest.raises(InputError, match="sums over rounds differ"):
        again(ledger).record(cells(["A", "B"], people=later))


def test_sums_in_one_release_only__the_other_may_add_nothing(ledger):
    ledger.record(cells(["A"], people={"sex=1|n": 60, "round=A|n": 105}))
    more = {"round=A|sex=1|sector=4|n": 30, "round=B|n": 50}
    with pytest.raises(InputError, match="sums over rounds of the other"):
        again(ledger).record(cells(["A", "B"], people=more))
    alike = {"round=A|n": 105, "round=B|n": 50}
    assert again(ledger).record(cells(["A", "B"], people=alike)) == 2


def test_a_sum_is_told_where_every_round_is_shown(ledger):
    """Counts of all rounds together, after a run: its rounds say them already."""
    rounds = {"round=A|event|cases": 60, "round=B|event|cases": 40}
    ledger.record(cells(["A", "B"], people={**rounds, "round=A|sex=1|n": None}))
    assert again(ledger).record(cells(["A", "B"], people={"event|cases": 100})) == 2
    with pytest.raises(InputError, match="cases: differs by fewer than 11"):
        again(ledger).record(cells(["A", "B"], people={"event|cases": 99}))


def test_a_sum_tells_the_one_round_that_is_hidden(ledger):
    rounds = {"round=A|event|cases": 60, "round=B|event|cases": None}
    ledger.record(cells(["A", "B"], people=rounds))
    with pytest.raises(InputError, match="not protected together"):
        again(ledger).record(cells(["A", "B"], people={"event|cases": 64}))


def test_a_definition_that_moves_a_few_persons_is_a_filter_like_any_other(ledger):
    one = {"definition=a base|value=yes|persons": 100}
    ledger.record(cells(["A"], people=one), command="classify")
    for count, lawful in ((97, False), (120, True)):
        other = {**one, "definition=b base|value=yes|persons": count}
        found = again(ledger).problems(cells(["A"], people=other))
        assert bool(found) is not lawful
    assert (
        "release 1 (classify): people, persons by definition, value"
        in (
            again(ledger).problems(
                cells(["A"], people={"definition=b base|value=yes|persons": 99})
            )[0]
        )
    )


def test_what_is_released_at_once_is_written_whole_or_not_at_all(ledger):
    ledger.record(cells(["2009"], people=by_sex("2009", 60, 45)))
    fresh = cells(["2010"], people=by_sex("2010", 60, 45))
    fewer = cells(["2009"], people=by_sex("2009", 59, 45))
    with pytest.raises(InputError, match="differs"):
        again(ledger).record(fresh, fewer)
    assert len(again(ledger).entries) == 1


def test_messages_name_the_class_of_a_cell_and_never_the_cell(ledger):
    ledger.record(cells(["2009"], people=by_sex("2009", 60, 45)), command="run")
    found = again(ledger).problems(cells(["2009"], people=by_sex("2009", 61, 46)))
    assert found == [
        "release 1 (run): people, n by round, sex: differs by fewer than 11 persons"
    ]


def records(group="", digest="a"):
    return ReleasedRecords(kind="k-anonymous records", group=group, digest=digest)


def test_records_and_tables_that_hide_something_of_them_are_not_both_released(ledger):
    hiding = {"round=2009|sex=1|n": 60, "round=2009|sex=2|n": None}
    ledger.record(cells(["2009"], people=hiding), command="run")
    for group in ("", "2009"):
        with pytest.raises(InputError, match=r"release 1 \(run\): records of persons"):
            again(ledger).record(records(group))
    again(ledger).record(records("2010"))
    with pytest.raises(InputError, match="release 2"):
        again(ledger).record(cells(["2010"], people={"round=2010|n": None}))
    again(ledger).record(cells(["2010"], people={"round=2010|n": 60}))


def test_records_of_the_same_persons_are_released_once(ledger):
    ledger.record(records("2009"))
    again(ledger).record(records("2009"))
    again(ledger).record(records("2010", digest="b"))
    assert len(again(ledger).entries) == 2
    for other in (records("2009", digest="c"), records("", digest="d")):
        with pytest.raises(InputError, match="are out, and these are others"):
            again(ledger).record(other)


def test_other_rounds_are_not_compared(ledger):
    ledger.record(cells(["2009"], people=by_sex("2009", 60, 45)))
    assert again(ledger).record(cells(["2010"], people=by_sex("2010", 61, 44))) == 2


def test_the_chain_tells_a_changed_or_removed_line(ledger):
    ledger.record(cells(["2009"], people=by_sex("2009", 60, 45)))
    again(ledger).record(cells(["2010"], people=by_sex("2010", 61, 44)))
    lines = ledger.path.read_text().splitlines()
    for tampered in ([lines[1]], [lines[0].replace("60", "61"), lines[1]], ["{"]):
        ledger.path.write_text("\n".join(tampered) + "\n")
        with pytest.raises(InputError, match="was changed"):
            again(ledger)


def test_writers_at_once_wait_for_each_other(ledger):
    """Each reads, checks and adds: without a lock lines vouch for the wrong one."""

    def write(year):
        return again(ledger).record(
            cells([str(year)], people=by_sex(str(year), 60 + year, 45))
        )

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(write, range(2000, 2016)))
    assert sorted(numbers) == list(range(1, 17))
    assert len(again(ledger).entries) == 16


def test_the_file_is_the_owners_alone_and_outside_releases(ledger, tmp_path):
    ledger.record(cells(["2009"], people=by_sex("2009", 60, 45)))
    assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="given away"):
        again(ledger)


def test_privacy_budget_adds_up_and_does_not_come_back(ledger):
    ledger.spend("2009", 0.6, budget=1.0)
    again(ledger).spend("2010", 1.0, budget=1.0)
    again(ledger).spend("2009", 0.4, budget=1.0)
    assert again(ledger).spent("2009") == pytest.approx(1.0)
    with pytest.raises(InputError, match="budget does not come back"):
        again(ledger).spend("2009", 0.01, budget=1.0)
    with pytest.raises(InputError):
        again(ledger).spend("2011", 0.0, budget=1.0)


def test_privacy_budget__everybody_is_in_every_group_and_no_budget_is_raised(ledger):
    ledger.spend("2009", 0.6, budget=1.0)
    again(ledger).spend("2010", 0.3, budget=1.0)
    # A person of 2009 has lost 0.6, one of 2010 0.3: everybody at most 0.6.
    assert again(ledger).spent() == pytest.approx(0.6)
    again(ledger).spend("", 0.4, budget=1.0)
    assert again(ledger).spent("2010") == pytest.approx(0.7)
    for data, epsilon in (("2009", 0.1), ("2010", 0.4), ("", 0.1)):
        with pytest.raises(InputError, match="does not come back"):
            again(ledger).spend(data, epsilon, budget=5.0)
    again(ledger).spend("2010", 0.3, budget=5.0)


def test_the_ledger_of_a_study_holds_no_small_number(study):
    found = released_cells(study, protect_study(study))
    numbers = [v for family in found.cells.values() for v in family.values()]
    counts = [value for value in numbers if isinstance(value, int)]
    assert min(value for value in counts if value) >= K
    assert any(not isinstance(value, int) for value in numbers)  # a hidden cell
    assert set(found.rounds) == {"R2009", "R2012"}


def test_a_run_is_recorded_and_a_smaller_one_refused(study, tmp_path):
    privacy = study.config.privacy.model_copy(update={"ledger": "ledger.jsonl"})
    config = study.config.model_copy(
        update={"privacy": privacy, "folder": tmp_path, "maps": None}
    )
    first = dataclasses.replace(study, config=config)
    for _ in range(2):
        write_report(first, tmp_path / "out")
    lines = (tmp_path / "ledger.jsonl").read_text().splitlines()
    assert len(lines) == 1
    before = (tmp_path / "out" / "estimates.csv").read_bytes()
    tables = tuple(
        dataclasses.replace(
            table, frame=table.frame.assign(n_obs=lambda f: f.n_obs - 2)
        )
        for table in study.estimates
    )
    fewer = dataclasses.replace(first, estimates=tables)
    with pytest.raises(InputError, match="fewer than 11 persons"):
        write_report(fewer, tmp_path / "out")
    assert (tmp_path / "out" / "estimates.csv").read_bytes() == before
    assert (tmp_path / "ledger.jsonl").read_text().splitlines() == lines
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["plan"]["privacy"]["ledger"] == "ledger.jsonl"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "by_sector.csv"
    frame = pd.DataFrame(
        {"sector": ["sea", "other"], "male": [4, 60], "female": [30, 45]}
    )
    frame.to_csv(path, index=False)
    return path


def test_redact__protects_and_remembers(table, tmp_path, capsys):
    out, ledger = tmp_path / "public.csv", tmp_path / "ledger.jsonl"
    options = ["--ledger", str(ledger), "--group", "2009"]
    assert run(["redact", str(table), "--out", str(out), *options]) == 0
    assert "optimal" in capsys.readouterr().out
    shown = pd.read_csv(out, index_col=0)
    assert shown.loc["sea", "male"] == "<11"
    assert shown.loc["Total", "Total"] == 139
    table.write_text(table.read_text().replace("45", "47"))
    assert run(["redact", str(table), "--out", str(out) + ".2.csv", *options]) == 2
    assert "fewer than 11 persons" in capsys.readouterr().err
    assert run(["redact", str(table), "--out", str(out)]) == 2  # never overwrites


def test_redact__rounds_down(table, tmp_path):
    out = tmp_path / "rounded.csv"
    assert run(["redact", str(table), "--out", str(out), "--round-down"]) == 0
    shown = pd.read_csv(out, index_col=0)
    assert shown.to_numpy().tolist() == [[0, 22, 22], [55, 44, 99], [55, 66, 121]]
