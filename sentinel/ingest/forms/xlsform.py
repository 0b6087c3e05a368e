"""Read an XLSForm workbook: its survey, choices and settings sheets.

A thin reader of our own: it needs neither Java nor the private parts of a converter,
and it lists what is wrong instead of stopping at the first fault. The tests compare it
with pyxform.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from sentinel.ingest.forms.calculations import calculation_circles
from sentinel.ingest.forms.definition import Choice, FormDefinition, Question
from sentinel.ingest.forms.question_types import parse_type
from sentinel.ingest.forms.xpath_syntax import references
from sentinel.ingest.opening import open_source
from sentinel.ingest.raw_table import cell_text, refuse
from sentinel.ingest.source_file import SourceFile
from sentinel.ingest.workbook_reader import Workbook, open_workbook
from sentinel.schema.problems import Problem, Problems

__all__ = ["form_of", "read_form"]

_HEADERS = {
    "list name": "list_name", "relevance": "relevant", "calculate": "calculation",
    "constraint message": "constraint_message", "caption": "label", "command": "type",
    "constraining_message": "constraint_message", "choice filter": "choice_filter",
    "value": "name", "set form title": "form_title", "set_form_title": "form_title",
    "set form id": "form_id", "set_form_id": "form_id", "title": "form_title",
    "id_string": "form_id", "default language": "default_language",
}  # fmt: skip
_NAME = re.compile(r"[^\W\d][\w.\-]*")
_YES = frozenset({"yes", "true", "true()"})
_NO = frozenset({"no", "false", "false()"})
_MOST_NAMED = 8
_DEEPEST = 50
_EDGE = " \t\r\n\u00a0\u200b\u200c\u200d\u2060\ufeff"
Row = tuple[int, Mapping[str, str]]


class _Block(NamedTuple):
    """An open group or repeat."""

    name: str
    is_repeat: bool
    relevant: str
    row: int


class _List(NamedTuple):
    """Lines of a list of choices; each code once, with the text of its first line."""

    lines: tuple[Choice, ...] = ()
    choices: tuple[Choice, ...] = ()


@dataclass(slots=True)
class _Survey:
    """The survey sheet under reading."""

    file: str
    lists: Mapping[str, _List]
    problems: Problems
    paths: set[str] = field(default_factory=set)
    questions: list[Question] = field(default_factory=list)
    blocks: list[_Block] = field(default_factory=list)
    repeats: list[tuple[str, ...]] = field(default_factory=list)

    def wrong(self, row: int, column: str, expected: str, hint: str = "") -> None:
        self.problems.add(
            Problem(
                file=self.file,
                row=row,
                column=f"survey.{column}",
                expected=expected,
                hint=hint,
            )
        )

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(block.name for block in self.blocks)


def read_form(path: str | Path, *, file_label: str | None = None) -> FormDefinition:
    """Read an XLSForm.

    Parameters
    ----------
    path : path
        Workbook with the sheets survey and, where there are closed questions, choices.
    file_label : str, optional
        Name for messages; without it the bare file name.

    Returns
    -------
    FormDefinition
        Its `problems` list what is wrong with single rows.

    Raises
    ------
    IngestError
        If the file is no readable workbook, or has no survey sheet.
    """
    return form_of(
        open_source(path, file_label=file_label, suffixes=(".xlsx", ".xlsm"))
    )


def form_of(source: SourceFile) -> FormDefinition:
    """Read an XLSForm from its bytes."""
    book = open_workbook(source)
    sheets = {name.strip().casefold(): name for name in book.sheet_names}
    if "survey" not in sheets:
        hint = (
            f"It has: {', '.join(book.sheet_names)}. An export of answers is no form."
        )
        raise refuse(source.label, "a form: a workbook with a sheet 'survey'", hint)
    problems = Problems()
    rows = list(_rows(book, sheets["survey"]))
    choice_rows = list(_rows(book, sheets["choices"])) if "choices" in sheets else []
    settings = next(iter(_rows(book, sheets.get("settings", ""))), (0, {}))[1]
    if not any("type" in cells for _, cells in rows):
        raise refuse(source.label, "columns type and name in the sheet 'survey'")
    survey = _Survey(
        source.label, _lists(choice_rows, source.label, problems), problems
    )
    for row, cells in rows:
        _read_row(survey, row, cells)
    for block in survey.blocks:
        kind = "repeat" if block.is_repeat else "group"
        survey.wrong(block.row, "type", f"an end of the {kind} {block.name!r}")
    form = FormDefinition(
        file=source.label,
        title=settings.get("form_title", ""),
        form_id=settings.get("form_id", ""),
        version=settings.get("version", ""),
        languages=_languages(book, [sheets["survey"], sheets.get("choices", "")]),
        default_language=settings.get("default_language", ""),
        questions=tuple(survey.questions),
        repeats=tuple(survey.repeats),
        problems=problems,
    )
    _check_references(form, survey)
    for names in calculation_circles(form):
        problems.add(
            Problem(
                severity="warning",
                file=form.file,
                column="survey.calculation",
                expected="calculations that do not hang on themselves",
                hint=f"{', '.join(names[:_MOST_NAMED])} do"
                + (
                    f" (and {len(names) - _MOST_NAMED} more)"
                    * (len(names) > _MOST_NAMED)
                )
                + ": their values are not checked.",
            )
        )
    return form


def _rows(book: Workbook, name: str) -> Iterator[Row]:
    """Yield (row number, cells by header) of the rows that hold anything."""
    if name not in book.sheet_names:
        return
    cells = book.cells(name)
    header = [_header(cell_text(cell)) for cell in (cells[0] if cells else [])]
    for number, line in enumerate(cells[1:], start=2):
        texts = [_plain(cell_text(cell)) for cell in line]
        if any(texts):
            # Where a header comes twice the first one with a text counts.
            pairs = list(zip(header, texts, strict=True))
            named = {key: text for key, text in reversed(pairs) if key and text}
            yield number, named


def _header(text: str) -> str:
    """Return a header in one spelling: ``Label : English`` as ``label::English``."""
    head, colon, language = text.strip(_EDGE).partition(":")
    plain = head.strip().casefold()
    plain = _HEADERS.get(plain, plain.replace(" ", "_"))
    return f"{plain}::{language.removeprefix(':').strip()}" if colon else plain


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ").strip(_EDGE)


def _labels(cells: Mapping[str, str]) -> dict[str, str]:
    parts = [(*key.partition("::"), text) for key, text in cells.items()]
    return {
        language: text for head, _, language, text in parts if head == "label" and text
    }


def _languages(book: Workbook, sheets: Sequence[str]) -> tuple[str, ...]:
    """Return the languages of the label columns, of empty ones too."""
    headers = [
        _header(cell_text(cell))
        for name in sheets
        if name in book.sheet_names
        for cell in next(iter(book.cells(name)), [])
    ]
    parts = [header.partition("::") for header in headers]
    named = dict.fromkeys(
        language for head, _, language in parts if head == "label" and language
    )
    return tuple(named) or ("",)


def _lists(rows: list[Row], file: str, problems: Problems) -> dict[str, _List]:
    lists: dict[str, list[Choice]] = {}
    for row, cells in rows:
        list_name, name = cells.get("list_name", ""), cells.get("name", "")
        expected = ""
        if not list_name or not name:
            expected = "a list_name and a name for every choice"
        elif " " in name:
            expected = f"a name without spaces, not {name!r}"
        if expected:
            problems.add(
                Problem(file=file, row=row, column="choices.name", expected=expected)
            )
            continue
        columns = {
            key: text
            for key, text in cells.items()
            if "::" not in key and key not in {"list_name", "name"}
        }
        choice = Choice(name=name, labels=_labels(cells), columns=columns)
        lists.setdefault(list_name, []).append(choice)
    # Filtered lists repeat a code on purpose.
    first = {
        name: {item.name: item for item in reversed(lines)}
        for name, lines in lists.items()
    }
    return {
        name: _List(
            tuple(lines), tuple(first[name][code] for code in _once_each(lines))
        )
        for name, lines in lists.items()
    }


def _once_each(lines: Sequence[Choice]) -> list[str]:
    return list(dict.fromkeys(item.name for item in lines))


def _read_row(survey: _Survey, row: int, cells: Mapping[str, str]) -> None:
    text = cells.get("type", "")
    if not text:
        if cells.get("name"):
            survey.wrong(row, "type", "a type for every question")
        return
    found = parse_type(text)
    if found is None:
        hint = f"{text!r} is not known; the question was left out."
        survey.wrong(row, "type", "a question type of XLSForm", hint)
    elif found.block:
        _read_block(survey, row, cells, found.block)
    else:
        _read_question(survey, row, cells, text)


def _read_block(
    survey: _Survey, row: int, cells: Mapping[str, str], block: str
) -> None:
    action, _, kind = block.partition(" ")
    is_repeat = kind == "repeat"
    if action == "begin":
        # A group may have no name: its row makes one, as form servers do.
        name = cells.get("name", "") or f"group_{row}"
        relevant = cells.get("relevant", "")
        if len(survey.blocks) >= _DEEPEST:
            raise refuse(
                survey.file,
                f"groups and repeats nested at most {_DEEPEST} deep",
                "Nobody can fill in such a form: is an end missing?",
                row=row,
            )
        survey.blocks.append(_Block(name, is_repeat, relevant, row))
        if is_repeat:
            survey.repeats.append(survey.groups)
    elif not survey.blocks or survey.blocks[-1].is_repeat != is_repeat:
        opened = survey.blocks[-1] if survey.blocks else None
        hint = f"Row {opened.row} opens {opened.name!r}." if opened else ""
        survey.wrong(row, "type", f"a begin {kind} before this end {kind}", hint)
    else:
        survey.blocks.pop()


def _read_question(
    survey: _Survey, row: int, cells: Mapping[str, str], text: str
) -> None:
    found = parse_type(text)
    assert found is not None
    name = cells.get("name", "")
    if not name and found.kind in {"meta", "note"}:
        name = found.meta or f"note_{row}"
    if not _NAME.fullmatch(name):
        survey.wrong(row, "name", "a name that begins with a letter", f"{name!r} came.")
        return
    listed = _listed(survey, row, found.list_name, is_file=found.is_file)
    question = Question(
        name=name,
        kind=found.kind,
        groups=survey.groups,
        repeat=_innermost_repeat(survey.blocks),
        labels=_labels(cells),
        choices=listed.choices,
        listed=listed.lines if cells.get("choice_filter") else (),
        list_name=found.list_name,
        relevant=_joined(
            [*(block.relevant for block in survey.blocks), cells.get("relevant", "")]
        ),
        constraint=cells.get("constraint", ""),
        constraint_message=_first(cells, "constraint_message"),
        required=_required(cells.get("required", "")),
        calculation=cells.get("calculation", ""),
        choice_filter=cells.get("choice_filter", ""),
        is_recomputed=found.is_recomputed and not cells.get("trigger"),
        or_other=found.or_other,
        meta=found.meta,
        row=row,
    )
    if question.path in survey.paths:
        survey.wrong(row, "name", f"every name once in its group, not {name!r} twice")
        return
    survey.paths.add(question.path)
    survey.questions.append(question)
    if found.or_other:
        survey.questions[-1] = replace(
            question, choices=(*question.choices, Choice(name="other"))
        )
        survey.questions.append(
            Question(
                name=f"{name}_other",
                kind="text",
                groups=question.groups,
                repeat=question.repeat,
                relevant=_joined(
                    [question.relevant, f"selected(${{{name}}}, 'other')"]
                ),
                row=row,
            )
        )


def _first(cells: Mapping[str, str], head: str) -> str:
    return next(
        (
            text
            for key, text in cells.items()
            if key.partition("::")[0] == head and text
        ),
        "",
    )


def _listed(survey: _Survey, row: int, list_name: str, *, is_file: bool) -> _List:
    if not list_name or is_file or "${" in list_name:
        return _List()
    if list_name not in survey.lists:
        hint = f"The sheet 'choices' has: {', '.join(survey.lists) or 'nothing'}."
        survey.wrong(row, "type", f"a list of choices named {list_name!r}", hint)
    return survey.lists.get(list_name, _List())


def _innermost_repeat(blocks: list[_Block]) -> tuple[str, ...]:
    names = tuple(block.name for block in blocks)
    ends = [place for place, block in enumerate(blocks, start=1) if block.is_repeat]
    return names[: ends[-1]] if ends else ()


def _joined(conditions: list[str]) -> str:
    given = [item for item in conditions if item]
    return given[0] if len(given) == 1 else " and ".join(f"({item})" for item in given)


def _required(text: str) -> str:
    plain = text.casefold()
    if plain in _NO or not plain:
        return ""
    return "true()" if plain in _YES else text


def _check_references(form: FormDefinition, survey: _Survey) -> None:
    known = {item.name for item in form.questions}
    known |= {name for item in form.questions for name in item.groups}
    for item in form.questions:
        for column in ("relevant", "constraint", "calculation", "choice_filter"):
            for name in references(getattr(item, column)):
                if name not in known:
                    hint = f"{item.name} refers to it."
                    survey.wrong(item.row, column, f"a question named {name!r}", hint)
