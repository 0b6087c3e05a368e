"""Which variable of a codebook each question of a form makes, and how."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sentinel.ingest.forms.definition import Choice, FormDefinition, Question
from sentinel.ingest.forms.xpath_syntax import (
    Binary,
    Constant,
    Negated,
    Node,
    OwnAnswer,
    conjuncts,
    parse_expression,
)
from sentinel.ingest.missing_codes import state_of_label
from sentinel.ingest.submissions import NOTHING_CHOSEN
from sentinel.schema.identifiers import identifier_in_label, identifier_in_name
from sentinel.schema.states import CellState
from sentinel.schema.variables import Codebook, Variable

__all__ = ["FormVariable", "form_variables"]

_KIND_OF = {
    "integer": "integer", "decimal": "number", "range": "number", "date": "date",
    "datetime": "date", "select_one": "category", "select_multiple": "multi",
}  # fmt: skip
_DROPPED = {
    "geo": "an exact position",
    "media": "a picture, a recording or a file",
    "barcode": "a scanned code",
    "text": "free text: it holds names sooner or later",
}
_FITTING = {
    "integer": {"integer", "number"}, "number": {"integer", "number"},
    "date": {"date", "month"}, "category": {"category", "flag"}, "multi": {"multi"},
}  # fmt: skip
_GRAMMAR = re.compile(r"[;=|,\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormVariable:
    """What becomes of one question.

    Attributes
    ----------
    question : Question
    source : str
        Column of the export as the reader names it.
    variable : str
        Variable of the codebook; empty where the question is not read.
    is_new : bool
        The shipped codebook has no such variable: `row` is its line.
    dropped : str
        Why the column must be dropped unread.
    recode : mapping of str to str
    row : mapping of str to str
        Cells of the codebook.
    note : str
        For the analyst.
    """

    question: Question
    source: str
    variable: str = ""
    is_new: bool = False
    dropped: str = ""
    recode: Mapping[str, str] = field(default_factory=dict)
    row: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


def form_variables(
    form: FormDefinition, codebook: Codebook
) -> tuple[FormVariable, ...]:
    """Return what becomes of every question of a form that has a column."""
    names = form.short_names()
    taken = set(codebook.names) | {"round_id"}
    found = []
    for question in form.questions:
        if question.is_answered:
            item = _decide(question, names[question.path], form, codebook, taken)
            taken |= {item.variable}
            found.append(item)
    return tuple(found)


def _decide(
    question: Question,
    source: str,
    form: FormDefinition,
    codebook: Codebook,
    taken: set[str],
) -> FormVariable:
    known = codebook.get(question.name.casefold())
    if known is not None and (known.derived == "classify" or known.kind == "string"):
        known = None
    if known is not None and known.kind == "id" and question.kind == "text":
        return FormVariable(question=question, source=source, variable=known.name)
    kind = _KIND_OF.get(question.kind, "")
    dropped = "" if kind else _reason_to_drop(question, form)
    if dropped:
        return FormVariable(question=question, source=source, dropped=dropped)
    if not kind:
        note = f"a question of type {question.kind} is not read"
        if question.kind == "meta":
            note = ""
        return FormVariable(question=question, source=source, note=note)
    if known is not None and known.kind in _FITTING[kind]:
        recode = _recode(question, known, form)
        if recode is not None:
            return FormVariable(
                question=question, source=source, variable=known.name, recode=recode
            )
    return _new_variable(question, source, form, taken, clash=known is not None)


def _reason_to_drop(question: Question, form: FormDefinition) -> str:
    announced = identifier_in_name(question.name) or next(
        (
            found
            for text in question.labels.values()
            if (found := identifier_in_label(text))
        ),
        "",
    )
    if announced and question.kind not in {"calculate", "acknowledge"}:
        return announced
    if question.kind == "meta":
        return identifier_in_name(question.meta)
    if question.name in form.other_names:
        return "the text behind “other”"
    return _DROPPED.get(question.kind, "")


def _recode(
    question: Question, variable: Variable, form: FormDefinition
) -> dict[str, str] | None:
    """Return how the form's codes become the variable's; None if some cannot."""
    recode: dict[str, str] = {}
    by_label = {_bare(label): code for code, label in variable.codes.items()}
    if not _mean_the_same(question, variable):
        return None
    for choice in question.choices:
        if _is_lawful(choice.name, variable):
            continue
        code = by_label.get(_bare(_text(choice, form)))
        if code is None:
            return None
        recode[choice.name] = code
    if variable.kind == "multi":
        recode[NOTHING_CHOSEN] = "none" if "none" in variable.codes else ""
    return recode


def _mean_the_same(question: Question, variable: Variable) -> bool:
    """Whether the texts of equal codes agree at least once, where both have words."""
    pairs = [
        (_bare(text), _bare(variable.codes[choice.name]))
        for choice in question.choices
        if choice.name in variable.codes
        for text in choice.labels.values()
    ]
    worded = [(ours, theirs) for ours, theirs in pairs if ours and not theirs.isdigit()]
    return not worded or any(ours == theirs for ours, theirs in worded)


def _is_lawful(code: str, variable: Variable) -> bool:
    if code in variable.codes or code in variable.missing:
        return True
    if variable.codes:
        return False
    return not variable.pattern or re.fullmatch(variable.pattern, code) is not None


def _bare(text: str) -> str:
    return re.sub(r"\W|_", "", text.casefold())


def _text(choice: Choice, form: FormDefinition) -> str:
    return choice.labels.get(form.default_language) or next(
        iter(choice.labels.values()), choice.name
    )


def _new_variable(
    question: Question,
    source: str,
    form: FormDefinition,
    taken: set[str],
    *,
    clash: bool,
) -> FormVariable:
    name = _free_name(source, taken)
    kind = _KIND_OF[question.kind]
    if any(_GRAMMAR.search(choice.name) for choice in question.choices):
        note = "its codes hold ; = | or spaces: give the choices other names"
        return FormVariable(question=question, source=source, note=note)
    row = {
        "name": name,
        "block": "C",
        "record": "interview",
        "label": question.label(form.default_language),
        "kind": kind,
        "release": "enclave",
        **_coded(question, form, kind),
        **_range(question),
    }
    if kind == "category" and not row["codes"]:
        note = "its choices stand in another file: write its codes into the codebook"
        return FormVariable(question=question, source=source, note=note)
    note = ""
    if clash:
        note = "the codebook's variable of this name has other answers, or other words "
        note += "for them; if they mean the same, map this column to it"
    recode = {NOTHING_CHOSEN: "none"} if kind == "multi" else {}
    return FormVariable(
        question=question,
        source=source,
        variable=name,
        is_new=True,
        recode=recode,
        row=row,
        note=note,
    )


def _free_name(source: str, taken: set[str]) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", source.casefold()).strip("_")
    plain = plain if plain[:1].isalpha() else f"q_{plain}"
    if plain in taken:
        plain = f"form_{plain}"
    number, name = 2, plain
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    return name


def _coded(question: Question, form: FormDefinition, kind: str) -> dict[str, str]:
    codes, missing = [], []
    for choice in question.choices:
        text = _text(choice, form)
        label = re.sub(r"[;=|]", ",", " ".join(text.split()))
        state = state_of_label(text)
        if state in {CellState.DONT_KNOW, CellState.REFUSED}:
            missing.append(f"{choice.name}={state.name.lower()}")
        else:
            codes.append(f"{choice.name}={label}")
    if kind == "multi" and "none" not in question.codes:
        codes.append("none=nothing chosen")
    return {"codes": ";".join(codes), "missing": ";".join(missing)}


def _range(question: Question) -> dict[str, str]:
    """Return low and high where a constraint says just that."""
    if question.kind not in {"integer", "decimal", "range"} or not question.constraint:
        return {}
    try:
        parts = list(conjuncts(parse_expression(question.constraint)))
    except (ValueError, RecursionError):
        return {}
    limits: dict[str, str] = {}
    for part in parts:
        limit = _limit(part)
        if limit is None:
            return {}
        limits.update(limit)
    return limits


def _limit(node: Node) -> dict[str, str] | None:
    if not isinstance(node, Binary) or not isinstance(node.left, OwnAnswer):
        return None
    right, factor = node.right, 1.0
    if isinstance(right, Negated):
        right, factor = right.operand, -1.0
    if not isinstance(right, Constant) or isinstance(right.value, str):
        return None
    column = {">=": "low", "<=": "high"}.get(node.sign)
    return None if column is None else {column: f"{factor * right.value:g}"}
