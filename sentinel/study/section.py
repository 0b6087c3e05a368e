"""What all sections of a study file have in common."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

__all__ = ["Name", "Names", "Section"]

Name = Annotated[str, Field(min_length=1, max_length=200)]


def _as_list(value: object) -> object:
    if isinstance(value, str):
        return (value,) if value else ()
    return value


Names = Annotated[tuple[Name, ...], BeforeValidator(_as_list)]


class Section(BaseModel):
    """Unknown keys are errors: a typing mistake must not silently fall back.

    TOML has no null: an empty text stands for "none" where none is lawful.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_none(cls, data: Any) -> Any:  # noqa: ANN401 - raw TOML
        if not isinstance(data, dict):
            return data
        optional = {
            name
            for name, field in cls.model_fields.items()
            if type(None) in get_args(field.annotation)
        }
        return {
            key: None if key in optional and _is_nothing(value) else value
            for key, value in data.items()
        }


def _is_nothing(value: object) -> bool:
    """Return whether a value stands for none; the number 0 does not."""
    return value is False or (isinstance(value, str) and not value)
