"""Say what pydantic found in the words of a person who writes TOML."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import get_args

from pydantic import BaseModel, ValidationError

from sentinel.schema.problems import Problem
from sentinel.study.toml_lines import TomlLines, shown_key

__all__ = ["explain_validation", "suggest"]


def explain_validation(
    error: ValidationError, root: type[BaseModel], *, file: str, lines: TomlLines
) -> Iterator[Problem]:
    """Yield one finding per wrong key, with its line and a near name if mistyped."""
    items = error.errors(include_url=False)
    keys = [tuple(item["loc"]) for item in items]
    for item, key in zip(items, keys, strict=True):
        if item["type"] == "too_short" and any(
            key == other[: len(key)] and key != other for other in keys
        ):
            continue  # a list is "empty" only because its entries are wrong
        value, hint = "", ""
        if item["type"] == "extra_forbidden":
            expected = "a known key"
            hint = suggest(str(key[-1]), _known_keys(root, key[:-1]))
        elif item["type"] == "missing":
            expected = "a value; it is missing"
        elif item["type"] == "value_error":
            expected, hint = "", item["msg"].removeprefix("Value error, ") + "."
        else:
            expected = item["msg"]
            value = _shown(item["input"])
        yield Problem(
            file=file,
            row=lines.find(key),
            column=shown_key(key),
            value=value,
            expected=re.sub(r"^Input should be ", "", expected),
            hint=hint,
        )


def _shown(value: object) -> str:
    return "" if isinstance(value, dict | BaseModel) else str(value)[:80]


def suggest(word: str, known: Sequence[str]) -> str:
    """Return the nearest known word as a hint, or the list of them."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."


def _known_keys(root: type[BaseModel], key: Sequence[str | int]) -> list[str]:
    section = root
    for part in key:
        field = section.model_fields.get(str(part))
        found = None if field is None else _section_in(field.annotation)
        if found is not None:
            section = found
    return [name for name in section.model_fields if name != "folder"]


def _section_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(
        (found for part in get_args(annotation) if (found := _section_in(part))), None
    )
