"""Write the command reference from the commands' own help."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path

import click
import typer

from sentinel.cli import app

EXIT_CODES = """\
Exit codes: 0 done; 1 findings (`sentinel check`); 2 bad usage or bad input, with the
complete list of problems; 3 could not estimate; 130 interrupted, what lay in the output
folder is untouched.
"""


def write_commands(path: Path) -> None:
    """Write one section per command."""
    group = typer.main.get_command(app)
    lines = ["# Commands", "", EXIT_CODES]
    with click.Context(group, info_name="sentinel") as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            with click.Context(command, info_name=name, parent=context) as inner:
                text = _help(command, inner)
            lines += [f"## sentinel {name}", "", "```text", text.strip(), "```", ""]
    text = "\n".join(lines)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _help(command: click.Command, context: click.Context) -> str:
    """Return a command's help; typer prints it where click would return it."""
    shown = io.StringIO()
    with redirect_stdout(shown):
        returned = command.get_help(context)
    lines = (shown.getvalue() + returned).splitlines()
    return "\n".join(line.rstrip() for line in lines)
