"""Commands that make records fit for release: CTDC's shape, synthetic, moved points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

    from sentinel.disclosure import ReleaseLedger, ReleasePolicy
    from sentinel.report import RecordFile, WayOut

__all__ = ["register"]

PANEL = "Studies"
BUDGET = 1.0

group = typer.Typer(
    name="release",
    help="Records that may leave the house: k-anonymous, synthetic, moved points.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Data = Annotated[
    Path,
    typer.Argument(metavar="DATA", help="Table, a row per person: CSV, XLSX, ..."),
]
Out = Annotated[Path, typer.Option("--out", help="New file (CSV).")]
Study = Annotated[
    Path | None,
    typer.Option(help="Study whose ledger, audit log and minimum cell hold."),
]
Ledger = Annotated[
    Path | None, typer.Option(help="Release ledger, if there is no study.")
]
Group = Annotated[
    str,
    typer.Option(
        help="Whose records (a round), if no other group holds any of them; "
        "without it: everybody."
    ),
]
MinimumCell = Annotated[
    int | None,
    typer.Option("--minimum-cell", help="k; at least 5, and 11 without it."),
]
Person = Annotated[
    str | None,
    typer.Option(help="Column of ids, to be sure of one row per person; not released."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(group, rich_help_panel=PANEL)


@group.command("ctdc")
def ctdc(
    data: Data,
    out: Out,
    *,
    minimum_cell: MinimumCell = None,
    person: Person = None,
    study: Study = None,
    ledger: Ledger = None,
    group: Group = "",
) -> None:
    """Write k-anonymous records in the shape of the Counter-Trafficking Collaborative.

    Columns by CTDC's names: yearOfRegistration, gender, age or ageBroad, citizenship,
    CountryOfExploitation, months, the items; others are left out. Records of the same
    persons are released once.

    Example: sentinel release ctdc persons.csv --out ctdc.csv --study study.toml
    """
    from sentinel.report import check_persons, ctdc_file

    way, policy, book = _open(
        "release ctdc", out, study=study, ledger=ledger, minimum_cell=minimum_cell
    )
    frame = _read(data)
    check_persons(frame, person)
    _write(way, out, ctdc_file(frame, policy, book, group=group))


@group.command("synthetic")
def synthetic(  # noqa: PLR0913 - one parameter per option of the command
    data: Data,
    out: Out,
    *,
    epsilon: Annotated[float, typer.Option(help="Loss of this release, about 1.")],
    column: Annotated[
        list[str] | None,
        typer.Option(help="Column to release, its codes from the codebook; repeat."),
    ] = None,
    codebook: Annotated[
        str | None,
        typer.Option(help="Shipped name or CSV file; without it the study's."),
    ] = None,
    domains: Annotated[
        Path | None,
        typer.Option(help='Instead: TOML of columns and codes, sex = ["1", "2", ""].'),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            help="Most that all releases may ever cost; without it the study's "
            "epsilon_budget, or 1."
        ),
    ] = None,
    person: Person = None,
    study: Study = None,
    ledger: Ledger = None,
    group: Group = "",
) -> None:
    """Write synthetic records with differential privacy; what they cost adds up.

    Domains come from the codebook, never from the data. The loss is in the ledger
    before a record is drawn, and a release beyond the budget is refused.

    Example: sentinel release synthetic coded.csv --out synthetic.csv --epsilon 0.5
    --column sex --column sector --study my_study/study.toml
    """
    from sentinel.report import check_persons, synthetic_file

    way, _, book = _open(
        "release synthetic", out, study=study, ledger=ledger, minimum_cell=None
    )
    chosen = _domains(column, codebook, domains, study)
    frame = _read(data)
    check_persons(frame, person)
    made = synthetic_file(
        frame,
        chosen,
        out,
        book,
        epsilon=epsilon,
        budget=_budget(budget, study),
        group=group,
    )
    _write(way, out, made)


@group.command("geomask")
def geomask(  # noqa: PLR0913 - one parameter per option of the command
    data: Data,
    out: Out,
    *,
    person: Annotated[str, typer.Option(help="Column of ids; not released.")],
    key: Annotated[
        Path | None,
        typer.Option(help="Project key; without it SENTINEL_KEY_FILE names it."),
    ] = None,
    least_metres: Annotated[
        float, typer.Option("--least-metres", help="Inner radius of the ring.")
    ] = 1_000.0,
    anonymity: Annotated[
        int, typer.Option(help="Residents that the ring is to hold.")
    ] = 1_000,
    minimum_cell: MinimumCell = None,
    study: Study = None,
    ledger: Ledger = None,
    group: Group = "",
) -> None:
    """Write points moved away from a place that enough persons share.

    Columns longitude, latitude (of the province's centre, say), density (residents per
    square kilometre there) and the person's id, who is moved alike in every round.

    Example: sentinel release geomask points.csv --out moved.csv --person rec_id
    --study my_study/study.toml
    """
    from sentinel.report import points_file
    from sentinel.safekeeping import load_key

    way, policy, _ = _open(
        "release geomask", out, study=study, ledger=ledger, minimum_cell=minimum_cell
    )
    made = points_file(
        _read(data),
        policy,
        load_key(key),
        person=person,
        least_metres=least_metres,
        anonymity=anonymity,
        group=group,
    )
    _write(way, out, made)


def _open(
    command: str,
    out: Path,
    *,
    study: Path | None,
    ledger: Path | None,
    minimum_cell: int | None,
) -> tuple[WayOut, ReleasePolicy, ReleaseLedger]:
    from estimators.errors import InputError
    from sentinel.cli.leaving import way_and_policy
    from sentinel.disclosure import ReleaseLedger

    if out.suffix != ".csv":
        raise InputError(f"{out.name}: a name that ends in .csv was expected.")
    way, policy = way_and_policy(
        command,
        out,
        study=study,
        ledger=ledger,
        minimum_cell=minimum_cell,
        needs_ledger=True,
    )
    return way, policy, ReleaseLedger.read(Path(str(way.ledger)))


def _read(data: Path) -> pd.DataFrame:
    from sentinel.ingest import read_table

    return read_table(data).frame


def _write(way: WayOut, out: Path, made: RecordFile) -> None:
    typer.echo(way.file(out, made.text, *made.released, counts=made.counts))
    for note in made.notes:
        typer.echo(note)


def _domains(
    columns: list[str] | None,
    codebook: str | None,
    domains: Path | None,
    study: Path | None,
) -> dict[str, tuple[str, ...]]:
    from estimators.errors import InputError
    from sentinel.report import codebook_domains
    from sentinel.schema.codebook import load_codebook
    from sentinel.study import load_study

    if (domains is None) == (not columns):
        raise InputError("Either --column NAME, repeated, or --domains FILE is needed.")
    if domains is not None:
        return _domains_of(domains)
    if codebook is None and study is not None:
        config = load_study(study)
        named = config.study.codebook
        codebook = str(config.path(named)) if named.endswith(".csv") else named
    if codebook is None:
        raise InputError("--codebook NAME, or --study STUDY.toml, gives the codes.")
    return codebook_domains(load_codebook(codebook), columns or [])


def _domains_of(path: Path) -> dict[str, tuple[str, ...]]:
    from estimators.errors import InputError
    from sentinel.schema.problems import Problems
    from sentinel.study.loading import read_toml

    problems = Problems()
    data, _ = read_toml(path, problems, what="a file of domains")
    problems.raise_errors()
    wrong = [
        name
        for name, codes in (data or {}).items()
        if not isinstance(codes, list) or not all(isinstance(c, str) for c in codes)
    ]
    if wrong or not data:
        raise InputError(
            f"{path.name}: every column needs a list of texts, as in "
            f'sex = ["1", "2", ""]; not so: {", ".join(wrong) or "there is none"}.'
        )
    return {name: tuple(codes) for name, codes in data.items()}


def _budget(given: float | None, study: Path | None) -> float:
    from estimators.errors import InputError
    from sentinel.study import load_study

    declared = load_study(study).privacy.epsilon_budget if study is not None else None
    if given is not None and declared is not None and given > declared:
        raise InputError(
            f"--budget {given:g}: the study declares {declared:g} (epsilon_budget), "
            "and that is the most."
        )
    return given or declared or BUDGET
