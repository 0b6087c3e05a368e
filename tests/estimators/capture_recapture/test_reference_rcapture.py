"""Rcapture's remaining tables: descriptive counts, closedpCI.t, closedpMS.t, mX."""

import json

import numpy as np
import pandas as pd
import pytest

from estimators.capture_recapture import (
    CaptureHistories,
    closed_population,
    log_linear,
)
from estimators.capture_recapture.all_models import fit_all_models
from estimators.capture_recapture.closed_population_removal import first_captures

pytestmark = pytest.mark.shared
TABLES = (
    "Korea", "Kosovo", "UKdat_4", "NewOrl_5", "UKdat_5", "UKdat", "Rcapture_HIV",
    "NewOrl",
)  # fmt: skip
# closedpMS.t was run up to five lists.
SEARCHED = tuple(name for name in TABLES if name not in {"UKdat", "NewOrl"})
MODELS = {
    "M0": ("M0", None),
    "Mt": ("Mt", None),
    "Mh Chao (LB)": ("Mh", "chao"),
    "Mth Chao (LB)": ("Mth", "chao"),
}
PROFILED = {
    "Korea|~.": "[1]",
    "Korea|~.+c1*c2+c2*c3": "[12,23]",
    "UKdat|~.": "[1]",
    "UKdat_5|~.": "[1]",
    "UKdat_5|~.+c1*c2+c1*c3+c2*c3+c2*c5+c3*c4": "[12,13,23,25,34]",
    "Rcapture_HIV|~.": "[1]",
    "Kosovo|~.+c1*c2*c3+c1*c4+c3*c4": "[123,14,34]",
}


@pytest.fixture(scope="module")
def reference(shared_folder):
    path = shared_folder / "reference" / "capture_recapture" / "reference.json"
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tables(reference):
    return {
        name: CaptureHistories.from_frame(
            pd.DataFrame(table["rows"], columns=[*table["lists"], "count"]),
            count="count",
        )
        for name, table in reference["data"].items()
        if "lists" in table
    }


@pytest.mark.parametrize("name", TABLES)
def test_descriptive__captures_first_last_and_by_list(reference, tables, name):
    expected = reference["rcapture"][name]["descriptive"]
    table = tables[name]
    last = first_captures(table.restrict(*reversed(table.lists)))[::-1]
    got = {
        "fi": table.capture_frequencies()[1:],
        "ui": first_captures(table),
        "vi": last,
        "ni": table.list_sizes(),
    }
    assert table.n_observed == expected["n"]
    assert len(expected["base.freq"]) == table.n_lists
    for place, row in enumerate(expected["base.freq"].values()):
        assert {key: int(values[place]) for key, values in got.items()} == row


@pytest.mark.parametrize("name", TABLES)
def test_closed_models__fits_of_the_interval_function(reference, tables, name):
    checked = 0
    for part in reference["rcapture"][name]["closedpCI.t"].values():
        for label, expected in part["results"].items():
            model, form = MODELS[label]
            found = closed_population(
                tables[name], model=model, heterogeneity=form, interval="log_normal"
            )
            # With eight lists R keeps a term of Chao's bound that should be 0.
            more = float(name == "NewOrl" and form == "chao")
            penalty = more * np.log(found.n_obs)
            got = found.diagnostics
            assert found.estimate == pytest.approx(expected["abundance"], rel=3e-7)
            assert found.std_error == pytest.approx(expected["stderr"], rel=3e-4)
            assert got["deviance"] == pytest.approx(expected["deviance"], rel=5e-9)
            assert got["df"] == expected["df"] + more
            assert got["aic"] == pytest.approx(expected["AIC"] - 2 * more, abs=1e-6)
            assert got["bic"] == pytest.approx(expected["BIC"] - penalty, abs=1e-6)
            checked += 1
    assert checked == 4


@pytest.mark.parametrize("name", TABLES)
def test_poisson_heterogeneity__of_the_function_for_other_parameters(
    reference, tables, name
):
    expected = reference["rcapture"][name]["closedp.h_Mth"]["Poisson"]["Mth Poisson2"]
    found = closed_population(
        tables[name], model="Mth", heterogeneity="poisson2", interval="log_normal"
    )
    got = found.diagnostics
    assert found.estimate == pytest.approx(expected["abundance"], rel=3e-7)
    assert found.std_error == pytest.approx(expected["stderr"], rel=3e-4)
    assert got["deviance"] == pytest.approx(expected["deviance"], rel=5e-9)
    assert got["df"] == expected["df"]
    assert got["aic"] == pytest.approx(expected["AIC"], abs=1e-6)


@pytest.mark.parametrize("name", SEARCHED)
def test_two_way_models__equal_closedp_ms(reference, tables, name):
    entry = reference["rcapture"][name]["closedpMS.t"]
    fits = fit_all_models(tables[name], max_order=2)
    frame = fits.to_frame().set_index("model")
    assert len(fits.models) == entry["n_models"]
    compared = 0
    for model, expected in {**entry["best_bic"], **entry["best_aic"]}.items():
        if model not in frame.index:
            # No estimate exists: R prints 1.8e10 persons and a code beside them.
            assert name == "Korea"
            assert expected["infoFit"] == 1
            continue
        found = log_linear(tables[name], terms=model)
        # A coefficient that runs to minus infinity ends in R where its steps stop:
        # 2e-8 of the deviance, and 1e-6 of the size.
        assert found.estimate == pytest.approx(expected["abundance"], rel=1e-6)
        assert frame.loc[model, "estimate"] == pytest.approx(found.estimate, rel=1e-8)
        got = found.diagnostics
        assert got["deviance"] == pytest.approx(expected["deviance"], rel=1e-7)
        assert got["aic"] == pytest.approx(expected["AIC"], abs=1e-6)
        assert got["bic"] == pytest.approx(expected["BIC"], abs=1e-6)
        assert found.std_error == pytest.approx(expected["stderr"], rel=1e-4)
        if all(np.isfinite([got[key] for key in got if key.startswith("coef")])):
            # Otherwise R counts cells that cannot hold anybody.
            assert got["df"] == expected["df"]
        compared += 1
    assert compared == len({**entry["best_bic"], **entry["best_aic"]}) - 2 * (
        name == "Korea"
    )


@pytest.mark.parametrize("key", PROFILED)
def test_chosen_model__every_measure_of_the_fit(reference, tables, key):
    expected = reference["rcapture_profile_CI"][key]["results"]["mX"]
    found = log_linear(tables[key.split("|")[0]], terms=PROFILED[key])
    got = found.diagnostics
    # R stops its iterations at 1e-8 of the deviance.
    assert found.estimate == pytest.approx(expected["abundance"], rel=1e-8)
    assert got["df"] == expected["df"]
    assert got["aic"] == pytest.approx(expected["AIC"], rel=1e-9)
    assert got["bic"] == pytest.approx(expected["BIC"], rel=1e-9)
