"""The simulator: what it promises about truth, design and files."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sentinel import datasets
from sentinel.classify import classify, load_definition
from sentinel.ingest import ingest_study, read_table
from sentinel.schema.codebook import load_codebook
from sentinel.schema.problems import IngestError
from sentinel.schema.states import CellState
from sentinel.simulate import (
    field_tables,
    load_parameters,
    simulate_monitoring,
    simulate_study,
    write_study,
)
from sentinel.simulate.arrivals import TRAFFICKED, draw_arrivals
from sentinel.simulate.risk import (
    deported_within_a_year,
    latent_correlation,
    mean_inverse_multiplicity,
    risk_model,
)
from sentinel.simulate.unknowns import DESIGN_COLUMNS
from sentinel.study.loading import load_study

UNIAP = load_definition("uniap")
PARAMETERS = load_parameters()
DEMO_RNG = 2013


def _with(parameters, **changes):
    """Return parameters with the sections of every round changed."""
    rounds = []
    for item in parameters.rounds:
        updates = {
            name: (
                getattr(item, name).model_copy(update=value)
                if isinstance(value, dict)
                else value
            )
            for name, value in changes.items()
        }
        rounds.append(item.model_copy(update=updates))
    return parameters.model_copy(update={"rounds": tuple(rounds)})


def _all_known(parameters):
    return _with(
        parameters,
        unknown={"ordinary": 0.0, "sensitive": 0.0, "prior_deportations": 0.0},
        outcomes={"partial": 0.0, "stopped_for_distress": 0.0},
    )


@pytest.fixture(scope="module")
def demo():
    return simulate_study(PARAMETERS, rng=DEMO_RNG)


def _respondents(item):
    told = item.is_respondent
    return SimpleNamespace(frame=item.frame[told], states=item.states[told])


@pytest.mark.parametrize("rng", [1, 2])
def test_truth__the_tier_of_the_definition_is_how_the_trip_went(rng):
    study = simulate_study(_all_known(PARAMETERS), rng=rng)
    for item in study.rounds:
        found = classify(_respondents(item), UNIAP).frame["d_tier"]
        np.testing.assert_array_equal(
            found.to_numpy(), item.state[item.is_respondent.to_numpy()]
        )


def test_truth__known_answers_never_contradict_how_the_trip_went(demo):
    for item in demo.rounds:
        found = classify(_respondents(item), UNIAP).frame["d_traff"]
        state = pd.Series(item.state, index=item.frame.index)[found.index]
        known = found.notna()
        assert (found[known] == (state[known] >= TRAFFICKED)).all()
        assert known.mean() > 0.9


def test_truth__same_rng_same_round_whatever_comes_after_it(demo):
    first = PARAMETERS.model_copy(update={"rounds": PARAMETERS.rounds[:1]})
    alone = simulate_study(first, rng=DEMO_RNG)
    pd.testing.assert_frame_equal(alone.rounds[0].frame, demo.rounds[0].frame)
    pd.testing.assert_frame_equal(alone.rounds[0].states, demo.rounds[0].states)
    other = simulate_study(first, rng=DEMO_RNG + 1)
    assert not other.rounds[0].frame.equals(demo.rounds[0].frame)


def test_risk__closed_forms_equal_many_arrivals():
    # 300 000 deportations: standard error of a share 0.0008 without, and about 0.004
    # with the batches' correlation; tolerances are 4 standard errors.
    chosen = PARAMETERS.rounds[0].model_copy(update={"annual_events": 1_400_000})
    model = risk_model(chosen)
    arrivals = draw_arrivals(
        chosen, model, PARAMETERS.month_weights, np.random.default_rng(4)
    )
    case = arrivals.persons["state"].to_numpy() >= TRAFFICKED
    weight = 1 / (1 + arrivals.persons["deport_12m"].to_numpy())
    assert len(case) > 250_000
    assert case.mean() == pytest.approx(model.event_prevalence, abs=0.012)
    by_person = weight @ case / weight.sum()
    assert by_person == pytest.approx(model.person_prevalence, abs=0.015)
    sizes = arrivals.batches["truck_n"]
    assert sizes.mean() == pytest.approx(50450 / 1165, abs=0.5)
    # Intraclass correlation of the cases, analysis of variance estimator.
    means = pd.Series(case).groupby(arrivals.persons["batch"]).agg(["mean", "size"])
    between = (means["size"] * (means["mean"] - case.mean()) ** 2).sum()
    between /= len(means) - 1
    within = (means["size"] * means["mean"] * (1 - means["mean"])).sum()
    within /= len(case) - len(means)
    mean_size = len(case) / len(means)
    icc = (between - within) / (between + (mean_size - 1) * within)
    # Unequal risks within a batch lower it a little below its value for equal ones.
    assert 0.08 < icc < 0.105


def test_risk__the_weights_count_persons_of_a_poisson_process():
    """Deportations person by person over three years, without Palm's theorem."""
    rng = np.random.default_rng(8)
    rates = np.repeat([0.2, 2.0], [60_000, 8_000])
    counts = rng.poisson(rates * 3.0)
    person = np.repeat(np.arange(rates.size), counts)
    times = rng.uniform(0.0, 3.0, person.size)
    order = np.lexsort((times, person))
    person, times = person[order], times[order]
    position = person * 10.0 + times  # persons lie 10 apart, a year's reach is 1
    earlier = np.arange(position.size) - np.searchsorted(position, position - 1.0)
    seen = times >= 1.0
    weight = 1.0 / (1.0 + earlier)
    slow = rates[person] < 1.0
    # Two years of events, each weighted, are twice the persons deported in a year.
    for group, rate in ((slow, 0.2), (~slow, 2.0)):
        persons = (rates == rate).sum() * deported_within_a_year(rate)
        assert weight[seen & group].sum() / 2 == pytest.approx(persons, rel=0.02)
        mean = weight[seen & group].mean()
        assert mean == pytest.approx(mean_inverse_multiplicity(rate), rel=0.01)
        later = (times >= 2.0) & group
        assert np.unique(person[later]).size == pytest.approx(persons, rel=0.03)


def test_risk__latent_correlation_against_the_bivariate_normal():
    for prevalence, icc in ((0.23, 0.1), (0.04, 0.1), (0.031, 0.05)):
        found = latent_correlation(prevalence, icc)
        limit = stats.norm.isf(prevalence)
        # scipy integrates the bivariate normal itself: both above is both below -limit.
        both = stats.multivariate_normal.cdf(
            [-limit, -limit], cov=[[1, found], [found, 1]]
        )
        implied = (both - prevalence**2) / (prevalence * (1 - prevalence))
        assert implied == pytest.approx(icc, abs=1e-4)


def test_selection__every_kth_person_of_every_jth_batch(demo):
    for item in demo.rounds:
        batches = item.frame.groupby(["int_date", "truck_seq"])
        assert batches.ngroups == item.parameters.sampled_batches
        gaps = batches["samp_r"].diff().dropna()
        assert (gaps == item.parameters.every_kth).all()
        assert batches["truck_n"].nunique().eq(1).all()
        assert (item.frame["samp_r"] <= item.frame["truck_n"]).all()


def test_selection__who_did_not_consent_has_no_content(demo):
    for item in demo.rounds:
        silent = ~item.is_respondent
        content = item.frame.columns.difference(list(DESIGN_COLUMNS))
        assert silent.any()
        assert item.frame.loc[silent, content].isna().all(axis=None)
        assert (item.states.loc[silent, content] == CellState.NOT_ASKED).all(axis=None)


def test_frame__holds_what_the_codebook_allows(demo):
    codebook = load_codebook("deportee")
    for item in demo.rounds:
        assert item.frame["rec_id"].is_unique
        for name in item.frame.columns:
            variable = codebook[name]
            values = item.frame[name].dropna()
            assert (
                (item.states[name] == CellState.VALUE) == item.frame[name].notna()
            ).all()
            if variable.kind == "multi":
                values = values.str.split(";").explode()
            if variable.codes:
                assert set(values) <= set(variable.codes), name
            if variable.low is not None:
                assert values.min() >= variable.low, name
            if variable.high is not None:
                assert values.max() <= variable.high, name
            if variable.pattern:
                assert values.str.fullmatch(variable.pattern).all(), name
        places = set(datasets.load("places")["code"]) | {"XB-INFORMAL"}
        for name in ("origin_adm1", "dest_adm1", "cross_code", "site_code"):
            assert set(item.frame[name].dropna()) <= places


def test_parameters__every_fault_is_listed(tmp_path):
    text = (
        'title = "x"\nmonthly_arrivals_source = "x"\n'
        '[monthly_arrivals]\n"2015-01" = 1\n'
        '[[rounds]]\nlabel = "A"\nmale = 1.5\nwrong = 1\n'
    )
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(IngestError) as caught:
        load_parameters(path)
    found = str(caught.value)
    for words in ("rounds.0.male", "rounds.0.wrong", "rounds.0.risk"):
        assert words in found


def test_write_study__reading_it_gives_the_simulated_answers_again(demo, tmp_path):
    study = write_study(demo, tmp_path)
    interviews = ingest_study(load_study(study))
    assert len(interviews.problems.errors) == 0
    for item in demo.rounds:
        respondents = _respondents(item)
        here = interviews.frame["round_id"] == item.label
        read = SimpleNamespace(
            frame=interviews.frame[here].set_index("rec_id"),
            states=interviews.states[here].set_axis(
                interviews.frame.loc[here, "rec_id"], axis=0
            ),
        )
        order = respondents.frame["rec_id"]
        came = classify(read, UNIAP).frame.loc[order].reset_index(drop=True)
        went = classify(respondents, UNIAP).frame.reset_index(drop=True)
        # A blank promised pay of someone whose promise is unknown reads as lost, while
        # the simulator knows that it was skipped: unknown instead of no, rarely.
        assert came["fired"].equals(went["fired"])
        assert (came["unknown"] != went["unknown"]).mean() < 0.01
        for name in (*UNIAP.outcome_names, "d_tier"):
            known = came[name].notna()
            assert (came[name][known] == went[name][known]).all()
            assert (known != went[name].notna()).mean() < 0.01
        for name in ("sex", "sector", "origin_adm1", "dest_adm1", "cross_code"):
            came = read.frame.loc[order, name].fillna("none").tolist()
            assert came == respondents.frame[name].fillna("none").tolist()
        for name in ("age", "deport_12m", "truck_n", "edu_years"):
            np.testing.assert_array_equal(
                read.frame.loc[order, name].to_numpy(float, na_value=np.nan),
                respondents.frame[name].to_numpy(float, na_value=np.nan),
            )


def test_mekong_demo__is_what_the_simulator_draws(demo):
    folder = datasets.path("mekong_demo")
    tables = field_tables(demo)
    for item in demo.rounds:
        file = f"data/{item.parameters.file}"
        shipped = read_table(folder / file).frame
        made = tables[item.label].fillna("")
        assert list(shipped.columns) == list(made.columns)
        for name in made.columns:
            assert shipped[name].tolist() == made[name].tolist(), name
    pd.testing.assert_frame_equal(
        pd.read_csv(folder / "truth.csv"), demo.truth.round(6)
    )


def test_mekong_demo__monitoring_is_what_the_simulator_draws():
    folder = datasets.path("mekong_demo")
    for name, table in simulate_monitoring(rng=2013).items():
        shipped = read_table(folder / "monitoring" / f"{name}.csv").frame
        made = table.astype(str)
        assert list(shipped.columns) == list(made.columns)
        for column in made.columns:
            assert shipped[column].tolist() == made[column].tolist(), (name, column)


def test_mekong_demo__is_labelled_simulated_everywhere():
    folder = datasets.path("mekong_demo")
    study = load_study(folder / "study.toml")
    assert study.study.simulated
    assert "simulated" in study.study.title
    assert all("simulated" in item.name for item in study.rounds)
    assert datasets.card("mekong_demo")["simulated"] == "true"
    for mapping in (folder / "mappings").iterdir():
        assert "SIMULATED" in mapping.read_text(encoding="utf-8")
