"""Case definitions in TOML files, shipped or of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from estimators.errors import InputError
from sentinel.classify.definition_reader import DefinitionReader

if TYPE_CHECKING:
    from sentinel.classify.definitions import Definition
    from sentinel.schema.variables import Codebook

__all__ = ["available_definitions", "definition_template", "load_definition"]


def available_definitions() -> tuple[str, ...]:
    """Return the names of the definitions that come with the package.

    Examples
    --------
    >>> "uniap" in available_definitions()
    True
    """
    folder = resources.files("sentinel.classify") / "shipped"
    names = [Path(item.name) for item in folder.iterdir()]
    return tuple(sorted(path.stem for path in names if path.suffix == ".toml"))


def definition_template() -> str:
    """Return a commented definition file to fill in: counts by domain and strength.

    It is a form for frameworks that are not shipped, and no framework itself: the
    thresholds in it are examples.

    Examples
    --------
    >>> "[dimensions.movement]" in definition_template()
    True
    """
    folder = resources.files("sentinel.classify") / "shipped" / "templates"
    return (folder / "strength_counts.toml").read_text("utf-8")


def load_definition(
    name_or_path: str | Path,
    *,
    codebook: Codebook | None = None,
    switch_on: Mapping[str, str] | None = None,
) -> Definition:
    """Read a case definition, shipped or from a file, and check it.

    Parameters
    ----------
    name_or_path : str or Path
        A name of `available_definitions`, or a TOML file.
    codebook : Codebook, optional
        Variables and codes that the conditions may use; by default the codebook that
        the definition names.
    switch_on : mapping of str to str, optional
        Code of an indicator that ships switched off, or "*" for all that are off as
        unverified and have a condition, to the reason. It is added to the definition's
        notes, which every report prints: nothing unverified is used silently.

    Raises
    ------
    InputError
        If there is no such file, or it is no text.
    IngestError
        Listing every problem with its line: syntax with position, unknown indicator,
        variable, code, strength or parameter, a parameter missing from a setting, a
        name given twice, every cycle.

    Examples
    --------
    >>> load_definition("uniap").outcome_names
    ('d_deceived', 'd_coerced', 'd_exploited', 'd_child', 'd_traff', 'd_worst')
    """
    file, text = _definition_text(name_or_path)
    return DefinitionReader(file, text, switch_on or {}).definition(codebook)


def _definition_text(name_or_path: str | Path) -> tuple[str, str]:
    if str(name_or_path) in available_definitions():
        file = f"{name_or_path}.toml"
        shipped = resources.files("sentinel.classify") / "shipped" / file
        return file, shipped.read_text("utf-8")
    path = Path(name_or_path)
    if not path.is_file():
        raise InputError(
            f"{name_or_path!s} is neither a file nor a shipped definition; shipped are "
            f"{', '.join(available_definitions())}."
        )
    try:
        return path.name, path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path.name} is not UTF-8 text ({error.reason} at byte {error.start}): "
            "save it as UTF-8."
        ) from error
