"""Real interviews through the whole of reading, classifying and estimating.

The microdata stay beside the project; without them these tests are skipped.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from estimators.survey import SurveyDesign, proportion
from sentinel.classify import classify, load_definition
from sentinel.ingest import Interviews, check_study, ingest_study
from sentinel.study.config import StudyConfig
from sentinel.study.loading import load_study

pytestmark = pytest.mark.shared

# Interviews per file, as the files' keepers give them; 39 743 in all.
ROWS = {
    "usa": {
        "elsdev2014usa": 2399, "guatedev2014usa": 2451, "honddev2014usa": 1574,
        "elsdev2015usa": 2230, "guatedev2015usa": 1475, "honddev2015usa": 1316,
        "elsdev2016usa": 2016, "guatedev2016usa": 1625, "honddev2016usa": 847,
    },
    "mexico": {
        "elsdev2014mex": 3372, "guatedev2014mex": 3215, "honddev2014mex": 1900,
        "elsdev2015mex": 4298, "guatedev2015mex": 3176, "honddev2015mex": 1232,
        "elsdev2016mex": 3135, "guatedev2016mex": 1792, "honddev2016mex": 1690,
    },
}  # fmt: skip
# The rating by form, and what stands for no rating.
RATING = {
    "usa": {2014: ["p32_2"], 2015: ["p35_2"], 2016: ["p35_2"]},
    "mexico": {2014: ["p44", "p45"], 2015: ["p35", "p36"], 2016: ["p34_2", "p34_4"]},
}
PAY = {2014: "p35_3c", 2015: "p38_3c", 2016: "p38_3c"}
NEEDED = {"year", "trim", "unidad", "ciudad", "cd_mue", "filtro", "ponfin3"}
NEEDED |= {*PAY.values()}
NEEDED |= {
    name for forms in RATING.values() for names in forms.values() for name in names
}
COUNTRIES = {"guate": "GT", "hond": "HN", "els": "SV"}

Study = Callable[[str], tuple[StudyConfig, Interviews]]


@pytest.fixture(scope="session")
def study_folder(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = shared_folder / "data" / "emif_sur"
    if not data.is_dir():
        pytest.skip("the EMIF Sur files are not here (data/emif_sur is absent)")
    folder = tmp_path_factory.mktemp("emif") / "emif_sur"
    shutil.copytree(Path(__file__).parent / "emif_sur", folder)
    (folder / "data").symlink_to(data, target_is_directory=True)
    return folder


@pytest.fixture(scope="session")
def study(study_folder: Path) -> Study:
    @cache
    def read(returned_by: str) -> tuple[StudyConfig, Interviews]:
        config = load_study(study_folder / f"returned_by_{returned_by}.toml")
        return config, ingest_study(config)

    return read


@cache
def raw_file(folder: Path, name: str) -> pd.DataFrame:
    frame = pd.read_csv(
        folder / "data" / f"{name}.csv",
        usecols=lambda name: name.lower() in NEEDED,
        dtype="str",
        keep_default_na=False,
        encoding="utf-8-sig",
        encoding_errors="replace",
    )
    frame.columns = frame.columns.str.lower()
    return frame.apply(lambda column: column.str.strip())


def by_hand(folder: Path, returned_by: str) -> pd.DataFrame:
    """Return outcome, weight, stratum and cluster read by plain pandas alone."""
    parts = []
    for name in ROWS[returned_by]:
        raw = raw_file(folder, name)
        year = int(raw["year"].iloc[0])
        raw = raw[raw["filtro"] == "1"]
        ratings = raw[RATING[returned_by][year]]
        rated = ratings.isin(list("12345"))
        case = ratings.isin(["4", "5"]).any(axis=1)
        known = case | rated.all(axis=1)
        if returned_by == "usa":
            pay = raw[PAY[year]]
            unpaid = pay == "0"
            unsaid = pay.isin(["99997", "99998", "99999", ""])
            known = case | unpaid | (known & ~unsaid)
            case = case | unpaid
        month = raw["unidad"].str[-2:].astype(int)
        city = raw["cd_mue"] if "cd_mue" in raw else raw["ciudad"]
        country = next(
            code for stem, code in COUNTRIES.items() if name.startswith(stem)
        )
        where = "" if returned_by == "usa" else city
        parts.append(
            pd.DataFrame(
                {
                    "round_id": str(year),
                    "country": country,
                    "case": case.astype(float).where(known),
                    "weight": raw["ponfin3"].astype(float),
                    "stratum": f"{year}|{country}|" + ((month - 1) // 3).astype(str),
                    "cluster": f"{name}|" + where + "|" + raw["unidad"],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def linearised(table: pd.DataFrame, inside: pd.Series) -> tuple[float, float]:
    """Ratio mean of a domain and its ultimate-cluster standard error, term by term."""
    domain = inside & table["case"].notna()
    weight = table["weight"].where(domain, 0.0)
    share = (weight * table["case"].fillna(0.0)).sum() / weight.sum()
    score = weight * (table["case"].fillna(0.0) - share) / weight.sum()
    totals = score.groupby([table["stratum"], table["cluster"]]).sum()
    variance = 0.0
    for _, clusters in totals.groupby(level=0):
        n = len(clusters)
        assert n > 1
        variance += n / (n - 1) * ((clusters - clusters.mean()) ** 2).sum()
    return float(share), float(np.sqrt(variance))


@pytest.mark.parametrize("returned_by", ["usa", "mexico"])
def test_ingest__accounts_for_every_row(study: Study, returned_by: str) -> None:
    _, interviews = study(returned_by)
    rows = {Path(item.file).stem: item.rows for item in interviews.origins}
    assert rows == ROWS[returned_by]
    flow = interviews.flow.set_index("round_id")
    for year in ("2014", "2015", "2016"):
        expected = sum(n for name, n in ROWS[returned_by].items() if year in name)
        assert flow.loc[year, "rows_read"] == expected
    assert (
        flow["rows_read"]
        == flow["duplicates_removed"]
        + flow["excluded_by_rule"]
        + flow["withdrawn"]
        + flow["analysed"]
    ).all()
    assert flow["duplicates_removed"].sum() == 0
    assert flow["analysed"].sum() == len(interviews)


def test_ingest__both_studies_hold_all_interviews(study: Study) -> None:
    read = sum(int(study(each)[1].flow["rows_read"].sum()) for each in ROWS)
    assert read == sum(sum(files.values()) for files in ROWS.values()) == 39_743


@pytest.mark.parametrize("returned_by", ["usa", "mexico"])
def test_check__finds_nothing_wrong(study_folder: Path, returned_by: str) -> None:
    found = check_study(study_folder / f"returned_by_{returned_by}.toml")
    assert not [str(problem) for problem in found.errors]


@pytest.mark.parametrize("returned_by", ["usa", "mexico"])
def test_ingest__weights_and_days_are_the_files_own(
    study: Study, study_folder: Path, returned_by: str
) -> None:
    _, interviews = study(returned_by)
    frame = interviews.frame
    for name in ROWS[returned_by]:
        raw = raw_file(study_folder, name)
        kept = raw[raw["filtro"] == "1"]
        mine = frame[frame["rec_id"].str.startswith(f"{name}-")]
        assert len(mine) == len(kept)
        # Sums of the same doubles in another order: 1e-12 of their size.
        total = kept["ponfin3"].astype(float).sum()
        assert mine["w_emif"].sum() == pytest.approx(total, rel=1e-12)
        if "trim" in kept:
            quarters = "Q" + kept["trim"]
            assert mine["quarter"].tolist() == quarters.tolist()
        days = kept["unidad"].str.zfill(6)
        assert mine["int_date"].dt.strftime("%d%y%m").tolist() == days.tolist()


@pytest.mark.parametrize("returned_by", ["usa", "mexico"])
def test_outcome__weighted_shares_agree_with_plain_pandas(
    study: Study, study_folder: Path, returned_by: str
) -> None:
    config, interviews = study(returned_by)
    definition = load_definition(
        config.path(config.classify.definition), codebook=interviews.codebook
    )
    outcome = classify(interviews, definition, setting="base").frame["d_mistreated"]
    frame = interviews.frame.assign(outcome=outcome.astype("Float64"))
    columns = [frame[name].astype("str") for name in config.design.strata]
    frame["stratum"] = columns[0].str.cat(columns[1:], sep="|")
    frame["cluster"] = frame["stratum"] + frame["int_date"].dt.strftime("|%Y-%m-%d")
    if "city" in config.design.cluster:
        frame["cluster"] += "|" + frame["city"]
    design = SurveyDesign.from_frame(
        frame, weights="w_emif", strata="stratum", psu="cluster", lonely_psu="fail"
    )
    shares = proportion(design, "outcome", by=["round_id", "country"]).to_frame()
    assert len(shares) == 9
    table = by_hand(study_folder, returned_by)
    for row in shares.to_dict("records"):
        inside = (table["round_id"] == row["round_id"]) & (
            table["country"] == row["country"]
        )
        share, error = linearised(table, inside)
        assert row["n_obs"] == int((inside & table["case"].notna()).sum())
        assert row["estimate"] == pytest.approx(share, abs=1e-12)
        # The same sum of squares in another order: 1e-10 of its size.
        assert row["std_error"] == pytest.approx(error, rel=1e-10)


@pytest.mark.parametrize("returned_by", ["usa", "mexico"])
def test_places__every_code_has_a_place(
    study: Study, study_folder: Path, returned_by: str
) -> None:
    config, interviews = study(returned_by)
    assert config.maps is not None
    places = set(pd.read_csv(study_folder / "places.csv")["code"])
    for name in (config.maps.origin, config.maps.crossing, config.maps.destination):
        assert name is not None
        codes = set(interviews.frame[name].dropna())
        assert codes
        assert codes <= places


def test_definitions__never_say_trafficked(study_folder: Path) -> None:
    for path in study_folder.glob("*_definition.toml"):
        definition = path.read_text(encoding="utf-8")
        assert "no trafficking" in definition
        assert "d_traff" not in definition
