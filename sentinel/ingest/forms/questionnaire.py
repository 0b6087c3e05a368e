"""The deportee questionnaire as an XLSForm, made from the shipped codebook.

The codebook says what is asked, with which codes, range and skip rule; the wording and
the order stand in ``deportee_questions.csv``. Everything about the person is asked only
after privacy and consent; there is no field for a name, a telephone or a position.
Label columns of six languages are there to be filled by translators.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

from sentinel import datasets
from sentinel.ingest.forms.definition import FormDefinition
from sentinel.ingest.forms.workbook_writer import workbook_bytes
from sentinel.ingest.forms.xlsform import form_of
from sentinel.ingest.source_file import SourceFile
from sentinel.schema.codebook import load_codebook
from sentinel.schema.skip_logic import Comparison, Condition
from sentinel.schema.states import CellState
from sentinel.schema.variables import Codebook, Variable

__all__ = ["DANGERS", "LANGUAGES", "deportee_form", "deportee_form_bytes"]

ENGLISH = "English (en)"
LANGUAGES = (
    ENGLISH,
    "Khmer (km)",
    "Lao (lo)",
    "Myanmar (my)",
    "Thai (th)",
    "Vietnamese (vi)",
    "Chinese (zh)",
)
VERSION = "2"


def _in_all(column: str) -> tuple[str, ...]:
    return tuple(f"{column}::{language}" for language in LANGUAGES)


_LABELS = _in_all("label")
_SURVEY = (
    "type", "name", *_LABELS, *_in_all("hint"), "required", "relevant", "constraint",
    *_in_all("constraint_message"), "calculation", "appearance", "default",
)  # fmt: skip
_GROUPS = {
    "selection": "Selection",
    "consent": "Privacy and consent",
    "person": "Person and household",
    "journey": "Journey and recruitment",
    "work": "Work",
    "freedom": "Freedom and safety",
    "return": "Way back",
    "network": "People known",
    "closing": "Closing",
}
# Groups whose questions reach the person only after privacy and consent.
_CONTENT = ("person", "journey", "work", "freedom", "return", "network")
_GATE = "${private} = '1' and ${consent_given} = '1'"
_CONSENT_TEXT = (
    "Read aloud: We ask people who have come back about their journey and their work, "
    "to make journeys safer. I do not ask for your name. You may refuse, leave out any "
    "question and stop at any time; nothing bad follows from that, and no payment or "
    "help depends on it. We report only numbers of many people together. We cannot "
    "promise you help, but I can tell you whom you can turn to."
)
_LAST_TEXT = (
    "Thank the person. Offer the list of services and the hotline card. Danger that "
    "lasts, a child alone, an injury or thoughts of suicide: call your supervisor now."
)
_PLACES = {
    "site_code": r"(XB|PT)-.*", "deport_code": r"(XB|PT)-.*", "cross_code": r"XB-.*",
    "origin_adm1": r"[A-Z]{2}-[A-Z0-9]{1,3}", "dest_adm1": r"[A-Z]{2}-[A-Z0-9]{1,3}",
}  # fmt: skip
_COUNTRIES = {
    "KHM": "Cambodia", "LAO": "Lao PDR", "MMR": "Myanmar", "THA": "Thailand",
    "VNM": "Viet Nam", "CHN": "China", "BGD": "Bangladesh", "IDN": "Indonesia",
    "MYS": "Malaysia", "PHL": "Philippines",
}  # fmt: skip
# Beyond the codebook's own skip rules: protection that only a form can give.
_RELEVANT = {
    "child_guard": "${age} >= 0 and ${age} < 18",
    "sexual_v": "${age} >= 18 and ${age} != 98 and ${int_sex} = ${sex}",
    "held_now": f"{_GATE} and not(${{child_guard}} = '0')",
    "self_harm": _GATE,
    "danger_told": "${danger_now} = '1'",
}
_REQUIRED = {
    name: "yes"
    for name in (
        "site_code", "int_date", "private", "consent_read", "consent_given",
        "sel_outcome", "danger_told",
    )
} | {"referred": "${danger_now} = '1'"}  # fmt: skip
# Immediate danger, as MINOR and the shipped referral flags of urgency "now" have it:
# the form cannot be finished before the danger was handed over.
DANGERS = {
    "STILL_HELD": "${held_now} = '1' or ${held_now} = '2'",
    "SUICIDAL": "${self_harm} = '1' or ${self_harm} = '2'",
    "MINOR": "${age} >= 0 and ${age} < 18",
    "INJURED": "${injury} = '1' and not(selected(${assist_home}, 'medical'))",
    "DISTRESS": "${distress} = '2'",
    "THREAT_STANDS": "${threat_family} = '1' or ${threat_kill} = '1'",
    "SEXUAL_VIOLENCE": "${sexual_v} = '1' or selected(${route_abuse}, 'sexual')",
}
_IN_DANGER = "${danger_now} = '1'"
_DANGER_CARD = (
    "This person may be in danger. Stay with the person, out of the sight of others. "
    "Call your supervisor now. Offer the services of your list and say what each can "
    "and cannot do; the person decides, for a child the child protection service. "
    "Contact neither employer nor police without the person's consent. Do not promise "
    "what you cannot keep."
)
_CONSTRAINTS = {
    "interviewer_id": "regex(., '[A-Za-z]{0,3}[0-9]{1,4}')",
    "referred": f"not({_IN_DANGER}) or . != '0'",
    "danger_told": ". = '1'",
}
_MESSAGES = {
    "referred": "Somebody may be in danger: offer a service before you go on.",
    "danger_told": "Call your supervisor now. The form is finished after that.",
}
_MISSING_WORDS = {
    CellState.REFUSED: "Refuses to answer (do not read)",
    CellState.DONT_KNOW: "Does not know (do not read)",
}
Cells = dict[str, str]


def deportee_form() -> FormDefinition:
    """Return the shipped questionnaire as a form definition.

    Examples
    --------
    >>> form = deportee_form()
    >>> form.form_id, len(form.problems), form.question("hh_debt_usd").kind
    ('sentinel_deportee', 0, 'decimal')
    """
    name = "deportee.xlsx"
    content = deportee_form_bytes()
    return form_of(SourceFile(path=Path(name), label=name, sheet=None, content=content))


def deportee_form_bytes() -> bytes:
    """Return the shipped questionnaire as the bytes of an XLSForm workbook."""
    codebook = load_codebook("deportee")
    wording = list(_wording())
    lists = dict(_lists(codebook, [row["name"] for row in wording]))
    survey = [
        list(_SURVEY),
        *(
            [cells.get(column, "") for column in _SURVEY]
            for cells in _survey(codebook, wording, lists)
        ),
    ]
    choices = [["list_name", "name", *_LABELS]]
    for list_name, pairs in lists.items():
        blank = [""] * (len(_LABELS) - 1)
        choices += [[list_name, code, label, *blank] for code, label in pairs]
    settings = [
        ["form_title", "form_id", "version", "default_language"],
        ["Interview at return", "sentinel_deportee", VERSION, ENGLISH],
    ]
    return workbook_bytes({"survey": survey, "choices": choices, "settings": settings})


def _wording() -> Iterator[Cells]:
    source = resources.files("sentinel.ingest.forms") / "deportee_questions.csv"
    text = source.read_text(encoding="utf-8")
    yield from csv.DictReader(io.StringIO(text, newline=""))


def _survey(
    codebook: Codebook,
    wording: Sequence[Cells],
    lists: dict[str, list[tuple[str, str]]],
) -> Iterator[Cells]:
    for name in ("start", "end"):
        yield {"type": name, "name": name}
    for group, title in _GROUPS.items():
        opened = {"type": "begin group", "name": group, _LABELS[0]: title}
        if group in _CONTENT:
            more = " and not(${child_guard} = '0')" if group != "person" else ""
            opened["relevant"] = _GATE + more
        yield opened
        if group == "consent":
            yield {"type": "note", "name": "consent_text", _LABELS[0]: _CONSENT_TEXT}
        for row in (item for item in wording if item["group"] == group):
            if row["name"] == "referred":
                yield from _danger()
            yield _question(codebook, codebook[row["name"]], row, lists)
        if group == "closing":
            yield {"type": "note", "name": "last_text", _LABELS[0]: _LAST_TEXT}
        yield {"type": "end group"}


def _danger() -> Iterator[Cells]:
    raised = " or ".join(f"({condition})" for condition in DANGERS.values())
    yield {
        "type": "calculate",
        "name": "danger_now",
        "calculation": f"if({raised}, '1', '0')",
    }
    yield {
        "type": "note",
        "name": "danger_card",
        _LABELS[0]: _DANGER_CARD,
        "relevant": _IN_DANGER,
    }


def _question(
    codebook: Codebook,
    variable: Variable,
    row: Cells,
    lists: dict[str, list[tuple[str, str]]],
) -> Cells:
    name = variable.name
    cells = {
        "name": name,
        _LABELS[0]: row["question"],
        f"hint::{ENGLISH}": row["hint"],
        "type": _type(variable, lists),
        "required": _REQUIRED.get(name, ""),
        "relevant": _RELEVANT.get(name) or _skip_rule(codebook, variable.asked_if),
        "constraint": _constraint(variable),
    }
    if cells["constraint"]:
        told = _MESSAGES.get(name) or f"Expected {variable.expected()}."
        cells[f"constraint_message::{ENGLISH}"] = told
    if variable.kind == "month":
        cells["appearance"] = "month-year"
    if name == "int_date":
        cells["default"] = "today()"
    if len(lists.get(_list_name(variable), [])) > 20:
        cells["appearance"] = "autocomplete"
    return cells


def _type(variable: Variable, lists: dict[str, list[tuple[str, str]]]) -> str:
    list_name = _list_name(variable)
    if list_name in lists:
        kind = "select_multiple" if variable.kind == "multi" else "select_one"
        return f"{kind} {list_name}"
    plain = {"integer": "integer", "number": "decimal", "date": "date", "month": "date"}
    return plain.get(variable.kind, "text")


def _list_name(variable: Variable) -> str:
    if variable.name in {"origin_adm1", "dest_adm1"}:
        return "province"
    if variable.name in {"site_code", "deport_code"}:
        return "point"
    if variable.name in {"nationality", "broker_nat"}:
        return f"country_{variable.kind}"
    if list(variable.codes) == ["0", "1"]:
        return "yes_no_unknown" if variable.missing else "yes_no"
    return variable.name


def _lists(
    codebook: Codebook, names: Sequence[str]
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    places = datasets.load("places")
    for variable in (codebook[name] for name in names):
        if variable.name in _PLACES:
            fits = places["code"].str.fullmatch(_PLACES[variable.name])
            found = places[fits].sort_values(["country", "name"])
            pairs = [
                (code, f"{name} ({country})")
                for code, name, country in zip(
                    found["code"], found["name"], found["country"], strict=True
                )
            ]
        elif _list_name(variable).startswith("country_"):
            pairs = list(_COUNTRIES.items())
        elif variable.codes:
            pairs = [(code, _words(text)) for code, text in variable.codes.items()]
        else:
            continue
        more = [
            (code, _MISSING_WORDS[state])
            for code, state in variable.missing.items()
            if state in _MISSING_WORDS
        ]
        yield _list_name(variable), pairs + more


def _words(label: str) -> str:
    """Return a code's label as words: ``had_none`` and ``AtWork`` alike."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label).replace("_", " ")
    words = spaced if spaced.isupper() else spaced[:1].upper() + spaced[1:].lower()
    return words if not label.isupper() else label


def _constraint(variable: Variable) -> str:
    if variable.kind == "multi":
        alone = [code for code in ("none", *variable.missing) if _has(variable, code)]
        tests = " or ".join(f"selected(., '{code}')" for code in alone)
        return f"count-selected(.) <= 1 or not({tests})" if tests else ""
    if variable.is_numeric:
        limits = [
            f". {sign} {limit:g}"
            for sign, limit in ((">=", variable.low), ("<=", variable.high))
            if limit is not None
        ]
        exact = [f". = {code}" for code in variable.missing]
        return " or ".join(filter(None, [" and ".join(limits), *exact]))
    return _CONSTRAINTS.get(variable.name, "")


def _has(variable: Variable, code: str) -> bool:
    return code in variable.codes or code in variable.missing


def _skip_rule(codebook: Codebook, condition: Condition | None) -> str:
    """Write a skip rule of the codebook in the language of forms."""
    if condition is None:
        return ""
    return " or ".join(
        " and ".join(_comparison(codebook, part) for part in parts)
        for parts in condition.alternatives
    )


def _comparison(codebook: Codebook, part: Comparison) -> str:
    variable, name = codebook[part.variable], f"${{{part.variable}}}"
    if variable.is_numeric:
        low = 0 if variable.low is None else variable.low
        return f"{name} {part.sign} {part.values[0]} and {name} >= {low:g}"
    # "Refused" and "does not know" are codes in a form and no answers in a codebook.
    fit = [code for code in variable.codes if _fits(code, part)]
    if variable.kind == "multi":
        tests = [f"selected({name}, '{code}')" for code in fit]
    else:
        tests = [f"{name} = '{code}'" for code in fit]
    return f"({' or '.join(tests)})" if len(tests) > 1 else tests[0]


def _fits(code: str, part: Comparison) -> bool:
    if part.sign in {"=", "!="}:
        return (code in part.values) == (part.sign == "=")
    number, limit = float(code), float(part.values[0])
    return {
        "<": number < limit,
        "<=": number <= limit,
        ">": number > limit,
        ">=": number >= limit,
    }[part.sign]
