"""Small XLSForms written with openpyxl, as a designer's spreadsheet would be."""

from __future__ import annotations

from pathlib import Path

import openpyxl

SURVEY = (
    "type", "name", "label::English (en)", "label::Khmer (km)", "relevant",
    "constraint", "constraint_message", "required", "calculation", "choice_filter",
)  # fmt: skip
CHOICES = ("list_name", "name", "label::English (en)", "label::Khmer (km)")

# What a deportee might be asked; every feature of a form that matters is in it.
QUESTIONS: list[dict[str, str]] = [
    {"type": "start", "name": "start"},
    {"type": "today", "name": "today"},
    {
        "type": "select_one yes_no",
        "name": "consent_given",
        "label::English (en)": "Do you agree to take part?",
        "label::Khmer (km)": "យល់ព្រម?",
        "required": "yes",
    },
    {
        "type": "begin group",
        "name": "person",
        "label::English (en)": "Person",
        "relevant": "${consent_given} = '1'",
    },
    {
        "type": "integer",
        "name": "age",
        "label::English (en)": "How old are you?",
        "constraint": ". >= 5 and . <= 99",
        "constraint_message": "Between 5 and 99.",
        "required": "true()",
    },
    {
        "type": "select_one sex",
        "name": "sex",
        "label::English (en)": "Sex",
    },
    {
        "type": "select_multiple means or_other",
        "name": "means",
        "label::English (en)": "What was done to you?",
        "relevant": "${age} >= 12",
        "constraint": "not(selected(., 'dk')) or count-selected(.) = 1",
    },
    {
        "type": "text",
        "name": "dk_why",
        "label::English (en)": "Why not known?",
        "relevant": "selected(${means}, 'dk')",
    },
    {
        "type": "calculate",
        "name": "is_child",
        "calculation": "if(${age} < 18, 1, 0)",
    },
    {"type": "end group"},
    {
        "type": "begin repeat",
        "name": "jobs",
        "label::English (en)": "Jobs",
        "relevant": "${consent_given} = '1'",
    },
    {
        "type": "select_one occ",
        "name": "occ",
        "label::English (en)": "Occupation",
    },
    {
        "type": "decimal",
        "name": "pay",
        "label::English (en)": "Pay",
        "relevant": "${occ} != 'none' and ${age} > 0",
        "constraint": ". >= 0",
    },
    {"type": "end repeat"},
    {"type": "note", "name": "thanks", "label::English (en)": "Thank you."},
]
ANSWERS: list[dict[str, str]] = [
    {"list_name": "yes_no", "name": "0", "label::English (en)": "No"},
    {"list_name": "yes_no", "name": "1", "label::English (en)": "Yes"},
    {"list_name": "sex", "name": "1", "label::English (en)": "Male"},
    {"list_name": "sex", "name": "2", "label::English (en)": "Female"},
    {"list_name": "means", "name": "debt", "label::English (en)": "Debt bondage"},
    {"list_name": "means", "name": "docs", "label::English (en)": "Papers kept"},
    {"list_name": "means", "name": "dk", "label::English (en)": "Don't know"},
    {"list_name": "occ", "name": "maid", "label::English (en)": "House work"},
    {"list_name": "occ", "name": "farm", "label::English (en)": "Farm"},
    {"list_name": "occ", "name": "none", "label::English (en)": "No work"},
]


def write_form(
    path: Path,
    questions: list[dict[str, str]] | None = None,
    answers: list[dict[str, str]] | None = None,
    *,
    version: str = "2026-01",
) -> Path:
    """Write a form; columns are those that the rows name."""
    book = openpyxl.Workbook()
    survey = book.active
    assert survey is not None
    survey.title = "survey"
    for sheet, rows, first in (
        (survey, questions or QUESTIONS, SURVEY),
        (book.create_sheet("choices"), answers or ANSWERS, CHOICES),
    ):
        header = list(dict.fromkeys([*first, *(key for row in rows for key in row)]))
        sheet.append(header)
        for row in rows:
            sheet.append([row.get(key, "") for key in header])
    settings = book.create_sheet("settings")
    settings.append(["form_title", "form_id", "version", "default_language"])
    settings.append(["A test form", "test_form", version, "English (en)"])
    book.save(path)
    return path
