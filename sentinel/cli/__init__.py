"""The command line: every command is thin, the work is in the package.

Exit codes: 0 done, 1 findings (`sentinel check`), 2 bad usage or bad input,
3 could not estimate, 130 interrupted.
"""

from __future__ import annotations

import os
import sys

import typer
from typer.exceptions import TyperException

from sentinel.cli import (
    audit,
    classify,
    data,
    estimate,
    link,
    maps,
    monitor,
    redact,
    release,
    safe,
    study,
)

__all__ = ["app", "main"]

DONE, FINDINGS, BAD_INPUT, NOT_ESTIMABLE, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 70, 130

app = typer.Typer(
    name="sentinel",
    help="From field interviews to a defensible number, a map and a report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
study.register(app)
maps.register(app)
monitor.register(app)
classify.register(app)
link.register(app)
redact.register(app)
release.register(app)
estimate.register(app)
data.register(app)
safe.register(app)
audit.register(app)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code; no traceback reaches a user."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        code = app(args=arguments, prog_name="sentinel", standalone_mode=False)
    except typer.Exit as stop:
        return int(stop.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        return _say(
            "interrupted; what lay in the output folder is untouched", INTERRUPTED
        )
    except TyperException as error:
        words = error.format_message().rstrip(".")
        return _say(f"{words}. See sentinel --help.", BAD_INPUT)
    except Exception as error:
        if os.environ.get("SENTINEL_DEBUG"):
            raise
        return _explain(error)
    return int(code) if isinstance(code, int) else DONE


def _explain(error: Exception) -> int:
    """Say on one line what went wrong and return the exit code for it."""
    # Imported here: the statistics libraries behind it would slow every --help down.
    from estimators.errors import ConvergenceError, InputError, NotEstimableError

    if isinstance(error, InputError):
        return _say(str(error), BAD_INPUT)
    if isinstance(error, NotEstimableError | ConvergenceError):
        return _say(f"could not estimate: {error}", NOT_ESTIMABLE)
    if isinstance(error, OSError):
        return _say(f"{error.filename or ''}: {error.strerror or error}", BAD_INPUT)
    return _say(
        f"internal error ({type(error).__name__}: {error}). This is a defect of "
        "sentinel, please report it. SENTINEL_DEBUG=1 shows where it happened.",
        INTERNAL,
    )


def _say(message: str, code: int) -> int:
    sys.stderr.write(f"sentinel: {message}\n")
    return code
