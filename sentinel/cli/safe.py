"""Commands of safe keeping: keys, encrypted files, pseudonyms."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["register"]

PANEL = "Safe keeping"
FEWEST_CUSTODIANS = 2

group = typer.Typer(
    name="safe",
    help="Keys, encrypted files and pseudonyms.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

NewFile = Annotated[Path, typer.Argument(metavar="FILE", help="New file, mode 600.")]
To = Annotated[
    list[str] | None,
    typer.Option("--to", help="Public key (age1...) of a custodian; repeat."),
]
RecipientsFile = Annotated[
    Path | None,
    typer.Option("--recipients", help="File of public keys, one a line."),
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key", help="Project key; without it SENTINEL_KEY_FILE names it."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("withdraw", rich_help_panel=PANEL)(withdraw)
    app.command("deidentify", rich_help_panel=PANEL)(deidentify)
    app.add_typer(group, rich_help_panel=PANEL)


def withdraw(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY.toml", help="The study file.")
    ],
    *,
    record: Annotated[
        str,
        typer.Option(prompt="Record id", help="Its id; asked for if not given."),
    ],
    who: Annotated[
        str | None, typer.Option(help="Who took the withdrawal; not the person.")
    ] = None,
    absent_too: Annotated[
        bool, typer.Option("--absent-too", help="Although no file holds the record.")
    ] = False,
    key: KeyFile = None,
) -> None:
    """Take a record out for good: its tombstone holds a keyed hash, never the id.

    Example: sentinel withdraw my_study/study.toml
    """
    from datetime import date

    from estimators.errors import InputError
    from sentinel.ingest import count_record
    from sentinel.safekeeping import audit_log, load_key, withdraw_record
    from sentinel.safekeeping.audit import user_name
    from sentinel.study import load_study

    config, secret = load_study(study), load_key(key)
    log = audit_log(config)
    if log is not None:
        log.check()
    rows = count_record(config, record)
    if not rows and not absent_too:
        raise InputError(
            "The id of a record in the study's files was expected, none has this one. "
            "Look it up again; if its rows were deleted already, add --absent-too."
        )
    added = withdraw_record(
        config, record, day=date.today(), who=who or user_name(), key=secret
    )
    if not added:
        typer.echo("this record was withdrawn before; nothing was added")
        return
    if log is not None:
        log.record("withdraw", counts={"rows": rows})
    typer.echo(f"withdrawn: {rows} rows stay out of every run from now on")
    typer.echo("Next: delete the record from the raw files and their copies, then run")
    typer.echo(f"sentinel check {study}, which names the reports to be rebuilt.")


def deidentify(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY.toml", help="The study file.")
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="New .csv or .csv.age; without it a preview."),
    ] = None,
    to: To = None,
    recipients: RecipientsFile = None,
) -> None:
    """Make records that lead back to nobody: no ids, bands, provinces, quarters.

    Without --out nothing is written: see first what is kept, dropped and blanked. What
    is written is smaller, but still no release.

    Example: sentinel deidentify my_study/study.toml --out round_1_deidentified.csv
    """
    from sentinel.ingest import ingest_study
    from sentinel.report import WayOut
    from sentinel.report import deidentify as strip
    from sentinel.study import load_study

    config = load_study(study)
    way = WayOut.of_study(config, "deidentify")
    way.check()
    made = strip(ingest_study(config), config)
    typer.echo(made.summary())
    if out is None:
        typer.echo("preview: nothing was written; --out FILE writes it")
        return
    sealed = _recipients(to, recipients) if to or recipients else ()
    counts = {"records": len(made.frame), "removed": made.removed}
    counts["blanked"] = made.blanked
    typer.echo(way.keep(made.frame, out, recipients=sealed, counts=counts))
    typer.echo("It is irreversible once the raw files, their copies and the project")
    typer.echo("key of this study are destroyed: do that now, before two witnesses.")


@group.command("new-key")
def new_key(path: NewFile) -> None:
    """Make a project key, for pseudonyms and withdrawals.

    Example: sentinel safe new-key /media/custodian/project.key
    """
    from sentinel.safekeeping import write_new_key

    key = write_new_key(path)
    typer.echo(f"{path}: a new project key, fingerprint {key.fingerprint}")
    typer.echo(
        "Keep a copy with a second custodian, outside the study and its backups."
    )


@group.command("fingerprint")
def fingerprint(key: KeyFile = None) -> None:
    """Show the fingerprint of the project key, which gives nothing of it away.

    Example: sentinel safe fingerprint --key /media/custodian/project.key
    """
    from sentinel.safekeeping import load_key

    typer.echo(load_key(key).fingerprint)


@group.command("new-identity")
def new_identity(path: NewFile) -> None:
    """Make a custodian's identity and show its public key, to encrypt to.

    Example: sentinel safe new-identity /media/custodian/identity
    """
    from sentinel.safekeeping import write_new_identity

    typer.echo(write_new_identity(path))


@group.command("encrypt")
def encrypt(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="File to encrypt.")],
    to: To = None,
    recipients: RecipientsFile = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="New file; without it FILE.age.")
    ] = None,
) -> None:
    """Encrypt a file to two or more custodians; studies read it as it is.

    Example: sentinel safe encrypt round_1.csv --to age1... --to age1...
    """
    from sentinel.safekeeping import encrypt as seal
    from sentinel.safekeeping import write_private

    target = out or path.with_name(f"{path.name}.age")
    write_private(target, seal(path.read_bytes(), _recipients(to, recipients)))
    typer.echo(target)
    sys.stderr.write(
        f"{path} is still there, readable by anybody who finds it. Let each custodian "
        "open the new file once, then delete it and its copies.\n"
    )


@group.command("decrypt")
def decrypt(
    path: Annotated[Path, typer.Argument(metavar="FILE.age", help="Encrypted file.")],
    out: Annotated[Path, typer.Option("--out", help="New plain file, mode 600.")],
    identity: Annotated[
        Path | None,
        typer.Option(help="Identity; without it SENTINEL_AGE_IDENTITY_FILE names it."),
    ] = None,
) -> None:
    """Write a plain copy of an encrypted file; no study needs one.

    Example: sentinel safe decrypt round_1.csv.age --out /media/safe/round_1.csv
    """
    from sentinel.safekeeping import decrypt as unseal
    from sentinel.safekeeping import load_identities, write_private

    plain = unseal(
        path.read_bytes(), label=path.name, identities=load_identities(identity)
    )
    write_private(out, plain)
    typer.echo(out)


@group.command("pseudonymise")
def pseudonymise(
    table: Annotated[Path, typer.Argument(help="Table with ids: CSV, XLSX, ...")],
    *,
    column: Annotated[str, typer.Option("--column", help="Column of ids.")],
    out: Annotated[Path, typer.Option("--out", help="New .csv, or .csv.age.")],
    purpose: Annotated[
        str, typer.Option(help="Ids of other purposes cannot be joined to these.")
    ] = "record",
    site: Annotated[str, typer.Option(help="If each site numbers its own ids.")] = "",
    key: KeyFile = None,
    to: To = None,
    recipients: RecipientsFile = None,
) -> None:
    """Replace a column of ids by keyed pseudonyms and write the table anew.

    Example: sentinel safe pseudonymise raw.csv --column id --out round_1.csv.age
    --to age1... --to age1...
    """
    from estimators.errors import InputError
    from sentinel.ingest import read_table
    from sentinel.report import write_internal_table
    from sentinel.safekeeping import load_key, pseudonyms

    raw = read_table(table)
    if column not in raw.frame:
        listed = ", ".join(map(str, raw.frame.columns))
        raise InputError(
            f"{table.name}: a column named {column!r} was expected, it has {listed}."
        )
    made = pseudonyms(load_key(key), raw.frame[column], purpose=purpose, site=site)
    frame = raw.frame.assign(**{column: list(made)})
    sealed = _recipients(to, recipients) if to or recipients else ()
    typer.echo(write_internal_table(frame, out, recipients=sealed))


def _recipients(to: list[str] | None, path: Path | None) -> tuple[str, ...]:
    from sentinel.safekeeping import read_recipients

    found = tuple(
        dict.fromkeys([*(to or ()), *(read_recipients(path) if path else ())])
    )
    if len(found) < FEWEST_CUSTODIANS:
        sys.stderr.write(
            "warning: fewer than two custodians: if this identity is lost, so are the "
            "data.\n"
        )
    return found
