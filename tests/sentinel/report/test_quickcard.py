"""The printed card: every question on it, nothing else, nothing dangerous."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from estimators.diagnostics import build_screening_tool
from estimators.errors import InputError
from sentinel.report.quickcard import (
    CardLanguage,
    english,
    make_quickcard,
    render,
    write_quickcard,
)

QUESTIONS = {
    "locked_in": "Were you kept from leaving?",
    "debt": "Did you have to work off a debt?",
    "unpaid": "Was your pay kept back?",
}


@pytest.fixture(scope="module")
def tool():
    rng = np.random.default_rng(1)
    case = rng.random(300) < 0.4
    rates = np.where(case[:, None], [0.7, 0.6, 0.6], [0.1, 0.1, 0.1])
    items = pd.DataFrame((rng.random((300, 3)) < rates).astype(int), columns=QUESTIONS)
    found = build_screening_tool(items, case, n_repeats=1, rng=1)
    # The card is laid out here, not chosen: all three questions are on it.
    return dataclasses.replace(
        found, items=tuple(QUESTIONS), points=(1, 1, 1), threshold=2
    )


def test_card__shows_every_question_threshold_and_contact(tool):
    page = render(make_quickcard(tool, QUESTIONS, contact="desk 012 345"))
    for item in tool.items:
        assert QUESTIONS[item] in page
    assert f"{tool.threshold} ticks or more" in page
    assert "desk 012 345" in page
    assert page.count('class="box"') == len(tool.items)
    assert re.search(r"@page \{ size: 105.0mm 148.0mm", page)


def test_card__needs_no_network_script_or_other_file(tool):
    page = render(make_quickcard(tool, QUESTIONS))
    assert "default-src 'none'" in page
    for forbidden in (
        "<script",
        "http://",
        "https://",
        "url(",
        "<img",
        "<link",
        "@import",
    ):
        assert forbidden not in page


def test_text__markup_and_hidden_controls_are_made_harmless(tool):
    wicked = {**QUESTIONS, "debt": "<script>alert(1)</script>\u202eback"}
    page = render(make_quickcard(tool, wicked, contact="<b>me</b>"))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page
    assert "&lt;b&gt;me" in page


def test_languages__slots_where_words_are_missing_and_their_own_direction(tool):
    urdu = CardLanguage(code="ur", name="اردو", questions={"debt": "قرض؟"})
    page = render(make_quickcard(tool, [english(QUESTIONS), urdu], paper="A5"))
    assert 'lang="ur" dir="rtl">قرض؟' in page
    slots = page.count('aria-label="to be filled in اردو"')
    assert slots == len(tool.items) - 1 + 3  # before, act and otherwise
    assert page.count('aria-label="whom to call"') == 1


def test_points__are_printed_beside_the_questions(tool):
    weighted = dataclasses.replace(tool, points=(3, 1, 2), threshold=4)
    page = render(make_quickcard(weighted, QUESTIONS))
    assert re.findall(r'class="points">(\d)', page) == ["3", "1", "2"]
    assert "4 points or more" in page


def test_accuracy__in_fives_and_never_from_a_small_sample(tool):
    card = make_quickcard(tool, QUESTIONS)
    numbers = [int(n) for n in re.findall(r"about (\d+)", card.accuracy)]
    honest = tool.get(measure="sensitivity", basis="cross_validated").estimate
    assert abs(numbers[0] - 100 * honest) <= 2.5
    assert all(n % 5 == 0 for n in numbers)
    few = dataclasses.replace(
        tool, rows=tuple(dataclasses.replace(row, n_obs=10) for row in tool.rows)
    )
    assert not make_quickcard(few, QUESTIONS).accuracy


def test_size__longer_text_gets_smaller_type_and_then_is_refused(tool):
    sizes = []
    for words in (1, 3, 5):
        long = {item: f"{text} " * words for item, text in QUESTIONS.items()}
        sizes.append(make_quickcard(tool, long).type_size)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]
    endless = {item: f"{text} " * 40 for item, text in QUESTIONS.items()}
    with pytest.raises(InputError, match="shorten the questions"):
        make_quickcard(tool, endless)


def test_bad_input__every_problem_is_named(tool):
    with pytest.raises(InputError, match=r"no question for unpaid"):
        make_quickcard(tool, {"locked_in": "a?", "debt": "b?"})
    with pytest.raises(InputError, match=r"age are not items"):
        make_quickcard(tool, {**QUESTIONS, "age": "How old are you?"})
    with pytest.raises(InputError, match="4 languages"):
        make_quickcard(tool, [english(QUESTIONS)] * 4)
    with pytest.raises(InputError, match="A5 or A6"):
        make_quickcard(tool, QUESTIONS, paper="A4")


def test_write__whole_and_the_same_every_time(tool, tmp_path):
    card = make_quickcard(tool, QUESTIONS)
    first = write_quickcard(card, tmp_path / "card.html").read_bytes()
    assert write_quickcard(card, tmp_path / "card.html").read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["card.html"]
