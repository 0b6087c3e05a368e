"""What every estimator of the catalogue promises, run on its own example."""

import copy
import dataclasses
import importlib
import inspect

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import estimators
from estimators.capture_recapture import CaptureHistories
from estimators.designs import SurveyDesign
from estimators.errors import InputError, PrevalenceError
from estimators.results import (
    RESULT_COLUMNS,
    TERM_COLUMNS,
    Estimate,
    Estimates,
    ModelFit,
)

KEYS = sorted(estimators.catalogue()["key"])
# numpydoc's codes: a docstring with a one-line summary that starts with a capital and
# ends in a full stop; all parameters and no others, in order, with types; what is
# returned, and an example.
DOCSTRING_CHECKS = {
    "GL08", "SS01", "SS02", "SS03", "SS06", "PR01", "PR02", "PR03", "PR04", "RT01",
    "EX01",
}  # fmt: skip
# Docstrings of the survey family that lean on `survey.mean` or keep their sources in
# Notes: what is still to be written, by key. Nothing else is excused.
SECTIONS = ("Parameters", "Returns", "Raises", "References", "Examples")

every_estimator = pytest.mark.parametrize("key", KEYS)


def run(key, **changes):
    spec = estimators.find_estimator(key)
    arguments = {**spec.example(), **changes}
    if "rng" in {option.name for option in spec.options}:
        arguments.setdefault("rng", 1)
    return spec.function(**arguments)


def rows(result):
    return result.terms() if isinstance(result, ModelFit) else result.to_frame()


def test_catalogue__is_not_empty_and_families_are_modules():
    table = estimators.catalogue()
    assert len(table) >= 6
    for family in table["family"].unique():
        assert family in estimators.__all__
    assert list(table["key"]) == list(table.sort_values(["family", "key"])["key"])


@every_estimator
def test_declaration__label_source_and_public_place(key):
    spec = estimators.find_estimator(key)
    assert spec.key == key
    assert len(spec.label) > 8
    assert any(character.isdigit() for character in spec.source), "no year in source"
    module = importlib.import_module(f"estimators.{spec.family}")
    name = spec.function.__name__
    assert getattr(module, name) is spec.function
    assert name in module.__all__


@every_estimator
def test_result__type_columns_and_interval(key):
    result = run(key)
    assert isinstance(result, Estimate | Estimates | ModelFit)
    frame = rows(result)
    if isinstance(result, ModelFit):
        assert tuple(frame.columns) == TERM_COLUMNS
        assert result.method.startswith(key)
    else:
        groups = list(result.groups[0]) if isinstance(result, Estimates) else []
        expected = [*RESULT_COLUMNS[:3], *groups, *RESULT_COLUMNS[3:]]
        assert list(frame.columns) == expected
        assert frame["method"].str.startswith(key).all()
        assert (frame["n_obs"] > 0).all()
    assert len(frame)
    assert frame["estimate"].notna().all()
    assert (frame["std_error"] >= 0).all()
    assert (frame["ci_low"] <= frame["estimate"]).all()
    assert (frame["estimate"] <= frame["ci_high"]).all()


@every_estimator
def test_result__can_be_read_and_drawn(key):
    result = run(key)
    assert key in result.summary()
    if "unit" in rows(result) and len(set(rows(result)["unit"])) > 1:
        with pytest.raises(InputError, match="several units"):
            result.plot()
        return
    assert isinstance(result.plot(), Axes)


@every_estimator
def test_same_rng__same_answer(key):
    pd.testing.assert_frame_equal(rows(run(key)), rows(run(key)), check_exact=True)


@every_estimator
def test_inputs__are_left_unchanged(key):
    spec = estimators.find_estimator(key)
    arguments = spec.example()
    before = {name: _snapshot(value) for name, value in arguments.items()}
    spec.function(**arguments)
    for name, value in arguments.items():
        _assert_same(_snapshot(value), before[name])


@every_estimator
def test_level__a_higher_one_is_wider(key):
    if "level" not in {o.name for o in estimators.find_estimator(key).options}:
        pytest.skip("has no interval of a level to choose")
    narrow, wide = (rows(run(key, level=level)) for level in (0.5, 0.99))
    width = [frame["ci_high"] - frame["ci_low"] for frame in (narrow, wide)]
    assert (width[1] > width[0]).all()
    with pytest.raises(PrevalenceError, match="level="):
        run(key, level=95)


@every_estimator
def test_missing_value__is_refused_by_name_or_counted(key):
    spec = estimators.find_estimator(key)
    plain = run(key)
    tried = 0
    for where, changes in _with_a_gap(spec.example()):
        tried += 1
        try:
            result = run(key, **changes)
        except PrevalenceError as error:
            assert where in str(error)  # noqa: PT017 - either branch is lawful
            continue
        if rows(result).equals(rows(plain)):
            continue  # a column that the example does not use
        assert _counted(result) != _counted(plain) or result.notes != plain.notes
    # Capture histories are read and checked by their constructor: they have no gaps.
    # A fitted model has dropped and counted its own.
    checked = CaptureHistories | ModelFit
    assert tried or any(isinstance(v, checked) for v in spec.example().values())


@every_estimator
def test_docstring__is_complete(key):
    validate = pytest.importorskip("numpydoc.validate")
    docscrape = pytest.importorskip("numpydoc.docscrape")
    function = estimators.find_estimator(key).function
    name = f"{function.__module__}.{function.__qualname__}"
    wrong = [
        f"{code}: {words}"
        for code, words in validate.validate(name)["errors"]
        if code in DOCSTRING_CHECKS
    ]
    assert not wrong, wrong
    parsed = docscrape.FunctionDoc(function)
    missing = {section for section in SECTIONS if not parsed[section]}
    assert not missing, f"sections missing: {missing}"


@every_estimator
def test_signature__options_by_keyword_with_shared_names(key):
    function = estimators.find_estimator(key).function
    parameters = inspect.signature(function).parameters.values()
    data = [p for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    assert len(data) <= 5
    assert all(p.default is inspect.Parameter.empty for p in data)
    names = {p.name for p in parameters}
    assert not names & {
        "alpha",
        "conf_level",
        "seed",
        "random_state",
        "n_boot",
        "n_cpu",
    }


def _snapshot(value):
    if isinstance(value, SurveyDesign):
        return value.frame.copy(), value.weights.copy()
    if isinstance(value, ModelFit):
        return value.terms(), value.covariance.copy()
    if isinstance(value, CaptureHistories):
        return value.lists, value.history.copy(), value.count.copy()
    return copy.deepcopy(value)


def _assert_same(found, expected):
    if isinstance(expected, tuple):
        for one, other in zip(found, expected, strict=True):
            _assert_same(one, other)
    elif isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected)
    else:
        np.testing.assert_array_equal(found, expected)


def _with_a_gap(arguments):
    """Yield a name and changed arguments, with one value missing at a time."""
    for name, value in arguments.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield name, {name: float("nan")}
        elif isinstance(value, pd.DataFrame):
            for column, frame in _frames_with_a_gap(value):
                yield column, {name: frame}
        elif isinstance(value, SurveyDesign):
            for column, frame in _frames_with_a_gap(value.frame):
                yield column, {name: dataclasses.replace(value, frame=frame)}
        elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
            gap = value.copy()
            gap.flat[0] = np.nan
            yield name, {name: gap}


def _frames_with_a_gap(frame):
    for column in frame.columns:
        values = frame[column].astype(object)
        values.iloc[0] = None
        kind = float if frame[column].dtype.kind in "iufb" else frame[column].dtype
        yield column, frame.assign(**{column: values.astype(kind)})


def _counted(result):
    if isinstance(result, ModelFit):
        return result.n_obs, result.fit_statistics.get("n_excluded")
    return tuple(result.to_frame()["n_obs"])
