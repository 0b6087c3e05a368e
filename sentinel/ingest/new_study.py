"""A study folder whose mapping and codebook come from the round's form."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from sentinel.ingest.forms.definition import FormDefinition
from sentinel.ingest.forms.form_variables import FormVariable, form_variables
from sentinel.ingest.forms.questionnaire import deportee_form_bytes
from sentinel.ingest.forms.xlsform import read_form
from sentinel.schema.codebook import load_codebook, shipped_codebook_text
from sentinel.schema.codebook_rows import COLUMNS
from sentinel.study.template import starter_text, write_new_study

__all__ = ["new_study"]

SHIPPED_FORM = "forms/deportee.xlsx"
_DATA = "data/round_1.xlsx"


def new_study(
    folder: str | Path, *, form: str | Path | None = None
) -> tuple[Path, ...]:
    """Write a study folder to start from, and return the written files.

    Parameters
    ----------
    folder : path
        Made if it is not there; it must be empty.
    form : path, optional
        XLSForm of the first round: the mapping and the codebook are made from it.
        Without it the folder holds the shipped questionnaire and six invented rows.

    Raises
    ------
    InputError
        If the folder holds anything, or the form cannot be used; nothing is written.
    """
    if form is None:
        return write_new_study(folder, more={SHIPPED_FORM: deportee_form_bytes()})
    path = Path(form)
    definition = read_form(path)
    definition.problems.raise_errors()
    codebook = load_codebook("deportee")
    items = form_variables(definition, codebook)
    place = f"forms/{path.name}"
    texts: dict[str, str | bytes | None] = {
        place: path.read_bytes(),
        "mapping.toml": "\n".join(_mapping(definition, items)) + "\n",
        "codebook.csv": _codebook(items),
        "study.toml": _study(definition, place, items),
        "data/round_1.csv": None,
        "data/README.md": f"Put the export of the form here, as {Path(_DATA).name}.\n",
    }
    return write_new_study(folder, more=texts)


def _codebook(items: Sequence[FormVariable]) -> str:
    text = shipped_codebook_text("deportee")
    buffer = io.StringIO(newline="")
    header = next(csv.reader(io.StringIO(text, newline="")))
    writer = csv.DictWriter(buffer, header or COLUMNS, lineterminator="\n", restval="")
    for item in items:
        if item.is_new:
            writer.writerow(dict(item.row))
    return text.rstrip("\n") + "\n" + buffer.getvalue()


def _study(form: FormDefinition, place: str, items: Sequence[FormVariable]) -> str:
    text = starter_text("study.toml")
    made = {item.variable for item in items}
    changes = {
        'title = "Deportees through my border point"': f"title = {_quoted(form.title)}"
        if form.title
        else 'title = "Deportees through my border point"',
        "simulated = true": "simulated = false",
        'codebook = "deportee"\n': 'codebook = "codebook.csv"\n',
        'files = ["data/round_1.csv"]': f'files = ["{_DATA}"]\nform = {_quoted(place)}',
        "# sheet =": "# submissions = 412            # as the form server shows\n"
        "# sheet =",
    }
    for old, new in changes.items():
        text = text.replace(old, new, 1)
    absent = [
        name
        for name in ("consent_given", "private", "site_code", "int_date", "truck_seq")
        if name not in made
    ]
    if absent:
        head, rest = text.split("\n[study]", 1)
        note = (
            f"# The form has no question named {', '.join(absent)}: map other ones to "
            "them,\n# give constants, or change [privacy.consent] and [design] below.\n"
        )
        text = f"{head}\n{note}\n[study]{rest}"
    return text


def _mapping(form: FormDefinition, items: Sequence[FormVariable]) -> Iterator[str]:
    version = f", version {' '.join(form.version.split())}" if form.version else ""
    yield f"# Made from {form.file}{version}. Read it through and change what is wrong:"
    yield "# nothing here is executed, and sentinel check lists what cannot work."
    yield "# Columns bear the names of the form's questions, however it was exported."
    yield ""
    yield "ignore_case = false"
    yield ""
    yield from _drops(items)
    yield "# Identical submissions count once, different ones of an id are listed."
    yield "[columns]"
    yield '"_uuid" = "rec_id"                   # KoboToolbox'
    yield '"KEY" = "rec_id"                     # ODK Central, SurveyCTO'
    yield '"__id" = "rec_id"                    # ODK Central, OData'
    for item in items:
        yield from _column(item, form)
    yield from _repeats(items)
    for item in items:
        if item.variable and item.recode:
            yield ""
            yield f"[recode.{item.variable}]"
            yield from (f"{_quoted(k)} = {_quoted(v)}" for k, v in item.recode.items())


def _drops(items: Sequence[FormVariable]) -> Iterator[str]:
    yield "# Never read. Take a line out only for text that cannot identify anybody."
    yield "drop = ["
    for item in items:
        if item.dropped:
            yield f"  # {item.dropped}"
            yield f"  {_quoted(item.source)},"
            if item.question.kind == "geo":
                name = item.question.name
                yield f"  {_quoted(f'*{name}_*')}, {_quoted(f'*{name}-*')},"
    yield "  # what the servers add about devices and people"
    yield '  "_geolocation*", "SubmitterName", "*submitterName", "username",'
    yield '  "deviceid", "*phonenumber", "*email", "_submitted_by",'
    yield "]"
    yield ""


def _column(item: FormVariable, form: FormDefinition) -> Iterator[str]:
    label = " ".join(item.question.label(form.default_language).split())
    if item.variable:
        if item.note:
            yield f"# {item.note}:"
        line = f"{_quoted(item.source)} = {_quoted(item.variable)}"
        yield f"{line:<36} # {label[:60]}"
    elif item.note:
        yield f"# {item.source}: {item.note}"


def _repeats(items: Sequence[FormVariable]) -> Iterator[str]:
    repeats = dict.fromkeys(
        item.question.repeat for item in items if item.question.repeat and item.variable
    )
    for repeat in repeats:
        yield ""
        yield f"[repeats.{_quoted(repeat[-1])}]"
        yield "# Which row speaks for the interview: first, last, only (more are an"
        yield '# error), or where = "question=code". Rows left out are counted.'
        yield 'take = "last"'


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
