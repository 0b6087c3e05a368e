"""Commands about who is classified how, and who needs help today."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from sentinel.classify import Definition
    from sentinel.ingest.interviews import Interviews
    from sentinel.report import CountedFile
    from sentinel.study.config import StudyConfig

__all__ = ["register"]

PANEL = "Studies"

StudyFile = Annotated[
    Path, typer.Argument(metavar="STUDY.toml", help="The study file.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("classify", rich_help_panel=PANEL)(classify)
    app.command("refer", rich_help_panel=PANEL)(refer)


def classify(
    study: StudyFile,
    *,
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Compare definitions instead of applying one."),
    ] = False,
    definition: Annotated[
        list[str] | None,
        typer.Option(help="Shipped name or TOML file instead of the study's; repeat."),
    ] = None,
    setting: Annotated[
        str | None, typer.Option(help="strict, base or broad instead of the study's.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Write the protected counts here (CSV), to be released."
        ),
    ] = None,
    internal_table: Annotated[
        Path | None,
        typer.Option(
            "--internal-table",
            help="Write one row per record here (CSV). Microdata: never a release.",
        ),
    ] = None,
    template: Annotated[
        bool, typer.Option("--template", help="Print a definition file to fill in.")
    ] = False,
) -> None:
    """Apply the study's case definition, or compare definitions; small groups hidden.

    What --out writes is entered in the study's ledger and audit log; what is only shown
    on the screen is not: release files, no copies of the screen.

    Example: sentinel classify my_study/study.toml --compare --out definitions.csv
    """
    from sentinel.classify import definition_template

    if template:
        typer.echo(definition_template())
        return
    from sentinel.report import WayOut

    config, interviews = _read(study)
    way = WayOut.of_study(config, "classify")
    way.check()
    made = _compare if compare else _apply
    table, to_file = made(config, interviews, definition, setting)
    if out is not None:
        counted = to_file()
        typer.echo(way.file(out, counted.text, counted.cells, tables=counted.tables))
    if internal_table is not None:
        typer.echo(way.keep(table, internal_table))


def refer(
    study: StudyFile,
    out: Annotated[
        Path, typer.Option("--out", help="File for the field supervisor (CSV).")
    ],
    flags: Annotated[
        str, typer.Option(help="Shipped name or TOML file of referral flags.")
    ] = "deportee",
) -> None:
    """List who may be in immediate danger, for the field supervisor only.

    The file names records and dangers: keep it apart from every report and release.
    The exit code is 1 while anybody is not handled.

    Example: sentinel refer my_study/study.toml --out safe/referrals.csv
    """
    from sentinel.classify import load_referral_flags, referral_list
    from sentinel.report import WayOut

    config, interviews = _read(study)
    found = referral_list(interviews, load_referral_flags(flags))
    typer.echo(WayOut.of_study(config, "refer").keep(found.frame, out))
    typer.echo(found.summary())
    # Nothing is closed before somebody has cared for these persons.
    raise typer.Exit(1 if found.n_open else 0)


def _read(study: Path) -> tuple[StudyConfig, Interviews]:
    from sentinel.cli.study import refuse_expired
    from sentinel.ingest import ingest_study
    from sentinel.study import load_study

    config = load_study(study)
    refuse_expired(config)
    return config, ingest_study(config)


def _definitions(
    names: list[str] | None, config: StudyConfig, interviews: Interviews
) -> list[Definition]:
    from sentinel.classify import load_definition

    return [
        load_definition(
            config.path(name) if name.endswith(".toml") else name,
            codebook=interviews.codebook,
            switch_on=config.classify.switch_on,
        )
        for name in names or [config.classify.definition]
    ]


def _apply(
    config: StudyConfig,
    interviews: Interviews,
    names: list[str] | None,
    setting: str | None,
) -> tuple[pd.DataFrame, Callable[[], CountedFile]]:
    import pandas as pd

    from sentinel.classify import classify as apply_definition
    from sentinel.disclosure import ReleasePolicy
    from sentinel.report import classification_file, classification_text

    policy = ReleasePolicy.from_privacy(config.privacy)
    tables, results = [], []
    for definition in _definitions(names, config, interviews):
        result = apply_definition(
            interviews,
            definition,
            setting=setting or config.classify.setting,
            absent=config.classify.absent,
        )
        typer.echo(classification_text(result, policy, config.study.reference_period))
        results.append(result)
        tables.append(result.frame.add_prefix(f"{definition.name}."))
    ids = interviews.frame[["rec_id"]] if "rec_id" in interviews.frame else None
    table = pd.concat([*([] if ids is None else [ids]), *tables], axis=1)
    return table, partial(classification_file, results, config, interviews.origins)


def _compare(
    config: StudyConfig,
    interviews: Interviews,
    names: list[str] | None,
    setting: str | None,
) -> tuple[pd.DataFrame, Callable[[], CountedFile]]:
    from sentinel.analysis import build_design
    from sentinel.classify import available_definitions, compare_definitions
    from sentinel.disclosure import ReleasePolicy
    from sentinel.report import (
        comparison_file,
        comparison_text,
        release_comparison,
    )

    design = build_design(interviews, config)
    chosen = names or list(
        dict.fromkeys([config.classify.definition, *available_definitions()])
    )
    found = compare_definitions(
        interviews,
        _definitions(chosen, config, interviews),
        setting=setting or config.classify.setting,
        survey=lambda new: design.survey("event", design.frame.assign(**new)),
    )
    released = release_comparison(found, ReleasePolicy.from_privacy(config.privacy))
    typer.echo(comparison_text(released, config.study.reference_period))
    to_file = partial(
        comparison_file, released, config, interviews.origins,
        setting=setting or config.classify.setting,
    )  # fmt: skip
    return found.records.frame, to_file
