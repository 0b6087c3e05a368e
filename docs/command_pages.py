"""Write the command reference from the commands' own help."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

from sentinel.cli import app, run

EXIT_CODES = """\
Exit codes: 0 done; 1 findings (`sentinel check`); 2 bad usage or bad input, with the
complete list of problems; 3 could not estimate; 130 interrupted, what lay in the output
folder is untouched.
"""


def write_commands(path: Path) -> None:
    """Write one section per command; an unchanged file keeps its time stamp."""
    lines = ["# Commands", "", EXIT_CODES]
    for words in _commands():
        lines += [f"## sentinel {' '.join(words)}", "", "```text"]
        lines += [*_help(words), "```", ""]
    text = "\n".join(lines)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _commands() -> Iterator[tuple[str, ...]]:
    for command in app.registered_commands:
        yield (str(command.name),)
    for group in app.registered_groups:
        for command in group.typer_instance.registered_commands:
            yield str(group.typer_instance.info.name), str(command.name)


def _help(words: tuple[str, ...]) -> list[str]:
    os.environ["COLUMNS"] = "88"
    shown = io.StringIO()
    with redirect_stdout(shown):
        run([*words, "--help"])
    return [line.rstrip() for line in shown.getvalue().strip().splitlines()]
