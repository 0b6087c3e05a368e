"""Which column of an export holds which question, whatever the export's options were.

Headers depend on how the export was made: with or without the names of groups, joined
by any separator; names of the form or texts in one of its languages; one column for a
multiple question, one for each of its choices, or both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sentinel.ingest.forms.definition import Choice, FormDefinition, Question

__all__ = ["ColumnMatch", "MatchedColumns", "match_columns"]

_USUAL_SEPARATORS = ("/", "-", ".", ":", "|", "__", "_")
_LONGEST_SEPARATOR = 5
_SPLIT_SEPARATORS = ("/", ".", "-", ":", "_")


@dataclass(slots=True, kw_only=True)
class ColumnMatch:
    """Columns of one question.

    `whole` is its one column, None where the export has only `splits`: code of a choice
    to column. `by_label` says that the header is the text of the question.
    """

    question: Question
    whole: str | None = None
    splits: dict[str, str] = field(default_factory=dict)
    by_label: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedColumns:
    """Matches by path of the question, and columns of no question of the form."""

    matches: dict[str, ColumnMatch]
    absent: tuple[Question, ...]
    strange: tuple[str, ...]


def match_columns(
    columns: Sequence[str], form: FormDefinition, questions: Sequence[Question]
) -> MatchedColumns:
    """Return which columns hold which of the questions, all of one table.

    A header that fits two questions is taken for neither.
    """
    separators = _separators(columns, questions)
    wanted: dict[str, list[tuple[Question, bool]]] = {}
    for question in questions:
        for header in _names(question, separators):
            wanted.setdefault(header, []).append((question, False))
        for header in _texts(question, form, separators):
            wanted.setdefault(header, []).append((question, True))
    matches: dict[str, ColumnMatch] = {}
    taken: set[str] = set()
    for column in columns:
        found, by_label = _single(wanted.get(column, []))
        if found is None:
            # Labels of groups may stand before the text of the question.
            found, by_label = _single_text(_tails_of(column, separators), wanted)
        if found is not None and found.path not in matches:
            matches[found.path] = ColumnMatch(
                question=found, whole=column, by_label=by_label
            )
            taken.add(column)
    free = [column for column in columns if column not in taken]
    for question in questions:
        if question.is_multiple and question.choices:
            splits = _splits(question, form, separators, free)
            if splits:
                match = matches.setdefault(
                    question.path, ColumnMatch(question=question)
                )
                match.splits = splits
                taken |= set(splits.values())
    return MatchedColumns(
        matches=matches,
        absent=tuple(item for item in questions if item.path not in matches),
        strange=tuple(column for column in columns if column not in taken),
    )


def _separators(columns: Iterable[str], questions: Iterable[Question]) -> list[str]:
    """Return what may stand between groups, the commonest in these headers first."""
    ends: dict[str, list[Question]] = {}
    for question in questions:
        if question.groups:
            ends.setdefault(question.name[-3:], []).append(question)
    votes: Counter[str] = Counter()
    for column in columns:
        for question in ends.get(column[-3:], []):
            head, name = question.groups[-1], question.name
            before = column.rpartition(name)[0] if column.endswith(name) else ""
            _, found, between = before.rpartition(head)
            if found and 0 < len(between) <= _LONGEST_SEPARATOR:
                votes[between] += 1
    common = [separator for separator, _ in votes.most_common(2)]
    return list(dict.fromkeys([*common, *_USUAL_SEPARATORS]))


def _names(question: Question, separators: Sequence[str]) -> Iterator[str]:
    """Yield every header that names may make: of a repeat also what is below it."""
    yield question.name
    for start in {0, len(question.repeat)}:
        parts = (*question.groups[start:], question.name)
        for separator in separators:
            yield separator.join(parts)


def _texts(
    question: Question, form: FormDefinition, separators: Sequence[str]
) -> Iterator[str]:
    for language in form.languages:
        text = question.labels.get(language, "")
        if text:
            yield text
            # Groups are written by name here: their texts are not kept.
            for separator in separators[:3]:
                yield separator.join((*question.groups, text))


def _single(found: list[tuple[Question, bool]]) -> tuple[Question | None, bool]:
    distinct = {question.path: (question, by_label) for question, by_label in found}
    by_name = {path: pair for path, pair in distinct.items() if not pair[1]}
    chosen = list((by_name or distinct).values())
    return chosen[0] if len(chosen) == 1 else (None, False)


def _tails_of(column: str, separators: Sequence[str]) -> list[str]:
    """Return what follows each separator of a header, the longest first."""
    places = {
        place + len(separator)
        for separator in separators[:3]
        for place in _places(column, separator)
    }
    return [column[place:] for place in sorted(places)]


def _places(text: str, part: str) -> Iterator[int]:
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + 1)


def _single_text(
    tails: Sequence[str], wanted: dict[str, list[tuple[Question, bool]]]
) -> tuple[Question | None, bool]:
    for tail in tails:
        texts = [pair for pair in wanted.get(tail, []) if pair[1]]
        if texts:
            return _single(texts)
    return None, False


def _splits(
    question: Question,
    form: FormDefinition,
    separators: Sequence[str],
    free: Sequence[str],
) -> dict[str, str]:
    heads = [*_names(question, separators), *_texts(question, form, separators)]
    between = dict.fromkeys([*separators[:2], *_SPLIT_SEPARATORS])
    prefixes = {head + separator for head in heads for separator in between}
    texts = tuple(
        text + separator for text in _own_texts(question, form) for separator in between
    )
    found: dict[str, str] = {}
    tails = _tails(question.choices)
    for column in free:
        for tail, code in tails.items():
            if not column.endswith(tail):
                continue
            head = column[: len(column) - len(tail)]
            if head in prefixes or (texts and head.endswith(texts)):
                found.setdefault(code, column)
                break
    return found


def _own_texts(question: Question, form: FormDefinition) -> list[str]:
    texts = (question.labels.get(language, "") for language in form.languages)
    return [text for text in texts if text]


def _tails(choices: Sequence[Choice]) -> dict[str, str]:
    """Return ends of split headers: codes first, then texts that name one choice."""
    tails = {choice.name: choice.name for choice in choices}
    texts = Counter(text for choice in choices for text in set(choice.labels.values()))
    for choice in choices:
        for text in choice.labels.values():
            if text and texts[text] == 1:
                tails.setdefault(text, choice.name)
    return tails
