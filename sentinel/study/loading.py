"""Read a study file and list everything wrong with it."""

from __future__ import annotations

import copy
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sentinel.schema.codebook import SHIPPED_CODEBOOKS, Codebook, read_codebook
from sentinel.schema.problems import IngestError, Problem, Problems
from sentinel.study.config import StudyConfig
from sentinel.study.references import check_references
from sentinel.study.toml_lines import TomlLines
from sentinel.study.validation_messages import explain_validation

__all__ = ["StudyError", "load_study", "read_study", "read_toml"]


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
        problems.extend(
            explain_validation(error, StudyConfig, file=path.name, lines=lines)
        )
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
        row = int(place[1]) if place else len(text.splitlines())
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
