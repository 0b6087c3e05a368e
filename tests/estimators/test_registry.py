"""The catalogue: filled by importing, light to import, refusing doubles."""

import json
import subprocess
import sys

import pytest

import estimators
from estimators.designs import SurveyDesign
from estimators.errors import InputError
from estimators.registry import _CATALOGUE, estimator, find_estimator

HEAVY = ("matplotlib", "numba", "statsmodels", "sklearn", "geopandas", "joblib")


def test_import__fills_the_catalogue_and_loads_nothing_heavy():
    code = (
        "import json, sys, estimators\n"
        "print(json.dumps([sorted(estimators.catalogue()['key']),"
        " sorted({m.split('.')[0] for m in sys.modules})]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    keys, modules = json.loads(done.stdout)
    assert {"proportion_ci", "survey_mean", "firth_logistic"} <= set(keys)
    assert not set(HEAVY) & set(modules)


def test_all__is_complete_and_sorted_by_kind():
    for name in estimators.__all__:
        assert hasattr(estimators, name), name
    assert set(estimators.catalogue()["family"]) <= set(estimators.__all__)


def test_find_estimator__lists_what_there_is():
    with pytest.raises(InputError, match=r"'chapmann'.*firth_logistic"):
        find_estimator("chapmann")


def test_spec__tells_data_from_options():
    spec = find_estimator("proportion_ci")
    assert [parameter.name for parameter in spec.inputs] == ["successes", "n"]
    assert [parameter.name for parameter in spec.options] == ["method", "level"]
    assert spec.annotation("successes") is int
    assert spec.summary().startswith("Estimate a proportion")
    # Where a table can be read into either kind of design, it is read into the first.
    assert find_estimator("survey_mean").annotation("design") is SurveyDesign


def test_estimator__refuses_a_second_one_of_the_same_key():
    before = dict(_CATALOGUE)

    def proportion_ci():
        """Impostor."""

    with pytest.raises(InputError, match="give one a key"):
        estimator(family="x", label="x", source="x", example=dict)(proportion_ci)
    assert before == _CATALOGUE
