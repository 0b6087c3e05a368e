"""Any estimator of the catalogue on a table: `sentinel estimate KEY --data FILE`."""

from __future__ import annotations

import inspect
import json
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sentinel.cli.values import numbers_of, read_mapping

if TYPE_CHECKING:
    import pandas as pd

    from estimators.registry import EstimatorSpec

__all__ = ["register"]

PANEL = "Estimators and data"
_WORDS = {bool: "true or false", int: "a whole number", float: "a number"}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        "estimate",
        rich_help_panel=PANEL,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(estimate)


def estimate(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="See sentinel catalogue.")],
    data: Annotated[
        Path | None, typer.Option(help="CSV, XLSX, Parquet, SAV, DTA.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the rows to this CSV, for its owner only."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run one estimator; every input and option of it is --name value.

    The output shows unprotected numbers: they are for the analyst, not for release.

    Example: sentinel estimate proportion_ci --successes 92 --n 400 --method wilson

    Several numbers are 3,5,9 or a column of the data; a mapping is 1=0.4,2=0.6 or a
    TOML, JSON or CSV file.

    Example: sentinel estimate survey_proportion --data survey.csv --psu truck
    --strata round --weights w --variable exploited --by round
    """
    from estimators.registry import find_estimator

    spec = find_estimator(key)
    given = _pairs(context.args)
    frame = None if data is None else _read(data)
    arguments = _arguments(spec, frame, given)
    result = spec.function(**arguments)
    table = result.terms() if hasattr(result, "terms") else result.to_frame()
    if out is not None:
        from sentinel.disclosure import keep_out_of_release
        from sentinel.safekeeping import write_private

        keep_out_of_release(out)
        write_private(out, table.to_csv(index=False).encode(), replace=True)
        typer.echo(f"{out}: unprotected numbers, INTERNAL, never to be released")
    elif as_json:
        typer.echo(json.dumps(table.to_dict(orient="records"), indent=2, default=str))
    else:
        typer.echo(result.summary())


def _pairs(arguments: list[str]) -> dict[str, str]:
    """Turn ``--name value --other value`` into a mapping."""
    from estimators.errors import InputError

    pairs: dict[str, str] = {}
    position = 0
    while position < len(arguments):
        word = arguments[position]
        if not word.startswith("--"):
            raise InputError(f"{word!r}: options are written --name value.")
        name, equals, value = word[2:].partition("=")
        if not equals:
            position += 1
            if position == len(arguments):
                raise InputError(f"--{name} needs a value.")
            value = arguments[position]
        pairs[name.replace("-", "_")] = value
        position += 1
    return pairs


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    from sentinel.ingest import read_table

    frame = read_table(path).frame
    for name in frame.columns:
        numbers = pd.to_numeric(frame[name].replace("", None), errors="coerce")
        if numbers.notna().sum() == frame[name].replace("", None).notna().sum():
            frame[name] = numbers
    return frame


def _arguments(
    spec: EstimatorSpec, frame: pd.DataFrame | None, given: dict[str, str]
) -> dict[str, Any]:
    """Bind words to the estimator's parameters; every problem is listed."""
    from estimators.errors import InputError

    rest = dict(given)
    bound: dict[str, Any] = {}
    problems: list[str] = []
    for parameter in (*spec.inputs, *spec.options):
        annotation = spec.annotation(parameter.name)
        maker = getattr(annotation, "from_frame", None)
        if maker is not None:
            own = {other.name for other in (*spec.inputs, *spec.options)}
            bound[parameter.name] = _data_object(maker, frame, rest, problems, own=own)
        elif _is_frame(annotation):
            if frame is None:
                problems.append("this estimator needs --data FILE")
            bound[parameter.name] = frame
        elif parameter.name in rest:
            try:
                text = rest.pop(parameter.name)
                bound[parameter.name] = _convert(text, annotation, frame)
            except InputError as error:
                problems.append(f"--{parameter.name}: {error}")
        elif parameter.default is inspect.Parameter.empty:
            problems.append(f"--{parameter.name} is missing")
    problems.extend(f"--{name} is not an option of {spec.key}" for name in rest)
    if problems:
        names = [p.name for p in (*spec.inputs, *spec.options)]
        raise InputError(f"{'; '.join(problems)}. {spec.key} takes {', '.join(names)}.")
    return bound


def _data_object(
    maker: Any,  # noqa: ANN401 - any class with from_frame
    frame: pd.DataFrame | None,
    rest: dict[str, str],
    problems: list[str],
    *,
    own: set[str],
) -> Any:  # noqa: ANN401
    if frame is None:
        problems.append("this estimator needs --data FILE")
        return None
    hints = typing.get_type_hints(maker)
    named: dict[str, Any] = {}
    for name in list(inspect.signature(maker).parameters)[1:]:
        # An option that the estimator has as well is the estimator's: it picks from
        # the whole table.
        if name in rest and name not in own:
            named[name] = _convert(rest.pop(name), hints.get(name))
    return maker(frame, **named)


def _is_frame(annotation: Any) -> bool:  # noqa: ANN401
    import pandas as pd

    kinds = _flatten(annotation)
    return pd.DataFrame in kinds and types.NoneType not in kinds


def _convert(
    text: str,
    annotation: Any,  # noqa: ANN401
    frame: pd.DataFrame | None = None,
) -> Any:  # noqa: ANN401
    """Convert a word to the first type of the annotation that takes it.

    Where numbers of persons or periods are wanted, a column of the table gives them.
    """
    from estimators.errors import InputError

    candidates = _flatten(annotation)
    for kind in candidates:
        if typing.get_origin(kind) is Literal:
            if text in typing.get_args(kind):
                return text
            continue
        converted = _converted(text, kind, frame)
        if converted is not None:
            return converted
    if any(typing.get_origin(kind) is Literal for kind in candidates):
        allowed = [a for k in candidates for a in typing.get_args(k)]
        raise InputError(f"{text!r} came; choose one of {', '.join(map(str, allowed))}")
    wanted = [_WORDS[kind] for kind in candidates if kind in _WORDS]
    if wanted:
        raise InputError(f"{text!r} came; {' or '.join(wanted)} was expected")
    raise InputError("takes a Python object: use it from Python, or leave it out here")


def _flatten(annotation: Any) -> list[Any]:  # noqa: ANN401
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kinds = [k for part in typing.get_args(annotation) for k in _flatten(part)]
        order = {bool: 0, int: 1, float: 2}
        return sorted(kinds, key=lambda kind: order.get(kind, 3))
    return [annotation]


def _converted(
    text: str,
    kind: Any,  # noqa: ANN401
    frame: pd.DataFrame | None = None,
) -> Any:  # noqa: ANN401
    if kind is bool:
        return {"true": True, "yes": True, "false": False, "no": False}.get(
            text.lower()
        )
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            return None
    if kind is str:
        return text
    return _converted_object(text, kind, frame)


def _converted_object(
    text: str,
    kind: Any,  # noqa: ANN401
    frame: pd.DataFrame | None,
) -> Any:  # noqa: ANN401
    """Convert a word to what holds several values, or to an estimator."""
    origin = typing.get_origin(kind) or kind
    name = getattr(origin, "__name__", "")
    if name in ("Mapping", "dict"):
        return read_mapping(text)
    if origin is Callable:
        from estimators.registry import find_estimator

        return find_estimator(text).function
    is_list = origin in (list, tuple) or name == "Sequence"
    of = (*typing.get_args(kind), str)[0]
    if not is_list and name not in ("ndarray", "Any"):
        return None
    if frame is not None and text in frame.columns and of is not str:
        return frame[text].to_numpy()
    if is_list:
        return [_convert(part.strip(), of) for part in text.split(",")]
    return numbers_of(text)
