"""Files that only their owner may read, written whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from estimators.errors import InputError

__all__ = ["OWNER_ONLY", "locked", "read_secret", "write_private"]

OWNER_ONLY = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
# Keys are lines of text: whatever is longer was named by mistake.
LARGEST_SECRET = 64 * 1024


def read_secret(path: str | Path, *, what: str) -> str:
    """Return the text of a file of secrets that nobody but its owner may read.

    Parameters
    ----------
    path : path
    what : str
        What it should hold, for messages: "a project key". Its content never is in one.

    Raises
    ------
    InputError
        If it is absent, no text, or readable or writable for others than its owner.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            # The open file is asked, not its name: it cannot be exchanged between.
            status = os.fstat(stream.fileno())
            if os.name == "posix" and status.st_mode & _OTHERS:
                mode = stat.S_IMODE(status.st_mode)
                raise InputError(
                    f"{path.name}: {what} that only its owner may read was expected, "
                    f"others may too (mode {mode:03o}). Run chmod 600 {path}, and if "
                    "anybody may have seen it make a new one."
                )
            content = stream.read(LARGEST_SECRET + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: {what} was expected, there is no file.") from None
    except OSError as error:
        raise InputError(
            f"{path}: {what} was expected, it cannot be opened: {error.strerror}."
        ) from None
    text = content.decode("utf-8-sig", errors="replace")
    if len(content) > LARGEST_SECRET or "\ufffd" in text:
        raise InputError(
            f"{path.name}: {what} was expected, this is another kind of file."
        )
    return text


def write_private(path: str | Path, content: bytes, *, replace: bool = False) -> None:
    """Write a file of mode 0600 in one step: the old one or the new one is there.

    Parameters
    ----------
    path : path
    content : bytes
    replace : bool
        Without it an existing file is refused, also one that appears meanwhile.

    Raises
    ------
    InputError
        If the file exists, or its folder does not.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}.")
    if not replace and os.path.lexists(path):
        raise _there_already(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    staged = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            if os.name == "posix":
                os.fchmod(stream.fileno(), OWNER_ONLY)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if replace:
            staged.replace(path)
        else:
            _link(staged, path)
    finally:
        staged.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _link(staged: Path, path: Path) -> None:
    try:
        path.hardlink_to(staged)
    except FileExistsError:
        raise _there_already(path) from None
    except OSError:
        # Some memory sticks know no hard links; there a name is checked, then taken.
        if os.path.lexists(path):
            raise _there_already(path) from None
        staged.replace(path)


def _there_already(path: Path) -> InputError:
    return InputError(f"{path} is there already: name a new file. Nothing was written.")


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Hold ``<path>.lock`` against every other process while the body runs."""
    lock = Path(f"{path}.lock")
    if not lock.parent.is_dir():
        raise InputError(f"{path}: there is no folder {lock.parent}.")
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
    try:
        _wait_for(handle)
        yield
    finally:
        # Closing gives the lock back; the file stays, for removing it would let two
        # writers hold locks on two files of one name.
        os.close(handle)


def _wait_for(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)
