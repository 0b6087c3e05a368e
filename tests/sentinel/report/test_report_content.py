"""What the folder holds: exact columns, no leak, no script, the same bytes twice."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from estimators.results import RESULT_COLUMNS
from sentinel.report import write_report
from sentinel.report.protected.protection import protect_study
from sentinel.report.sentences import key_findings

SCRIPT = "<script>alert('x')</script>"


class _Page(HTMLParser):
    """Collects tags with their attributes, and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def read_page(folder: Path) -> _Page:
    page = _Page()
    page.feed((folder / "report.html").read_text(encoding="utf-8"))
    return page


@pytest.fixture(scope="session")
def output(study, tmp_path_factory) -> Path:
    return write_report(study, tmp_path_factory.mktemp("study") / "out", rng=7).parent


def manifest_of(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def test_the_folder_holds_what_the_design_names(output):
    names = {path.relative_to(output).parts[0] for path in output.rglob("*")}
    assert names >= {
        "report.html",
        "estimates.csv",
        "estimates.parquet",
        "models.csv",
        "figures",
        "tables",
        "maps",
        "manifest.json",
        "log.jsonl",
    }
    figures = {path.stem for path in (output / "figures").glob("*.svg")}
    assert figures == {path.stem for path in (output / "figures").glob("*.png")}
    assert {"data_flow", "definition_sensitivity", "trend", "model_1"} <= figures


def test_estimates_have_exactly_the_columns_of_the_design(output):
    expected = [
        *RESULT_COLUMNS[:3],
        "round_id",
        "sex",
        "sector",
        *RESULT_COLUMNS[3:],
        "table",
        "quantity",
        "reference_period",
        "suppressed",
    ]
    table = pd.read_csv(output / "estimates.csv", dtype={"sex": "str", "sector": "str"})
    assert list(table.columns) == expected
    parquet = pd.read_parquet(output / "estimates.parquet")
    assert list(parquet.columns) == expected
    assert parquet["estimate"].isna().tolist() == table["estimate"].isna().tolist()
    assert (table["suppressed"] == table["estimate"].isna()).all()


def test_a_second_run_gives_the_same_bytes_but_for_the_wall_time(
    study, output, tmp_path
):
    again = write_report(study, tmp_path / "again", rng=7).parent
    names = {path.relative_to(output) for path in output.rglob("*") if path.is_file()}
    assert names == {
        path.relative_to(again) for path in again.rglob("*") if path.is_file()
    }
    for name in names - {Path("manifest.json")}:
        assert (again / name).read_bytes() == (output / name).read_bytes(), name
    first, second = manifest_of(output), manifest_of(again)
    assert first.pop("run") != {}
    second.pop("run")
    assert first == second


def test_manifest_hashes_every_file_and_itself(output):
    manifest = manifest_of(output)
    for name, digest in manifest["outputs"].items():
        assert hashlib.sha256((output / name).read_bytes()).hexdigest() == digest
    written = {
        path.relative_to(output).as_posix()
        for path in output.rglob("*")
        if path.is_file()
    }
    assert written - {"manifest.json", "log.jsonl"} == set(manifest["outputs"])
    digest = manifest.pop("sha256")
    manifest.pop("run")
    text = json.dumps(manifest, sort_keys=True, ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == digest


def test_manifest_rows_add_up(output):
    for row in manifest_of(output)["row_counts"]:
        assert row["rows_read"] == (
            row["duplicates_removed"]
            + row["excluded_by_rule"]
            + row["withdrawn"]
            + row["selected"]
        )
        assert row["selected"] == sum(
            row[step]
            for step in (
                "ineligible",
                "unavailable",
                "refused",
                "no_consent",
                "consented",
            )
        )
        assert row["consented"] == row["classified"] + row["unknown"]


def test_no_path_no_exact_day_and_no_value_leaves(output):
    for path in output.rglob("*"):
        if path.suffix in {".html", ".csv", ".json", ".jsonl", ".svg"}:
            text = path.read_text(encoding="utf-8")
            assert "/home/" not in text, path
            assert "someone" not in text, path
            assert "2009-08-03" not in text, path
    log = [json.loads(line) for line in (output / "log.jsonl").open(encoding="utf-8")]
    warnings = [entry for entry in log if entry["event"] == "warning"]
    assert warnings == [
        {
            "event": "warning",
            "file": "r1.csv",
            "column": "age",
            "expected": "5..99",
            "count": 1,
        }
    ]


def _printed(share: float) -> list[str]:
    """Return the forms in which a share could stand in a file."""
    return [f"{100 * share:.1f}", f"{share:.3f}", f"{share:.4f}", repr(share)]


def _numbers_in(text: str) -> set[str]:
    without_pictures = re.sub(r"data:image/[^\"]+", "", text)
    return set(re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", without_pictures))


def test_no_suppressed_number_appears_anywhere(study, release, output):
    hidden: set[str] = set()
    shown: set[str] = set()
    for raw, safe in zip(study.estimates, release.estimates, strict=True):
        for (_, before), gone in zip(
            raw.frame.iterrows(), safe.frame["suppressed"], strict=True
        ):
            forms = {
                form
                for name in ("estimate", "ci_low", "ci_high", "std_error")
                for form in _printed(before[name])
            }
            (hidden if gone else shown).update(forms)
    secret = hidden - shown
    assert len(secret) > 20
    parquet = pd.read_parquet(output / "estimates.parquet")
    texts = {
        path.name: path.read_text(encoding="utf-8")
        for path in output.rglob("*")
        if path.suffix in {".html", ".csv", ".json", ".jsonl"}
        and path.parent.name != "maps"  # counts and coordinates, no estimates
    } | {"estimates.parquet": parquet.to_csv()}
    # Other tables may hold the same digits by right; they are compared beforehand.
    lawful = {
        form
        for table in (release.sensitivity, release.trend)
        for name in ("estimate", "ci_low", "ci_high", "std_error")
        for value in table[name].dropna()
        for form in (*_printed(float(value)), *_printed(-float(value)))
    }
    for name, text in texts.items():
        assert not (secret - lawful) & _numbers_in(text), name
    drawn = list((output / "figures").glob("*_by_*.svg"))
    assert drawn
    for path in drawn:
        words = " ".join(re.findall(r"<text[^>]*>([^<]*)", path.read_text()))
        assert not (secret - lawful) & _numbers_in(words), path.name


def test_small_group_is_marked_and_its_complement_too(release, output):
    by_sector = next(
        table
        for table in release.estimates
        if table.by == ("round_id", "sector") and table.quantity == "event"
    )
    frame = by_sector.frame
    assert frame.loc[frame["sector"] == "7", "suppressed"].all()
    for _, part in frame.groupby("round_id"):
        assert part["suppressed"].sum() != 1
    page = "".join(read_page(output).text)
    assert "<11" in page
    primary, complementary = release.suppressed_total
    assert primary > 0
    assert "withheld" in page
    assert f"{primary} small rows (primary) and {complementary} rows" in page


def test_a_round_that_is_hidden_hides_its_contrasts_and_variants(study_maker):
    study = study_maker()
    for table in study.estimates:
        in_round = table.frame["round_id"] == "R2012"
        table.frame.loc[in_round, "n_cases"] = 4
    settings = study.sensitivity
    in_round = (settings["round_id"] == "R2012") & (settings["setting"] == "base")
    settings.loc[in_round, "n_cases"] = 4
    release = protect_study(study)
    assert release.headline[0].frame["suppressed"].tolist() == [False, True]
    assert release.trend["suppressed"].all()
    assert release.trend["p_value"].isna().all()
    own = release.sensitivity[release.sensitivity["setting"] == "base"]
    assert own.set_index("round_id")["suppressed"].loc["R2012"].all()
    assert release.sensitivity.loc[
        release.sensitivity["suppressed"], "estimate"
    ].isna().all()  # fmt: skip
    told = " ".join(key_findings(release))
    assert "fewer than 11 of 272" in told


def test_page_needs_no_network_and_no_script(output):
    text = (output / "report.html").read_text(encoding="utf-8")
    page = read_page(output)
    assert not page.attributes("script")
    assert not page.attributes("link") or {
        entry["href"] for entry in page.attributes("link")
    } == {"data:,"}
    policy = next(
        entry["content"]
        for entry in page.attributes("meta")
        if entry.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'")
    for image in page.attributes("img"):
        assert image["src"].startswith("data:image/")
        assert image["alt"]
    for link in page.attributes("a"):
        target = link["href"]
        assert target.startswith("#") or (output / target).is_file(), target
    outside = re.sub(r"data:image/[^\"]+", "", text)
    assert not re.search(r"https?://|@import|url\(", outside)


def test_every_entry_of_the_contents_leads_somewhere(output):
    page = read_page(output)
    anchors = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(anchors) == len(set(anchors))
    for link in page.attributes("a"):
        if link["href"].startswith("#"):
            assert link["href"][1:] in anchors


def test_page_is_accessible(output):
    page = read_page(output)
    assert page.attributes("html")[0]["lang"] == "en"
    assert all(entry.get("scope") for entry in page.attributes("th"))
    assert len(page.attributes("caption")) == len(page.attributes("table"))
    assert page.attributes("main")
    assert page.attributes("nav")


def test_simulated_data_are_labelled_before_anything_else(output, study_maker):
    text = (output / "report.html").read_text(encoding="utf-8")
    assert text.index("no person was interviewed") < text.index("<h1>")
    assert "SIMULATED DATA" in text


FORMULA = "=1+cmd|'x'!A0"


@pytest.fixture(scope="session")
def hostile(study_maker, tmp_path_factory) -> Path:
    """Real interviews whose every text tries to be markup or a formula."""
    study = study_maker(
        title=SCRIPT,
        question=SCRIPT,
        population=SCRIPT,
        reference_period=SCRIPT,
        simulated=False,
    )
    for table in study.estimates:
        table.frame.loc[0, "notes"] = SCRIPT
        if "sector" in table.by:
            sector = table.frame["sector"]
            table.frame["sector"] = sector.replace({"4": SCRIPT, "1": FORMULA})
    return write_report(study, tmp_path_factory.mktemp("hostile") / "out").parent


def test_a_real_study_carries_no_such_banner(hostile):
    assert "imulated" not in (hostile / "report.html").read_text(encoding="utf-8")
    for path in (hostile / "figures").glob("*.svg"):
        assert "simulated" not in path.read_text(encoding="utf-8")


def test_text_from_the_study_is_escaped_everywhere(hostile):
    text = (hostile / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert text.count("&lt;script&gt;") > 10
    figures = [
        path.read_text(encoding="utf-8") for path in (hostile / "figures").glob("*.svg")
    ]
    assert not any("<script" in figure for figure in figures)
    assert any("&lt;script&gt;" in figure for figure in figures)


def test_cells_that_a_spreadsheet_would_run_are_made_safe(hostile):
    cells = [
        cell
        for path in hostile.rglob("*.csv")
        for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8")))
        for cell in row
    ]
    assert f"'{FORMULA}" in cells
    assert not any(cell.startswith("=") for cell in cells)


def test_khmer_text_stays_text(output):
    page = "".join(read_page(output).text)
    assert "ការធ្វើចំណាកស្រុក" in page
    figure = next((output / "figures").glob("d_traff_by_round_id.svg"))
    assert "ការធ្វើចំណាកស្រុក" in figure.read_text(encoding="utf-8")


def test_findings_carry_interval_n_and_reference_period(release):
    findings = key_findings(release)
    first = findings[0]
    row = release.headline[0].frame.iloc[0]
    assert f"{100 * row['estimate']:.1f}% of deportations" in first
    assert f"n = {row['n_obs']}" in first
    assert "95% interval" in first
    assert "last completed trip" in first
    assert "possibly trafficked" in first
    assert "Counting each deported person once" in first
    for sentence in findings:
        if "%" in sentence and "interval" in sentence:
            assert "n = " in sentence
            assert "last completed trip" in sentence


def test_every_estimate_row_carries_its_reference_period(output):
    table = pd.read_csv(output / "estimates.csv")
    assert table["reference_period"].notna().all()
