"""The catalogue: every public estimator, declared once where it is defined."""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import re
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeGuard, TypeVar

import numpy as np
import pandas as pd

from estimators.errors import InputError

__all__ = ["EstimatorSpec", "catalogue", "estimator", "find_estimator"]

F = TypeVar("F", bound=Callable[..., Any])
DEEPEST_ALIAS = 3
_CATALOGUE: dict[str, EstimatorSpec] = {}
# What aliases of types are written with.
_NAMES = {"pd": pd, "np": np, "Sequence": Sequence, "Mapping": Mapping, "Any": Any}


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatorSpec:
    """One entry of the catalogue.

    Attributes
    ----------
    key : str
        Unique name: a result's `method` starts with it, the command line takes it.
    family : str
        Module of `estimators` that holds it.
    label : str
        Name for people, in the literature's words.
    source : str
        Paper or book that defines it.
    function : callable
    example : callable
        Returns keyword arguments with which the function runs: the contract tests,
        the reference and the command line's help use them.
    """

    key: str
    family: str
    label: str
    source: str
    function: Callable[..., Any]
    example: Callable[[], Mapping[str, Any]]

    @property
    def inputs(self) -> tuple[inspect.Parameter, ...]:
        """Parameters that may be given by position: the data."""
        return self._parameters(keyword_only=False)

    @property
    def options(self) -> tuple[inspect.Parameter, ...]:
        """Keyword-only parameters."""
        return self._parameters(keyword_only=True)

    def annotation(self, parameter: str) -> Any:  # noqa: ANN401 - any type there is
        """Return the type of a parameter, or its text where that cannot be resolved.

        Of several data objects that would do, it is the first: the one that a table is
        read into.
        """
        text = self.function.__annotations__.get(parameter)
        if not isinstance(text, str):
            return text
        known = {
            **_NAMES,
            **_names_for_types(self.function.__module__),
            **self.function.__globals__,
        }
        try:
            written = _expanded(text, known)
            found = typing.get_type_hints(_Annotated(written), known)["parameter"]
        except (NameError, TypeError, AttributeError):
            return text
        kinds = typing.get_args(found)
        if kinds and all(hasattr(kind, "from_frame") for kind in kinds):
            return kinds[0]
        return found

    def summary(self) -> str:
        """Return the first line of the docstring."""
        return (inspect.getdoc(self.function) or "").split("\n", 1)[0]

    def _parameters(self, *, keyword_only: bool) -> tuple[inspect.Parameter, ...]:
        parameters = inspect.signature(self.function).parameters.values()
        return tuple(
            parameter
            for parameter in parameters
            if (parameter.kind is inspect.Parameter.KEYWORD_ONLY) == keyword_only
        )


@cache
def _names_for_types(module: str) -> dict[str, Any]:
    """Return what a module imports for type checking only."""
    names: dict[str, Any] = {}
    with contextlib.suppress(OSError, TypeError):
        for node in ast.parse(inspect.getsource(sys.modules[module])).body:
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                for line in node.body:
                    if isinstance(line, ast.ImportFrom) and line.module:
                        names |= _imported(line.module, line.names)
    return names


def _imported(module: str, wanted: Sequence[ast.alias]) -> dict[str, Any]:
    with contextlib.suppress(ImportError):
        found = importlib.import_module(module)
        # Its other names too: an alias is written with those of its own module.
        names = {name: value for name, value in vars(found).items() if name[:1] != "_"}
        return names | {
            item.asname: names[item.name]
            for item in wanted
            if item.asname and item.name in names
        }
    return {}


def _expanded(text: str, known: Mapping[str, Any]) -> str:
    """Return an annotation with aliases that are texts written out."""
    for _ in range(DEEPEST_ALIAS):
        text = re.sub(
            r"(?<![\w.'\"])[A-Za-z]\w*(?![\w.'\"])",
            lambda word: found if _is_alias(found := known.get(word[0])) else word[0],
            text,
        )
    return text.replace("pd.Series[Any]", "pd.Series")  # no generic when it runs


def _is_alias(value: object) -> TypeGuard[str]:
    return isinstance(value, str)


class _Annotated:
    """Carries one annotation to `typing.get_type_hints`."""

    def __init__(self, text: str) -> None:
        self.__annotations__ = {"parameter": text}


def estimator(
    *,
    family: str,
    label: str,
    source: str,
    example: Callable[[], Mapping[str, Any]],
    key: str | None = None,
) -> Callable[[F], F]:
    """Enter a public function into the catalogue.

    `key` defaults to the function's name; a function whose name says nothing outside
    its family (``mean``) gives a longer one (``survey_mean``).
    """

    def declare(function: F) -> F:
        name = key or function.__name__
        known = _CATALOGUE.get(name)
        if known is not None and known.function.__module__ != function.__module__:
            raise InputError(f"Two estimators are called {name!r}: give one a key.")
        _CATALOGUE[name] = EstimatorSpec(
            key=name,
            family=family,
            label=label,
            source=source,
            function=function,
            example=example,
        )
        return function

    return declare


def find_estimator(key: str) -> EstimatorSpec:
    """Return the entry called `key`; the error lists what there is."""
    try:
        return _CATALOGUE[key]
    except KeyError:
        raise InputError(
            f"No estimator is called {key!r}. There are: "
            f"{', '.join(sorted(_CATALOGUE))}."
        ) from None


def catalogue() -> pd.DataFrame:
    """Return one row per public estimator.

    Returns
    -------
    pandas.DataFrame
        Columns ``key, family, label, source, inputs, options, summary``, sorted by
        family and key.

    Examples
    --------
    >>> import estimators
    >>> "proportion_ci" in set(estimators.catalogue()["key"])
    True
    """
    rows = [
        {
            "key": spec.key,
            "family": spec.family,
            "label": spec.label,
            "source": spec.source,
            "inputs": ", ".join(parameter.name for parameter in spec.inputs),
            "options": ", ".join(parameter.name for parameter in spec.options),
            "summary": spec.summary(),
        }
        for spec in _CATALOGUE.values()
    ]
    columns = ["key", "family", "label", "source", "inputs", "options", "summary"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values(["family", "key"], ignore_index=True)
