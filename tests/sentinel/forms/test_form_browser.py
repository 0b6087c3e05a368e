"""Filters and calculations against an engine that nobody here wrote: Chromium's XPath.

pyxform makes the form that a tablet gets; its item sets and calculations are evaluated
by the browser on an instance filled with the same answers. Only what XPath 1.0 itself
has can be compared this way: `selected`, `if` and the like are ODK's own.
"""

from __future__ import annotations

import itertools
import re
import shutil
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from pyxform.xls2xform import convert

from sentinel.ingest.forms import Rows, Texts, read_form
from sentinel.ingest.forms.choice_filters import left_out
from sentinel.ingest.forms.evaluate import evaluate_value
from sentinel.ingest.forms.xpath_values import to_texts
from tests.sentinel.forms.xlsforms import write_form

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is absent")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"]
XFORMS = "{http://www.w3.org/2002/xforms}"
FILTERS = [
    "province = ${home}",
    "province = ${home} and name != ${other}",
    "province != ${home} or least <= ${age}",
    "not(province = ${home}) and least < ${age}",
    "contains(name, ${other}) or province = ${home}",
    "starts-with(name, ${other}) and least > 3",
    "least * 2 >= ${age} + 1",
    "string-length(name) = ${age} div 3",
    "concat(province, name) = concat(${home}, ${other})",
    "province = ${home} and (least <= ${age} or name = ${other})",
]
CALCULATIONS = [
    "${age} + 1",
    "${age} div 4",
    "${age} mod 4 - 1",
    "-${age} * 2.5",
    "round(${age} div 2)",
    "round(-${age} div 2)",
    "concat(${home}, '-', ${other})",
    "concat(${age}, ' years')",
    "string-length(${home}) + string-length(${other})",
    "${home} = ${other}",
    "${age} > 5 and ${home} != ''",
    "not(${age} > 5) or ${other} = 'a'",
    "contains(${home}, ${other})",
    "starts-with(${home}, 'p')",
    "number(${other}) + 1",
    "number(${age}) = 6",
    # boolean(${home}) asks XPath 1.0 whether the question exists, and ODK whether it
    # was answered: we follow ODK.
    "boolean(string(${home}))",
    "string(${age}) = '6'",
    "1 div 0",
    "${age} div 0",
]
LINES = [
    {"list_name": "place", "name": name, "province": province, "least": least}
    for name, province, least in zip(
        ["a", "ab", "b", "bab", "aa", "bb", "ba", "p"],
        ["p", "q", "q", "p", "p", "q", "p", "q"],
        ["0", "3", "5", "6", "9", "12", "17", "2"],
        strict=True,
    )
]
PEOPLE = pd.DataFrame(
    list(itertools.product(["", "p", "q", "pa"], ["", "a", "b", "7"], ["", "0", "6"])),
    columns=["home", "other", "age"],
)


@pytest.fixture(scope="module")
def page():
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium here to evaluate XPath")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=found, args=OPTIONS)
        yield running.new_page()
        running.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    questions = [
        {"type": "text", "name": "home", "label::English (en)": "x"},
        {"type": "text", "name": "other", "label::English (en)": "x"},
        {"type": "integer", "name": "age", "label::English (en)": "x"},
    ]
    questions += [
        {
            "type": "select_one place",
            "name": f"f{number}",
            "label::English (en)": "x",
            "choice_filter": rule,
        }
        for number, rule in enumerate(FILTERS)
    ]
    questions += [
        {"type": "calculate", "name": f"c{number}", "calculation": rule}
        for number, rule in enumerate(CALCULATIONS)
    ]
    settings = {"label::English (en)": "x"}
    lines = [line | settings for line in LINES]
    folder = tmp_path_factory.mktemp("form")
    return write_form(folder / "f.xlsx", questions, lines)


@pytest.fixture(scope="module")
def compiled(path):
    """Return the root, the item sets, the calculations and the list of pyxform."""
    root = ET.fromstring(convert(path).xform)
    primary = next(iter(root.iter(f"{XFORMS}instance")))[0]
    name = primary.tag.rpartition("}")[2]
    filters = {
        item.get("ref", "").rpartition("/")[2]: next(iter(item)).get("nodeset")
        if item[0].tag.endswith("itemset")
        else item.find(f"{XFORMS}itemset").get("nodeset")
        for item in root.iter(f"{XFORMS}select1")
    }
    calculations = {
        bind.get("nodeset", "").rpartition("/")[2]: bind.get("calculate")
        for bind in root.iter(f"{XFORMS}bind")
        if bind.get("calculate")
    }
    listed = next(
        item for item in root.iter(f"{XFORMS}instance") if item.get("id") == "place"
    )
    items = re.sub(
        r"\s?xmlns(:\w+)?=\"[^\"]*\"|\w+:(?=\w+[ >/])",
        "",
        ET.tostring(listed, "unicode"),
    )
    return name, filters, calculations, items


EVALUATE = """([texts, filters, values]) => texts.map(text => {
  const doc = new DOMParser().parseFromString(text, "text/xml");
  const open = filters.map(rule => {
    const found = doc.evaluate(rule + "/name", doc, null, 5, null), names = [];
    for (let n = found.iterateNext(); n; n = found.iterateNext())
      names.push(n.textContent);
    return names;
  });
  return [open, values.map(rule => doc.evaluate(rule, doc, null, 2, null).stringValue)];
})"""


@pytest.fixture(scope="module")
def judged(page, compiled):
    name, filters, calculations, items = compiled
    texts = []
    for person in PEOPLE.itertuples(index=False):
        answers = "".join(
            f"<{key}>{value}</{key}>"
            for key, value in zip(PEOPLE.columns, person, strict=True)
        )
        texts.append(f"<{name}>{answers}{items}</{name}>")
    rules = [
        filters[f"f{number}"].replace(
            "instance('place')", f"/{name}/instance[@id='place']"
        )
        for number in range(len(FILTERS))
    ]
    values = [calculations[f"c{number}"] for number in range(len(CALCULATIONS))]
    return page.evaluate(EVALUATE, [texts, rules, values])


def rows_of(people: pd.DataFrame) -> Rows:
    columns = {
        name: Texts.of(people[name].astype("str"), is_number=name == "age")
        for name in people
    }
    return Rows(n=len(people), columns=columns)


@pytest.mark.parametrize("number", range(len(FILTERS)), ids=FILTERS)
def test_filter__leaves_open_what_the_browser_does(path, judged, number):
    question = read_form(path).question(f"f{number}")
    codes = sorted(set(question.codes))
    everybody = pd.concat([PEOPLE] * len(codes), ignore_index=True)
    chosen = np.repeat(codes, len(PEOPLE))
    own = Texts.of(pd.Series(chosen, dtype="str"))
    found = left_out(question, own, rows_of(everybody))
    assert found.known.all(), found.not_checked
    shut = found.true.reshape(len(codes), len(PEOPLE))
    for place, (sets, _) in enumerate(judged):
        ours = {code for code, row in zip(codes, shut, strict=True) if not row[place]}
        assert ours == set(sets[number]), PEOPLE.iloc[place].to_dict()
    assert 0 < shut.mean() < 1  # it judges


@pytest.mark.parametrize("number", range(len(CALCULATIONS)), ids=CALCULATIONS)
def test_calculation__gives_the_text_that_the_browser_does(judged, number):
    value, reasons = evaluate_value(CALCULATIONS[number], rows_of(PEOPLE))
    assert not reasons
    ours = to_texts(value).objects().tolist()
    assert ours == [values[number] for _, values in judged]
