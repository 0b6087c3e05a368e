"""Other definitions on the page: joint with all settings, and too coarse to tell."""

import itertools
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sentinel.analysis.other_definitions import OtherDefinitions, other_definitions
from sentinel.classify import classify, load_definition
from sentinel.disclosure import ReleasePolicy
from sentinel.report.document import make_document, render
from sentinel.report.outgoing.counted_file import comparison_cells
from sentinel.report.protected.other_definitions import (
    coarse_step,
    definition_tables,
    protect_definitions,
)
from sentinel.schema.codebook import load_codebook

UNIAP, PALERMO = load_definition("uniap"), load_definition("palermo")
POLICY = ReleasePolicy()
NO_TABLE = pd.DataFrame()


class _Design:
    """Everybody counts alike."""

    def __init__(self, frame):
        self.frame = frame

    def survey(self, _weights, frame):
        from estimators.survey import SurveyDesign

        return SurveyDesign.from_frame(frame)


def _answers(rng, n):
    columns = {}
    codebook = load_codebook("deportee")
    for name in sorted({*UNIAP.variables, *PALERMO.variables}):
        variable = codebook.get(name)
        if variable is None or variable.is_numeric:
            columns[name] = rng.choice([9.0, 30.0, 6000.0], n, p=[0.1, 0.5, 0.4])
        else:
            columns[name] = rng.choice(list(variable.codes)[:2], n, p=[0.8, 0.2])
    return pd.DataFrame(columns)


@pytest.fixture(name="compared")
def _compared(study):
    """The made-up study with answers, two rounds of 400 and two definitions."""
    frame = _answers(np.random.default_rng(6), 800)
    frame["round_id"] = np.repeat(["R2009", "R2012"], 400)
    states = pd.DataFrame(np.uint8(0), index=frame.index, columns=frame.columns)
    interviews = replace(study.interviews, frame=frame, states=states)
    # Thresholds that move nobody: what is told elsewhere is then one set of counts.
    settings = dict.fromkeys(UNIAP.settings, classify(interviews, UNIAP))
    others = OtherDefinitions(
        interviews=interviews,
        design=_Design(frame),
        definitions=(UNIAP, PALERMO),
        setting="base",
    )
    return replace(
        study,
        interviews=interviews,
        settings=settings,
        classification=settings["base"],
        other_definitions=others,
    )


def test_coarse_step__is_never_finer_than_the_minimum_cell():
    for n, k in itertools.product((50, 110, 111, 219, 550, 1099, 1100, 10**6), (5, 11)):
        step = coarse_step(n, k)
        assert step is None or step * n >= k
        assert (step is None) == (0.1 * n < k)


def test_protect__what_is_told_is_never_hidden_and_rounds_that_are_stay_out(compared):
    shown, reasons = protect_definitions(
        compared, {"event": {"R2009"}}, NO_TABLE, POLICY
    )
    assert reasons == ()
    assert shown.rounds == ("R2012",)
    row = shown.prevalence.set_index("definition").loc["uniap"]
    later = compared.classification.frame["d_traff"].iloc[400:]
    assert row["n"] == 400
    assert row["yes"] == (later == 1).sum()
    assert not row["hidden"]


def test_protect__nothing_where_every_round_is_withheld_or_too_few_remain(compared):
    gone = {"event": {"R2009"}, "person": {"R2012"}}
    shown, (reason,) = protect_definitions(compared, gone, NO_TABLE, POLICY)
    assert shown is None
    assert "too few respondents in rounds that are shown" in reason
    assert protect_definitions(
        replace(compared, other_definitions=None), {}, NO_TABLE, POLICY
    ) == (None, ())


def test_protect__refuses_where_only_hiding_a_told_setting_would_help(compared):
    # Strict is base but for three persons, and both are printed by round.
    base = compared.settings["base"].frame["d_traff"]
    few = base[base == 1].index[:3]
    strict = compared.settings["base"].frame.assign(
        d_traff=base.where(~base.index.isin(few), 0).astype("Int8")
    )
    settings = {
        **compared.settings,
        "strict": replace(compared.settings["base"], frame=strict),
    }
    shown, (reason,) = protect_definitions(
        replace(compared, settings=settings), {}, NO_TABLE, POLICY
    )
    assert shown is None
    assert "which are printed elsewhere" in reason
    assert "3" not in reason
    # Where the page withholds that setting, nobody can subtract it.
    rows = pd.DataFrame(
        {"setting": ["strict"], "round_id": "R2009", "suppressed": True}
    )
    shown, reasons = protect_definitions(
        replace(compared, settings=settings), {}, rows, POLICY
    )
    assert reasons == ()
    assert shown is not None


def test_page__shows_coarse_shares_and_no_count(compared, release):
    shown, _ = protect_definitions(compared, {}, NO_TABLE, POLICY)
    document = make_document(replace(release, comparison=shown))
    assert [table.name for table in document.definitions] == [
        "definitions",
        "definitions_agreement",
    ]
    page = render(document)
    section = page[page.index('<section id="definitions">') :]
    section = section[: section.index("</section>")]
    assert "uniap (this study)" in section
    assert "Shares are rounded to 2 %, limits outwards" in section  # 11 of 800
    cells = [
        cell
        for table in document.definitions
        for row in table.rows
        for label, cell in zip(table.columns, row, strict=True)
        if label.label not in {"Definition", "Title", "First", "Second", "Kappa",
                               "Indicators switched off"}
    ]  # fmt: skip
    numbers = [int(n) for cell in cells for n in re.findall(r"\d+", cell)]
    assert numbers
    assert all(n % 2 == 0 for n in numbers)
    low, high = document.definitions[0].rows[0][3].split("\N{EN DASH}")
    truth = shown.prevalence.iloc[0]
    assert int(low) <= 100 * truth["ci_low"] <= 100 * truth["ci_high"] <= int(high)


def test_page__has_no_section_without_a_comparison(release):
    assert definition_tables(release) == ()
    assert 'id="definitions"' not in render(make_document(release))


def test_ledger__keeps_what_the_shares_rest_on(compared, release):
    shown, _ = protect_definitions(compared, {}, NO_TABLE, POLICY)
    cells = comparison_cells(
        shown, compared.config, compared.interviews.origins, setting="base"
    )
    family = cells.cells["class d_traff"]
    cases = int((compared.classification.frame["d_traff"] == 1).sum())
    assert family["definition=uniap base|value=yes|persons"] == cases
    assert set(cells.rounds) == {"R2009", "R2012"}


def test_other_definitions__all_shipped_some_or_none(compared):
    def found(compare):
        section = compared.config.classify.model_copy(update={"compare": compare})
        config = compared.config.model_copy(update={"classify": section})
        return other_definitions(compared.interviews, SimpleNamespace(), UNIAP, config)

    everything, reasons = found(None)
    assert {"uniap", "palermo", "ilo_adult_labour"} <= {
        item.name for item in everything.definitions
    }
    assert reasons == ()
    some, reasons = found(("palermo", "no_such_definition"))
    assert [item.name for item in some.definitions] == ["uniap", "palermo"]
    assert len(reasons) == 1
    assert "no_such_definition" in reasons[0]
    assert found(()) == (None, ())
