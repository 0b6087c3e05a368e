"""A form as its designer wrote it: questions, choices, groups, repeats and versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import pandas as pd

from sentinel.schema.problems import Problems

__all__ = ["KINDS", "Choice", "FormDefinition", "Kind", "Question"]

Kind = Literal[
    "text", "integer", "decimal", "range", "select_one", "select_multiple", "rank",
    "date", "time", "datetime", "geo", "media", "calculate", "hidden", "note",
    "acknowledge", "barcode", "meta", "external",
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)
# Kinds that leave no column, or none that anybody answered.
_NO_ANSWER = frozenset({"note", "external"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer of a list: its code and its text in each language.

    `columns` are further cells of its line, which a choice filter may read.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question of a form.

    Attributes
    ----------
    name : str
    kind : str
        One of `KINDS`.
    groups : tuple of str
        Names of the groups and repeats it stands in, outermost first.
    repeat : tuple of str
        Path of the innermost repeat, empty outside repeats.
    labels : mapping of str to str
        Language to question text; the language is "" where the form names none.
    choices : tuple of Choice
        Empty for open questions and for lists that stand in another file.
    listed : tuple of Choice
        Of a question with a choice filter all lines of its list: there a code may come
        several times. Empty otherwise.
    list_name : str
    relevant : str
        Own condition and those of the groups around it, joined by ``and``.
    constraint, constraint_message, required, calculation, choice_filter : str
        As written, empty where absent; `required` is "" or an expression.
    is_recomputed : bool
        Whether the calculation follows every change of what it refers to.
    or_other : bool
        The form adds a choice ``other`` and a question ``<name>_other``.
    meta : str
        For `kind` "meta" what is recorded: start, end, today, deviceid, ...
    row : int
        Row of the survey sheet.
    """

    name: str
    kind: Kind
    groups: tuple[str, ...] = ()
    repeat: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    choices: tuple[Choice, ...] = ()
    listed: tuple[Choice, ...] = field(default=(), repr=False)
    list_name: str = ""
    relevant: str = ""
    constraint: str = ""
    constraint_message: str = ""
    required: str = ""
    calculation: str = ""
    choice_filter: str = ""
    is_recomputed: bool = True
    or_other: bool = False
    meta: str = ""
    row: int = 0

    @property
    def path(self) -> str:
        """Groups and name joined by "/"."""
        return "/".join((*self.groups, self.name))

    @property
    def is_answered(self) -> bool:
        """Whether an export has a column for it."""
        return self.kind not in _NO_ANSWER

    @property
    def is_multiple(self) -> bool:
        """Whether one cell holds several codes."""
        return self.kind in {"select_multiple", "rank"}

    @property
    def is_closed(self) -> bool:
        """Whether only the listed codes are lawful."""
        return bool(self.choices) and self.kind in {
            "select_one",
            "select_multiple",
            "rank",
        }

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the choices, in order."""
        return tuple(choice.name for choice in self.choices)

    def label(self, language: str = "") -> str:
        """Return the text in a language, else in the first that has one."""
        return _in_language(self.labels, language) or self.name


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FormDefinition:
    """A form; `read_form` makes it from an XLSForm workbook.

    Attributes
    ----------
    file : str
        Name for messages.
    title, form_id, version : str
        From the settings sheet, empty where absent.
    languages : tuple of str
        In the order of the label columns; ("",) where the form names none.
    default_language : str
    questions : tuple of Question
        Everything that is not a group, in order.
    repeats : tuple of tuple of str
        Paths of the repeats.
    problems : Problems
        What is wrong with the form, each with file, row and column.
    other_names : frozenset of str
        Names of the questions that ask for the text behind "other".

    Examples
    --------
    >>> from sentinel.ingest.forms import deportee_form
    >>> form = deportee_form()
    >>> form.question("consent_given").kind, len(form.languages)
    ('select_one', 7)
    """

    file: str
    title: str = ""
    form_id: str = ""
    version: str = ""
    languages: tuple[str, ...] = ("",)
    default_language: str = ""
    questions: tuple[Question, ...] = ()
    repeats: tuple[tuple[str, ...], ...] = ()
    problems: Problems = field(default_factory=Problems)
    other_names: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Note the questions behind "other"."""
        names = frozenset(
            f"{item.name}_other" for item in self.questions if item.or_other
        )
        object.__setattr__(self, "other_names", names)

    def question(self, name: str) -> Question:
        """Return a question by its path, or by its name where that is unique.

        Raises
        ------
        KeyError
            If there is none, or several of this name.
        """
        found = [item for item in self.questions if name in {item.path, item.name}]
        exact = [item for item in found if item.path == name]
        if len(exact or found) != 1:
            raise KeyError(name)
        return (exact or found)[0]

    def answered(self, repeat: tuple[str, ...] = ()) -> tuple[Question, ...]:
        """Questions with a column, of the main table or of one repeat."""
        return tuple(
            item
            for item in self.questions
            if item.is_answered and item.repeat == repeat
        )

    def short_names(self) -> dict[str, str]:
        """Return path to name, or to the path itself where the name comes twice."""
        counts: dict[str, int] = {}
        for item in self.questions:
            counts[item.name] = counts.get(item.name, 0) + 1
        return {
            item.path: item.name if counts[item.name] == 1 else item.path
            for item in self.questions
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per question: the form as a table."""
        language = self.default_language
        columns = [
            "path",
            "name",
            "kind",
            "label",
            "choices",
            "relevant",
            "constraint",
            "required",
            "calculation",
            "choice_filter",
            "or_other",
        ]
        rows = [
            (
                item.path,
                item.name,
                item.kind,
                item.label(language),
                "; ".join(
                    f"{choice.name}={_in_language(choice.labels, language)}"
                    for choice in item.choices
                ),
                item.relevant,
                item.constraint,
                item.required,
                item.calculation,
                item.choice_filter,
                item.or_other,
            )
            for item in self.questions
        ]
        return pd.DataFrame(rows, columns=columns)


def _in_language(labels: Mapping[str, str], language: str) -> str:
    if labels.get(language):
        return labels[language]
    return next((text for text in labels.values() if text), "")
