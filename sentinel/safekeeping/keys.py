"""The project key: 256 random bits in a file or the environment, never in the data."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from estimators.errors import InputError
from sentinel.safekeeping.private_files import read_secret, write_private

__all__ = ["KEY", "KEY_FILE", "ProjectKey", "load_key", "write_new_key"]

KEY = "SENTINEL_KEY"
KEY_FILE = "SENTINEL_KEY_FILE"
KEY_BYTES = 32
_MARK = "SENTINEL-KEY-1-"
_CHECK_BYTES = 4
_FINGERPRINT = b"sentinel: fingerprint of a project key"


class ProjectKey:
    """A secret that shows nothing of itself when printed, copied into text or pickled.

    Parameters
    ----------
    secret : bytes
        At least 32 random bytes.

    Raises
    ------
    InputError
        If it is shorter, or one byte repeated.

    Examples
    --------
    >>> key = ProjectKey(bytes(range(32)))
    >>> key
    ProjectKey(fingerprint='IKOU Q3D5 ZA7Q THR2')
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) < KEY_BYTES or len(set(secret)) == 1:
            raise InputError(
                f"A project key of {KEY_BYTES} random bytes was expected, "
                f"{len(secret)} bytes came or all of them are alike. "
                "Make one with sentinel safe new-key FILE."
            )
        self._secret = bytes(secret)

    @property
    def fingerprint(self) -> str:
        """Tells keys apart and gives nothing away: 80 bits of an HMAC of the key."""
        mark = base64.b32encode(self.digest(_FINGERPRINT)[:10]).decode()
        return " ".join(mark[place : place + 4] for place in range(0, 16, 4))

    def digest(self, message: bytes) -> bytes:
        """Return HMAC-SHA256 of a message, 32 bytes."""
        return hmac.digest(self._secret, message, hashlib.sha256)

    def to_text(self) -> str:
        """Return the key as a key file holds it: a secret, for that file only."""
        check = hashlib.sha256(self._secret).digest()[:_CHECK_BYTES]
        body = base64.b32encode(self._secret + check).decode().rstrip("=")
        return _MARK + body

    def __repr__(self) -> str:
        return f"ProjectKey(fingerprint={self.fingerprint!r})"

    def __reduce__(self) -> str:
        raise TypeError("a project key is not pickled: load it where it is needed")


def load_key(
    path: str | Path | None = None, *, environment: Mapping[str, str] | None = None
) -> ProjectKey:
    """Return the project key.

    Parameters
    ----------
    path : path, optional
        The key file. Without it the environment is asked: ``SENTINEL_KEY_FILE`` names
        a file, ``SENTINEL_KEY`` holds the text of one.
    environment : mapping, optional
        Instead of the process's own.

    Raises
    ------
    InputError
        If there is no key, others may read its file, or its text is cut off or
        mistyped (it carries a check sum).
    """
    given = os.environ if environment is None else environment
    if path is None and given.get(KEY_FILE):
        path = given[KEY_FILE]
    if path is not None:
        return _parse(read_secret(path, what="a project key"), Path(path).name)
    if given.get(KEY):
        return _parse(given[KEY], KEY)
    raise InputError(
        f"A project key was expected and none is named. Set {KEY_FILE} to the path of "
        "the key file, which lies outside the study and its backups. The first time, "
        "make one with sentinel safe new-key FILE."
    )


def write_new_key(path: str | Path) -> ProjectKey:
    """Write a new random key to a file of mode 0600 and return it.

    Raises
    ------
    InputError
        If the file exists: a key is never overwritten, with it go all pseudonyms.
    """
    key = ProjectKey(secrets.token_bytes(KEY_BYTES))
    write_private(path, f"{key.to_text()}\n".encode())
    return key


def _parse(text: str, place: str) -> ProjectKey:
    """Read the text of a key; no message repeats any of it."""
    line = "".join(text.split()).upper()
    if not line.startswith(_MARK):
        raise InputError(
            f"{place}: a project key was expected, one line that begins with {_MARK}. "
            "This is something else. Make a key with sentinel safe new-key FILE."
        )
    body = line.removeprefix(_MARK)
    try:
        raw = base64.b32decode(body + "=" * (-len(body) % 8))
    except ValueError:
        raw = b""
    secret = raw[:-_CHECK_BYTES]
    # The text is made again and compared: that covers the check sum, and bits of the
    # last character that the encoding does not use.
    if len(secret) == KEY_BYTES and len(set(secret)) > 1:
        key = ProjectKey(secret)
        if hmac.compare_digest(key.to_text().encode(), line.encode()):
            return key
    raise InputError(
        f"{place}: the project key is cut off or mistyped, its check sum is wrong. "
        "Copy the whole line again from a custodian's copy."
    )
