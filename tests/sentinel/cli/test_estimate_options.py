"""Options of `sentinel estimate` that are no plain word or number."""

import pandas as pd
import pytest

from estimators.errors import InputError
from estimators.registry import find_estimator
from sentinel.cli.estimate import _arguments

FRAME = pd.DataFrame(
    {
        "A": [1, 0, 1, 0, 1, 0, 1],
        "B": [0, 1, 1, 0, 0, 1, 1],
        "C": [0, 0, 0, 1, 1, 1, 1],
        "count": [60, 45, 14, 70, 18, 12, 5],
    }
)


def run(key, **given):
    import estimators  # noqa: F401 - fills the catalogue

    spec = find_estimator(key)
    return spec.function(**_arguments(spec, FRAME, {"count": "count", **given}))


def test_terms__in_brackets_reach_the_model():
    assert run("log_linear", terms="[12,3]").method == "log_linear [12,3]"


@pytest.mark.parametrize("key", ["list_sensitivity", "missed_link_sensitivity"])
def test_callable__is_named_by_its_key_in_the_catalogue(key):
    named = run(key, estimator="log_linear")
    default = run(key)
    assert "log_linear" in named.rows[0].method
    assert named.rows[0].estimate == pytest.approx(default.rows[0].estimate, rel=1e-9)
    with pytest.raises(InputError, match="No estimator is called 'nonsense'"):
        run(key, estimator="nonsense")
    with pytest.raises(InputError, match="missing a required argument"):
        run(key, estimator="chapman")


def test_option_called_as_one_of_the_table__is_the_estimators():
    rows = run("dependence_sensitivity", lists="A,B", odds_ratios="1,2")
    assert [group["lists"] for group in rows.groups] == ["A + B", "A + B"]
    # n1 n2 / m2 of A and B: 97 and 76 persons, 19 on both.
    assert rows.rows[0].estimate == pytest.approx(97 * 76 / 19)


@pytest.mark.parametrize(
    ("key", "given", "says"),
    [
        ("log_linear", {"level": "abc"}, "--level: 'abc' came; a number"),
        ("list_sensitivity", {"merge": "maybe"}, "true or false"),
        ("missed_link_sensitivity", {"missed_link_rates": "0,x"}, "'x' came"),
    ],
)
def test_words_of_the_wrong_kind__say_what_was_expected(key, given, says):
    with pytest.raises(InputError, match=says):
        run(key, **given)


def test_accuracy__is_a_value_or_counts_of_a_validation_sample():
    given = {"positives": "60", "n": "400", "specificity": "0.97"}
    spec = find_estimator("rogan_gladen")
    known, counted = (
        spec.function(**_arguments(spec, None, {**given, "sensitivity": text}))
        for text in ("0.89", "238,270")
    )
    assert known.estimate == pytest.approx((60 / 400 + 0.97 - 1) / (0.89 + 0.97 - 1))
    assert counted.estimate == pytest.approx(
        (60 / 400 + 0.97 - 1) / (238 / 270 + 0.97 - 1)
    )


def test_mapping__gives_a_standard_population(tmp_path):
    file = tmp_path / "standard.csv"
    file.write_text("A,share\n0,0.25\n1,0.75\n")
    toml = tmp_path / "standard.toml"
    toml.write_text("0 = 0.25\n1 = 0.75\n")
    options = {"variable": "B", "over": "A"}
    means = {value: FRAME.loc[FRAME["A"] == value, "B"].mean() for value in (0, 1)}
    expected = 0.25 * means[0] + 0.75 * means[1]
    for standard in ("0=0.25,1=0.75", str(file), str(toml)):
        spec = find_estimator("survey_standardise")
        found = spec.function(
            **_arguments(spec, FRAME, {**options, "standard": standard})
        )
        assert found.estimate == pytest.approx(expected)


@pytest.mark.parametrize("standard", ["0.25", "0=0.25,=1", "0=1,0=2"])
def test_mapping__bad_words_say_what_is_taken(standard):
    spec = find_estimator("survey_standardise")
    given = {"variable": "B", "over": "A", "standard": standard}
    with pytest.raises(InputError, match=r"--standard: .*(key=value|came twice)"):
        _arguments(spec, FRAME, given)


def test_numbers__are_typed_or_a_column_of_the_table():
    spec = find_estimator("trend_test")
    typed = _arguments(spec, FRAME, {"events": "3,5,9", "trials": "40,41,39"})
    assert spec.function(**typed).estimate is not None
    from_table = _arguments(spec, FRAME, {"events": "A", "trials": "count"})
    assert from_table["trials"].tolist() == FRAME["count"].tolist()


def test_prior_accuracy__takes_the_forms_of_an_accuracy():
    spec = find_estimator("bayesian_true_prevalence")
    words = {"positives": "60", "n": "400", "specificity": "0.97"}
    given = _arguments(spec, None, {**words, "sensitivity": "238,270"})
    assert given["sensitivity"] == [238.0, 270.0]
    assert given["specificity"] == 0.97


def test_rows__are_named_by_a_condition():
    spec = find_estimator("survey_mean")
    given = _arguments(spec, FRAME, {"variable": "B", "where": "A == 1"})
    expected = FRAME.loc[FRAME["A"] == 1, "B"].mean()
    assert spec.function(**given).estimate == pytest.approx(expected)
