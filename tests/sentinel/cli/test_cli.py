"""The commands as a user types them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sentinel import datasets
from sentinel.cli import run

STUDY = datasets.path("mekong_demo") / "study.toml"


def _sentinel(*words: str, **options):
    return subprocess.run(
        [sys.executable, "-c", "from sentinel.cli import main; main()", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        **options,
    )


def test_help__groups_the_commands_and_gives_examples(capsys):
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("run", "demo", "check", "catalogue"))
    assert run(["run", "--help"]) == 0
    assert "Example: sentinel run" in capsys.readouterr().out


def test_help__does_not_load_the_statistics_libraries():
    code = (
        "import sys; from sentinel.cli import run; run(['--help']);"
        "print('scipy' in sys.modules or 'matplotlib' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("False")


def test_estimate__prints_the_interval(capsys):
    words = ["estimate", "proportion_ci", "--successes", "92", "--n", "400", "--json"]
    assert run(words) == 0
    row = json.loads(capsys.readouterr().out)[0]
    # DOMAIN: Wilson limits of 23 % of 400.
    assert (round(row["ci_low"], 3), round(row["ci_high"], 3)) == (0.191, 0.274)


def test_estimate__takes_a_table_and_a_design(tmp_path, capsys):
    table = tmp_path / "t.csv"
    table.write_text("truck,exploited\n1,1\n1,0\n2,0\n2,0\n3,1\n3,1\n4,0\n4,0\n")
    words = ["estimate", "survey_proportion", "--data", str(table), "--psu", "truck"]
    assert run([*words, "--variable", "exploited", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)[0]
    assert row["estimate"] == pytest.approx(0.375)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["estimate", "no_such"], 2, "No estimator is called 'no_such'"),
        (["estimate", "proportion_ci", "--successes", "9"], 2, "--n is missing"),
        (
            ["estimate", "proportion_ci", "--successes", "9", "--n", "5"],
            2,
            "successes",
        ),
        (["estimate", "proportion_ci", "--sucesses", "9", "--n", "5"], 2, "sucesses"),
        (["estimate", "survey_mean", "--variable", "y"], 2, "needs --data"),
        (["catalogue", "--family", "astrology"], 2, "No family"),
        (["run", "no/such/study.toml"], 2, "study"),
        (["map", "no/such/study.toml"], 2, "study"),
        (["fly"], 2, "No such command"),
    ],
)
def test_bad_usage__one_message_and_no_traceback(words, code, says, capsys):
    assert run(words) == code
    shown = capsys.readouterr()
    assert says in shown.err
    assert "Traceback" not in shown.err


def test_catalogue__lists_what_the_library_lists(capsys):
    import estimators

    assert run(["catalogue", "--json"]) == 0
    listed = {row["key"] for row in json.loads(capsys.readouterr().out)}
    assert listed == set(estimators.catalogue()["key"])


def test_new__makes_a_study_that_check_can_read(tmp_path, capsys):
    folder = tmp_path / "my_study"
    assert run(["new", str(folder)]) == 0
    capsys.readouterr()
    code = run(["check", str(folder / "study.toml")])
    shown = capsys.readouterr().out
    # The data are not there yet: that is a finding, not a crash.
    assert code in (0, 1)
    assert "errors" in shown


def test_new__its_study_runs_as_it_is_and_says_what_six_rows_cannot_show(tmp_path):
    folder, out = tmp_path / "my_study", tmp_path / "my_report"
    assert run(["new", str(folder)]) == 0
    assert run(["run", str(folder / "study.toml"), "--out", str(out)]) == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Maps: No round has the 11 respondents" in page
    assert not (out / "maps").exists()


def test_new__with_a_form_makes_its_mapping_or_says_what_is_wrong(tmp_path, capsys):
    first = tmp_path / "first"
    assert run(["new", str(first)]) == 0
    form = first / "forms" / "deportee.xlsx"
    second = tmp_path / "second"
    assert run(["new", str(second), "--form", str(form)]) == 0
    assert '"consent_given" = "consent_given"' in (second / "mapping.toml").read_text(
        encoding="utf-8"
    )
    capsys.readouterr()
    assert run(["new", str(tmp_path / "third"), "--form", str(form.parent)]) == 2
    assert "expected a file of type" in capsys.readouterr().err
    assert not (tmp_path / "third").exists()


def test_check__the_embedded_study_has_no_error(capsys):
    assert run(["check", str(STUDY)]) == 0


def test_check__writes_nothing(tmp_path):
    before = sorted(path.name for path in STUDY.parent.rglob("*"))
    _sentinel("check", str(STUDY), cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert sorted(path.name for path in STUDY.parent.rglob("*")) == before


def test_run__an_interrupted_run_leaves_the_previous_output_whole(tmp_path):
    out = tmp_path / "out"
    assert _sentinel("run", str(STUDY), "--out", str(out)).returncode == 0
    before = {
        path.relative_to(out): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file()
    }
    # A shell that started the tests in the background had interrupts ignored: a person
    # at a terminal has not.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from sentinel.cli import main; main()"
    )
    words = [sys.executable, "-c", code, "run"]
    with subprocess.Popen(
        [*words, str(STUDY), "--out", str(out), "--rng", "2"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "report" in line or "maps" in line:
                break
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
    after = {
        path.relative_to(out): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file()
    }
    assert process.returncode == 130
    assert after == before
    # What the run had finished is kept for the next one; half a report is not.
    left = {path.name for path in tmp_path.iterdir()}
    assert left - {".out-unfinished"} == {"out"}


def test_run__bad_data_leave_no_output(tmp_path):
    folder = tmp_path / "study"
    for source in STUDY.parent.rglob("*"):
        target = folder / source.relative_to(STUDY.parent)
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    workbook = next(Path(folder).rglob("*.xlsx"))
    workbook.write_bytes(workbook.read_bytes()[:2000])
    done = _sentinel("run", str(folder / "study.toml"), "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert workbook.name in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_map__says_why_six_rows_make_no_map(tmp_path, capsys):
    folder, out = tmp_path / "my_study", tmp_path / "my_maps"
    assert run(["new", str(folder)]) == 0
    assert run(["map", str(folder / "study.toml"), "--out", str(out)]) == 2
    assert "No round has the 11 respondents" in capsys.readouterr().err
    assert not out.exists()
