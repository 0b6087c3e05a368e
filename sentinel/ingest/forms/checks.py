"""Answers against their form: skip logic, constraints, codes, filters, calculations.

Nothing is corrected: a tablet enforces a form, so that a finding means that the file
was edited, comes from another version, or that the form has a fault. All are warnings
with the row and the column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.findings import MOST_SHOWN, add_rows
from sentinel.ingest.forms.calculations import (
    calculation_circles,
    disagreements,
    holding_text,
)
from sentinel.ingest.forms.choice_filters import left_out
from sentinel.ingest.forms.definition import FormDefinition, Question
from sentinel.ingest.forms.evaluate import Truth, evaluate
from sentinel.ingest.forms.xpath_functions import Rows
from sentinel.ingest.forms.xpath_values import Texts, day_number
from sentinel.ingest.submissions import NOTHING_CHOSEN
from sentinel.schema.identifiers import shown_value
from sentinel.schema.problems import Problem, Problems

__all__ = ["OPEN", "AnswerTable", "check_answers"]

BoolVector = npt.NDArray[np.bool_]
_NUMBERS = frozenset({"integer", "decimal", "range", "date", "datetime"})
# Kinds whose answers are any text: they are never shown in a message.
OPEN = frozenset({"text", "barcode", "media", "geo", "meta"})
_LONGEST_SHOWN = 90
_DAYS = frozenset({"date", "datetime"})
_MOST_NAMED = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnswerTable:
    """Answers of one table by question, all of the same rows.

    Attributes
    ----------
    label : str
        File or sheet for messages.
    frame : DataFrame of str, n rows
        Columns under the short names of the form.
    rows : ndarray of int64, shape (n,)
    repeat : tuple of str
        Path of the repeat, empty for the main table.
    outer : mapping of str to Series
        Answers of the interview around each row of a repeat, by question name.
    day : Series of str or None
        Day of the interview, for ``today()``.
    """

    label: str
    frame: pd.DataFrame
    rows: npt.NDArray[np.int64]
    repeat: tuple[str, ...] = ()
    outer: Mapping[str, pd.Series] = field(default_factory=dict)
    day: pd.Series | None = None


@dataclass(slots=True)
class _Check:
    table: AnswerTable
    problems: Problems
    rows: Rows
    holding_text: frozenset[str]
    circles: frozenset[str]
    timed: frozenset[str]
    not_checked: dict[str, None] = field(default_factory=dict)

    def truth(self, question: Question, column: str) -> Truth | None:
        """Return where a condition of a question holds; None where it has none."""
        text = getattr(question, column)
        if not text:
            return None
        found = evaluate(text, self.rows)
        self.note(found, question, column)
        return found

    def note(self, found: Truth, question: Question, column: str) -> None:
        """Keep why something could not be checked."""
        if not found.known.all():
            for reason in found.not_checked or ("not known",):
                self.not_checked[f"{column} of {question.name}: {reason}"] = None

    def tell(
        self,
        where: BoolVector,
        name: str,
        question: Question,
        expected: str | Sequence[str],
        hint: str,
    ) -> None:
        places = np.flatnonzero(where)
        shown = question.name not in self.holding_text
        column = self.table.frame[name]
        add_rows(
            self.problems,
            [
                (int(self.table.rows[place]), column.iloc[place] if shown else "")
                for place in places
            ],
            file=self.table.label,
            column=name,
            expected=expected,
            hint=hint,
            severity="warning",
        )


def check_answers(
    form: FormDefinition, table: AnswerTable, problems: Problems
) -> dict[str, BoolVector]:
    """List what a form would not have let pass, and return what was not asked.

    Conditions that cannot be evaluated (functions outside our subset, questions that
    the export lacks) are listed as not checked, in one warning, and judge nothing.

    Returns
    -------
    mapping of str to ndarray of bool, shape (n,)
        Column to where its question was not relevant.
    """
    names = form.short_names()
    questions = [
        item for item in form.answered(table.repeat) if names[item.path] in table.frame
    ]
    check = _Check(
        table,
        problems,
        _rows(form, questions, names, table),
        holding_text(form, OPEN),
        frozenset(chain.from_iterable(calculation_circles(form))),
        frozenset(item.name for item in form.questions if _has_time(item)),
    )
    not_asked: dict[str, BoolVector] = {}
    for question in questions:
        name = names[question.path]
        own = _texts(question, table.frame[name])
        check.rows.columns["."] = own
        skipped = _check_question(check, question, name, ~own.empty)
        if skipped is not None:
            not_asked[name] = skipped
    _list_not_checked(check)
    return not_asked


def _rows(
    form: FormDefinition,
    questions: list[Question],
    names: Mapping[str, str],
    table: AnswerTable,
) -> Rows:
    columns: dict[str, Texts] = {}
    kinds = {item.name: item for item in form.questions}
    for name, values in table.outer.items():
        if name in kinds:
            columns[name] = _texts(kinds[name], values)
    for question in questions:
        # A name that comes twice in a form cannot be told apart in ${...}.
        if names[question.path] == question.name:
            columns[question.name] = _texts(question, table.frame[question.name])
    today = None if table.day is None else Texts.of(table.day, is_number=True)
    return Rows(n=len(table.frame), columns=columns, today=today)


def _texts(question: Question, values: pd.Series) -> Texts:
    texts = Texts.of(values, is_number=question.kind in _NUMBERS)
    if question.kind in _DAYS:
        # A day in a spelling that we cannot read is no known answer.
        unread = np.isnan(texts.numbers(day_number)) & ~texts.empty
        return replace(texts, known=~unread)
    if NOTHING_CHOSEN not in texts.distinct:
        return texts
    return texts.map(lambda text: "" if text == NOTHING_CHOSEN else text)


def _check_question(
    check: _Check, question: Question, name: str, answered: BoolVector
) -> BoolVector | None:
    relevant = check.truth(question, "relevant")
    asked = np.ones(len(answered), np.bool_) if relevant is None else relevant.true
    skipped = None if relevant is None else relevant.false
    if skipped is not None:
        check.tell(
            answered & skipped,
            name,
            question,
            f"no answer: it is asked only if {_short(question.relevant)}",
            "The answer is kept; look at the form.",
        )
    required = check.truth(question, "required")
    if required is not None and question.kind != "calculate":
        check.tell(
            ~answered & asked & required.true,
            name,
            question,
            "an answer: the form requires one",
            "Left empty here; look at the form.",
        )
    constraint = check.truth(question, "constraint") if answered.any() else None
    if constraint is not None:
        check.tell(
            answered & constraint.false,
            name,
            question,
            f"an answer for which {_short(question.constraint)}",
            question.constraint_message or "The answer is kept; look at the form.",
        )
    if question.is_closed:
        _check_codes(check, question, name)
    own = check.rows.columns["."]
    if question.choice_filter and answered.any():
        _check_filter(check, question, name, own)
    if question.calculation:
        _check_calculation(check, question, name, own, asked)
    return skipped


def _check_filter(check: _Check, question: Question, name: str, own: Texts) -> None:
    found = left_out(question, own, check.rows)
    check.note(found, question, "choice_filter")
    check.tell(
        found.true,
        name,
        question,
        f"a choice that is open: those for which {_short(question.choice_filter)}",
        "An answer before it was changed afterwards, or the file was edited; look at "
        "the form.",
    )


def _has_time(question: Question) -> bool:
    return question.kind in {"time", "datetime"} or question.meta in {"start", "end"}


def _check_calculation(
    check: _Check, question: Question, name: str, own: Texts, asked: BoolVector
) -> None:
    found, computed = disagreements(
        question,
        own,
        check.rows,
        in_circle=question.name in check.circles,
        timed=check.timed,
    )
    check.note(found, question, "calculation")
    hidden = question.name in check.holding_text
    hint = f"It is {_short(question.calculation)}; look at the form."
    # A calculation that is not relevant is blank: told with the other skip rules.
    wrong = found.true & asked
    first = computed.take(np.flatnonzero(wrong)[:MOST_SHOWN]).objects()
    values = ["text that is not shown" if hidden else _quoted(text) for text in first]
    expected = [f"{value}, which its calculation gives" for value in values]
    check.tell(wrong, name, question, expected, hint)


def _quoted(text: str) -> str:
    return repr(shown_value(text)) if text else "nothing"


def _check_codes(check: _Check, question: Question, name: str) -> None:
    codes = {*question.codes, NOTHING_CHOSEN}
    texts = Texts.of(check.table.frame[name])

    def foreign(text: str) -> bool:
        words = (
            text.split() if question.is_multiple and text != NOTHING_CHOSEN else [text]
        )
        return bool(text) and not codes.issuperset(words)

    listed = ", ".join(question.codes[:12])
    check.tell(
        texts.flags(foreign),
        name,
        question,
        f"codes of the form: {listed}{', ...' if len(question.codes) > 12 else ''}",
        "Another version of the form, or a file edited by hand.",
    )


def _short(expression: str) -> str:
    plain = " ".join(expression.split())
    shown = plain[: _LONGEST_SHOWN - 1] + "…" if len(plain) > _LONGEST_SHOWN else plain
    return shown.replace("${", "").replace("}", "")


def _list_not_checked(check: _Check) -> None:
    reasons = list(check.not_checked)
    if not reasons:
        return
    more = (
        f"; and {len(reasons) - _MOST_NAMED} more" if len(reasons) > _MOST_NAMED else ""
    )
    check.problems.add(
        Problem(
            severity="warning",
            file=check.table.label,
            expected="conditions that can be evaluated on an export",
            hint=f"Not checked: {'; '.join(reasons[:_MOST_NAMED])}{more}.",
        )
    )
