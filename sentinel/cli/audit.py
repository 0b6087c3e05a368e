"""Commands about the audit log: verify, show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sentinel.safekeeping import Chain, Entry

__all__ = ["register"]

PANEL = "Safe keeping"

group = typer.Typer(
    name="audit",
    help="The log of who ran what: verify it, show it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

LogFile = Annotated[
    Path, typer.Argument(metavar="LOG", help="As [privacy] audit_log names it.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(group, rich_help_panel=PANEL)


@group.command("verify")
def verify(
    log: LogFile,
    head: Annotated[
        str, typer.Option(help="Head noted elsewhere: the log must hold that entry.")
    ] = "",
) -> None:
    """Find every line that was changed, removed, added, reordered or cut off.

    The exit code is 1 if there is one. Note the head that is shown where others cannot
    change it: with it even a log that was made anew as a whole is found out.

    Example: sentinel audit verify my_study/audit.jsonl --head 12:9f2c...
    """
    chain = _read(log, head)
    for fault in chain.faults:
        place = f"{log.name}:{fault.line}" if fault.line else f"{log.name}.head"
        typer.echo(f"error: {place}: {fault.what}")
    for note in chain.notes:
        typer.echo(f"note: {note}")
    if chain.faults:
        typer.echo(f"{len(chain.faults)} faults: this log is not as it was written")
        raise typer.Exit(1)
    typer.echo(f"{len(chain.entries)} entries, none changed, none missing")
    typer.echo(f"head {chain.head}")


@group.command("show")
def show(
    log: LogFile,
    last: Annotated[int, typer.Option(min=1, help="Only so many, the newest.")] = 20,
) -> None:
    """Show who ran what and when, and how much was hidden.

    Example: sentinel audit show my_study/audit.jsonl --last 5
    """
    chain = _read(log, "")
    for entry in chain.entries[-last:]:
        typer.echo(_line(entry))
    if chain.faults:
        typer.echo(f"{len(chain.faults)} faults: see sentinel audit verify {log}")
        raise typer.Exit(1)


def _read(log: Path, head: str) -> Chain:
    from sentinel.safekeeping import read_chain
    from sentinel.safekeeping.audit import key_if_named

    return read_chain(log, key=key_if_named(), head=head)


def _line(entry: Entry) -> str:
    said = entry.content
    tables = said.get("tables", {})
    hidden = sum(
        sizes.get(kind, 0)
        for sizes in tables.values()
        for kind in ("primary", "complementary", "hidden")
    )
    cells = sum(sizes.get("cells", 0) for sizes in tables.values())
    smallest = [
        sizes["smallest_shown"]
        for sizes in tables.values()
        if "smallest_shown" in sizes
    ]
    words = [
        f"{entry.number:>5}",
        *(str(said.get(name, "")) for name in ("time", "who", "command")),
        f"study {str(said.get('study', ''))[:8]}",
    ]
    if tables:
        words.append(f"{hidden} of {cells} cells hidden")
    if smallest:
        words.append(f"smallest group shown {min(smallest)}")
    words += [f"{name} {count}" for name, count in said.get("counts", {}).items()]
    # A log may come from anyone: what could move the cursor is not printed.
    return "".join(
        letter if letter.isprintable() else "?" for letter in "  ".join(words)
    )
