"""Read a study file and list everything wrong with it."""

from __future__ import annotations

import copy
import difflib
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from sentinel.schema.codebook import SHIPPED_CODEBOOKS, Codebook, read_codebook
from sentinel.schema.problems import IngestError, Problem, Problems
from sentinel.study.config import StudyConfig
from sentinel.study.references import check_references
from sentinel.study.toml_lines import TomlLines, shown_key

__all__ = ["StudyError", "load_study", "read_study", "read_toml"]

Key = Sequence[str | int]


class StudyError(IngestError):
    """A study file that cannot be used; `problems` lists everything wrong with it."""


def load_study(path: str | Path) -> StudyConfig:
    """Return the validated study file.

    Parameters
    ----------
    path : path
        The ``study.toml``; its relative paths start in its own folder.

    Raises
    ------
    StudyError
        With every problem of the file, of its codebook and of the files it names,
        each with the line and the key: ``study.toml:12:rounds[1].files``.
    """
    config, _, problems = read_study(path)
    if config is None or problems.errors:
        raise StudyError(problems)
    return config


def read_study(
    path: str | Path,
) -> tuple[StudyConfig | None, Codebook | None, Problems]:
    """Return what can be read of a study and its codebook, and all problems."""
    path = Path(path)
    if path.is_dir():
        path = path / "study.toml"
    problems = Problems()
    config: StudyConfig | None
    data, lines = read_toml(path, problems, what="a study file")
    if data is None:
        return None, None, problems
    try:
        config = StudyConfig.model_validate({**data, "folder": path.parent})
    except ValidationError as error:
        problems.extend(_explain(error, path.name, lines))
        # What is left without the wrong keys is checked too, so that all is listed.
        config = _validate_rest(data, error, path.parent)
    if "folder" in data:
        problems.add(
            Problem(
                file=path.name,
                row=lines.find(("folder",)),
                column="folder",
                expected="no such key",
                hint="Paths start in the folder of the study file.",
            )
        )
    if config is None:
        return None, None, problems
    codebook, found = read_codebook(_codebook_source(config))
    problems.extend(found)
    problems.extend(check_references(config, codebook, file=path.name, lines=lines))
    return config, codebook, problems


def read_toml(
    path: Path, problems: Problems, *, what: str
) -> tuple[dict[str, Any] | None, TomlLines]:
    """Return the data of a TOML file and the lines of its keys; None if unreadable."""
    expected, row, hint = f"{what} in TOML", None, ""
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        return tomllib.loads(text), TomlLines(text)
    except FileNotFoundError:
        expected, hint = f"{what} that exists", "Check the path."
    except OSError as error:
        hint = f"It cannot be opened: {error.strerror}."
    except UnicodeDecodeError as error:
        row = error.object[: error.start].count(b"\n") + 1
        expected, hint = f"{what} in UTF-8", "Save it as UTF-8 text."
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+), column (\d+)", str(error))
        row = int(place[1]) if place else None
        hint = f"{error}."
    problems.add(Problem(file=path.name, row=row, expected=expected, hint=hint))
    return None, TomlLines("")


def _validate_rest(
    data: dict[str, Any], error: ValidationError, folder: Path
) -> StudyConfig | None:
    rest = copy.deepcopy(data)
    for item in error.errors(include_url=False):
        *parents, last = item["loc"] or ("",)
        section: Any = rest
        for part in parents:
            try:
                section = section[part]
            except (KeyError, IndexError, TypeError):
                section = {}
        if not isinstance(section, dict):
            continue
        if item["type"] == "missing":
            section[last] = "?"
        elif item["type"] != "too_short":
            section.pop(last, None)
    try:
        return StudyConfig.model_validate({**rest, "folder": folder})
    except ValidationError:
        return None


def _codebook_source(config: StudyConfig) -> str | Path:
    name = config.study.codebook
    return name if name in SHIPPED_CODEBOOKS else config.path(name)


def _explain(error: ValidationError, file: str, lines: TomlLines) -> Iterator[Problem]:
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
            hint = _suggest(str(key[-1]), _known_keys(key[:-1]))
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


def _suggest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."


def _known_keys(key: Key) -> list[str]:
    section: type[BaseModel] = StudyConfig
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
