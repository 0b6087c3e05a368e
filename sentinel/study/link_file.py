"""The file of a linkage: which lists, what they are compared by, what is released."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from sentinel.schema.problems import Problem, Problems
from sentinel.study.config import LEAST_MINIMUM_CELL
from sentinel.study.loading import StudyError, read_toml
from sentinel.study.validation_messages import explain_validation

__all__ = ["LinkFile", "ListSection", "load_link_file"]

Name = Annotated[str, Field(min_length=1, max_length=100)]


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Columns = Annotated[tuple[Name, ...], Field(min_length=1), BeforeValidator(_as_tuple)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LinkSection(_Section):
    """``[link]``."""

    title: Name
    engine: Literal["auto", "exact", "splink"] = "auto"
    threshold: float = Field(default=0.5, gt=0, le=1)
    n_resamples: int = Field(default=50, ge=2, le=2000)
    blocking: tuple[Columns, ...] | None = None


class ListSection(_Section):
    """``[[lists]]``: one agency's list."""

    source: Name
    file: Name
    sheet: str | None = None
    record_id: Name
    duplicate_free: bool = False
    columns: dict[str, Columns] = Field(min_length=1)


class ReviewSection(_Section):
    """``[review]``: pairs for clerks, and what they decided."""

    per_band: int = Field(default=30, ge=1)
    bands: tuple[float, ...] = (0.001, 0.05, 0.3, 0.5, 0.7, 0.95, 1.0)
    decisions: str | None = None
    key: str | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> ReviewSection:
        if (self.decisions is None) != (self.key is None):
            raise ValueError("decisions and key belong together: name both files")
        return self


class LinkPrivacySection(_Section):
    """``[privacy]``: `ledger` and `audit_log` as in a study file."""

    minimum_cell: int = Field(default=11, ge=LEAST_MINIMUM_CELL)
    ledger: str | None = None
    audit_log: str | None = None


class LinkFile(_Section):
    """A linkage: ``link.toml``."""

    link: LinkSection
    lists: tuple[ListSection, ...] = Field(min_length=2)
    fields: dict[str, Literal["name", "year", "sex", "code"]] = {
        "name": "name",
        "birth_year": "year",
        "sex": "sex",
        "origin": "code",
    }
    review: ReviewSection = ReviewSection()
    privacy: LinkPrivacySection = LinkPrivacySection()
    folder: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _distinct_sources(self) -> LinkFile:
        names = [item.source for item in self.lists]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"list names must differ; twice: {', '.join(twice)}")
        return self

    def path(self, relative: str) -> Path:
        """Return a path of the file as a path on disk."""
        return self.folder / relative


def load_link_file(path: str | Path) -> LinkFile:
    """Return the validated file of a linkage.

    Parameters
    ----------
    path : path
        A TOML file; its relative paths start in its own folder.

    Raises
    ------
    StudyError
        With every problem, each with the line and the key.
    """
    path = Path(path)
    problems = Problems()
    data, lines = read_toml(path, problems, what="the file of a linkage")
    config: LinkFile | None = None
    if data is not None:
        if "folder" in data:
            problems.add(
                Problem(
                    file=path.name,
                    row=lines.find(("folder",)),
                    column="folder",
                    expected="no such key",
                    hint="Paths start in the folder of the file.",
                )
            )
        try:
            config = LinkFile.model_validate({**data, "folder": path.parent})
        except ValidationError as error:
            problems.extend(
                explain_validation(error, LinkFile, file=path.name, lines=lines)
            )
    for place, item in enumerate(() if config is None else config.lists):
        if config is not None and not config.path(item.file).is_file():
            problems.add(
                Problem(
                    file=path.name,
                    row=lines.find(("lists", place, "file")),
                    column=f"lists[{place + 1}].file",
                    value=item.file,
                    expected="a file that exists",
                )
            )
    if config is None or problems.errors:
        raise StudyError(problems)
    return config
